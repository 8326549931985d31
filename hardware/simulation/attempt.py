"""One attempt at a task in the simulated world, as fast as it computes, judged by physics."""

from dataclasses import dataclass

from hardware.control_loop import ControlLoop
from hardware.simulation.tasks.judge import HELD_TICKS, Judge
from hardware.simulation.tasks.task import Outcome, Task
from hardware.simulation.world import TICK_SECS, World


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt ended."""

    outcome: Outcome
    """`RUNNING` if the time was up."""
    secs: float
    """Simulated time until it was judged, or until the time was up."""
    failure: Exception | None
    """What the driver died of, if it did."""


def attempt(
    loop: ControlLoop, world: World, task: Task, *, limit_secs: float, hold_secs: float = 0.0
) -> Attempt:
    """Let whoever drives `loop` act from the state `world` is in, until judged or out of time.

    After a success it drives on for `hold_secs`, at whose end it must be so still.
    """
    judge = Judge(task)
    begun = world.now()
    _drive(loop, world, judge, round(limit_secs / TICK_SECS))
    outcome, secs = judge.outcome, world.now() - begun
    if outcome is Outcome.SUCCESS and hold_secs > 0:
        last = Judge(task, begun=True)
        _drive(loop, world, None, max(round(hold_secs / TICK_SECS) - HELD_TICKS, 0))
        _drive(loop, world, last, HELD_TICKS, to_the_end=True)
        outcome = last.outcome
    return Attempt(outcome, secs, loop.failure)


def _drive(
    loop: ControlLoop,
    world: World,
    judge: Judge | None,
    ticks: int,
    *,
    to_the_end: bool = False,
) -> None:
    """Drive for so many control ticks, or until `judge` has seen enough or the driver failed."""
    for _ in range(ticks):
        tick = loop.tick()
        if loop.failure is not None:
            return
        world.wait_until(tick.observation.timestamp + TICK_SECS)
        judged = judge is not None and judge.watch(world) is not Outcome.RUNNING
        if judged and not to_the_end:
            return
