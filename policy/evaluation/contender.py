"""What POLICY on the command line means: a folder, an address, the expert or a floor."""

import hashlib
import json
from pathlib import Path

from hardware.embodiment import Embodiment
from policy.client import PolicyClient
from policy.evaluation.driver import Driver
from policy.evaluation.floors import BLIND, blind_driver
from policy.evaluation.planner import PlanningDriver, Replanning
from policy.local import LocalPolicy
from policy.model.checkpoint import BODIES

ADDRESSES = ("ws://", "wss://")


def served(policy: str) -> bool:
    """Whether `policy` is the address of a policy server."""
    return policy.startswith(ADDRESSES)


def open_driver(policy: str, replanning: Replanning, body: Embodiment) -> Driver:
    """Open what `policy` names, to drive `body`.

    Raises `ValueError` when there is no such thing or it drives another body, naming what differs,
    and `OSError` (`PolicyUnreachableError`) when nobody answers at an address.
    """
    if policy in BLIND:
        return blind_driver(policy, body)
    driver = PlanningDriver(_open_policy(policy, body), replanning)
    differing = [] if driver.embodiment is None else driver.embodiment.differences(body)
    if differing:
        raise ValueError(
            f"The policy was trained for another body than {body.name!r}: "
            f"{'; '.join(differing)}. Policy: {policy}"
        )
    return driver


def _open_policy(policy: str, body: Embodiment) -> LocalPolicy | PolicyClient:
    if served(policy):
        return PolicyClient(policy, body=body)
    folder = Path(policy)
    if not folder.is_dir():
        raise ValueError(
            f"POLICY is the folder of a checkpoint, ws://HOST:PORT, or one of {', '.join(BLIND)}; "
            f"there is no folder: {policy}"
        )
    further = {each.name for each in (folder / BODIES).glob("*")}
    return LocalPolicy.load(folder, body=body.name if body.name in further else None)


def identity(policy: str, driver: Driver) -> str:
    """Tell this policy from any other, wherever it lies: for results that are added to later."""
    if policy in BLIND:
        return policy
    if isinstance(driver, PlanningDriver) and isinstance(driver.policy, PolicyClient):
        said = json.dumps(driver.policy.metadata, sort_keys=True, default=str)
        return f"served {hashlib.sha256(said.encode()).hexdigest()[:16]}"
    weights = hashlib.sha256()
    for path in sorted(Path(policy).glob("*.safetensors")):
        with path.open("rb") as file:
            weights.update(hashlib.file_digest(file, "sha256").digest())
    return f"checkpoint {weights.hexdigest()[:16]}"
