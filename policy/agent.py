"""A policy driving the robot: it plans in the background while the loop keeps time."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from hardware.interfaces import Action, Observation
from policy.interface import ActionChunk, Policy

BLEND_SECS = 0.2
"""A new chunk is faded in over this time, so that two plans that differ do not jerk the arm."""


class PolicyAgent:
    """Plays the newest chunk by the clock, so planning time needs no bookkeeping.

    Plans again `replan_secs` after the last observation planned from. Past the end of the newest
    chunk the arm is left where it is. A failed plan is raised from `act`.
    """

    def __init__(
        self,
        policy: Policy,
        task: str,
        *,
        replan_secs: float = 0.4,
        background: bool = True,
        on_chunk: Callable[[ActionChunk], None] | None = None,
    ) -> None:
        self.task = task
        self.num_chunks = 0
        self.plan_secs = 0.0
        """How long the last plan took, asked to answered, on the robot's clock."""
        self._policy = policy
        self._replan_secs = replan_secs
        self._on_chunk = on_chunk
        self._planner = (
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="planner") if background else None
        )
        self._plan: Future[ActionChunk] | None = None
        self._asked_at = -np.inf
        self._chunk: ActionChunk | None = None
        self._previous: ActionChunk | None = None
        self._since = 0.0

    @property
    def chunk(self) -> ActionChunk | None:
        """The newest plan."""
        return self._chunk

    def reset(self) -> None:
        """Forget every plan, also one in progress; waits for nothing."""
        self._plan = self._chunk = self._previous = None
        self._asked_at = -np.inf
        self.num_chunks = 0

    def close(self) -> None:
        """Plan no more; returns at once, even while a plan is in progress."""
        if self._planner is not None:
            self._planner.shutdown(wait=False, cancel_futures=True)

    def act(self, observation: Observation) -> Action | None:
        """Return the action due now, and plan again when it is time."""
        if self._plan is not None and self._plan.done():
            self._take(self._plan.result(), observation.timestamp)
            self._plan = None
        if self._plan is None and observation.timestamp - self._asked_at >= self._replan_secs:
            self._asked_at = observation.timestamp
            if self._planner is None:
                chunk = self._policy.predict_action_chunk(observation, self.task)
                self._take(chunk, observation.timestamp)
            else:
                self._plan = self._planner.submit(
                    self._policy.predict_action_chunk, observation, self.task
                )
        return self._due(observation.timestamp)

    def _take(self, chunk: ActionChunk, now: float) -> None:
        self._previous, self._chunk, self._since = self._chunk, chunk, now
        self.plan_secs = now - self._asked_at
        self.num_chunks += 1
        if self._on_chunk is not None:
            self._on_chunk(chunk)

    def _due(self, now: float) -> Action | None:
        if self._chunk is None:
            return None
        wanted = self._chunk.at(now)
        before = None if self._previous is None else self._previous.at(now)
        share = np.float32(min((now - self._since) / BLEND_SECS, 1.0))
        if wanted is None or before is None or share >= 1:
            return wanted
        return np.asarray(share * wanted + (1 - share) * before, np.float32)
