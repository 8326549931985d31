"""A robot of five-line parts, and a policy of ten."""

import numpy as np

from hardware.aloha import START
from hardware.interfaces import Frame
from policy.interface import ActionChunk

WAVE = "wave with the left arm"


class Joints:
    """An arm that is at once where it is told to be."""

    def __init__(self):
        self.positions = START[:7].copy()
        self.fault = None

    def connect(self): ...

    def disconnect(self): ...

    def read_positions(self):
        if self.fault is not None:
            raise self.fault
        return self.positions

    def write_positions(self, positions):
        self.positions = positions


class Eye:
    """A camera with a new grey picture each time it is read."""

    def __init__(self, clock):
        self.clock = clock

    def connect(self): ...

    def disconnect(self): ...

    def read_latest(self):
        now = self.clock.now()
        return Frame(np.full((48, 64, 3), int(now * 50) % 256, np.uint8), now)


class Waver:
    """A policy that knows one instruction: turn the left waist."""

    def __init__(self, body):
        self.embodiment = body
        self.tasks = (WAVE,)
        self.broken = False

    def predict_action_chunk(self, observation, task):
        if self.broken:
            raise ConnectionError("The policy server stopped answering.")
        if task != WAVE:
            raise ValueError(f"Unknown instruction {task!r}. It was trained on: {WAVE!r}.")
        actions = np.repeat(observation.state[None], 16, axis=0)
        actions[:, 0] += np.linspace(0, 0.3, 16, dtype=np.float32)
        return ActionChunk(actions, observation.timestamp, 10.0)
