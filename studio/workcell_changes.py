"""Changes of a workcell file from the page: said first, done once a person agrees, arms loose.

Names hold from the next start on; until then a running studio writes nothing by name any more.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.dynamixel_joints import check_identity
from hardware.arms.leader import DynamixelLeader
from hardware.dynamixel.motors import Fingerprint
from hardware.dynamixel.port import REPLY_SECS
from hardware.interfaces import HardwareError
from hardware.safety.state import GateState
from hardware.workcell.file import load_workcell
from hardware.workcell.motor_set_up import carry_out, plan_motor
from hardware.workcell.remembering import differences, remember
from hardware.workcell.renaming import Kind, names_in, rename, swap_cameras
from hardware.workcell.serviced_arm import ServicedArm
from hardware.workcell.writing import swap_ports
from studio.station import Station

AGREE_SECS = 120.0
"""After this long a person no longer remembers what was asked."""

LOOSE = (
    "The arms must be loose: press Stop, wait two seconds, and press it again. They are lowered "
    "and let go."
)
RESTART = "Names were changed in the file: close the studio and start it again."
NEVER_LOOSE = "These arms are never let go: close the studio and use `python -m hardware.check`."


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
        return "" if proposal is None else proposal.words

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
        """Ask whether an arm or camera shall get another name."""
        path = self._file()
        known = " Datasets and policies know it by its name." if kind == "cameras" else ""
        return self._propose(
            f"{old} is called {new} from the next start on.{known}",
            lambda: self._renamed(lambda: rename(path, kind, old, new), f"{old} is {new} now."),
        )

    def propose_swap(self, kind: Kind, one: str, other: str) -> str:
        """Ask whether two arms (port and motors) or two cameras (everything) change places."""
        path = self._file()
        if one == other or not {one, other} <= set(self.names(kind)):
            raise ValueError(f"Choose two of {', '.join(self.names(kind))}.")
        swap = swap_ports if kind == "arms" else swap_cameras
        return self._propose(
            f"From the next start on {one} is what {other} is now, and the other way round.",
            lambda: self._renamed(
                lambda: swap(path, one, other), f"{one} and {other} changed places."
            ),
        )

    def propose_remember(self) -> str:
        """Ask whether the motors of the arms, read now, are the right ones.

        Raises `HardwareError` naming an arm that does not answer as its model does.
        """
        path = self._file()
        self.check_names()
        self._refuse_when_armed()
        prints = {name: self._read(arm) for name, arm in self._arms.items() if _has_motors(arm)}
        if not prints:
            raise ValueError("There is no DYNAMIXEL arm whose motors could be remembered.")
        if not set(prints) <= set(self.names("arms")):
            raise ValueError(RESTART)
        workcell = load_workcell(path)
        new = [
            f"{name}: {words}"
            for name, each in prints.items()
            for words in differences(workcell, name, each)
        ]
        said = " ".join(new) if new else "Nothing differs from what was stored."

        def act() -> Sequence[str]:
            lines = remember(path, load_workcell(path), prints)
            self.remembered |= set(prints)
            return lines

        words = f"The motors of {', '.join(prints)} are stored; others are refused from then on. "
        return self._propose(words + said, act)

    def propose_motor(self, port: str, new_id: int, new_baud: int) -> str:
        """Look at the one servo on `port`, and ask whether it shall become that motor."""
        self._refuse_when_armed()
        there = Path(port).resolve()
        used = [name for name, arm in self._arms.items() if _port(arm) == there]
        if used:
            raise ValueError(f"{port} is the port of {used[0]}. Connect the servo to another one.")
        plan = plan_motor(port, new_id, new_baud=new_baud, reply_secs=self._reply_secs)
        return self._propose(f"It keeps this without power: {plan}.", lambda: carry_out(plan))

    def agree(self) -> str:
        """Do what was asked about; say what was done."""
        with self._lock:
            proposal, self._proposal = self._proposal, None
            if proposal is None:
                raise ValueError("Nothing waits to be confirmed.")
            if time.monotonic() - proposal.at > AGREE_SECS:
                raise ValueError("That was asked too long ago. Ask for it again.")
            self._refuse_when_armed()
            return " ".join(proposal.act())

    def leave(self) -> None:
        """Do not do what was asked about."""
        self._proposal = None

    def _propose(self, words: str, act: Callable[[], Sequence[str]]) -> str:
        self._refuse_when_armed()
        self._proposal = Proposal(words, act, time.monotonic())
        return f"{words} Press Do it, or Leave it."

    def _renamed(self, change: Callable[[], None], words: str) -> Sequence[str]:
        change()
        if not self._arms:
            return [words]
        self.must_restart = True
        self._told()
        return [words, "It holds from the next start on: close the studio and start it again."]

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
        driver = arm.arm
        if not isinstance(driver, DynamixelFollower | DynamixelLeader):
            raise TypeError(f"{arm.name} has no DYNAMIXEL motors.")

        def ask() -> list[Fingerprint]:
            prints = driver.chain.roll_call()
            check_identity(driver.model, prints, (), driver.chain.bus.port.path)
            return prints

        try:
            return arm.service(ask)
        except HardwareError as error:
            raise HardwareError(f"{arm.name}: {error}") from error


def _has_motors(arm: ServicedArm) -> bool:
    return isinstance(arm.arm, DynamixelFollower | DynamixelLeader)


def _port(arm: ServicedArm) -> Path | None:
    driver = arm.arm
    if not isinstance(driver, DynamixelFollower | DynamixelLeader):
        return None
    return Path(driver.chain.bus.port.path).resolve()
