"""What one evaluation is: everything that its numbers depend on, and nothing else."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from policy.evaluation.environment import Environment, Start
from policy.evaluation.planner import Replanning

NO_AXIS = "none"
"""How starts that are as in training are called where axes are named."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the environment is set up."""

    limit_secs: float | None = None
    """Simulated time an attempt may take; the environment's own if None."""
    stock_rendering: bool = False
    """Draw as the benchmark's makers do, where that differs and costs more."""

    def __post_init__(self) -> None:
        if self.limit_secs is not None and not 0 < self.limit_secs < math.inf:
            raise ValueError(f"An attempt takes more than 0 s, got a limit of {self.limit_secs} s.")


@dataclass(frozen=True, slots=True)
class Request:
    """Who is evaluated where, and how. The same request has the same results."""

    policy: str
    """A checkpoint's folder, the address of a server, or the name of the expert or a floor."""
    env: str
    """As `open_environment` takes it."""
    tasks: tuple[str, ...]
    axes: tuple[str | None, ...]
    swap: bool
    seeds: range
    replanning: Replanning = field(default_factory=Replanning)
    rules: Rules = field(default_factory=Rules)

    def starts(self) -> list[Start]:
        """Every attempt, in the order of the report."""
        return [
            Start(task, axis, seed, self.swap)
            for axis in self.axes
            for task in self.tasks
            for seed in self.seeds
        ]

    def to_json(self) -> dict[str, Any]:
        """Return what the numbers depend on, ready for JSON; `policy` as it was typed."""
        return {
            "policy": self.policy,
            "env": self.env,
            "tasks": list(self.tasks),
            "axes": [axis or NO_AXIS for axis in self.axes],
            "swap": self.swap,
            "seed": self.seeds.start,
            "episodes": len(self.seeds),
            **asdict(self.replanning),
            **asdict(self.rules),
        }


def axes_named(names: str, environment: Environment) -> tuple[str | None, ...]:
    """Read "colour,position", "none" or "all" (none and every axis).

    Raises `ValueError` listing the axes there are.
    """
    if names == "all":
        return (None, *environment.axes)
    known = (NO_AXIS, *environment.axes)
    wanted = tuple(dict.fromkeys(names.split(",")))
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(
            f"{environment.name} has no axis {', '.join(map(repr, unknown))}. "
            f"Axes: {', '.join(known)}, or all."
        )
    return tuple(None if name == NO_AXIS else name for name in wanted)


def check_swap(environment: Environment, *, swap: bool) -> None:
    """Raise `ValueError` if another thing shall be told where there is only one."""
    if swap and not environment.swaps:
        raise ValueError(f"In {environment.name} a scene has one task: leave --swap out.")


def check_ticks(environment: Environment, replanning: Replanning, rules: Rules) -> None:
    """Raise `ValueError` unless plans are made at control ticks and an attempt lasts for one."""
    tick_secs = environment.tick_secs
    ticks = replanning.replan_secs / tick_secs
    if ticks < 1 - 1e-6 or abs(ticks - round(ticks)) > 1e-6:
        raise ValueError(
            f"Plans are made every so many control ticks of {tick_secs} s, got "
            f"{replanning.replan_secs} s between them."
        )
    if rules.limit_secs is not None and rules.limit_secs < tick_secs:
        raise ValueError(
            f"An attempt takes one control tick of {tick_secs} s at least, got a limit of "
            f"{rules.limit_secs} s."
        )
