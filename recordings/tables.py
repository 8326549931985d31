"""The tables of the catalogue. Rows are plain dataclasses; nothing here opens a database."""

from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column

from recordings.job_folder import JobStatus


class UtcTime(TypeDecorator[datetime]):
    """A moment, kept as UTC in databases that forget the zone and given back with it."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Store without the zone."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Load with the zone."""
        return None if value is None else value.replace(tzinfo=UTC)


class Words(TypeDecorator[tuple[str, ...]]):
    """Words as text, each between two line ends, so that every database finds a whole one."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, _dialect: Dialect) -> str | None:
        """Store as text."""
        return None if value is None else "".join(f"\n{word}" for word in value) + "\n"

    def process_result_value(self, value: str | None, _dialect: Dialect) -> tuple[str, ...] | None:
        """Load as words."""
        return None if value is None else words_in(value)


def words_in(text: str) -> tuple[str, ...]:
    """Return the words that are kept as `text`."""
    return tuple(text.split("\n")[1:-1])


class Base(MappedAsDataclass, DeclarativeBase):
    """Every table is a dataclass; words of no set length are text, which every database has."""

    type_annotation_map: ClassVar = {str: Text}


class Episode(Base):
    """One recorded demonstration."""

    __tablename__ = "episodes"
    __table_args__ = (UniqueConstraint("dataset", "index"),)

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    dataset: Mapped[str] = mapped_column(String(200), index=True)
    """Name of the dataset's folder."""
    index: Mapped[int]
    task: Mapped[str]
    num_frames: Mapped[int]
    secs: Mapped[float]
    verdict: Mapped[str | None] = mapped_column(String(16), default=None)
    """`good` or `poor`; None if another tool recorded it."""
    reason: Mapped[str] = mapped_column(default="")
    success: Mapped[str] = mapped_column(String(8), default="unknown")
    """`yes`, `no` or `unknown`."""
    tags: Mapped[tuple[str, ...]] = mapped_column(Words, default=())
    operator: Mapped[str] = mapped_column(default="")
    """Who recorded it; empty if nobody said."""
    policy: Mapped[str] = mapped_column(default="")
    """What drove, if a policy did; several with semicolons between."""
    figures: Mapped[dict[str, float]] = mapped_column(JSON, default_factory=dict)
    """The numbers of its quality card; of figures by camera, the worst."""


class Job(Base):
    """One fine-tune: a folder to run in and how far it has come."""

    __tablename__ = "jobs"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    """Of its folder; begins with a number, in the order of submission."""
    folder: Mapped[str]
    dataset: Mapped[str]
    """Path of the dataset; empty when it trains on none."""
    base: Mapped[str | None]
    """Path of the checkpoint that it starts from, or None to start from nothing."""
    submitted_at: Mapped[datetime] = mapped_column(UtcTime)
    status: Mapped[JobStatus] = mapped_column(
        Enum(
            JobStatus,
            native_enum=False,
            length=16,
            values_callable=lambda kinds: [kind.value for kind in kinds],
        ),
        default=JobStatus.QUEUED,
    )
    step: Mapped[int] = mapped_column(default=0)
    steps: Mapped[int] = mapped_column(default=0)
    """Of the whole job; 0 until known."""
    loss: Mapped[float | None] = mapped_column(default=None)
    samples_per_second: Mapped[float | None] = mapped_column(default=None)
    error: Mapped[str | None] = mapped_column(default=None)


class Checkpoint(Base):
    """What a job made."""

    __tablename__ = "checkpoints"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    folder: Mapped[str] = mapped_column(String(500), unique=True)
    job: Mapped[str] = mapped_column(ForeignKey("jobs.name"), index=True)
    made_at: Mapped[datetime] = mapped_column(UtcTime)


class Command(Base):
    """One typed instruction and what became of it."""

    __tablename__ = "commands"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    """Names the command in commands.jsonl, whatever database it is in."""
    said_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    who: Mapped[str]
    instruction: Mapped[str]
    policy: Mapped[str]
    dataset: Mapped[str | None] = mapped_column(default=None)
    """Name of the dataset with its clip, if it was recorded."""
    episode: Mapped[int | None] = mapped_column(default=None)
    """Index of the clip in that dataset."""
    outcome: Mapped[str | None] = mapped_column(String(16), default=None)
