"""The one way from an agent's wish to a motor."""

import enum
import threading

import numpy as np

from hardware.embodiment import Embodiment
from hardware.interfaces import Action, JointPositions

RAMP_FRACTION = 0.35
"""Share of the full speed at which a new driver is brought to its first command."""


class GateState(enum.StrEnum):
    """What the gate lets through, readable from across a room."""

    READY = enum.auto()
    """Nobody drives; the arms keep their last command."""
    RAMPING = enum.auto()
    """A new driver asked for a pose away from where the arms are; moving there slowly."""
    ACTIVE = enum.auto()
    """Commands pass, within limits."""
    STOPPED = enum.auto()
    """Latched: the arms hold, every command is refused until `reset`."""


class SafetyGate:
    """Limits every command: finite, towards the joint range, no faster than the body allows.

    A driver that takes over from another must continue from where the arms are: its first command
    either matches the last one sent (or the measured pose, if nothing was sent yet), or the arms
    are ramped to it at `RAMP_FRACTION` of full speed. `stop` latches from any thread.
    """

    def __init__(self, embodiment: Embodiment) -> None:
        self._embodiment = embodiment
        self._lock = threading.Lock()
        self._last: Action | None = None
        self._state = GateState.READY
        self._reason = ""

    @property
    def state(self) -> GateState:
        """What the gate does now."""
        return self._state

    @property
    def reason(self) -> str:
        """Why the gate is stopped, in words; empty otherwise."""
        return self._reason

    def engage(self) -> None:
        """Let a new driver in; it will be ramped to its first command. No effect when stopped."""
        with self._lock:
            if self._state is not GateState.STOPPED:
                self._state = GateState.RAMPING

    def release(self) -> None:
        """Nobody drives any more. No effect when stopped."""
        with self._lock:
            if self._state is not GateState.STOPPED:
                self._state = GateState.READY

    def stop(self, reason: str) -> None:
        """Refuse every command until `reset`. The first reason is kept."""
        with self._lock:
            if self._state is not GateState.STOPPED:
                self._state, self._reason = GateState.STOPPED, reason

    def forget(self) -> None:
        """Take the measured pose as the last command: the arms were moved by other means."""
        with self._lock:
            self._last = None

    def reset(self) -> None:
        """Leave the latched stop; a person decided that it is safe."""
        with self._lock:
            self._state, self._reason = GateState.READY, ""
            self._last = None

    def admit(self, action: Action, measured: JointPositions) -> Action | None:
        """Return what may be sent for the wanted `action`, or None when nothing may.

        `action` and `measured` have shape (joints,), in the embodiment's units. Raises
        `ValueError` when the shape is wrong. Numbers that are not finite, wanted or measured, stop
        the gate.
        """
        if action.shape != self._embodiment.action_low.shape:
            raise ValueError(
                f"{self._embodiment.name!r} takes actions of shape "
                f"{self._embodiment.action_low.shape}, got {action.shape}."
            )
        for whose, numbers in (("The driver asked for", action), ("The arms report", measured)):
            bad = [
                channel.name
                for channel, value in zip(self._embodiment.action_channels, numbers, strict=True)
                if not np.isfinite(value)
            ]
            if bad:
                self.stop(f"{whose} numbers that are not finite: {', '.join(bad)}.")
        with self._lock:
            if self._state not in (GateState.RAMPING, GateState.ACTIVE):
                return None
            body = self._embodiment
            last = measured if self._last is None else self._last
            within = np.clip(action, body.action_low, body.action_high)
            ramping = self._state is GateState.RAMPING
            step = body.max_step * (RAMP_FRACTION if ramping else 1.0)
            sent = np.asarray(np.clip(within, last - step, last + step), np.float32)
            if ramping and np.allclose(sent, within, atol=1e-4):
                self._state = GateState.ACTIVE
            self._last = sent
            return sent
