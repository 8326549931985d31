"""Changes of a workcell file from the page: said first, done once a person agrees, arms loose.

Names hold from the next start on; until then a running studio writes nothing by name any more.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.dynamixel_joints import check_identity
from hardware.arms.leader import DynamixelLeader
from hardware.dynamixel.motors import Fingerprint
from hardware.dynamixel.port import REPLY_SECS
from hardware.interfaces import HardwareError
from hardware.safety.state import GateState
from hardware.workcell.entries import Workcell
from hardware.workcell.file import load_workcell
from hardware.workcell.motor_set_up import carry_out, plan_motor
from hardware.workcell.remembering import differences, remember
from hardware.workcell.renaming import Kind, check_rename, names_in, rename, swap_cameras
from hardware.workcell.serviced_arm import ServicedArm
from hardware.workcell.writing import check_swap, swap_ports
from studio.station import Station

AGREE_SECS = 120.0
"""After this long a person no longer remembers what was asked."""

LOOSE = (
    "The arms must be loose: press Stop, wait two seconds, and press it again. They are lowered "
    "and let go."
)
RESTART = "Names were changed in the file: close the studio and start it again."
NEVER_LOOSE = "These arms are never let go: close the studio and edit the file."
BUSY = "A change is under way. Wait until it is done."


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that waits for a person's word."""

    words: str
    act: Callable[[], Sequence[str]]
    """Does it; returns what was done, in sentences."""
    at: float


