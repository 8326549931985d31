"""A policy as a driver: it plans a chunk, looks again, and plans the next."""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from hardware.aloha import CONTROL_HZ
from hardware.embodiment import Embodiment
from hardware.interfaces import Agent
from policy.agent import Execution, PolicyAgent
from policy.blending import Blend
from policy.client import PolicyClient
from policy.evaluation.driver import Briefing
from policy.interface import Policy
from policy.local import LocalPolicy
from policy.model.sampling import Continuation


@dataclass(frozen=True, slots=True)
class Replanning:
    """How often plans are made, and how chunks become motion."""

    replan_secs: float = 0.4
    """Simulated time between plans; a picture is drawn for each."""
    blend: Blend = "fade"
    """What is done where chunks overlap."""
    continuation: Continuation | None = None
    """Let each chunk go on from the one in play, in this way; plans are independent without."""
    delay_secs: float = 0.0
    """Simulated time that making a plan takes."""

    def __post_init__(self) -> None:
        ticks = self.replan_secs * CONTROL_HZ
        if ticks < 1 or abs(ticks - round(ticks)) > 1e-6:
            raise ValueError(
                f"Plans are made every so many control ticks of {1 / CONTROL_HZ} s, got "
                f"{self.replan_secs} s between them."
            )

    @property
    def execution(self) -> Execution:
        """The same for a `PolicyAgent`."""
        return Execution(self.blend, self.continuation is not None, self.delay_secs)


@runtime_checkable
class Seeded(Protocol):
    """A policy whose chance can be started again."""

    def seed(self, seed: int) -> None:
        """Make the n-th plan from here on depend on chance in n and `seed` alone."""


class PlanningDriver:
    """Drives with a `Policy`; each attempt seeds it anew."""

    def __init__(self, policy: Policy, replanning: Replanning) -> None:
        """Raises `ValueError` if chunks of `policy` cannot go on in the way asked for."""
        self.policy = policy
        """Who plans."""
        self._replanning = replanning
        if isinstance(policy, LocalPolicy):
            _check_continuation(policy, replanning.continuation)

    @property
    def embodiment(self) -> Embodiment | None:
        """The body that the policy was trained on."""
        return self.policy.embodiment

    @property
    def cameras(self) -> tuple[str, ...]:
        """What the policy looks at."""
        policy = self.policy
        if isinstance(policy, LocalPolicy):
            return tuple(policy.image_sizes)
        if isinstance(policy, PolicyClient):
            return policy.cameras
        return policy.embodiment.camera_names

    @property
    def look_secs(self) -> float:
        """A picture is due exactly when a plan is, so that every plan sees the present."""
        return self._replanning.replan_secs

    @property
    def tasks(self) -> tuple[str, ...]:
        """Instructions it was trained on."""
        return self.policy.tasks

    def agent(self, briefing: Briefing) -> Agent:
        """Return an agent that waits for each plan, so that a slow machine changes nothing."""
        policy, replanning = self.policy, self._replanning
        if isinstance(policy, Seeded):
            policy.seed(briefing.seed)
        if isinstance(policy, LocalPolicy):
            policy.any_words = briefing.any_words
            if replanning.continuation is not None:
                continued = replace(policy.sampling, continuation=replanning.continuation)
                policy.sampling = continued
        return PolicyAgent(
            policy,
            briefing.instruction,
            replan_secs=replanning.replan_secs - 1e-6,
            background=False,
            execution=replanning.execution,
        )


def _check_continuation(policy: LocalPolicy, continuation: Continuation | None) -> None:
    if continuation == "trained" and not policy.config.longest_prefix:
        raise ValueError(
            "The checkpoint was not trained to go on from committed rows (longest_prefix of the "
            "request). Take --continuation guide or overwrite."
        )
