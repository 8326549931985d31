"""What an evaluation comes to: a row per task and axis, as a table and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from policy.evaluation.environment import Ending, Result
from policy.evaluation.interval import wilson
from policy.evaluation.ledger import result_to_json
from policy.evaluation.request import NO_AXIS

ALL = "all"


@dataclass(frozen=True, slots=True)
class Row:
    """How a task went on an axis. Shares are of all its episodes; intervals are Wilson's, 95 %."""

    task: str
    axis: str
    episodes: int
    successes: int
    success: float
    """By the environment's own criterion, of what was told."""
    interval95: tuple[float, float]
    strict_successes: int
    strict: float
    strict_interval95: tuple[float, float]
    wrong_object: float | None
    """None where the environment does not tell (`Environment.tells_wrong`)."""
    wrong_arm: float | None
    seconds: float | None
    """Median simulated time of the successes."""
    first_done: float | None = None
    """Of swapped starts: share in which what was not told was done."""
    first_done_interval95: tuple[float, float] | None = None

    @classmethod
    def of(
        cls, task: str, axis: str, results: Sequence[Result], *, tells_wrong: bool = True
    ) -> "Row":
        """Count."""
        count = len(results)
        won = [result.secs for result in results if result.success]
        strict = sum(result.strict for result in results)
        endings = [result.ending for result in results]
        firsts = [result.first_done for result in results if result.first_done is not None]
        return cls(
            *(task, axis, count),
            *(len(won), _share(len(won), count), wilson(len(won), count)),
            *(strict, _share(strict, count), wilson(strict, count)),
            _share(endings.count(Ending.WRONG_OBJECT), count) if tells_wrong else None,
            _share(endings.count(Ending.WRONG_ARM), count) if tells_wrong else None,
            round(median(won), 3) if won else None,
            _share(sum(firsts), len(firsts)) if firsts else None,
            wilson(sum(firsts), len(firsts)) if firsts else None,
        )


def _share(part: int, whole: int) -> float:
    return part / max(whole, 1)


def rows(results: Sequence[Result], *, tells_wrong: bool = True) -> list[Row]:
    """One row per axis and task, and for each axis one over its tasks, in order of appearance.

    `tells_wrong` is the environment's.
    """
    found: list[Row] = []
    for axis in dict.fromkeys(result.start.axis for result in results):
        own = [result for result in results if result.start.axis == axis]
        by_task: dict[str, list[Result]] = {}
        for result in own:
            by_task.setdefault(result.start.task, []).append(result)
        named = [*by_task.items(), *([(ALL, own)] if len(by_task) > 1 else [])]
        found += [
            Row.of(task, axis or NO_AXIS, these, tells_wrong=tells_wrong) for task, these in named
        ]
    return found


def table(found: Sequence[Row]) -> str:
    """The rows for a person to read."""
    swapped = any(row.first_done is not None for row in found)
    head = ["task", "axis", "told thing done" if swapped else "success", "95 %"]
    head += ["strict", "95 %", "wrong object", "wrong arm", "median s"]
    head += ["first thing done", "95 %"] if swapped else []
    lines = [head, *(_cells(row, swapped=swapped) for row in found)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(row: Row, *, swapped: bool) -> list[str]:
    cells = [
        *(row.task, row.axis),
        *(f"{row.successes} of {row.episodes}", _interval(row.interval95)),
        *(f"{row.strict_successes} of {row.episodes}", _interval(row.strict_interval95)),
        *(_percent(row.wrong_object), _percent(row.wrong_arm)),
        "-" if row.seconds is None else f"{row.seconds:.2f}",
    ]
    if swapped:
        cells.append(_percent(row.first_done))
        cells.append(_interval(row.first_done_interval95) if row.first_done_interval95 else "-")
    return cells


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _interval(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.1f} - {100 * interval[1]:.1f}"


def to_json(
    options: Mapping[str, Any], results: Sequence[Result], found: Sequence[Row], *, planned: int
) -> dict[str, Any]:
    """What was asked, the rows, every attempt. Holds no time of day and no speed."""
    return {
        "options": dict(options),
        "complete": len(results) == planned,
        "tasks": [asdict(row) for row in found],
        "episodes": [result_to_json(result) for result in results],
    }
