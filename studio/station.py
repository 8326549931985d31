"""The operator's seat: owns the robot and its one control loop, and says who drives."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from hardware.control_loop import ControlLoop, Listener, Tick
from hardware.interfaces import Agent
from hardware.robot import Robot
from hardware.safety.events import SafetyEvent
from hardware.safety.lowering import lower_at_end
from hardware.safety.press import SEEN_NOTHING, Press
from hardware.safety.state import OPEN, Cause
from hardware.safety.watchdogs import Tended
from hardware.timeliness import Timeliness
from policy.agent import PolicyAgent
from policy.interface import ActionChunk, Policy
from studio.history import History, Instruction, Outcome
from studio.notices import Notices
from studio.planners import close_planners, known
from studio.replay import ReplayAgent
from studio.status import LATCHED, Driver, Status
from studio.trail import Trail
from studio.turning import Turning


class Station:
    """Owns the robot, runs one loop for as long as it is entered, and hands the robot around.

    Orders (`run_instruction`, `take_over`, ...) may come from any thread and are carried out one
    at a time. `stop` waits for none of them.
    """

    def __init__(
        self,
        robot: Robot,
        teleoperator: Agent,
        notices: Notices,
        history: History,
        *,
        listeners: tuple[Listener, ...] = (),
        rearrange: Callable[[int, str], None] | None = None,
    ) -> None:
        self.robot = robot
        self.notices = notices
        self.history = history
        self.ticked = threading.Event()
        """Set at every tick; whoever watches clears it."""
        self._teleoperator = teleoperator
        self._rearrange = rearrange
        self._loop = ControlLoop(robot, (self._remember, *listeners))
        self._orders = threading.RLock()
        self._turning = Turning(self._loop, robot.gate)
        self._clerk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clerk")
        self._tick: Tick | None = None
        self.trail = Trail(robot.embodiment.control_hz)
        """Where the robot was in the last seconds."""
        self._kind = Driver.NOBODY
        self._waiting: Agent | None = None
        self._instruction = ""
        self._preview: ActionChunk | None = None
        self._opened = ExitStack()
        robot.gate.events.listen(self._heed)

    def __enter__(self) -> "Station":
        self._opened.enter_context(self.robot)
        self._turning.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self.robot.rests_at_end:
            lower_at_end(self.robot.gate, "The studio is closing.", lambda: self._turning.alive)
        self.robot.gate.stop("The studio is closing.", Cause.CLOSING)
        self._turning.close()
        self._clerk.shutdown(wait=True)
        self._opened.close()

    @property
    def tick(self) -> Tick | None:
        """The newest turn of the loop; None before the first."""
        return self._tick

    @property
    def chunk(self) -> ActionChunk | None:
        """What the robot is about to do, as far as its driver planned; or the plan to look at."""
        agent = self._loop.agent
        return agent.chunk if isinstance(agent, PolicyAgent | ReplayAgent) else self._preview

    def timeliness(self) -> Timeliness:
        """How late the turns began, since the station was entered."""
        return self._loop.timeliness()

    def status(self) -> Status:
        """Say what the station does now. Waits for nothing."""
        agent, gate = self._loop.agent, self.robot.gate
        waiting = self._waiting
        planned = next((a for a in (agent, waiting) if isinstance(a, PolicyAgent)), None)
        return Status(
            driver=Driver.NOBODY if agent is None else self._kind,
            paused=waiting is not None,
            instruction=self._instruction,
            gate=gate.state,
            reason=gate.reason,
            stop_number=gate.stop_number,
            running=self._turning.alive,
            hz=self.trail.hz(self.robot.clock.now()),
            num_chunks=planned.num_chunks if planned else 0,
            plan_secs=planned.plan_secs if planned and planned.num_chunks else None,
        )

    def preview(self, policy: Policy, text: str) -> None:
        """Plan `text` once from what is seen now, to be looked at; nothing moves.

        Raises `ValueError` for an instruction the policy cannot take.
        """
        task = text.strip()
        if not task:
            raise ValueError(f"Say what the robot should do.{known(policy)}")
        if (tick := self._tick) is None:
            raise ValueError("The robot has not been read yet. Try again in a moment.")
        self._preview = policy.predict_action_chunk(tick.observation, task)

    def run_instruction(self, policy: Policy, text: str, policy_name: str, who: str = "") -> None:
        """Let `policy` carry out `text`. Plans once before anything moves.

        `who` told it, for the history. Raises `ValueError` for an instruction the policy cannot
        take, or when stopped.
        """
        self._refuse_when_stopped()
        self.preview(policy, text)
        with self._orders:
            self._refuse_when_stopped()
            self.history.end(Outcome.REPLACED)
            self._instruction = text.strip()
            self.history.begin(self._instruction, policy_name, who)
            self._hand_to(PolicyAgent(policy, self._instruction), Driver.POLICY)

    def pause(self) -> None:
        """Hold the arms where they are; `resume` goes on."""
        with self._orders:
            if self._loop.agent is None or self._kind is Driver.PERSON:
                raise ValueError("Nothing is running that could pause.")
            self._waiting = self._loop.agent
            self._loop.drive(None)

    def resume(self) -> None:
        """Go on with what was paused, from where the arms are now."""
        with self._orders:
            self._refuse_when_stopped()
            if self._waiting is None:
                raise ValueError("Nothing is paused. Tell the robot what to do, and press Run.")
            if isinstance(self._waiting, PolicyAgent | ReplayAgent):
                self._waiting.going_on()
            replayed = isinstance(self._waiting, ReplayAgent)
            self._hand_to(self._waiting, Driver.REPLAY if replayed else Driver.POLICY)

    def take_over(self) -> None:
        """A person drives from where the arms are; a running instruction waits."""
        with self._orders:
            self._refuse_when_stopped()
            agent = self._loop.agent
            if agent is self._teleoperator:
                return
            waiting = self._waiting = agent or self._waiting
            self._loop.drive(None)  # leaders may have to be mended first, or may not be there
            of_policy = isinstance(waiting, PolicyAgent)
            self._hand_to(self._teleoperator, Driver.PERSON, intervention=of_policy)
            self._waiting = waiting

    def give_back(self) -> None:
        """The person lets go; the instruction that waited stays paused, the arms hold."""
        with self._orders:
            if self._loop.agent is self._teleoperator:
                self._loop.drive(None)

    def stand_by(self) -> None:
        """Nobody drives any more; what ran or waited is given up. The arms hold."""
        with self._orders:
            self.history.end(Outcome.REPLACED)
            self._retire()

    def judge(self, number: int, *, success: bool) -> Instruction:
        """A person says whether an instruction was carried out; if it still runs, it ends."""
        with self._orders:
            if self.history.running() == number:
                self._retire()
            return self.history.judge(number, success=success)

    def replay(self, agent: ReplayAgent, title: str) -> None:
        """Let a recorded episode drive, until it is over.

        Raises `ValueError` when stopped, or when it leaves the limits of this workcell.
        """
        agent.keep_within(self.robot.gate.limits, self.robot.embodiment)
        with self._orders:
            self._refuse_when_stopped()
            self.history.end(Outcome.REPLACED)
            self._instruction = title
            self._hand_to(agent, Driver.REPLAY)

    def stop(self, reason: str, press: Press = SEEN_NOTHING) -> None:
        """Latch the stop: the arms hold, every command is refused until `reset`.

        A second stop, pressed where the first was seen, lowers the arms and takes their torque; any
        other ends that. From any thread, in any state; waits for no model, disk or order.
        """
        self.robot.gate.stop(reason, press=press)

    def hold(self, cause: Cause, reason: str) -> None:
        """Latch a hold, as the kernel does by itself. From any thread, without waiting."""
        self.robot.gate.hold(cause, reason)

    def lose_browser(self, number: int) -> None:
        """A browser is gone that had the seat: hold if a person drove by it. Without waiting."""
        agent = self._loop.agent
        if agent is self._teleoperator and isinstance(agent, Tended):
            self.hold(Cause.LOST_BROWSER, f"Browser {number}, which drove by hand, is gone.")

    def reset(self, presses: int | None = None) -> None:
        """Leave hold, stop or disarmed; nobody drives. Starts the loop again if it had died.

        A Stop since `presses` were counted, or since the call, wins. Raises `HardwareError` while
        an arm cannot be brought back.
        """
        counted = self.robot.gate.presses if presses is None else presses
        with self._orders:
            self._stand_down()
            self._loop.reset(counted)
            self._turning.start()

    def new_scene(self, seed: int, table: str) -> None:
        """Put the simulated world at a new random start of a kind of table.

        Raises `ValueError` on a real robot, and for a table that there is not.
        """
        with self._orders:
            if self._rearrange is None:
                raise ValueError("Only a simulated world can be rearranged.")
            self._refuse_when_stopped()
            self.stand_by()
            self._rearrange(seed, table)
            self.robot.gate.forget()
            self.trail.clear()

    @property
    def can_rearrange(self) -> bool:
        """Whether `new_scene` works here."""
        return self._rearrange is not None

    def _hand_to(self, agent: Agent, kind: Driver, *, intervention: bool = False) -> None:
        before = self._planners()
        kept = agent is self._waiting or agent is self._teleoperator
        self._loop.drive(agent, intervention=intervention)
        self._kind, self._waiting, self._preview = kind, None, None
        if not kept:
            close_planners(before)

    def _stand_down(self) -> None:
        with self._orders:
            if not self.robot.gate.is_open:
                self.history.end(Outcome.STOPPED)
                self._retire()

    def _retire(self) -> None:
        before = self._planners()
        self._waiting = self._preview = None
        self._loop.drive(None)
        close_planners(before)

    def _planners(self) -> list[PolicyAgent]:
        agents = (self._loop.agent, self._waiting)
        return [agent for agent in agents if isinstance(agent, PolicyAgent)]

    def _refuse_when_stopped(self) -> None:
        gate = self.robot.gate
        if not gate.is_open:
            raise ValueError(f"The robot {LATCHED[gate.state]} ({gate.reason}) Press Reset first.")

    def _heed(self, event: SafetyEvent) -> None:
        """Tell people what the gate did, and give up what ran. Called on any thread."""
        if event.cause is None or event.cause is Cause.CLOSING:
            return
        self.notices.add(event.reason, "warning" if event.cause is Cause.PERSON else "error")
        if event.before in OPEN:
            self.notices.watch(self._clerk.submit(self._stand_down), "Standing down")

    def _end_replay(self, agent: ReplayAgent) -> None:
        with self._orders:
            if self._loop.agent is agent:
                self._retire()
                self.notices.add(f"Over: {self._instruction}.")

    def _remember(self, tick: Tick) -> None:
        self._tick = tick
        self.trail.add(tick)
        self.ticked.set()
        if isinstance(tick.driver, ReplayAgent) and tick.driver.over:
            self.notices.watch(self._clerk.submit(self._end_replay, tick.driver), "The replay")
