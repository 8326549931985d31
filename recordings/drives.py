"""Who drove in an episode, and what a policy planned then. Ours, beside LeRobot's rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float32

from recordings.disk import append_line, replaced
from recordings.episode_lines import read_episode_lines

DRIVES = Path("meta/drives.jsonl")
"""One line per episode that says it; of two for the same episode the last counts."""
PLANS = Path("meta/plans")
"""A file per episode in which a policy planned, named by nothing that an edit changes."""


LONGEST_NAME = 80
"""Letters of an operator's name."""


@dataclass(frozen=True, slots=True)
class Span:
    """Someone drove from a moment on, until the next span or the end."""

    from_secs: float
    """On the clock of the column `time`."""
    driver: str
    """`nobody`, `policy`, `person` or `replay`."""
    words: str = ""
    """What a policy was told."""
    policy: str = ""
    """Which one it was: a checkpoint's name, of a job's also the job's."""

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Span":
        """Rebuild from the fields as JSON. Raises `TypeError` when they are not those of a span."""
        span = cls(**fields)
        number = isinstance(span.from_secs, int | float) and not isinstance(span.from_secs, bool)
        words = (span.driver, span.words, span.policy)
        if not number or not all(isinstance(each, str) for each in words):
            raise TypeError(f"expected a number and words, got {str(fields)[:200]}")
        return span


@dataclass(frozen=True, slots=True)
class Plan:
    """One chunk of actions, as the policy planned it."""

    observed_secs: float
    """When row 0 is due, on the clock of the column `time`: the observation planned from."""
    taken_secs: float
    """When the chunk came into play."""
    hz: float
    """Rows per second."""
    actions: Float32[np.ndarray, "horizon joints"]


@dataclass(frozen=True, slots=True)
class DriveRecord:
    """What is kept of one episode."""

    spans: tuple[Span, ...]
    plans: str = ""
    """Name of its file in `PLANS`; empty when no policy planned."""
    begins_secs: float = 0.0
    """Where the episode begins on the clock of what is kept; more than 0 once its head was cut."""
    operator: str = ""
    """Who recorded it, by the name that they gave; empty if none."""

    @property
    def policies(self) -> tuple[str, ...]:
        """Return the policies that drove, each once."""
        return tuple(dict.fromkeys(span.policy for span in self.spans if span.policy))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "DriveRecord":
        """Rebuild from `to_json`. Raises `ValueError` when it is none."""
        try:
            spans = tuple(Span.from_json(span) for span in fields["spans"])
            plans = str(fields["plans"])
            if Path(plans).name != plans:
                raise ValueError(f"Expected the name of a file of plans, got {plans!r}.")
            operator = fields.get("operator", "")  # older ones do not say
            if not isinstance(operator, str) or operator != name_as_kept(operator):
                raise ValueError(
                    f"Expected the operator's name in one line of at most {LONGEST_NAME} letters, "
                    f"got {str(operator)[:100]!r}."
                )
            return cls(spans, plans, float(fields["begins_secs"]), operator)
        except (TypeError, KeyError) as error:
            raise ValueError(f"Not a record of who drove: {error}.") from error

    def from_row(self, secs: float) -> "DriveRecord":
        """Return what is kept of the part that begins `secs` after the episode did."""
        return replace(self, begins_secs=self.begins_secs + secs)

    def spans_shown(self, secs: float) -> tuple[Span, ...]:
        """Return who drove in an episode of `secs`, on its own clock, from its first row on."""
        shifted = [
            replace(each, from_secs=each.from_secs - self.begins_secs) for each in self.spans
        ]
        before = [each for each in shifted if each.from_secs <= 0]
        first = [replace(before[-1], from_secs=0.0)] if before else []
        return (*first, *(each for each in shifted if 0 < each.from_secs < secs))


UNKNOWN = DriveRecord(())
"""Nothing was kept."""


def read_drives(folder: Path) -> dict[int, DriveRecord]:
    """Return what is kept of each episode of the dataset at `folder`, if anything is."""
    path, lines = folder / DRIVES, read_episode_lines(folder / DRIVES)
    try:
        return {index: DriveRecord.from_json(line) for index, line in lines.items()}
    except ValueError as error:
        raise ValueError(f"{error} Correct or delete the line. File: {path}") from error


def name_as_kept(name: str) -> str:
    """Return a person's `name` in one line of Unicode, of at most `LONGEST_NAME` letters."""
    whole = name.replace("\0", " ").encode(errors="replace").decode()
    return " ".join(whole.split())[:LONGEST_NAME].strip()


def keep_drives(
    folder: Path,
    episode: int,
    spans: Sequence[Span],
    plans: Sequence[Plan],
    operator: str = "",
) -> DriveRecord:
    """Keep who drove in a saved episode, and who recorded it; on the disk when this returns."""
    name = ""
    if plans:
        name = f"{uuid4().hex}.parquet"
        _write_plans(folder / PLANS / name, plans)
    record = DriveRecord(tuple(spans), name, operator=name_as_kept(operator))
    append_line(folder / DRIVES, {"episode_index": episode} | record.to_json())
    return record


def read_plans(folder: Path, record: DriveRecord, secs: float) -> list[Plan]:
    """Return the plans that were in play in an episode of `secs`, on its own clock.

    Raises `ValueError` when the file is lacking or cannot be read.
    """
    if not record.plans:
        return []
    path = folder / PLANS / record.plans
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"The plans of this episode cannot be read: {error} File: {path}") from (
            error
        )
    plans = [_plan(row, record.begins_secs) for row in table.to_pylist()]
    return list(_in_play(plans, secs))


def _in_play(plans: list[Plan], secs: float) -> Iterable[Plan]:
    for number, plan in enumerate(plans):
        following = plans[number + 1].taken_secs if number + 1 < len(plans) else np.inf
        ends = plan.observed_secs + (len(plan.actions) - 1) / plan.hz
        if plan.taken_secs < secs and min(following, ends) > 0:
            yield plan


def _plan(row: Mapping[str, Any], begins_secs: float) -> Plan:
    actions = np.asarray(row["actions"], np.float32).reshape(row["horizon"], -1)
    observed, taken = row["observed_secs"] - begins_secs, row["taken_secs"] - begins_secs
    return Plan(observed, taken, row["hz"], actions)


def _write_plans(path: Path, plans: Sequence[Plan]) -> None:
    rows = [
        {
            "observed_secs": plan.observed_secs,
            "taken_secs": plan.taken_secs,
            "hz": plan.hz,
            "horizon": len(plan.actions),
            "actions": plan.actions.ravel(),
        }
        for plan in plans
    ]
    kinds = [(name, pa.float64()) for name in ("observed_secs", "taken_secs", "hz")]
    schema = pa.schema([*kinds, ("horizon", pa.int32()), ("actions", pa.list_(pa.float32()))])
    with replaced(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema), temporary)
