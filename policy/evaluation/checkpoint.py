"""A checkpoint folder as a driver, loaded here. Needs torch."""

import hashlib
from dataclasses import replace
from pathlib import Path

from hardware.embodiment import Embodiment
from policy.evaluation.driver import Briefing
from policy.evaluation.planner import PlanningDriver, Replanning
from policy.first_look import live
from policy.local import LocalPolicy
from policy.model.checkpoint import BODIES, PARTS

READ = (
    *("*.safetensors", "*.safetensors.index.json", *PARTS),
    *("tokenizer*", "special_tokens_map.json", "added_tokens.json", "chat_template*"),
    f"{BODIES}/*/*.json",
)
"""What `Checkpoint.load` reads of a folder: all but the card, and what else may lie there."""


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

    return PlanningDriver(policy, live(policy.image_sizes), replanning, prepare)


def fingerprint(folder: Path) -> str:
    """Tell the checkpoint in `folder` from any other, wherever it lies."""
    whole = hashlib.sha256()
    for path in sorted({path for pattern in READ for path in folder.glob(pattern)}):
        whole.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]
