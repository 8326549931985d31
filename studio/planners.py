"""Policies that drive: what they know, in words, and their end. Lets none drive."""

from policy.agent import PolicyAgent
from policy.instructions import examples
from policy.interface import Policy


def close_planners(planners: list[PolicyAgent]) -> None:
    """End planners that drive no more; one that still drove would fail the turn and stop it."""
    for planner in planners:
        planner.close()


def known(policy: Policy) -> str:
    """Say which instructions `policy` was trained on, as the end of a sentence."""
    if not policy.tasks:
        return ""
    return (
        " It was trained on: " + "; ".join(f"“{task}”" for task in examples(policy.tasks, 12)) + "."
    )
