"""What POLICY on the command line means: a folder, an address, the expert or a floor."""

import hashlib
import json
from pathlib import Path

from hardware.embodiment import Embodiment
from policy.client import PolicyClient
from policy.evaluation.driver import Briefing, Driver
from policy.evaluation.floors import BLIND, blind_driver
from policy.evaluation.planner import PlanningDriver, Replanning

ADDRESSES = ("ws://", "wss://")


def open_driver(policy: str, replanning: Replanning, body: Embodiment) -> Driver:
    """Open what `policy` names, to drive `body`.

    Raises `ValueError` when there is no such thing or it drives another body, naming what differs,
    and `OSError` (`PolicyUnreachableError`) when nobody answers at an address.
    """
    if policy in BLIND:
        return blind_driver(policy, body)
    driver = _planning_driver(policy, replanning, body)
    differing = [] if driver.embodiment is None else driver.embodiment.differences(body)
    if differing:
        raise ValueError(
            f"The policy was trained for another body than {body.name!r}: "
            f"{'; '.join(differing)}. Policy: {policy}"
        )
    return driver


def _planning_driver(policy: str, replanning: Replanning, body: Embodiment) -> PlanningDriver:
    if policy.startswith(ADDRESSES):
        return _served(PolicyClient(policy, body=body), replanning)
    if not Path(policy).is_dir():
        raise ValueError(
            f"POLICY is the folder of a checkpoint, ws://HOST:PORT, or one of {', '.join(BLIND)}; "
            f"there is no folder: {policy}"
        )
    from policy.evaluation.checkpoint import checkpoint_driver  # noqa: PLC0415 - torch: seconds

    return checkpoint_driver(Path(policy), replanning, body)


def _served(client: PolicyClient, replanning: Replanning) -> PlanningDriver:
    def prepare(briefing: Briefing) -> None:
        client.seed(briefing.seed)
        client.any_words = briefing.any_words

    return PlanningDriver(client, client.cameras, replanning, prepare)


def identity(policy: str, driver: Driver) -> str:
    """Tell this policy from any other, wherever it lies: for results that are added to later."""
    if policy in BLIND:
        return policy
    if isinstance(driver, PlanningDriver) and isinstance(driver.policy, PolicyClient):
        said = json.dumps(driver.policy.metadata, sort_keys=True, default=str)
        return f"served {hashlib.sha256(said.encode()).hexdigest()[:16]}"
    from policy.evaluation.checkpoint import fingerprint  # noqa: PLC0415 - as above

    return f"checkpoint {fingerprint(Path(policy))}"
