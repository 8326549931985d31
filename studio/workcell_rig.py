"""What the studio runs on: the simulated ALOHA, or the arms and cameras of a workcell file."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hardware.calibration.calibration_file import load_calibrations
from hardware.interfaces import Action, Agent, HardwareError, Observation
from hardware.kinematics import Kinematics, kinematics_for
from hardware.robot import Robot
from hardware.simulated_aloha import simulated_aloha
from hardware.simulation.offers import Offers
from hardware.simulation.solids import Solid, solids
from hardware.teleoperator import CartesianTeleoperator
from hardware.workcell.assembly import AssembledWorkcell, assemble
from hardware.workcell.calibrated_kinematics import CalibratedKinematics
from hardware.workcell.examination import examine_arms
from hardware.workcell.file import load_workcell
from hardware.workcell.problem import WorkcellError

SIMULATED = "sim"


@dataclass(frozen=True, slots=True)
class Rig:
    """A robot, who drives it by hand, and what only a simulation or only a workcell has."""

    robot: Robot
    teleoperator: Agent
    """Who drives when a person takes over."""
    jogged: CartesianTeleoperator | None
    """The same, if the page's keys and pads drive; None if leader arms do."""
    kinematics: Kinematics | None = None
    """Where links and cameras are; None for a body whose shape is not known."""
    things: Callable[[], Sequence[Solid]] = tuple
    """What is on the table, as far as it is known."""
    offered: Callable[[], Sequence[Sequence[str]]] = tuple
    """What can be asked of a simulated world, kind by kind; of a real one nobody says."""
    rearrange: Callable[[int, str], None] | None = None
    """Puts a simulated world at a new start; None for real arms."""
    cell: AssembledWorkcell | None = None
    path: Path | None = None
    """The workcell's file."""

    def calibrated(self) -> None:
        """The workcell's file has new calibrations: use them from now on."""
        if isinstance(self.kinematics, CalibratedKinematics) and self.path is not None:
            self.kinematics.know(load_calibrations(self.path))

    @property
    def hand(self) -> str:
        """How a person drives: `page`, `leaders`, or `nobody`."""
        if self.jogged is not None:
            return "page"
        return "leaders" if self.cell is not None and self.cell.leaders else "nobody"


class NobodyByHand:
    """An agent that refuses: neither leader arms nor the page can drive this body."""

    def reset(self) -> None:
        """Raise `ValueError`, so that nobody is let in."""
        raise ValueError(
            "Nobody can drive this workcell by hand: it has no leader arms, and the page drives "
            "two ViperX arms only. Add leaders to the workcell file."
        )

    def act(self, observation: Observation) -> Action | None:  # noqa: ARG002 - it never drives
        """Leave the robot where it is."""
        return None


@contextmanager
def opened_rig(workcell: str, tell: Callable[[str], object]) -> Iterator[Rig]:
    """Make the robot that `workcell` names: `sim` or a file. Leaders are open meanwhile.

    `tell` takes sentences for the person at the leaders. Raises `WorkcellError` with everything
    that is wrong with the file or the arms, and `HardwareError` when a leader does not open.
    """
    if workcell == SIMULATED:
        yield _simulated()
        return
    path = Path(workcell)
    with _assembled(path, tell) as cell:
        known = cell.robot.embodiment.kinematics == "aloha"
        seeing = CalibratedKinematics(load_calibrations(path)) if known else None
        jogged = None
        if known and not cell.leaders:
            jogged = CartesianTeleoperator(cell.robot.embodiment)
        agent: Agent = cell.teleoperator or jogged or NobodyByHand()
        yield Rig(cell.robot, agent, jogged, kinematics=seeing, cell=cell, path=path)


def _simulated() -> Rig:
    aloha = simulated_aloha(realtime=True)
    hand = CartesianTeleoperator(aloha.robot.embodiment)
    return Rig(
        aloha.robot,
        hand,
        hand,
        kinematics=kinematics_for(aloha.robot.embodiment),
        things=partial(solids, aloha.world),
        offered=Offers(aloha.world),
        rearrange=aloha.world.reset,
    )


@contextmanager
def _assembled(path: Path, tell: Callable[[str], object]) -> Iterator[AssembledWorkcell]:
    """Look all arms over first: one by one, each would tell of its own trouble alone."""
    workcell = load_workcell(path)
    grave = [
        problem
        for report in examine_arms(workcell).arms
        for problem in report.problems
        if not report.usable
    ]
    if grave:
        raise WorkcellError("These arms are not ready. Nothing was moved.", grave)
    try:
        with assemble(workcell, tell=tell) as cell:
            yield cell
    except HardwareError as error:
        raise HardwareError(
            f"{error}\nEverything at once: python -m hardware.check {path}"
        ) from error
