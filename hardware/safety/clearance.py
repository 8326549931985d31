"""How near two arms are to one another and to the table, by capsules along their links.

Rigid arms of known length at known places; knows no things on the table and no people.
"""

from dataclasses import dataclass
from itertools import product

import mujoco
import numpy as np
from jaxtyping import Float64

from hardware.aloha import ARM_WIDTH, ARMS
from hardware.aloha_model import (
    FINGER_CLOSED,
    FINGER_OPEN,
    aloha_spec,
    finger_names,
    joint_names,
    tip_site,
)
from hardware.interfaces import JointPositions

Point = tuple[float, float, float]

SAME = 1e-6
"""Metres that do not count as nearer."""

CLOSE = 0.05
"""Metres beyond the largest limit within which pairs of capsules are measured one by one."""


@dataclass(frozen=True, slots=True)
class Capsule:
    """A rod with round ends that encloses a link, in the link's frame. Metres."""

    link: str
    """Name of the link, without its arm."""
    start: Point
    end: Point
    radius: float
    tool: bool = False
    """Whether it is gripper or finger: these work at the table and meet in a hand-over."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a gripper's tip may be. Metres in the world's frame."""

    low: Point
    high: Point


@dataclass(frozen=True, slots=True)
class Clearances:
    """The least distances. Metres between surfaces; negative ones allow capsules to overlap."""

    links: float
    """Between a link of one arm and any of the other."""
    tools: float
    """Between gripper or fingers of the one and those of the other."""
    link_to_table: float
    tool_to_table: float


@dataclass(frozen=True, slots=True)
class Space:
    """The room that a pair of arms has."""

    capsules: tuple[Capsule, ...]
    """Of one arm; both are alike."""
    least: Clearances
    boxes: tuple[Box, ...]
    """Of each arm, in `ARMS` order."""


@dataclass(frozen=True, slots=True)
class Nearness:
    """How much room is left to each limit at one pose; negative: so much too far. Metres."""

    links: float
    tools: float
    table: float
    box: float
    words: tuple[str, str, str]
    """What would happen, of arms, table and box."""

    @property
    def out_of_box(self) -> bool:
        """Whether the box is the limit that is nearest, or exceeded most."""
        return self.box <= min(self.links, self.tools, self.table)

    @property
    def who(self) -> str:
        """What would happen at the limit that is nearest, or exceeded most, in words."""
        rooms = (min(self.links, self.tools), self.table, self.box)
        return self.words[rooms.index(min(rooms))]

    @property
    def free(self) -> bool:
        """Whether no limit is exceeded."""
        return min(self.links, self.tools, self.table, self.box) >= 0

    def worse_than(self, before: "Nearness") -> bool:
        """Whether a limit is exceeded, and by more than it was `before`: the way out stays open."""
        rooms = (
            (self.links, before.links),
            (self.tools, before.tools),
            (self.table, before.table),
            (self.box, before.box),
        )
        return any(room < 0 and room < was - SAME for room, was in rooms)


