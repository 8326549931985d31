"""A checkpoint folder as a driver, loaded here. Needs torch."""

import hashlib
from dataclasses import replace
from pathlib import Path

from hardware.embodiment import Embodiment
from policy.evaluation.driver import Briefing
from policy.evaluation.planner import PlanningDriver, Replanning
from policy.local import LocalPolicy
from policy.model.checkpoint import BODIES


def checkpoint_driver(folder: Path, replanning: Replanning, body: Embodiment) -> PlanningDriver:
    """Load the folder to drive `body`, or its first body if it does not know that by name.

    Raises `ValueError` for what is no checkpoint, or one whose chunks cannot go on as asked for.
    """
    further = {each.name for each in (folder / BODIES).glob("*")}
    policy = LocalPolicy.load(folder, body=body.name if body.name in further else None)
    continuation = replanning.continuation
    if continuation == "trained" and not policy.config.longest_prefix:
        raise ValueError(
            "The checkpoint was not trained to go on from committed rows (longest_prefix of the "
            "request). Take --continuation guide or overwrite."
        )
    if continuation is not None:
        policy.sampling = replace(policy.sampling, continuation=continuation)

    def prepare(briefing: Briefing) -> None:
        policy.seed(briefing.seed)
        policy.any_words = briefing.any_words

    return PlanningDriver(policy, tuple(policy.image_sizes), replanning, prepare)


def fingerprint(folder: Path) -> str:
    """Tell the weights in `folder` from any other, wherever they lie."""
    weights = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            weights.update(hashlib.file_digest(file, "sha256").digest())
    return weights.hexdigest()[:16]
