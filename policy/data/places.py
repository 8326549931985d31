"""Simulated scenes as a source of dense labels: what each token shows, and which one is meant.

Ours: the paper grounds by boxes and points in words; a network that a laptop can train learns
where things are in minutes from these labels, and not at all from the flow loss (`docs/log.md`).
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from hardware.aloha import ARMS, START
from hardware.embodiment import Embodiment
from hardware.kinematics import kinematics_for
from hardware.simulation.experts.plans import in_turn
from hardware.simulation.experts.pushing import BEHIND
from hardware.simulation.language import instruct
from hardware.simulation.layout import Layout
from hardware.simulation.tasks.arranging import LineUp, Push, Stack, Swap
from hardware.simulation.tasks.catalogue import tasks_in
from hardware.simulation.tasks.holding import HandOver, Pick, nearer_arm
from hardware.simulation.tasks.placing import Insert, Put, Sort, Store
from hardware.simulation.tasks.task import Task, other_arm
from hardware.simulation.things import Thing
from policy.data.demonstrations import Augment, Reword
from policy.data.item import Item
from policy.data.kinds import DRAWER, KINDS, NUMBERS
from policy.data.scenes import Scenes
from policy.first_look import camera_of
from policy.model.config import QwenVLAConfig
from policy.model.processor import Picture, resize
from policy.model.prompt import action_prompt

NAMED = 0.2
"""Share of scenes in which something seen is named and nothing is to be done: every colour and
shape is named so, also what is never moved and what instructions call an object."""

RELATED = 0.5
"""Share of those in which not the thing is named but a place beside it."""

RELATIONS: Mapping[str, tuple[float, float]] = {
    "left of": (-1.0, 0.0),
    "right of": (1.0, 0.0),
    "behind": (0.0, 1.0),
    "in front of": (0.0, -1.0),
}
"""In which direction from a thing that is: x and y as the operator sees the table."""

RELATED_AWAY = 0.07
"""Metres from the middle of a thing to the place beside it."""

HOLDING, EMPTY = (-0.8, 0.4), (0.6, 1.0)
"""Between which a gripper is open that holds something, and one that does not, normalised:
as in demonstrations of all kinds of tasks."""


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


def beside(task: Task) -> np.ndarray | None:
    """How far from the thing first touched a hand comes down, metres (3,); None for on it."""
    if not isinstance(task, Push):
        return None
    return np.array([BEHIND if task.side == "left" else -BEHIND, 0.0, 0.0])


def carried_to(task: Task, thing: Thing) -> Thing | None:
    """Where `task` takes `thing`, once that is in a gripper; None if it is not told by a thing."""
    match task:
        case Put(thing=carried, container=place) | Insert(peg=carried, socket=place):
            return place if carried == thing else None
        case Sort():
            return dict(task.groups).get(thing)
        case Store(thing=carried):
            return DRAWER if carried == thing else None
        case Stack(order=(low, carried, *_)):
            return low if carried == thing else None
    return None


def gripper_state(
    embodiment: Embodiment, holding: Set[int], rng: np.random.Generator
) -> Float32[np.ndarray, "channels"]:
    """A normalised state of which only the grippers mean anything: scenes tell no joints.

    `holding` are the numbers in `ARMS` of those that hold something.
    """
    names = [channel.name for channel in embodiment.state_channels]
    state = np.zeros(len(names), np.float32)
    for number, arm in enumerate(ARMS):
        low, high = HOLDING if number in holding else EMPTY
        state[names.index(f"{arm}_gripper")] = rng.uniform(low, high)
    return state


class ScenePlaces:
    """Each scene with an instruction drawn for it, as in driving."""

    def __init__(
        self,
        scenes: Scenes,
        embodiment: Embodiment,
        config: QwenVLAConfig,
        augment: Augment,
        reword: Reword,
    ) -> None:
        """`augment` must leave things where they are, and `reword` what is meant."""
        self.name = "scenes"
        self._scenes, self._augment, self._reword = scenes, augment, reword
        self._config = replace(config, state="off")  # scenes do not say where the joints are
        self._embodiment, self._kinematics = embodiment, kinematics_for(embodiment)

    def __len__(self) -> int:
        return len(self._scenes)

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Scene `index` with the instruction of a task there that begins with something seen.

        Where a gripper holds something, the task is one that is under way, and meant is what the
        thing is taken to.

        `NAMED` of them name something seen instead, as do those in which no task begins so. A scene
        in which nothing is seen shows what is where, and names nothing.
        """
        said, thing, arm, away = self._told(index, rng)
        said_too = self._config.prompt_grippers
        holding = {int(arm) - 1 for arm in self._scenes.held[index]} - {-1}
        state = (
            gripper_state(self._embodiment, holding, rng) if said_too else np.zeros(0, np.float32)
        )
        said = self._reword(said, rng)
        prompt = action_prompt(self._config, self._embodiment, said, state)
        pictures = {name: shots[index] for name, shots in self._scenes.pictures.items()}
        pictures |= self._starts(index, pictures)
        place = self._scenes.place_at(
            index,
            None if thing is None else self._seen_at(index, NUMBERS[thing], away),
            -100 if arm is None else ARMS.index(arm),
        )
        return Item("grounding", prompt, self._augment(pictures, rng), place=place)

    def _starts(self, index: int, pictures: Mapping[str, Picture]) -> dict[str, Picture]:
        """Views of the start: where nothing is held, nothing has happened, and it looks the same.

        How a scene looked before something was taken up was not drawn: not shown then.
        """
        if self._scenes.held[index].any():
            return {}
        sizes = self._config.image_sizes
        return {
            view: resize(pictures[camera_of(view)], size)
            for view, size in sizes.items()
            if view not in pictures and camera_of(view) in pictures
        }

    def _seen_at(self, index: int, number: int, away: np.ndarray | None) -> np.ndarray:
        """Where the first camera sees a kind of thing, or a point (3,) `away` from it in metres."""
        if away is None or self._kinematics is None:
            return np.asarray(self._scenes.centres[index, number])
        spot = self._scenes.spots[index, number][None] + away
        height, width = self._scenes.sizes[self._scenes.camera]
        seen, _ = self._kinematics.project(
            *(self._scenes.camera, START, spot), aspect=width / height
        )
        return np.asarray(seen[0], np.float32)

    def _told(
        self, index: int, rng: np.random.Generator
    ) -> tuple[str, Thing | None, str | None, np.ndarray | None]:
        """What is said, the thing that is meant by it, the arm that goes there, and `beside` it."""
        layout = self._scenes.layout(index)
        tasks = self._tasks(index, layout) if rng.random() >= NAMED else []
        carrying = self._carrying(index, layout) if tasks else []
        if carrying:
            task = _drawn(carrying, rng)
            held = np.flatnonzero(self._scenes.held[index])[0]
            place = carried_to(task, KINDS[held])
            return (
                instruct(task, layout, rng),
                place,
                ARMS[self._scenes.held[index, held] - 1],
                None,
            )
        if tasks:
            task = _drawn(tasks, rng)
            away = beside(task)
            return instruct(task, layout, rng), *first_touched(task, layout), away
        seen = np.flatnonzero(self._scenes.seen[index])
        if not len(seen):
            return "look at the table", None, None, None
        thing = KINDS[int(seen[int(rng.integers(len(seen)))])]
        if rng.random() >= RELATED:
            return f"look at the {thing.name}", thing, None, None
        relation = str(rng.choice([*RELATIONS]))
        away = RELATED_AWAY * np.array([*RELATIONS[relation], 0.0])
        return f"look {relation} the {thing.name}", thing, None, away

    def _tasks(self, index: int, layout: Layout) -> list[Task]:
        """What can be done there; storing needs the drawer that thinned scenes may lack."""
        return [
            task
            for task in tasks_in(layout)
            if _begins(task, layout)
            and (touched := first_touched(task, layout)[0]) in layout.poses
            and self._scenes.seen[index, NUMBERS[touched]]
        ]

    def _seen(self, index: int, thing: Thing, layout: Layout) -> bool:
        return thing in layout.poses and bool(self._scenes.seen[index, NUMBERS[thing]])

    def _carrying(self, index: int, layout: Layout) -> list[Task]:
        """What may be under way where something is held: it is taken to something seen."""
        held = np.flatnonzero(self._scenes.held[index])
        if not len(held):
            return []
        found = []
        for task in tasks_in(layout):
            place = carried_to(task, KINDS[held[0]]) if _begins(task, layout) else None
            seen = place is not None and self._seen(index, place, layout)
            if seen and (place != DRAWER or self._scenes.opening[index] > 0):
                found.append(task)
        return found


def _drawn(tasks: Sequence[Task], rng: np.random.Generator) -> Task:
    """One of a kind of task drawn first, so that no kind is drawn more for being many."""
    families = sorted({each.family for each in tasks})
    family = families[int(rng.integers(len(families)))]
    own = [each for each in tasks if each.family == family]
    return own[int(rng.integers(len(own)))]


def _begins(task: Task, layout: Layout) -> bool:
    """Whether anything is left to do, and both places of a sorting have something to get."""
    if not isinstance(task, Sort):
        return True
    return bool(in_turn(task, layout)) and len({place for _, place in task.groups}) > 1
