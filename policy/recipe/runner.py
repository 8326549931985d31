"""Runs the steps of a recipe: as many side by side as the machine has room for."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from policy.recipe.machine import Machine
from policy.recipe.processes import Command
from policy.recipe.step import Stamp, Step

logger = logging.getLogger(__name__)

LOOK_SECS = 0.5
"""Between looks at the processes."""

SAY_SECS = 30.0
"""Between lines that say how far each is."""


class StepError(RuntimeError):
    """A command ended before its work was complete."""


@dataclass(frozen=True, slots=True)
class State:
    """How a step stands."""

    step: Step
    complete: bool
    seconds: float
    """Taken so far, over all runs."""


def state_of(step: Step, out: Path) -> State:
    """Look at the disk.

    Raises `ValueError` for a result of another recipe, or of other data than there is now.
    """
    made, seconds = stamp_of(step, out).read()
    if made and made != step.made:
        raise ValueError(
            f"Step {step.name!r} was begun by another recipe, or what it follows from was made "
            f"anew. Remove its result and {stamp_of(step, out).path}, or choose another OUT."
        )
    return State(step, made == step.made and step.work().complete, seconds)


def stamp_of(step: Step, out: Path) -> Stamp:
    """Where it is kept that the step was begun."""
    return Stamp(out / "steps" / f"{step.name}.json")


class Runner:
    """Starts steps in the order of the plan as soon as what they need is there and has room."""

    def __init__(self, steps: Sequence[Step], out: Path, machine: Machine) -> None:
        """Raises `ValueError` as `state_of` does."""
        self._out, self._machine = out, machine
        states = [state_of(step, out) for step in steps]
        self._complete = {state.step.name for state in states if state.complete}
        self._waiting = [state.step for state in states if not state.complete]
        self._before = {state.step.name: state.seconds for state in states}
        self._running: dict[str, tuple[Step, Command]] = {}

    def run(self) -> None:
        """Run until every step is complete.

        Raises `StepError` with the end of the log when a command fails. Whatever ends this early,
        the commands that run are interrupted first, and leave what they have for the next time.
        """
        said = time.monotonic()
        try:
            while self._waiting or self._running:
                self._start()
                time.sleep(LOOK_SECS)
                self._collect()
                if time.monotonic() - said > SAY_SECS:
                    said = time.monotonic()
                    self._say()
        finally:
            self._end()

    def _start(self) -> None:
        for step in list(self._waiting):
            if self._ready(step) and self._fits(step):
                self._waiting.remove(step)
                step.prepare()
                stamp_of(step, self._out).write(step, self._before[step.name])
                log = self._out / "logs" / f"{step.name}.txt"
                self._running[step.name] = (step, Command(step.command, log, gpu=step.gpu))
                logger.info("%s: python %s", step.name, " ".join(step.command))
        if self._waiting and not self._running:
            lacking = {step.name: set(step.needs) - self._complete for step in self._waiting}
            raise StepError(f"Nothing can be started; steps that are needed first: {lacking}")

    def _ready(self, step: Step) -> bool:
        return set(step.needs) <= self._complete

    def _fits(self, step: Step) -> bool:
        """Whether there is room beside what runs; a step alone always has."""
        running = [each for each, _ in self._running.values()]
        if step.gpu and any(each.gpu for each in running):
            return False
        others = [each for each in running if each.cores]
        taken = sum(each.cores for each in others)
        return not step.cores or not others or taken + step.cores <= self._machine.cores

    def _collect(self) -> None:
        for name, (step, command) in list(self._running.items()):
            if command.code is None:
                continue
            del self._running[name]
            self._keep(step, command)
            if command.code or not step.work().complete:
                raise StepError(
                    f"Step {name!r} ended with {command.code} after {step.work()}. The end of "
                    f"{command.log}:\n{command.last_words()}"
                )
            self._complete.add(name)
            logger.info("%s: done, %s in %s", name, step.work(), clock(command.seconds))

    def _keep(self, step: Step, command: Command) -> None:
        stamp_of(step, self._out).write(step, self._before[step.name] + command.seconds)

    def _say(self) -> None:
        for name, (step, command) in self._running.items():
            logger.info("%s: %s, %s", name, step.work(), clock(command.seconds))

    def _end(self) -> None:
        for _, command in self._running.values():
            command.interrupt()
        for step, command in self._running.values():
            command.stop()
            self._keep(step, command)
        self._running.clear()


def clock(seconds: int | float) -> str:
    """As 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
