"""The loop that drives a robot at a steady rate, whoever drives it."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np

from hardware.interfaces import Action, Agent, HardwareError, JointPositions, Observation
from hardware.robot import Robot
from hardware.safety.lowering import Lowering
from hardware.safety.state import OPEN, Cause, GateState
from hardware.safety.watchdogs import Alarm, Watchdogs
from hardware.timeliness import LATENESS_WINDOW, Timeliness

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
    driver: Agent | None = None
    """Who was asked; None if nobody drives."""
    intervention: bool = False
    """Whether the driver took over from another, who waits."""


Listener: TypeAlias = Callable[[Tick], None]
"""Told of every tick. Must return at once: hand slow work to a thread."""

Answer: TypeAlias = tuple[Action | None, Action | None]
"""What the agent wants, and what was sent."""

NOTHING: Answer = (None, None)

MOVING = OPEN | {GateState.LOWERING}


@runtime_checkable
class GoesOn(Protocol):
    """An agent that goes on from where the arms were last told to be."""

    def go_on_from(self, commanded: JointPositions) -> None:
        """Told of it, shape (joints,), before every `act`."""


class ControlLoop:
    """Read the robot, ask the agent, send the action, tell the listeners; once per tick.

    A robot that cannot be read is held, and tried again at the next tick; listeners are told of
    ticks in which something was seen.
    """

    def __init__(self, robot: Robot, listeners: Sequence[Listener] = ()) -> None:
        self._robot = robot
        self._listeners = tuple(listeners)
        self._agent: Agent | None = None
        self._intervention = False
        self._index = 0
        self._missed = 0
        self._late: deque[float] = deque(maxlen=LATENESS_WINDOW)
        self._failure: Exception | None = None
        self._trouble = ""
        self._seen: Observation | None = None
        self._lowering: Lowering | None = None
        self._relaxed = False
        self._watchdogs = Watchdogs(robot.embodiment, robot.gate.limits)
        self._turn = threading.Lock()
        self._deaf = ""

    @property
    def agent(self) -> Agent | None:
        """Who drives now."""
        return self._agent

    @property
    def failure(self) -> Exception | None:
        """What ended the last drive, a driver's or a device's; cleared by the next `drive`."""
        return self._failure

    @property
    def trouble(self) -> str:
        """Why the robot cannot be read now, in words; empty while it can."""
        return self._trouble

    def drive(self, agent: Agent | None, *, intervention: bool = False) -> None:
        """Hand the robot to `agent`, or to nobody. Waits for the turn in progress.

        An `intervention` is told with every tick, so that recordings tell it.
        """
        if agent is not None:
            agent.reset()
        with self._turn:
            self._agent, self._failure = agent, None
            self._intervention = intervention
            self._watchdogs.begin(agent)
            if agent is None:
                self._robot.gate.release()
            else:
                self._robot.gate.engage()

    def reset(self, presses: int | None = None) -> None:
        """A person decided that it is safe: leave hold, stop or disarmed; nobody drives.

        `presses` of Stop were counted when the person did so; a Stop since wins. Raises
        `HardwareError` while an arm cannot be brought back; the gate then stays as it is.
        """
        counted = self._robot.gate.presses if presses is None else presses
        with self._turn:
            self._agent = None
            self._watchdogs.begin(None)
            self._robot.recover()
            self._robot.gate.reopen(counted)

    def tick(self, late_secs: float = 0.0) -> Tick:
        """Run one turn of the loop.

        When the robot cannot be read it is held, and the tick has the last observation there was,
        with its time. Raises `HardwareError` if there never was one.
        """
        tick = self._take_turn(late_secs)
        if tick is not None:
            return tick
        if self._seen is None:
            raise HardwareError(f"The robot was never read: {self._trouble}")
        return Tick(self._index - 1, self._seen, None, None, late_secs)

    def _take_turn(self, late_secs: float) -> Tick | None:
        """Run one turn; None when nothing could be read."""
        with self._turn:
            index = self._index
            self._index += 1
            observation = self._look()
            if observation is None:
                return None
            driver = self._agent
            intervention = self._intervention and driver is not None
            wanted, action = self._act(observation, late_secs)
        tick = Tick(index, observation, wanted, action, late_secs, driver, intervention)
        for listener in self._listeners:
            self._tell(listener, tick)
        return tick

    def _tell(self, listener: Listener, tick: Tick) -> None:
        """Tell a listener; one that fails is said once, and the arms are driven on."""
        try:
            listener(tick)
        except Exception as error:
            if repr(error) != self._deaf:
                logger.exception("A listener of the control loop failed; the loop goes on.")
            self._deaf = repr(error)

    def _look(self) -> Observation | None:
        """Read the robot, or hold it and say why once."""
        try:
            observation = self._robot.get_observation()
        except HardwareError as error:
            if str(error) != self._trouble:
                logger.warning("The robot cannot be read: %s", error)
            self._trouble = str(error)
            self._fail(Cause.HARDWARE, str(error), error)
            return None
        if self._trouble:
            logger.info("The robot is read again.")
            self._trouble = ""
        self._seen = observation
        return observation

    def _act(self, observation: Observation, late_secs: float) -> Answer:
        gate = self._robot.gate
        lowering = gate.state is GateState.LOWERING
        if lowering and self._lowering is None:
            self._begin_lowering(observation)
        elif not lowering:
            self._lowering = None
            self._heed(self._watchdogs.heat(self._robot.vitals()))  # what is hot may be lowered
        self._feel(observation)
        if lowering:
            return self._lower(observation)
        if self._agent is None or not gate.is_open:
            return NOTHING
        self._heed(self._watchdogs.before_asking(observation, late_secs))
        return self._ask(self._agent, observation) if gate.is_open else NOTHING

    def _heed(self, alarm: Alarm | None) -> None:
        if alarm is not None:
            self._robot.gate.hold(alarm.cause, alarm.reason)

    def _feel(self, observation: Observation) -> None:
        """Hold arms that press on something; once latched, let them press no more."""
        gate = self._robot.gate
        if gate.state in MOVING:
            self._relaxed = False
        alarm = self._watchdogs.strain(self._robot.vitals(), observation.timestamp)
        self._heed(alarm)
        if alarm is None or self._relaxed:
            return
        try:
            self._relaxed = self._robot.relax(observation, alarm.channel)
        except HardwareError as error:
            self._relaxed = True
            logger.warning("The arms could not be told to stand where they are: %s", error)

    def _ask(self, agent: Agent, observation: Observation) -> Answer:
        """Return what the agent wants and what was sent; a failed agent is let go."""
        try:
            if isinstance(agent, GoesOn):
                agent.go_on_from(self._robot.gate.commanded(observation.state))
            wanted = agent.act(observation)
        except Exception as error:  # whatever kills a driver, the arms hold
            logger.exception("The driver failed; the arms hold.")
            lost = isinstance(error, ConnectionError | TimeoutError)
            cause = Cause.LOST_SERVER if lost else Cause.DRIVER_FAILED
            self._fail(cause, f"The driver failed: {error}", error)
            return NOTHING
        self._heed(self._watchdogs.after_asking(wanted, observation))
        if wanted is None:
            self._robot.gate.idle()
            return NOTHING
        return wanted, self._send(wanted, observation)

    def _send(self, wanted: Action, observation: Observation) -> Action | None:
        try:
            return self._robot.send_action(wanted, observation)
        except HardwareError as error:
            self._fail(Cause.HARDWARE, str(error), error)
        except ValueError as error:
            self._fail(Cause.DRIVER_FAILED, f"The driver failed: {error}", error)
        return None

    def _fail(self, cause: Cause, reason: str, error: Exception) -> None:
        """Hold, and let go of who drove."""
        if self._agent is not None:
            self._agent, self._failure = None, error
        self._robot.gate.hold(cause, reason)

    def _begin_lowering(self, observation: Observation) -> None:
        gate, body = self._robot.gate, self._robot.embodiment
        rest = observation.state if gate.limits.rest is None else gate.limits.rest
        kept = np.array([channel.unit != "rad" for channel in body.action_channels])
        deadline = observation.timestamp + gate.limits.patience.lowering_secs
        self._lowering = Lowering(rest, kept, gate.commanded(observation.state), deadline)
        self._watchdogs.unburden()

    def _lower(self, observation: Observation) -> Answer:
        """Go on to rest; there, let go."""
        gate = self._robot.gate
        if self._lowering is None or gate.state is not GateState.LOWERING:
            return NOTHING
        if self._lowering.arrived(observation):
            self._let_go()
            return NOTHING
        if self._lowering.overdue(observation):
            words = "The arms did not reach their rest: something is in the way."
            gate.hold(Cause.LOWERING_FAILED, words)
            return NOTHING
        return self._lowering.wish, self._send(self._lowering.wish, observation)

    def _let_go(self) -> None:
        try:
            self._robot.let_go()
        except HardwareError as error:
            self._robot.gate.hold(Cause.LOWERING_FAILED, str(error))
        else:
            self._robot.gate.lowered("The arms are at rest, without torque.")

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
            self._take_turn(late)
            deadline += period
            clock.wait_until(deadline)

    def timeliness(self) -> Timeliness:
        """Summarise how late the turns began."""
        return Timeliness.of(self._late, self._missed)
