"""Watches an attempt tick by tick and says how it stands."""

from collections import deque

from hardware.simulation.tasks.task import Outcome, Task
from hardware.simulation.world import World

HELD_TICKS = 10
"""The last control ticks by which an attempt is judged."""

HELD_SHARE = 0.8
"""Share of them that must agree: the contact of a finger may flicker for one tick."""


class Judge:
    """What it sees must last for `HELD_TICKS` to count; the first thing that lasted is kept."""

    def __init__(self, task: Task, *, begun: bool = False) -> None:
        """With `begun`, what must have been so before `task` counts as done was seen already."""
        self._task = task
        self._begun = begun
        self._seen: deque[Outcome] = deque(maxlen=HELD_TICKS)
        self.outcome = Outcome.RUNNING
        """How the attempt stands."""

    def watch(self, world: World) -> Outcome:
        """Look at `world` after one control tick."""
        if self.outcome is Outcome.RUNNING:
            self._seen.append(self._look(world))
            for outcome in set(self._seen):
                if self._seen.count(outcome) >= HELD_SHARE * HELD_TICKS:
                    self.outcome = outcome
        return self.outcome

    def _look(self, world: World) -> Outcome:
        self._begun = self._begun or self._task.begun(world)
        if self._task.done(world):
            return Outcome.SUCCESS if self._begun else Outcome.WRONG_ARM
        return self._task.wrong(world) or Outcome.RUNNING
