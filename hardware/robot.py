"""Follower arms and cameras, read and moved as one body."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import numpy as np

from hardware.embodiment import Embodiment
from hardware.interfaces import Action, Arm, Camera, Clock, HardwareError, Observation
from hardware.safety import SafetyGate


class Robot:
    """A body made of arms and cameras. Real and simulated parts fit alike.

    The only object that writes to arms, and only what its `gate` admits.
    """

    def __init__(
        self,
        embodiment: Embodiment,
        arms: Sequence[Arm],
        cameras: Mapping[str, Camera],
        clock: Clock,
    ) -> None:
        if set(cameras) != set(embodiment.camera_names):
            raise ValueError(
                f"{embodiment.name!r} needs cameras {sorted(embodiment.camera_names)}, "
                f"got {sorted(cameras)}."
            )
        self.embodiment = embodiment
        self.clock = clock
        self.gate = SafetyGate(embodiment)
        self._arms = arms
        self._cameras = cameras
        self._open_devices = ExitStack()

    def __enter__(self) -> "Robot":
        failures = []
        with ExitStack() as opened:
            for device in (*self._arms, *self._cameras.values()):
                try:
                    device.connect()
                except HardwareError as error:
                    failures.append(str(error))
                else:
                    opened.callback(device.disconnect)
            if failures:
                raise HardwareError("\n".join(failures))
            self._open_devices = opened.pop_all()
        self.gate.forget()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._open_devices.close()

    def get_observation(self) -> Observation:
        """Read every joint, then take the newest frame of every camera."""
        timestamp = self.clock.now()
        state = np.concatenate([arm.read_positions() for arm in self._arms])
        frames = {name: camera.read_latest() for name, camera in self._cameras.items()}
        return Observation(timestamp, state, frames)

    def send_action(self, action: Action, observation: Observation) -> Action | None:
        """Move towards `action` within limits; return what was sent, or None if refused."""
        sent = self.gate.admit(action, observation.state)
        if sent is not None:
            for arm, positions in zip(self._arms, np.split(sent, len(self._arms)), strict=True):
                arm.write_positions(positions)
        return sent
