"""The policy the studio drives with: starts a server for a checkpoint, or dials a remote one."""

import enum
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hardware.embodiment import Embodiment
from policy.client import PolicyClient
from policy.interface import Policy
from policy.local_server import LocalPolicyServer
from studio.notices import EXPECTED, Notices


class HostState(enum.StrEnum):
    """Whether there is a policy to drive with."""

    NONE = enum.auto()
    STARTING = enum.auto()
    READY = enum.auto()
    FAILED = enum.auto()


@dataclass(frozen=True, slots=True)
class HostStatus:
    """What the page says about the policy."""

    state: HostState
    name: str
    message: str
    tasks: tuple[str, ...]


HOW_TO_GET_ONE = (
    "There is no checkpoint yet. Record some episodes, then make one in the Train tab; "
    "or start the studio with --policy CHECKPOINT or --policy ws://HOST:PORT."
)

NOTHING = HostStatus(HostState.NONE, "", HOW_TO_GET_ONE, ())


class PolicyHost:
    """Holds one policy at a time. `use` returns at once; the newest call wins."""

    def __init__(
        self,
        embodiment: Embodiment,
        notices: Notices,
        before_change: Callable[[], None],
        log_path: Path,
    ) -> None:
        self._embodiment = embodiment
        self._log_path = log_path
        self._notices = notices
        self._before_change = before_change
        self._lock = threading.Lock()
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="policy-host")
        self._status = NOTHING
        self._policy: PolicyClient | None = None
        self._server: LocalPolicyServer | None = None

    @property
    def status(self) -> HostStatus:
        """What there is to drive with now."""
        return self._status

    @property
    def pid(self) -> int | None:
        """Process of the server started here, if one runs."""
        server = self._server
        return server.pid if server is not None else None

    @property
    def policy(self) -> Policy:
        """The policy. Raises `ValueError` saying what to do when there is none."""
        policy = self._policy
        if policy is None:
            raise ValueError(self._status.message)
        return policy

    def use(self, source: str) -> None:
        """Change to a checkpoint folder or a `ws://` address, in the background."""
        self._status = HostStatus(
            HostState.STARTING,
            name_of(source),
            f"{name_of(source)} is starting; try again in a moment.",
            (),
        )
        self._notices.watch(self._starter.submit(self._change, source), "The policy")

    def close(self) -> None:
        """Stop the server, if one was started here."""
        self._starter.shutdown(wait=True, cancel_futures=True)
        self._let_go()

    def _change(self, source: str) -> None:
        self._before_change()
        self._let_go()
        try:
            policy = self._connect(source)
            self._refuse_other_body(policy.embodiment)
        except EXPECTED as error:
            self._let_go()
            message = f"{name_of(source)} cannot drive this robot: {error}"
            self._status = HostStatus(HostState.FAILED, name_of(source), message, ())
            self._notices.error(message)
            return
        self._policy = policy
        self._status = HostStatus(HostState.READY, name_of(source), "", policy.tasks)
        self._notices.add(f"{name_of(source)} is ready to drive.")

    def _connect(self, source: str) -> PolicyClient:
        if source.startswith(("ws://", "wss://")):
            return PolicyClient(source)
        folder = Path(source)
        if not folder.is_dir():
            raise ValueError(f"There is no checkpoint folder {folder}.")
        self._server = LocalPolicyServer(folder, self._log_path)
        self._server.wait_ready()
        return PolicyClient(self._server.url)

    def _refuse_other_body(self, trained_on: Embodiment) -> None:
        differences = trained_on.differences(self._embodiment)
        if differences:
            raise ValueError(
                f"it was trained on another body ({trained_on.name!r}): " + "; ".join(differences)
            )

    def _let_go(self) -> None:
        with self._lock:
            server, self._server = self._server, None
            policy, self._policy = self._policy, None
        if policy is not None:
            policy.close()
        if server is not None:
            server.stop()


def name_of(source: str) -> str:
    """What people call a checkpoint folder or an address."""
    if source.startswith(("ws://", "wss://")):
        return source
    folder = Path(source)
    if folder.parent.name == "checkpoints":
        return f"{folder.parents[1].name}, {folder.name}"
    return folder.name
