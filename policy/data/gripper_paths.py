"""Where a gripper goes next, as points in the picture: questions about demonstrations.

Ours, after the paper's pointing and trajectory data (0 to 1000 over the picture, answered in
words): what was driven, projected into the camera, ties an instruction to a motion that is seen.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hardware.aloha import aloha_embodiment
from hardware.embodiment import Embodiment
from hardware.kinematics import Kinematics, kinematics_for
from policy.data.answers import Form, path_text
from policy.data.augmentation import Augmentation
from policy.data.item import Item
from policy.data.questions import Question
from policy.data.samples import Samples, load_samples

ARMS = ("left", "right")

STEP_SECS, POINTS = 0.2, 5
"""Between the points of a path, and how many there are: the first a step ahead."""

FAR = 0.05
"""Of the picture's height by which a gripper must move for its path to be asked about."""

MOVED = np.float32(0.1)
"""Added to all joints, to find out whether a camera moves with them."""

STILL_SHARE = 0.1
"""Share of questions about grippers that stay where they are."""

WORDINGS = (
    "where will the {arm} gripper go to {task}?",
    "the task: {task}. where does the {arm} gripper go next?",
    "to {task}, along which points does the {arm} gripper move?",
)


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths that can be asked about."""

    rows: np.ndarray
    """(n,) int64: row of the samples whose picture is shown."""
    arms: np.ndarray
    """(n,) int64: number of the arm."""
    points: np.ndarray
    """(n, POINTS, 2) float64: where the gripper's tip will be seen, x and y in 0..1."""


def is_demonstrations(folder: Path) -> bool:
    """Whether a folder holds demonstrations (LeRobotDataset) rather than questions."""
    return (folder / "meta/info.json").is_file()


def coming_paths(samples: Samples, kinematics: Kinematics, camera: str, aspect: float) -> Paths:
    """Paths of both grippers from every row on, as long as their episode lasts.

    A path that ends before its episode's last row holds there. Kept are those wholly in the
    picture of `camera`, which must not move, of `aspect` (width over height).
    """
    seen, inside = seen_tips(samples.state, kinematics, camera, aspect)
    steps = np.round(np.arange(1, POINTS + 1) * STEP_SECS * samples.fps).astype(int)
    last = np.array([episode.stop - 1 for episode in samples.episodes])[samples.episode_of]
    later = np.minimum(samples.driven[:, None] + steps, last[samples.driven, None])
    points = seen[later].transpose(2, 0, 1, 3).reshape(-1, POINTS, 2)
    whole = inside[later].all(axis=1).T.reshape(-1)
    rows = np.tile(samples.driven, len(ARMS))
    arms = np.repeat(np.arange(len(ARMS)), len(samples.driven))
    kept = np.flatnonzero(whole & inside[rows, arms])
    return Paths(rows[kept], arms[kept], points[kept])


def known_camera(body: Embodiment, camera: str) -> Kinematics | None:
    """The kinematic model that says where `camera` of `body` sees things, if its place is known.

    That is the simulated ALOHA's; cameras of a real one stand where its calibration says, which
    datasets do not hold.
    """
    if body.name != aloha_embodiment().name:
        return None
    kinematics = kinematics_for(body)
    return kinematics if kinematics is not None and camera in kinematics.camera_names else None


def seen_tips(
    states: Float[np.ndarray, "n joints"], kinematics: Kinematics, camera: str, aspect: float
) -> tuple[Float[np.ndarray, "n arms 2"], np.ndarray]:
    """Where a fixed `camera` sees the tips at `states`, x and y in 0..1, and whether it does.

    Raises `ValueError` for a camera that moves with an arm.
    """
    one, other = (kinematics.camera_pose(camera, states[0] + off) for off in (0, MOVED))
    if not np.allclose(one.position, other.position):
        raise ValueError(
            f"Where grippers go is asked in the picture of a camera that stands still, got "
            f"{camera!r}, which moves with an arm. Name a fixed one first."
        )
    tips = kinematics.tips(states)
    flat = tips.reshape(-1, 3)
    seen, front = kinematics.project(camera, states[0], flat, aspect=aspect)
    inside = front & np.all((seen >= 0) & (seen <= 1), axis=1)
    return seen.reshape(*tips.shape[:2], 2), inside.reshape(tips.shape[:2])


