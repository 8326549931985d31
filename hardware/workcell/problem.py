"""One thing that keeps a workcell from working, and what to do about it. Finds none."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong where, in sentences."""

    where: str
    """The arm, camera, port or table of the file."""
    what: str
    fix: str = ""
    """What a person does about it; empty where `what` says it already."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"\n   Fix: {self.fix}" if self.fix else "")


def numbered(problems: Sequence[Problem]) -> str:
    """All problems as text, one paragraph each."""
    return "\n".join(f"{number}. {problem}" for number, problem in enumerate(problems, 1))


class WorkcellError(ValueError):
    """A workcell file or its devices are not fit to be used. `problems` are all there are."""

    def __init__(self, title: str, problems: Sequence[Problem]) -> None:
        super().__init__(f"{title}\n{numbered(problems)}")
        self.problems = tuple(problems)
