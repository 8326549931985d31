"""Follower arms and cameras, read and moved as one body."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np

from hardware.embodiment import Embodiment
from hardware.interfaces import (
    Action,
    Arm,
    Camera,
    Clock,
    Device,
    HardwareError,
    JointMotion,
    MeasuresMotion,
    Observation,
)
from hardware.safety.gate import PACE, SafetyGate
from hardware.safety.limits import Limits
from hardware.safety.state import GateState
from hardware.safety.vitals import (
    LowersItself,
    Recoverable,
    Releasable,
    ReportsVitals,
    Rests,
    Vitals,
)

logger = logging.getLogger(__name__)

PASSING = frozenset(PACE)
"""In these the gate lets commands pass."""

STAYING = frozenset({GateState.HOLD, GateState.STOPPED, GateState.LOWERING})
"""From these the arms are not lowered when they are closed."""


class Robot:
    """A body made of arms and cameras. Real and simulated parts fit alike.

    The only object that writes to arms, and only what its `gate` admits. `limits` are those known
    for the body if none are given.
    """

    def __init__(
        self,
        embodiment: Embodiment,
        arms: Sequence[Arm],
        cameras: Mapping[str, Camera],
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        if set(cameras) != set(embodiment.camera_names):
            raise ValueError(
                f"{embodiment.name!r} needs cameras {sorted(embodiment.camera_names)}, "
                f"got {sorted(cameras)}."
            )
        self.embodiment = embodiment
        self.clock = clock
        self.gate = SafetyGate(embodiment, limits)
        self._arms = arms
        self._arm_names = _arm_names(embodiment, len(arms))
        named = zip(self._arm_names, arms, strict=True)
        self._speaking = [(name, arm) for name, arm in named if isinstance(arm, ReportsVitals)]
        self._measuring = [arm for arm in arms if isinstance(arm, MeasuresMotion)]
        self._ailing: set[int] = set()
        self._cameras = cameras
        self._open_devices = ExitStack()

    def __enter__(self) -> "Robot":
        presses = self.gate.presses
        with ExitStack() as opened:
            try:
                self._open(opened)
            except BaseException:
                self._stay("The robot did not open.")
                raise
            self._open_devices = opened.pop_all()
        self.gate.reopen(presses)
        return self

    def __exit__(self, *_exception: object) -> None:
        presses = self.gate.presses
        if self.gate.state in STAYING:
            self._stay(self.gate.reason)
        self.gate.disarm()
        for arm in self._arms:
            if isinstance(arm, LowersItself):
                arm.stay_when(lambda: self.gate.presses != presses)
        self._open_devices.close()

    def _open(self, opened: ExitStack) -> None:
        """Open every device, each to be closed by `opened`.

        Raises `HardwareError` naming all that do not open.
        """
        failures = []
        for device in (*self._cameras.values(), *self._arms):
            try:
                device.connect()
            except HardwareError as error:
                failures.append(str(error))
            else:
                opened.callback(self._close, device)
        if failures:
            raise HardwareError("\n".join(failures))
        self.recover()  # servos that waited for the last arm may have stopped themselves

    def _close(self, device: Device) -> None:
        """Close a device. Once an arm was not lowered, whatever ended that, the others stay."""
        try:
            device.disconnect()
        except BaseException:
            self._stay("Closing was cut short.")
            raise
        if isinstance(device, LowersItself) and device.lowering_failed:
            self._stay("Another arm could not be lowered.")

    @property
    def rests_at_end(self) -> bool:
        """Whether all arms shall be lowered to rest and let go of at the end, as far as may be."""
        return all(isinstance(arm, Rests) and arm.rests_at_end for arm in self._arms)

    def _stay(self, why: str) -> None:
        """Whatever latched the arms, closing the program is no leave to move them."""
        staying = [arm for arm in self._arms if isinstance(arm, Rests)]
        for arm in staying:
            arm.stay()
        if staying:
            logger.warning(
                "Arms that were not let go of hold where they are, with torque: %s Support them "
                "before their power is cut.",
                why,
            )

    def get_observation(self) -> Observation:
        """Read every joint, then take the newest frame of every camera.

        Raises `HardwareError` naming what cannot be read; the other arms are read all the same,
        since their servos stop themselves when nobody speaks to them.
        """
        timestamp = self.clock.now()
        states, failures = [], []
        for arm in self._arms:
            try:
                states.append(arm.read_positions())
            except HardwareError as error:
                self._ailing.add(id(arm))
                failures.append(str(error))
        if failures:
            raise HardwareError("\n".join(failures))
        frames = {name: camera.read_latest() for name, camera in self._cameras.items()}
        return Observation(timestamp, np.concatenate(states), frames, self._motion())

    def _motion(self) -> JointMotion | None:
        """How all joints moved when they were read; None unless every arm says it of its own."""
        if not self._arms or len(self._measuring) < len(self._arms):
            return None
        found = [motion for arm in self._measuring if (motion := arm.motion) is not None]
        if len(found) < len(self._arms):
            return None
        return JointMotion(
            np.concatenate([motion.velocity for motion in found]),
            np.concatenate([motion.effort for motion in found]),
        )

    def send_action(self, action: Action, observation: Observation) -> Action | None:
        """Move towards `action` within limits; return what was sent, or None if refused.

        An arm that is not written to yet when the gate latches gets nothing. Raises
        `HardwareError` naming the arms that refused; the others were commanded.
        """
        sent = self.gate.admit(action, observation.state)
        if sent is None:
            return None
        self._write(sent, PASSING)
        return sent

    def relax(self, observation: Observation, strained: str) -> bool:
        """Tell latched arms to stand where they are; whether they were told.

        `strained` is the channel that presses. Raises `HardwareError` as `send_action` does.
        """
        sent = self.gate.relaxed(observation.state, strained)
        if sent is not None:
            self._write(sent, STAYING)
        return sent is not None

    def _write(self, sent: Action, states: frozenset[GateState]) -> None:
        """Write to each arm, as long as the gate is in one of `states`."""
        failures = []
        for arm, positions in zip(self._arms, np.split(sent, len(self._arms)), strict=True):
            if self.gate.state not in states:
                break
            try:
                arm.write_positions(positions)
            except HardwareError as error:
                self._ailing.add(id(arm))
                failures.append(str(error))
        if failures:
            raise HardwareError("\n".join(failures))

    def vitals(self) -> dict[str, Vitals]:
        """What the motors of each arm bear, by the arm's name, for arms that say so."""
        return {name: arm.vitals for name, arm in self._speaking}

    def recover(self) -> None:
        """A person decided that the arms may move again: bring back those that failed.

        All of them after they were let go of, each at the same time as the others: servos stop
        themselves when nobody speaks to them. Raises `HardwareError` while a cause remains.
        """
        able = [arm for arm in self._arms if isinstance(arm, Recoverable)]
        ailing = able if not self.gate.is_armed else [a for a in able if id(a) in self._ailing]
        _at_once(ailing)
        if 0 < len(ailing) < len(able):
            _at_once(able)  # those that waited
        if ailing:
            self.gate.forget()  # they hold where they stand, grippers too
        self._ailing.clear()

    def let_go(self) -> None:
        """Take torque away from every arm that can be let go of; they must be at rest.

        Raises `HardwareError` naming those that did not confirm.
        """
        failures = []
        for name, arm in zip(self._arm_names, self._arms, strict=True):
            if not isinstance(arm, Releasable):
                logger.info("The %s arm keeps its torque: its driver cannot take it away.", name)
                continue
            self._ailing.add(id(arm))  # should another not let go, this one needs its torque again
            try:
                arm.let_go()
            except HardwareError as error:
                failures.append(str(error))
        if failures:
            raise HardwareError("\n".join(failures))


def _at_once(arms: Sequence[Recoverable]) -> None:
    """Bring back `arms`, each on a bus of its own."""
    with ThreadPoolExecutor(max(len(arms), 1), thread_name_prefix="recovery") as pool:
        errors = [pool.submit(arm.recover).exception for arm in arms]
        failures = [error for wait in errors if (error := wait()) is not None]
    for error in failures:
        if not isinstance(error, HardwareError):
            raise error
    if failures:
        raise HardwareError("\n".join(str(error) for error in failures))


def _arm_names(embodiment: Embodiment, num_arms: int) -> list[str]:
    """The first word of each arm's channels where they agree (left, right), or its number."""
    words = [channel.name.split("_")[0] for channel in embodiment.action_channels]
    width = len(words) // max(num_arms, 1)
    groups = [set(words[arm * width : (arm + 1) * width]) for arm in range(num_arms)]
    return [
        group.pop() if len(group) == 1 else f"arm {number + 1}"
        for number, group in enumerate(groups)
    ]