class ChangesDesk:
    """One change at a time. Orders may come from any thread.

    `path` tells the file, None while there is none; `arms` are those that the studio runs on, none
    in simulation. `busy` says what must end first, empty if nothing; `told` is called after names
    changed, when what is kept by name in this program is out of date.
    """

    def __init__(
        self,
        station: Station,
        path: Callable[[], Path | None],
        arms: Sequence[ServicedArm],
        *,
        busy: Callable[[], str] = str,
        told: Callable[[], None] = lambda: None,
        reply_secs: float | int = REPLY_SECS,
    ) -> None:
        self._station = station
        self._path = path
        self._arms = {arm.name: arm for arm in arms}
        self._busy = busy
        self._told = told
        self._reply_secs = reply_secs
        self._lock = threading.Lock()
        self._proposal: Proposal | None = None
        self.must_restart = False
        """Whether names in the file are others than those that the studio runs with."""
        self.remembered: frozenset[str] = frozenset()
        """Arms whose motors were stored since the start."""

    @property
    def pending(self) -> str:
        """What waits for a person's word; empty if nothing does."""
        proposal = self._proposal
        return "" if proposal is None or _too_old(proposal) else proposal.words

    def names(self, kind: Kind) -> list[str]:
        """The arms or cameras of the file; none without a file, or while it cannot be read."""
        path = self._path()
        try:
            return [] if path is None else names_in(path, kind)
        except ValueError:
            return []  # the page shows that the file cannot be read beside this

    def check_names(self) -> None:
        """Raise `ValueError` if what is written by name would come to the wrong one."""
        if self.must_restart:
            raise ValueError(RESTART)

    def propose_rename(self, kind: Kind, old: str, new: str) -> str:
        """Ask whether an arm or camera shall get another name. Raises `ValueError` if it cannot."""
        with self._alone():
            path = self._file()
            check_rename(path, kind, old, new)
            known = " Datasets and policies know it by its name." if kind == "cameras" else ""
            return self._propose(
                f"{old} is called {new} from the next start on.{known}",
                lambda: self._renamed(lambda: rename(path, kind, old, new), f"{old} is {new} now."),
            )

    def propose_swap(self, kind: Kind, one: str, other: str) -> str:
        """Ask whether two arms (port and motors) or two cameras (everything) change places.

        Raises `ValueError` for what there is not, and for arms that are not alike.
        """
        with self._alone():
            path = self._file()
            if one == other or not {one, other} <= set(self.names(kind)):
                raise ValueError(f"Choose two of {', '.join(self.names(kind))}.")
            swap, moves = swap_cameras, "all that the file says of them"
            if kind == "arms":
                check_swap(path, one, other)
                swap, moves = swap_ports, "ports and stored motors; all else stays with the name"
            return self._propose(
                f"From the next start on {one} and {other} have each other's place: {moves}.",
                lambda: self._renamed(
                    lambda: swap(path, one, other), f"{one} and {other} changed places."
                ),
            )

    def propose_remember(self) -> str:
        """Ask whether the motors of the arms, read now, are the right ones.

        Raises `HardwareError` naming an arm that does not answer as its model does.
        """
        with self._alone():
            path = self._file()
            self.check_names()
            self._refuse_when_armed()
            prints = {name: self._read(arm) for name, arm in self._arms.items() if _driver(arm)}
            if not prints:
                raise ValueError("There is no DYNAMIXEL arm whose motors could be remembered.")
            if not set(prints) <= set(self.names("arms")):
                raise ValueError(RESTART)
            words = f"The motors of {', '.join(prints)} are stored; others are refused then."
            news = _news(load_workcell(path), prints)
            return self._propose(f"{words} {news}", lambda: self._remembered(path, prints))

    def propose_motor(self, port: str, new_id: int, new_baud: int) -> str:
        """Look at the one servo on `port`, and ask whether it shall become that motor."""
        with self._alone():
            self._refuse_when_armed()
            there = Path(port).resolve()
            used = [name for name, arm in self._arms.items() if _port(arm) == there]
            if used:
                words = f"{port} is the port of {used[0]}. Connect the servo to another one."
                raise ValueError(words)
            plan = plan_motor(port, new_id, new_baud=new_baud, reply_secs=self._reply_secs)
            return self._propose(f"It keeps this without power: {plan}.", lambda: carry_out(plan))

    def agree(self) -> str:
        """Do what was asked about; say what was done."""
        with self._alone():
            proposal, self._proposal = self._proposal, None
            if proposal is None:
                raise ValueError("Nothing waits to be confirmed.")
            if _too_old(proposal):
                raise ValueError("That was asked too long ago. Ask for it again.")
            self._refuse_when_armed()
            return " ".join(proposal.act())

    def leave(self) -> None:
        """Do not do what was asked about."""
        self._proposal = None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Refuse whatever is asked meanwhile: between two steps of a change a port is free."""
        if not self._lock.acquire(blocking=False):
            raise ValueError(BUSY)
        try:
            yield
        finally:
            self._lock.release()

    def _propose(self, words: str, act: Callable[[], Sequence[str]]) -> str:
        self._refuse_when_armed()
        self._proposal = Proposal(words, act, time.monotonic())
        return f"{words} Press Do it, or Leave it."

    def _renamed(self, change: Callable[[], None], words: str) -> Sequence[str]:
        """Change the file. What got into it holds, even if it was not told to the end."""
        before = self._said()
        try:
            change()
        finally:
            if self._arms and self._said() != before:
                self.must_restart = True
                self._told()
        if not self._arms:
            return [words]
        return [words, "It holds from the next start on: close the studio and start it again."]

    def _said(self) -> Workcell | None:
        """What the file says; None while it cannot be read."""
        try:
            return load_workcell(self._file())
        except ValueError:
            return None

    def _remembered(self, path: Path, prints: Mapping[str, list[Fingerprint]]) -> Sequence[str]:
        """Store motors, and have the arms that run refuse others too."""
        lines = remember(path, load_workcell(path), prints)
        for name, each in prints.items():
            driver = _driver(self._arms[name])
            if driver is not None:
                self._arms[name].service(partial(driver.know, each))
        self.remembered |= set(prints)
        return lines

    def _refuse_when_armed(self) -> None:
        if not self._arms:
            return
        gate = self._station.robot.gate
        if gate.state is not GateState.DISARMED:
            raise ValueError(LOOSE if gate.limits.rest is not None else NEVER_LOOSE)
        if words := self._busy():
            raise ValueError(words)

    def _file(self) -> Path:
        path = self._path()
        if path is None:
            raise ValueError("There is no workcell file yet: search, then write one.")
        return path

    def _read(self, arm: ServicedArm) -> list[Fingerprint]:
        """Ask the motors of a loose arm, between two readings of the loop."""
        driver = _driver(arm)
        if driver is None:
            raise TypeError(f"{arm.name} has no DYNAMIXEL motors.")

        def ask() -> list[Fingerprint]:
            prints = driver.chain.roll_call()
            check_identity(driver.model, prints, (), driver.chain.bus.port.path)
            return prints

        try:
            return arm.service(ask)
        except HardwareError as error:
            raise HardwareError(f"{arm.name}: {error}") from error


def _driver(arm: ServicedArm) -> DynamixelFollower | DynamixelLeader | None:
    return arm.arm if isinstance(arm.arm, DynamixelFollower | DynamixelLeader) else None


def _port(arm: ServicedArm) -> Path | None:
    driver = _driver(arm)
    return None if driver is None else Path(driver.chain.bus.port.path).resolve()


def _too_old(proposal: Proposal) -> bool:
    return time.monotonic() - proposal.at > AGREE_SECS


def _news(workcell: Workcell, prints: Mapping[str, Sequence[Fingerprint]]) -> str:
    """What is new in the motors of arms, in sentences."""
    known = {arm.name for arm in workcell.arms if arm.fingerprints}
    new = [f"Nothing was stored of {name} before." for name in prints if name not in known]
    for name, each in prints.items():
        if lines := differences(workcell, name, each):
            new.append(f"{name}: {'; '.join(lines)}")
    return " ".join(new) or "Nothing differs from what was stored."
