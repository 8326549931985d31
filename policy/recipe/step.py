"""One command of a recipe: what it makes, what it needs, how far it is. Starts no process."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from policy.recipe.folders import Work


def nothing() -> None:
    """What most commands need prepared for them."""


@dataclass(frozen=True, slots=True)
class Step:
    """A command of this repository that goes on where it stopped when it is started again."""

    name: str
    module: str
    """As after `python -m`."""
    arguments: tuple[str, ...]
    """Those on which the result depends."""
    work: Callable[[], Work]
    """Looks at the disk and says how much of it is done."""
    made: str
    """Changes with whatever the result follows from, also in the steps that it needs."""
    needs: tuple[str, ...] = ()
    """Steps that must be complete before."""
    machine: tuple[str, ...] = ()
    """Further arguments, for this machine only: the result does not depend on them."""
    cores: int = 1
    """Taken while it runs, of the machine's."""
    gpu: bool = False
    """Whether it has the GPU for itself; a step that does not sees none."""
    hours: float = 0.0
    """Core-hours that it is expected to take, or of the GPU."""
    prepare: Callable[[], None] = field(default=nothing)
    """Writes what the command reads. Raises `ValueError` when the folder holds something else."""

    @property
    def command(self) -> tuple[str, ...]:
        """All of it, after the interpreter."""
        return ("-m", self.module, *self.arguments, *self.machine)


def made_of(what: Mapping[str, Any], needed: Sequence[Step]) -> str:
    """A name for a result: another whenever `what` it is made of, or that of a need, is another."""
    said = json.dumps([dict(what), [step.made for step in needed]], sort_keys=True, default=list)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is kept of a step in the recipe's folder."""

    path: Path

    def read(self) -> tuple[str, float]:
        """Of what it was begun, and the seconds it took so far; ("", 0) if never begun.

        Raises `ValueError` naming a torn file.
        """
        if not self.path.exists():
            return "", 0.0
        try:
            fields = json.loads(self.path.read_text())
            return str(fields["made"]), float(fields["seconds"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"Not the stamp of a step ({error!r}); remove it to run the step again: {self.path}"
            ) from error

    def write(self, step: Step, seconds: int | float) -> None:
        """Keep that `step` was begun, and for how long it has run."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fields = {"made": step.made, "seconds": round(seconds, 1), "command": step.command}
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(fields, indent=2) + "\n")
        partial.replace(self.path)