def _asked(paths: Paths, starts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Numbers of the paths to ask about, shuffled: those that lead somewhere, and a few others."""
    away = np.linalg.norm(paths.points - starts[:, None], axis=2).max(axis=1)
    far, still = np.flatnonzero(away >= FAR), np.flatnonzero(away < FAR)
    few = round(STILL_SHARE / (1 - STILL_SHARE) * len(far))
    return rng.permutation(np.concatenate([far, rng.permutation(still)[:few]]))


class GripperPaths:
    """Asks of rows of demonstrations where a gripper goes in the next second. A source of items."""

    def __init__(
        self,
        samples: Samples,
        camera: str,
        *,
        form: Form = "plain",
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        """`camera` stands still; `augmentation` changes colours only, for places must stay true.

        Raises `ValueError` for a camera whose place is not known, for one that moves, or if no
        gripper moves in view.
        """
        kinematics = known_camera(samples.embodiment, camera)
        if kinematics is None:
            raise ValueError(
                f"Where grippers go can be asked where a camera's place is known, as of the "
                f"simulated ALOHA; of {camera!r} of {samples.embodiment.name!r} it is not."
            )
        self.name = "gripper paths"
        self._samples, self._camera, self._form = samples, camera, form
        self._augmentation = None if augmentation is None else augmentation.in_place()
        views = {view.name: view for view in samples.embodiment.cameras}
        aspect = views[camera].width / views[camera].height
        paths = coming_paths(samples, kinematics, camera, aspect)
        seen, _ = seen_tips(samples.state, kinematics, camera, aspect)
        starts = seen[paths.rows, paths.arms]
        order = _asked(paths, starts, np.random.default_rng(seed))
        self.paths = Paths(paths.rows[order], paths.arms[order], paths.points[order])
        if not len(order):
            raise ValueError(f"No gripper moves in the view of {camera!r}: nothing can be asked.")

    @classmethod
    def of_dataset(
        cls,
        folder: Path,
        camera: str,
        size: tuple[int, int],
        *,
        form: Form = "plain",
        augmentation: Augmentation | None = None,
        keep_all: bool = False,
    ) -> "GripperPaths":
        """Open a dataset of demonstrations and show its pictures at `size`, height and width.

        With `keep_all`, episodes marked as failed or recorded badly are asked about too.
        """
        with tempfile.TemporaryDirectory() as cache:  # a mapped file lives on without its name
            samples = load_samples(folder, {camera: size}, Path(cache), keep_all=keep_all)
        return cls(samples, camera, form=form, augmentation=augmentation)

    def __len__(self) -> int:
        return len(self.paths.rows)

    def question(self, index: int, rng: np.random.Generator) -> Question:
        """Path `index`; `rng` draws the wording and the augmentation."""
        row, arm = int(self.paths.rows[index]), ARMS[int(self.paths.arms[index])]
        task = self._samples.episodes[self._samples.episode_of[row]].task
        text = WORDINGS[rng.integers(len(WORDINGS))].format(arm=arm, task=task)
        text += f" give {POINTS} points" + (" in JSON" if self._form == "json" else "")
        picture = np.array(self._samples.pictures[self._camera][row])
        if self._augmentation is not None:
            picture = self._augmentation.change(picture, rng)
        points, label = self.paths.points[index], f"{arm} gripper"
        answer, truth = (path_text(points, label, form) for form in (self._form, "plain"))
        return Question("path", text, {self._camera: picture}, answer, truth)

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Question `index`, to be learnt."""
        return self.question(index, rng).item()
