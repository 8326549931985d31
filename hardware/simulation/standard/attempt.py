"""The loop of the standard tasks: look when it is time, ask the agent, step, tell. Judges nothing.

In lockstep: simulated time waits for whoever acts.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from hardware.control_loop import Tick
from hardware.interfaces import Agent, Frame, Observation
from hardware.simulation.standard.drawing import Drawing
from hardware.simulation.standard.task import STEPS
from hardware.simulation.standard.world import StandardWorld


class Eyes:
    """The newest pictures of some cameras, taken every so many control ticks and kept between."""

    def __init__(
        self, drawing: Drawing, cameras: Sequence[str], *, every: int, height: int, width: int
    ) -> None:
        if every < 1:
            raise ValueError(f"Eyes look every 1 or more control ticks, got {every}.")
        self._drawing, self._cameras, self._every = drawing, tuple(cameras), every
        self._size = {"height": height, "width": width}
        self._frames: dict[str, Frame] = {}

    def look(self, world: StandardWorld) -> dict[str, Frame]:
        """Return the newest frame of each camera, drawing new ones if it is time to."""
        if world.steps % self._every == 0:
            self._frames = {
                name: Frame(self._drawing.picture(name, **self._size), world.now())
                for name in self._cameras
            }
        return dict(self._frames)


def drive(
    world: StandardWorld, agent: Agent, eyes: Eyes | None = None, *, steps: int = STEPS
) -> Iterator[Tick]:
    """Let `agent` act from the state that `world` is in; yield every tick once it was stepped.

    An agent that waits repeats its last command; before any, the arms are told to stay. What is
    yielded as sent is what the environment was stepped with. Raises what the agent dies of.
    """
    agent.reset()
    command = world.state
    for index in range(steps):
        frames = eyes.look(world) if eyes is not None else {}
        observation = Observation(world.now(), world.state, frames, world.motion)
        wanted = agent.act(observation)
        if wanted is not None:
            command = np.asarray(wanted, np.float32)
        world.step(command)
        yield Tick(index, observation, wanted, command, 0.0)
