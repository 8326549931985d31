"""Simulated scenes as a source of dense labels: what each token shows, and which one is meant.

Ours: the paper grounds by boxes and points in words; a network that a laptop can train learns
where things are in minutes from these labels, and not at all from the flow loss (`docs/log.md`).
"""

from dataclasses import replace

import numpy as np

from hardware.aloha import ARMS
from hardware.embodiment import Embodiment
from hardware.simulation.scene import CUBES
from hardware.simulation.tasks import TASKS
from policy.data.demonstrations import Augment
from policy.data.item import Item, Place
from policy.data.scenes import Scenes
from policy.model.config import QwenVLAConfig
from policy.model.prompt import action_prompt


class ScenePlaces:
    """Each scene with an instruction drawn for it, as in driving."""

    def __init__(
        self,
        scenes: Scenes,
        embodiment: Embodiment,
        config: QwenVLAConfig,
        cell: int,
        augment: Augment,
    ) -> None:
        """`cell` is the side of a token in pixels; `augment` must leave things where they are."""
        self.name = "scenes"
        self._scenes, self._augment = scenes, augment
        self._cells = np.concatenate([scenes.cells[name] for name in scenes.pictures], axis=1)
        height, width = scenes.sizes[scenes.camera]
        self._rows, self._columns = height // cell, width // cell
        unfelt = replace(config, state="off")  # scenes do not say where the joints are
        nothing = np.zeros(0, np.float32)
        self._said = [
            (
                CUBES.index(task.cube),
                ARMS.index(task.giver or task.arm),
                action_prompt(unfelt, embodiment, words, nothing),
            )
            for task in TASKS.values()
            for words in task.wordings
        ]

    def __len__(self) -> int:
        return len(self._scenes)

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Scene `index`, with the instruction of a task, about something seen if anything is."""
        seen = self._scenes.seen[index]
        said = [each for each in self._said if seen[each[0]]] or self._said
        named, arm, prompt = said[int(rng.integers(len(said)))]
        pictures = {name: shots[index] for name, shots in self._scenes.pictures.items()}
        centre = np.asarray(self._scenes.centres[index, named], np.float32)
        cell = -100
        if self._scenes.seen[index, named]:
            column = min(int(centre[0] * self._columns), self._columns - 1)
            row = min(int(centre[1] * self._rows), self._rows - 1)
            cell = row * self._columns + column
        place = Place(
            np.asarray(self._cells[index], np.int64),
            *(cell, centre, arm, self._rows * self._columns),
        )
        return Item("grounding", prompt, self._augment(pictures, rng), place=place)
