"""A policy driving the robot: it plans in the background while the loop keeps time."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from hardware.interfaces import Action, Observation
from policy.blending import Blend, Taken, blend
from policy.first_look import FirstLook
from policy.interface import ActionChunk, Commitment, Policy
from policy.model.end_effector_actions import going_on

REMEMBERED_PLANS = 8
"""The slowest of so many plans is how long the next is expected to take."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How chunks become motion."""

    blend: Blend = "fade"
    """What is done where chunks overlap."""
    continuing: bool = False
    """Tell the policy what will be executed while it plans, so that the chunk it makes goes on
    from there (real-time chunking)."""
    delay_secs: float = 0.0
    """Without a background: how much later a plan is taken, which simulates planning time."""


class PolicyAgent:
    """Plays chunks by the clock, so that planning time needs no bookkeeping.

    Plans again `replan_secs` after the last observation planned from. Past the end of the newest
    chunk the arm is left where it is. A failed plan is raised from `act`. Without `background`,
    plans are made in `act`.
    """

    def __init__(
        self,
        policy: Policy,
        task: str,
        *,
        replan_secs: float = 0.4,
        background: bool = True,
        execution: Execution = Execution(),
        on_chunk: Callable[[ActionChunk], None] | None = None,
    ) -> None:
        self.task = task
        self.num_chunks = 0
        self.plan_secs = 0.0
        """How long the last plan took, asked to answered, on the robot's clock."""
        self._policy = policy
        self._replan_secs = replan_secs
        self._execution = execution
        self._on_chunk = on_chunk
        self._planner = (
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="planner") if background else None
        )
        self._plan: Future[ActionChunk] | None = None
        self._asked_at = -np.inf
        self._taken: list[Taken] = []
        self._last: Action | None = None
        self._took: deque[float] = deque(maxlen=REMEMBERED_PLANS)
        self._first_look, self._going_on = FirstLook(), False

    @property
    def chunk(self) -> ActionChunk | None:
        """The newest plan."""
        return self._taken[-1].chunk if self._taken else None

    @property
    def looks_through(self) -> tuple[str, ...]:
        """The cameras it plans from: stale ones hold the robot."""
        return self._policy.embodiment.camera_names

    def reset(self) -> None:
        """Forget every plan, also one in progress, and the first look; waits for nothing."""
        self._plan = None
        self._taken, self._last = [], None
        self._asked_at = -np.inf
        if not self._going_on:
            self._first_look.forget()
        self._going_on = False
        self.num_chunks = 0

    def going_on(self) -> None:
        """Let the next reset be of the same attempt, interrupted: the first look stays."""
        self._going_on = True

    def close(self) -> None:
        """Plan no more; returns at once, even while a plan is in progress."""
        if self._planner is not None:
            self._planner.shutdown(wait=False, cancel_futures=True)

    def act(self, observation: Observation) -> Action | None:
        """Return the action due now, and plan again when it is time."""
        now = observation.timestamp
        self._collect(now)
        if self._plan is None and now - self._asked_at >= self._replan_secs:
            self._asked_at = now
            self._plan = self._ask(observation)
            self._collect(now)
        due = blend(self._taken, now, self._execution.blend)
        if due is not None:
            self._last = due
        return due

    def _ask(self, observation: Observation) -> Future[ActionChunk]:
        question = (self._first_look.add_to(observation), self.task)
        previous = self._commitment(observation.timestamp)
        told = () if previous is None else (previous,)
        if self._planner is not None:
            return self._planner.submit(self._policy.predict_action_chunk, *question, *told)
        made: Future[ActionChunk] = Future()
        made.set_result(self._policy.predict_action_chunk(*question, *told))
        return made

    def _commitment(self, now: float) -> Commitment | None:
        """What is in play until the next plan is there, if policies are to be told."""
        if not self._execution.continuing or self.chunk is None or self.chunk.ends_at <= now:
            return None
        return Commitment(self.chunk, now + max(self._took, default=0.0))

    def _collect(self, now: float) -> None:
        """Take the plan that is done, if there is one."""
        if self._plan is None or not self._plan.done():
            return
        if now < self._asked_at + self._execution.delay_secs:
            return
        chunk = self._plan.result()
        self._plan = None
        if self._last is not None:
            channels = self._policy.embodiment.action_channels
            chunk = replace(chunk, actions=going_on(channels, chunk.actions, self._last))
        playing = [each for each in self._taken if each.chunk.ends_at >= now]
        self._taken = [*playing, Taken(chunk, now)]
        self.plan_secs = now - self._asked_at
        self._took.append(self.plan_secs)
        self.num_chunks += 1
        if self._on_chunk is not None:
            self._on_chunk(chunk)