class ClearanceModel:
    """Distances of a pair of ALOHA arms at any pose. Not thread-safe: one owner at a time."""

    def __init__(self, space: Space) -> None:
        capsules, boxes, self._least = space.capsules, space.boxes, space.least
        spec = aloha_spec(surfaces=False)
        for arm, capsule in product(ARMS, capsules):
            spec.body(f"vx300s_{arm}/{capsule.link}").add_geom(
                name=_geom(arm, capsule.link),
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                fromto=[*capsule.start, *capsule.end],
                size=[capsule.radius, 0, 0],
            )
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        names = [(*joint_names(arm), *finger_names(arm)) for arm in ARMS]
        self._qpos = np.array(
            [[int(self._model.joint(name).qposadr[0]) for name in arm] for arm in names]
        )
        self._tips = [self._model.site(tip_site(arm)).id for arm in ARMS]
        self._low = np.array([box.low for box in boxes])
        self._high = np.array([box.high for box in boxes])
        self._names = [f"the {arm} arm's {_words(c.link)}" for arm in ARMS for c in capsules]
        self._geoms = np.array(
            [self._model.geom(_geom(arm, c.link)).id for arm in ARMS for c in capsules]
        )
        own = [c.radius for c in capsules]
        self._radius = np.array(own * len(ARMS))
        self._half = self._model.geom_size[self._geoms, 1].copy()
        tool = np.array([c.tool for c in capsules] * len(ARMS))
        self._above = np.where(tool, self._least.tool_to_table, self._least.link_to_table)
        left, right = range(len(capsules)), range(len(capsules), 2 * len(capsules))
        self._pairs = [
            (one, other, bool(tool[one] and tool[other])) for one, other in product(left, right)
        ]

    def nearness(self, action: JointPositions) -> Nearness:
        """How much room is left at `action` (14,)."""
        self._place(action)
        centres = self._data.geom_xpos[self._geoms]
        axes = np.abs(self._data.geom_xmat[self._geoms][:, [2, 5, 8]]) * self._half[:, None]
        spread = axes + self._radius[:, None]
        above = centres[:, 2] - spread[:, 2] - self._above
        lowest = int(above.argmin())
        tips = self._data.site_xpos[self._tips]
        inside = np.minimum(tips - self._low, self._high - tips).min(axis=1)
        outermost = int(inside.argmin())
        links, tools, pair = self._between(
            centres[:, 0] - spread[:, 0], centres[:, 0] + spread[:, 0]
        )
        words = (
            pair,
            f"{self._names[lowest]} would be too near to the table",
            f"the {ARMS[outermost]} gripper would leave its box",
        )
        return Nearness(links, tools, float(above[lowest]), float(inside[outermost]), words)

    def nearer(self, sent: JointPositions, last: JointPositions) -> Nearness | None:
        """What is wrong with going from `last` to `sent`, both (14,), if it is worse than `last`.

        Halfway too where the tools are near: fingers are thinner than what a brisk tick covers.
        """
        near = self.nearness(sent)
        if near.free and near.tools < CLOSE:
            near = self.nearness(np.asarray((sent + last) / 2, np.float32))
        if near.free or not near.worse_than(self.nearness(last)):
            return None
        return near

    def _between(
        self, low: Float64[np.ndarray, "capsules"], high: Float64[np.ndarray, "capsules"]
    ) -> tuple[float, float, str]:
        """Room between the arms: of links, of tools, and who is nearest, in words."""
        half = len(low) // 2
        apart = float(low[half:].min() - high[:half].max())
        most = max(self._least.links, self._least.tools)
        if apart > most + CLOSE:  # side by side, as most of the time: no need to look closer
            return apart - self._least.links, apart - self._least.tools, "the arms are apart"
        room = {False: np.inf, True: np.inf}
        pair = (0, half)
        for one, other, tools in self._pairs:
            limit = self._least.tools if tools else self._least.links
            distance = mujoco.mj_geomDistance(
                self._model,
                self._data,
                int(self._geoms[one]),
                int(self._geoms[other]),
                limit + 0.1,
                None,
            )
            if distance - limit < min(room.values()):
                pair = (one, other)
            room[tools] = min(room[tools], distance - limit)
        one, other = pair
        who = f"{self._names[one]} and {self._names[other]} would be too near to one another"
        return room[False], room[True], who

    def _place(self, action: JointPositions) -> None:
        for addresses, values in zip(self._qpos, action.reshape(len(ARMS), ARM_WIDTH), strict=True):
            travel = FINGER_CLOSED + float(values[-1]) * (FINGER_OPEN - FINGER_CLOSED)
            self._data.qpos[addresses] = *values[:-1], travel, -travel
        mujoco.mj_kinematics(self._model, self._data)


def _geom(arm: str, link: str) -> str:
    return f"{arm}/{link}"


def _words(link: str) -> str:
    return link.removesuffix("_link").replace("_", " ")
