"""Every kind of task by name, and the scene and task that a name and a seed stand for."""

import functools
from dataclasses import dataclass
from itertools import count

import numpy as np

from hardware.simulation.layout import TABLES, Layout, draw_layout
from hardware.simulation.tasks.arranging import LineUp, Push, Stack, Swap
from hardware.simulation.tasks.holding import HandOver, Pick
from hardware.simulation.tasks.placing import Insert, Put, Sort, Store
from hardware.simulation.tasks.sliding import Pull, PushAway
from hardware.simulation.tasks.task import Task

FAMILIES: dict[str, type[Task]] = {
    kind.family: kind
    for kind in (Pick, HandOver, Push, Stack, Swap, LineUp, Put, Sort, Store, Insert)
}
"""Every kind of task that there is to train on."""

LATER: dict[str, type[Task]] = {kind.family: kind for kind in (Pull, PushAway)}
"""Kinds that are kept out of `all` and of every scene's list, to be taught to a policy that never
saw them."""

EVERY_FAMILY = FAMILIES | LATER
"""Every kind of task that has a name."""

RENAMING = ("colour", "instance")
"""Axes on which things have other names; where they stand is the same."""

DRAWS = 2000
"""Scenes drawn in search of one in which a task can be done."""


@dataclass(frozen=True)
class Scenario:
    """A scene and what to do in it."""

    layout: Layout
    task: Task


def tasks_in(layout: Layout) -> list[Task]:
    """Everything that can be done in a scene, family by family, but for what comes `LATER`."""
    return [
        task
        for kind in FAMILIES.values()
        if layout.table in kind.tables
        for task in kind.every(layout)
    ]


def later_in(layout: Layout) -> list[Task]:
    """The same of what comes `LATER`."""
    kinds = [kind for kind in LATER.values() if layout.table in kind.tables]
    return [task for kind in kinds for task in kind.every(layout)]


@functools.cache
def task_ids() -> dict[str, tuple[type[Task], str]]:
    """Kind and table of every task that scenes of training offer, by its id."""
    found: dict[str, tuple[type[Task], str]] = {}
    for table in TABLES:
        for seed in range(1 if table == "blocks" else 400):
            for task in tasks_in(draw_layout(table, seed)):
                found.setdefault(task.id, (type(task), table))
    # Whether there is room to push differs from scene to scene.
    depending: list[type[Task]] = [Push, *LATER.values()]
    for kind in depending:
        for seed in range(40):
            for task in kind.every(draw_layout("blocks", seed)):
                found.setdefault(task.id, (kind, "blocks"))
    return found


def require_known(name: str) -> None:
    """Raise `ValueError` saying what there is if `name` is no family and no task's id."""
    if name not in EVERY_FAMILY and name not in task_ids():
        raise ValueError(
            f"There is no task {name!r}. Kinds of tasks: {', '.join(EVERY_FAMILY)}; or one of "
            f"{len(task_ids())} single tasks, such as {', '.join(_examples())}."
        )


def _examples() -> list[str]:
    return [
        next(id_ for id_, (kind, _) in task_ids().items() if kind is wanted)
        for wanted in EVERY_FAMILY.values()
    ]


def scenario(name: str, seed: int, axis: str | None = None) -> Scenario:
    """Draw a scene and a task in it. The same arguments give the same scenario.

    `name` is one of `EVERY_FAMILY`, whose task is then drawn among those that the scene offers, or
    the id of one task. On the colour and instance axes the id means the thing in its place whose
    colour or shape is unseen. Raises `ValueError` for an unknown name or axis.
    """
    require_known(name)
    rng = np.random.default_rng([seed, 1])
    for number in count():
        if number == DRAWS:
            break
        # The first is the seed's own scene; others come from far above every range of seeds.
        own = seed if number == 0 else int(rng.integers(2**31)) + 10**9
        found = _drawn(name, own, axis, rng)
        if found is not None:
            return found
    raise ValueError(f"Task {name!r} cannot be done in any of {DRAWS} scenes from seed {seed}.")


def _drawn(name: str, seed: int, axis: str | None, rng: np.random.Generator) -> Scenario | None:
    if name in EVERY_FAMILY:
        kind = EVERY_FAMILY[name]
        layout = draw_layout(kind.tables[seed % len(kind.tables)], seed, axis)
        tasks = kind.every(layout)
        return Scenario(layout, tasks[int(rng.integers(len(tasks)))]) if tasks else None
    kind, table = task_ids()[name]
    layout = draw_layout(table, seed, axis)
    tasks = kind.every(layout)
    # What the id means has another name on these axes, in the same place.
    as_trained = kind.every(draw_layout(table, seed)) if axis in RENAMING else tasks
    ids = [task.id for task in as_trained]
    return Scenario(layout, tasks[ids.index(name)]) if name in ids else None
