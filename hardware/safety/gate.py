"""The one way from an agent's wish to a motor. Its states are told in `hardware.safety.state`."""

import threading
import time
from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

from hardware.embodiment import Embodiment
from hardware.interfaces import Action, JointPositions
from hardware.safety.aloha_limits import limits_for
from hardware.safety.clearance import ClearanceModel, Nearness
from hardware.safety.events import EventLog
from hardware.safety.limits import LOWERING_SHARE, RAMP_SHARE, Limits
from hardware.safety.press import SAME_PRESS_SECS, SEEN_NOTHING, Press, Presses
from hardware.safety.state import DRIVEN, OPEN, Cause, GateState

MATCHED = 1e-4
"""Radians, or shares of a gripper, within which a command is what was wished for."""

PACE = {GateState.RAMPING: RAMP_SHARE, GateState.ACTIVE: 1.0, GateState.LOWERING: LOWERING_SHARE}
"""Share of the full speed at which commands pass."""


class SafetyGate:
    """Limits every command, and refuses all of them when something is wrong.

    Clamped are position, speed, and speeding up. Ramped is whatever does not go on from the last
    command: the first wish of a new driver, and a jump of one that drives. Refused, at once and
    without a latch, is what brings an arm too near to the table, to the other arm or out of its
    box; who insists is held. `stop` and `hold` latch from any thread.
    """

    def __init__(
        self,
        embodiment: Embodiment,
        limits: Limits | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or limits_for(embodiment)
        self.events = EventLog()
        self._embodiment = embodiment
        self._now = now
        self._lock = threading.RLock()
        space = self.limits.space
        self._clearance = None if space is None else ClearanceModel(space)
        self._state = GateState.DISARMED
        self._cause: Cause | None = None
        self._reason = ""
        self._refusal = ""
        self._presses = Presses()
        self._pressed_at = -np.inf
        self._stop_number: int | None = None
        self._names = [channel.name for channel in embodiment.action_channels]
        self._angles = np.array([each.unit == "rad" for each in embodiment.action_channels])
        self._sent: Action | None = None  # outlives resets: grippers go on holding what they hold
        self._last: Action | None = None
        self._step: Float32[np.ndarray, "joints"] = np.zeros_like(self.limits.low)
        self._refused = 0

    @property
    def state(self) -> GateState:
        """What the gate does now."""
        return self._state

    @property
    def cause(self) -> Cause | None:
        """What kind of thing latched the gate; None if nothing did."""
        return self._cause

    @property
    def reason(self) -> str:
        """Why the gate is latched or refuses what it is asked, in words; empty otherwise."""
        return self._reason or self._refusal

    @property
    def is_open(self) -> bool:
        """Whether somebody may drive; if not, a person must act first."""
        return self._state in OPEN

    @property
    def is_armed(self) -> bool:
        """Whether the arms are open and have torque, as far as the gate was told."""
        return self._state is not GateState.DISARMED

    @property
    def stop_number(self) -> int | None:
        """Number of the event with which the stop in force began; None unless stopped."""
        return self._stop_number

    @property
    def presses(self) -> int:
        """How often a person pressed Stop so far."""
        return self._presses.count

    def arm(self) -> None:
        """The arms are open and have torque: somebody may drive. From disarmed only."""
        with self._lock:
            if self._state is GateState.DISARMED:
                self.forget()
                self._change(GateState.READY)

    def disarm(self) -> None:
        """The arms are closed: nothing passes until `arm`."""
        with self._lock:
            if self._state is not GateState.DISARMED:
                self._change(GateState.DISARMED)

    def engage(self) -> None:
        """Let a new driver in; it will be ramped to its first command. No effect when latched."""
        with self._lock:
            if self._state in OPEN:
                self._change(GateState.RAMPING)

    def release(self) -> None:
        """Nobody drives any more. No effect when latched."""
        with self._lock:
            self.idle()
            if self._state in DRIVEN:
                self._change(GateState.READY)

    def hold(self, cause: Cause, reason: str) -> None:
        """Refuse every command until `reset`; the arms keep their torque. The first reason stays.

        Ends a lowering: it is stopped then.
        """
        with self._lock:
            if self._state in OPEN:
                self._change(GateState.HOLD, cause, reason)
            elif self._state is GateState.LOWERING:
                self._change(GateState.STOPPED, cause, reason)

    def stop(self, reason: str, cause: Cause = Cause.PERSON, press: Press = SEEN_NOTHING) -> None:
        """Refuse every command until `reset`. The first reason is kept.

        A person's second stop lowers the arms to rest and takes their torque away, if `press` says
        that the page showed the stop in force, and at least `SAME_PRESS_SECS` after the last; any
        further one ends the lowering. A `press` that was told of before does nothing.
        """
        with self._lock:
            if cause is Cause.PERSON and not self._presses.add(press):
                return
            now, before = self._now(), self._pressed_at
            if cause is Cause.PERSON:
                self._pressed_at = now
            meant = press.follows == self._stop_number and now - before >= SAME_PRESS_SECS
            if self._state in OPEN or self._state is GateState.HOLD:
                self._change(GateState.STOPPED, cause, reason)
            elif self._state is GateState.LOWERING:
                self._change(GateState.STOPPED, cause, f"{reason} The arms were on their way down.")
            elif self._state is GateState.STOPPED and cause is Cause.PERSON and meant:
                self._lower(reason)

    def descend(self, reason: str) -> None:
        """The program ends: lower the arms if they have a rest. No effect when latched."""
        with self._lock:
            if self._state in OPEN and self.limits.rest is not None:
                self._begin_anew()
                self._change(GateState.LOWERING, Cause.CLOSING, reason)

    def lowered(self, reason: str) -> None:
        """The arms are at rest and without torque."""
        with self._lock:
            if self._state is GateState.LOWERING:
                self._change(GateState.DISARMED, Cause.PERSON, reason)

    def idle(self) -> None:
        """The driver said nothing this turn: the arms stand, and start anew from standing."""
        with self._lock:
            self._step = np.zeros_like(self._step)
            self._refusal, self._refused = "", 0

    def forget(self) -> None:
        """Take the measured pose as the last command: the arms were moved by other means."""
        with self._lock:
            self._begin_anew()
            self._sent = None

    def reset(self) -> None:
        """Leave hold and stop; a person decided that it is safe. Not from disarmed: see `arm`."""
        with self._lock:
            if self._state not in (GateState.DISARMED, GateState.LOWERING):
                self._begin_anew()
                self._change(GateState.READY)

    def commanded(self, measured: JointPositions) -> JointPositions:
        """Where the arms are told to be, shape (joints,): what a driver goes on from.

        Before a first command, angles are as `measured`, and a gripper, which may hold something,
        is as it was last told.
        """
        with self._lock:
            if self._last is not None:
                return self._last
            return measured if self._sent is None else np.where(self._angles, measured, self._sent)

    def relaxed(self, measured: JointPositions, strained: str) -> Action | None:
        """What a latched arm that presses on something is sent so that it stands where it is.

        As `measured`, but grippers hold on unless `strained`. None unless latched.
        """
        with self._lock:
            if self._state not in (GateState.HOLD, GateState.STOPPED):
                return None
            told = measured if self._sent is None else self._sent
            stays = self._angles | np.array([name == strained for name in self._names])
            pose = np.clip(np.where(stays, measured, told), self.limits.low, self.limits.high)
            return self._send(pose, pose)

    def reopen(self, presses: int) -> None:
        """Leave hold, stop or disarmed, unless Stop was pressed since so many `presses`."""
        with self._lock:
            if self.presses == presses:
                self.reset()
                self.arm()
            elif self._state is GateState.DISARMED:
                self.forget()
                self._change(GateState.STOPPED, Cause.PERSON, "Stop was pressed meanwhile.")

    def admit(self, action: Action, measured: JointPositions) -> Action | None:
        """Return what may be sent for the wanted `action`, or None when nothing may.

        `action` and `measured` have shape (joints,), in the embodiment's units. Raises
        `ValueError` when the shape is wrong. Numbers that are not finite, wanted or measured, are
        held. What clearance or box refuse is answered with the last command.
        """
        if action.shape != self.limits.low.shape:
            raise ValueError(
                f"{self._embodiment.name!r} takes actions of shape {self.limits.low.shape}, "
                f"got {action.shape}."
            )
        self._check_finite("The driver asked for", action)
        self._check_finite("The arms report", measured)
        with self._lock:
            if self._state not in PACE:
                return None
            last = self.commanded(measured)
            wish = np.clip(action, self.limits.low, self.limits.high)
            if self._state is GateState.ACTIVE and (np.abs(wish - last) > self.limits.jump).any():
                self._change(GateState.RAMPING)
            sent = self._limited(wish, last)
            near = None if self._clearance is None else self._clearance.nearer(sent, last)
            if near is not None:
                return None if self._insisted(near) else self._send(last, last)
            self._refusal, self._refused = "", 0
            if self._state is GateState.RAMPING and np.allclose(sent, wish, atol=MATCHED):
                self._change(GateState.ACTIVE)
            return self._send(sent, last)

    def _limited(self, wish: Action, last: JointPositions) -> Action:
        """Towards `wish` from `last`, no faster than may be and no faster all at once."""
        step = wish - last
        before = np.maximum(self._step * np.sign(step), 0.0)
        most = np.minimum(self.limits.step * PACE[self._state], before + self.limits.speed_up)
        return np.asarray(last + np.clip(step, -most, most), np.float32)

    def _insisted(self, near: Nearness) -> bool:
        """Count a refusal; hold a driver that has had too many in a row."""
        self._refusal = f"Refused: {near.who}. The way back is open."
        self._refused += 1
        if self._refused <= self.limits.patience.insist_secs * self._embodiment.control_hz:
            return False
        cause = Cause.WORKSPACE if near.out_of_box else Cause.CLEARANCE
        self.hold(cause, f"The driver kept asking for what is refused: {near.who}.")
        return True

    def _send(self, sent: Action, last: JointPositions) -> Action:
        self._step = np.asarray(sent - last, np.float32)
        self._last = self._sent = sent
        return sent

    def _check_finite(self, whose: str, numbers: JointPositions) -> None:
        if np.isfinite(numbers).all():
            return
        finite = zip(self._names, np.isfinite(numbers), strict=True)
        bad = [name for name, is_finite in finite if not is_finite]
        self.hold(Cause.NOT_FINITE, f"{whose} numbers that are not finite: {', '.join(bad)}.")

    def _lower(self, reason: str) -> None:
        if self.limits.rest is None:
            name = self._embodiment.name
            words = f"{name!r} has no resting pose: support the arms and cut their power."
            if words not in self._reason:
                self._change(self._state, Cause.PERSON, f"{self._reason} {words}")
            return
        self._begin_anew()
        self._change(GateState.LOWERING, Cause.PERSON, f"{reason} The arms are lowered to rest.")

    def _begin_anew(self) -> None:
        self._last = None
        self.idle()

    def _change(self, state: GateState, cause: Cause | None = None, reason: str = "") -> None:
        before, self._state = self._state, state
        self._cause, self._reason, self._refusal = cause, reason, ""
        if before is not state or reason:
            number = self.events.add(self._now(), before, state, cause, reason)
            self._stop_number = number if state is GateState.STOPPED else None
