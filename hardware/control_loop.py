"""The loop that drives a robot at a steady rate, whoever drives it."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from hardware.interfaces import Action, Agent, Observation
from hardware.robot import Robot

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tick:
    """One turn of the loop: what was seen, what was wanted, and what was sent because of it."""

    index: int
    """Turns since the loop was made. A gap means missed ticks."""
    observation: Observation
    wanted: Action | None
    """What the agent asked for; None if nobody drives or the agent waits."""
    action: Action | None
    """What was sent to the motors; None if nothing was."""
    late_secs: float
    """How long after its deadline the turn began."""


Listener: TypeAlias = Callable[[Tick], None]
"""Told of every tick. Must return at once: hand slow work to a thread."""


@dataclass(frozen=True, slots=True)
class Timeliness:
    """How well the loop kept time over its last `LATENESS_WINDOW` turns."""

    turns: int
    missed: int
    """Whole ticks that passed with no turn, since the loop was made."""
    late_p50_secs: float
    late_p99_secs: float
    late_max_secs: float


LATENESS_WINDOW = 50 * 60 * 15


class ControlLoop:
    """Read the robot, ask the agent, send the action, tell the listeners; once per tick."""

    def __init__(self, robot: Robot, listeners: Sequence[Listener] = ()) -> None:
        self._robot = robot
        self._listeners = tuple(listeners)
        self._agent: Agent | None = None
        self._index = 0
        self._missed = 0
        self._late: deque[float] = deque(maxlen=LATENESS_WINDOW)
        self._failure: Exception | None = None
        self._turn = threading.Lock()

    @property
    def agent(self) -> Agent | None:
        """Who drives now."""
        return self._agent

    @property
    def failure(self) -> Exception | None:
        """What the last agent died of, if it did; cleared by the next `drive`."""
        return self._failure

    def drive(self, agent: Agent | None) -> None:
        """Hand the robot to `agent`, or to nobody. Waits for the turn in progress."""
        if agent is not None:
            agent.reset()
        with self._turn:
            self._agent, self._failure = agent, None
            if agent is None:
                self._robot.gate.release()
            else:
                self._robot.gate.engage()

    def tick(self, late_secs: float = 0.0) -> Tick:
        """Run one turn of the loop."""
        with self._turn:
            observation = self._robot.get_observation()
            wanted, action = self._ask(observation)
        tick = Tick(self._index, observation, wanted, action, late_secs)
        self._index += 1
        for listener in self._listeners:
            listener(tick)
        return tick

    def _ask(self, observation: Observation) -> tuple[Action | None, Action | None]:
        """Return what the agent wants and what was sent; a failed agent is let go."""
        if self._agent is None:
            return None, None
        try:
            wanted = self._agent.act(observation)
            sent = None if wanted is None else self._robot.send_action(wanted, observation)
        except Exception as error:  # whatever kills a driver, the arms hold
            logger.exception("The driver failed; the arms hold.")
            self._agent, self._failure = None, error
            self._robot.gate.stop(f"The driver failed: {error}")
            return None, None
        return wanted, sent

    def run(self, stop: threading.Event) -> None:
        """Tick at the embodiment's control rate, on absolute deadlines, until `stop` is set."""
        clock = self._robot.clock
        period = 1 / self._robot.embodiment.control_hz
        deadline = clock.now()
        while not stop.is_set():
            late = max(clock.now() - deadline, 0.0)
            missed = int(late / period)
            if missed:
                self._missed += missed
                self._index += missed
                deadline += missed * period
            self._late.append(late)
            self.tick(late)
            deadline += period
            clock.wait_until(deadline)

    def timeliness(self) -> Timeliness:
        """Summarise how late the turns began."""
        late = np.array(self._late or [0.0])
        p50, p99 = np.percentile(late, [50, 99])
        return Timeliness(len(self._late), self._missed, float(p50), float(p99), float(late.max()))
