"""A policy as a driver: it plans a chunk, looks again, and plans the next. Needs no torch."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from hardware.embodiment import Embodiment
from hardware.interfaces import Agent
from policy.agent import Execution, PolicyAgent
from policy.blending import Blend
from policy.evaluation.driver import Briefing
from policy.interface import Continuation, Policy


@dataclass(frozen=True, slots=True)
class Replanning:
    """How often plans are made, and how chunks become motion."""

    replan_secs: float = 0.4
    """Simulated time between plans, whole control ticks; a picture is drawn for each."""
    blend: Blend = "fade"
    """What is done where chunks overlap."""
    continuation: Continuation | None = None
    """Let each chunk go on from the one in play, in this way; plans are independent without."""
    delay_secs: float = 0.0
    """Simulated time that making a plan takes."""

    def __post_init__(self) -> None:
        if not 0 < self.replan_secs < math.inf:
            raise ValueError(f"There is time between plans, got {self.replan_secs} s.")
        if not 0 <= self.delay_secs < math.inf:
            raise ValueError(f"Making a plan takes 0 s or more, got {self.delay_secs} s.")

    @property
    def execution(self) -> Execution:
        """The same for a `PolicyAgent`."""
        return Execution(self.blend, self.continuation is not None, self.delay_secs)


@dataclass(frozen=True, slots=True)
class PlanningDriver:
    """Drives with a `Policy`, which is prepared for each attempt anew."""

    policy: Policy
    cameras: tuple[str, ...]
    """What the policy looks at."""
    replanning: Replanning
    prepare: Callable[[Briefing], None]
    """Seeds the policy, so that its plans depend on the briefing and not on earlier attempts."""

    @property
    def embodiment(self) -> Embodiment | None:
        """The body that the policy was trained on."""
        return self.policy.embodiment

    @property
    def look_secs(self) -> float:
        """A picture is due exactly when a plan is, so that every plan sees the present."""
        return self.replanning.replan_secs

    @property
    def tasks(self) -> tuple[str, ...]:
        """Instructions it was trained on."""
        return self.policy.tasks

    def agent(self, briefing: Briefing) -> Agent:
        """Return an agent that waits for each plan, so that a slow machine changes nothing."""
        self.prepare(briefing)
        return PolicyAgent(
            self.policy,
            briefing.instruction,
            replan_secs=self.replanning.replan_secs - 1e-6,
            background=False,
            execution=self.replanning.execution,
        )
