"""The robot of a workcell: followers, cameras and leaders put together. Finds nothing by itself."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from hardware.arms.side_by_side import side_by_side
from hardware.cameras.streaming import StreamingCamera
from hardware.clock import MonotonicClock
from hardware.interfaces import Arm, Clock, HardwareError
from hardware.robot import Robot
from hardware.workcell.body import body_of, limits_of
from hardware.workcell.entries import Workcell
from hardware.workcell.grip_start import GripStartTeleoperator
from hardware.workcell.machine import Machine
from hardware.workcell.parts import make_arm, make_source
from hardware.workcell.serviced_arm import ServicedArm

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class AssembledWorkcell:
    """A robot and the leaders that drive it.

    Entering it opens the leaders; the robot is opened by whoever owns it, such as the station.
    """

    workcell: Workcell
    robot: Robot
    arms: Mapping[str, ServicedArm]
    """Every arm, followers first, by name."""
    cameras: Mapping[str, StreamingCamera]
    leaders: tuple[Arm, ...]
    """In the order of the followers; empty if nobody drives by hand."""
    teleoperator: GripStartTeleoperator | None
    _opened: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "AssembledWorkcell":
        failures = []
        with ExitStack() as opened:
            for leader in self.leaders:
                try:
                    leader.connect()
                except HardwareError as error:
                    failures.append(str(error))
                else:
                    opened.callback(leader.disconnect)
            if failures:
                raise HardwareError("\n".join(failures))
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._opened.close()


def assemble(
    workcell: Workcell,
    *,
    tell: Callable[[str], object] = logger.info,
    clock: Clock | None = None,
    machine: Machine | None = None,
) -> AssembledWorkcell:
    """Put the parts of a workcell together; opens none of them.

    `tell` takes sentences for the person at the leaders. Raises `HardwareError` when the software
    of a device is not installed.
    """
    clock, machine = clock or MonotonicClock(), (machine or Machine()).opened_once()
    entries = (*workcell.arms_of("follower"), *workcell.arms_of("leader"))
    arms = {each.name: ServicedArm(each.name, make_arm(each, clock, machine)) for each in entries}
    together: list[Arm] = list(side_by_side(list(arms.values())))
    num_followers = len(workcell.arms_of("follower"))
    followers, leaders = together[:num_followers], tuple(together[num_followers:])
    cameras = {
        each.name: StreamingCamera(each.name, make_source(each, clock, machine), clock)
        for each in workcell.cameras
    }
    leading = [arms[each.name] for each in workcell.arms_of("leader")]
    body = body_of(workcell)
    return AssembledWorkcell(
        workcell,
        Robot(body, followers, cameras, clock, limits_of(workcell, body)),
        arms,
        cameras,
        leaders,
        GripStartTeleoperator(leaders, tell, partial(_mend, leading)) if leaders else None,
    )


def _mend(arms: Sequence[ServicedArm]) -> None:
    """Bring back the arms that failed. Raises `HardwareError` naming all that cannot be."""
    failures = []
    for arm in arms:
        if not arm.fault:
            continue
        try:
            arm.recover()
        except HardwareError as error:
            failures.append(str(error))
    if failures:
        raise HardwareError("\n".join(failures))
