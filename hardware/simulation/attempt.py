"""One attempt at a task in the simulated world, as fast as it computes, judged by physics."""

from dataclasses import dataclass

from hardware.control_loop import ControlLoop
from hardware.simulation.tasks.judge import Judge
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

    After a success it drives on for `hold_secs`, in which it must be successful again.
    """
    judge = Judge(task)
    begun = world.now()
    _drive(loop, world, judge, limit_secs)
    outcome, secs = judge.outcome, world.now() - begun
    if outcome is Outcome.SUCCESS and hold_secs > 0:
        again = Judge(task)
        _drive(loop, world, again, hold_secs, to_the_end=True)
        outcome = again.outcome
    return Attempt(outcome, secs, loop.failure)


def _drive(
    loop: ControlLoop, world: World, judge: Judge, secs: float, *, to_the_end: bool = False
) -> None:
    deadline = world.now()
    for _ in range(round(secs / TICK_SECS)):
        loop.tick()
        if loop.failure is not None:
            return
        deadline += TICK_SECS
        world.wait_until(deadline)
        if judge.watch(world) is not Outcome.RUNNING and not to_the_end:
            return
