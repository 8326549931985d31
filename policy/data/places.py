"""Simulated scenes as a source of dense labels: what each token shows, and which one is meant.

Ours: the paper grounds by boxes and points in words; a network that a laptop can train learns
where things are in minutes from these labels, and not at all from the flow loss (`docs/log.md`).
"""

from dataclasses import replace

import numpy as np

from hardware.aloha import ARMS
from hardware.embodiment import Embodiment
from hardware.simulation.experts.plans import in_turn
from hardware.simulation.language import instruct
from hardware.simulation.layout import Layout
from hardware.simulation.tasks.arranging import LineUp, Push, Stack, Swap
from hardware.simulation.tasks.catalogue import tasks_in
from hardware.simulation.tasks.holding import HandOver, Pick, nearer_arm
from hardware.simulation.tasks.placing import Insert, Put, Sort, Store
from hardware.simulation.tasks.task import Task, other_arm
from hardware.simulation.things import Thing
from policy.data.demonstrations import Augment
from policy.data.item import Item
from policy.data.kinds import DRAWER, KINDS, NUMBERS
from policy.data.scenes import Scenes
from policy.model.config import QwenVLAConfig
from policy.model.prompt import action_prompt

NAMED = 0.2
"""Share of scenes in which something seen is named and nothing is to be done: every colour and
shape is named so, also what is never moved and what instructions call an object."""


def first_touched(task: Task, layout: Layout) -> tuple[Thing, str]:
    """The thing that whoever does `task` goes to first, and the arm that goes there.

    Raises `ValueError` for a kind of task that it does not know.
    """
    match task:
        case Pick(thing=thing, arm=arm):
            return thing, arm
        case HandOver(thing=thing, giver=arm):
            return thing, arm
        case Push(thing=thing, side=side):
            return thing, other_arm(side)
        case Put(thing=thing, container=place) | Insert(peg=thing, socket=place):
            return thing, nearer_arm(layout, place)
        case Sort():
            thing, place = in_turn(task, layout)[0]
            return thing, nearer_arm(layout, place)
        case Store(thing=thing):
            return DRAWER, nearer_arm(layout, thing)
        case Stack(order=(_, thing, *_)) | Swap(first=thing) | LineUp(order=(thing, *_)):
            return thing, nearer_arm(layout, thing)
    raise ValueError(f"Nothing is known of how {task.family!r} begins.")


class ScenePlaces:
    """Each scene with an instruction drawn for it, as in driving."""

    def __init__(
        self,
        scenes: Scenes,
        embodiment: Embodiment,
        config: QwenVLAConfig,
        augment: Augment,
    ) -> None:
        """`augment` must leave things where they are."""
        self.name = "scenes"
        self._scenes, self._augment = scenes, augment
        self._config = replace(config, state="off")  # scenes do not say where the joints are
        self._embodiment = embodiment

    def __len__(self) -> int:
        return len(self._scenes)

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Scene `index` with the instruction of a task there that begins with something seen.

        `NAMED` of them name something seen instead, as do those in which no task begins so. A scene
        in which nothing is seen shows what is where, and names nothing.
        """
        said, thing, arm = self._told(index, rng)
        prompt = action_prompt(self._config, self._embodiment, said, np.zeros(0, np.float32))
        pictures = {name: shots[index] for name, shots in self._scenes.pictures.items()}
        place = self._scenes.place(
            index,
            None if thing is None else NUMBERS[thing],
            -100 if arm is None else ARMS.index(arm),
        )
        return Item("grounding", prompt, self._augment(pictures, rng), place=place)

    def _told(self, index: int, rng: np.random.Generator) -> tuple[str, Thing | None, str | None]:
        """What is said, the thing that is meant by it, and the arm that goes there."""
        layout = self._scenes.layout(index)
        tasks = self._tasks(index, layout) if rng.random() >= NAMED else []
        if tasks:
            families = sorted({each.family for each in tasks})
            family = families[int(rng.integers(len(families)))]
            own = [each for each in tasks if each.family == family]
            task = own[int(rng.integers(len(own)))]
            return instruct(task, layout, rng), *first_touched(task, layout)
        seen = np.flatnonzero(self._scenes.seen[index])
        if not len(seen):
            return "look at the table", None, None
        thing = KINDS[int(seen[int(rng.integers(len(seen)))])]
        return f"look at the {thing.name}", thing, None

    def _tasks(self, index: int, layout: Layout) -> list[Task]:
        """What can be done there; storing needs the drawer that thinned scenes may lack."""
        return [
            task
            for task in tasks_in(layout)
            if _begins(task, layout)
            and (touched := first_touched(task, layout)[0]) in layout.poses
            and self._scenes.seen[index, NUMBERS[touched]]
        ]


def _begins(task: Task, layout: Layout) -> bool:
    """Whether anything is left to do, and both places of a sorting have something to get."""
    if not isinstance(task, Sort):
        return True
    return bool(in_turn(task, layout)) and len({place for _, place in task.groups}) > 1
