"""Draws the pictures of docs/worlds.md: `PYTHONPATH=. python tests/hardware/draw_worlds.py`."""

from pathlib import Path

import cv2
import numpy as np

from hardware.control_loop import ControlLoop
from hardware.simulated_aloha import SimulatedAloha, simulated_aloha
from hardware.simulation.attempt import attempt
from hardware.simulation.experts.expert import expert_for
from hardware.simulation.language import instruct
from hardware.simulation.layout import AXES, TABLES, draw_layout
from hardware.simulation.tasks.catalogue import FAMILIES, scenario
from hardware.simulation.tasks.task import Outcome

PICTURES = Path("docs/pictures")
HEIGHT, WIDTH = 216, 288
CAPTION = 22
INK, PAPER = (70, 70, 74), (250, 250, 250)


def captioned(picture: np.ndarray, words: str) -> np.ndarray:
    """Put `words` under a picture, as large as fits."""
    strip = np.full((CAPTION, picture.shape[1], 3), PAPER, np.uint8)
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.42
    (wide, _), _ = cv2.getTextSize(words, font, size, 1)
    size *= min(1.0, (picture.shape[1] - 10) / wide)
    cv2.putText(strip, words, (5, 15), font, size, INK, 1, cv2.LINE_AA)
    return np.vstack([picture, strip])


def draw_task(cell: SimulatedAloha, name: str) -> np.ndarray:
    """The start and the end of one task by its expert."""
    for seed in range(3, 30):
        found = scenario(name, seed)
        cell.world.set_out(found.layout)
        cell.robot.gate.forget()  # another scene: nothing is held from the last
        cell.robot.gate.reset()
        before = cell.world.render("cam_high", HEIGHT, WIDTH)
        loop = ControlLoop(cell.robot)
        loop.drive(expert_for(found.task, cell.world))
        ended = attempt(loop, cell.world, found.task, limit_secs=found.task.limit_secs)
        if ended.outcome is Outcome.SUCCESS:
            said = instruct(found.task, found.layout, np.random.default_rng(seed))
            after = cell.world.render("cam_high", HEIGHT, WIDTH)
            return captioned(np.hstack([before, after]), f"{name}: {said}")
    raise RuntimeError(f"The expert never managed {name!r}.")


def draw_scene(cell: SimulatedAloha, table: str, axis: str | None) -> np.ndarray:
    """One table as training or an axis shows it."""
    cell.world.set_out(draw_layout(table, 600_003, axis))
    picture = cell.world.render("cam_high", HEIGHT, WIDTH)
    return captioned(picture, f"{table}, {axis or 'as trained'}")


def save(name: str, picture: np.ndarray) -> None:
    """Write a JPEG."""
    cv2.imwrite(str(PICTURES / name), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def main() -> None:
    """Draw both."""
    with simulated_aloha(realtime=False, cameras=()) as cell:
        tasks = [draw_task(cell, name) for name in FAMILIES]
        rows = [np.hstack(tasks[i : i + 2]) for i in range(0, len(tasks), 2)]
        save("tasks.jpg", np.vstack(rows))
        axes = [axis for axis in AXES if axis != "instruction"]
        save(
            "axes.jpg",
            np.vstack(
                [
                    np.hstack([draw_scene(cell, table, axis) for axis in (None, *axes)])
                    for table in TABLES
                ]
            ),
        )


if __name__ == "__main__":
    main()
