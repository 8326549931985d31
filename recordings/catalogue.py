"""The index of episodes, jobs, checkpoints and commands. The folders are the truth; this finds."""

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from alembic import command as alembic
from alembic.config import Config
from sqlalchemy import Engine, Select, case, create_engine, delete, event, func, select
from sqlalchemy.orm import sessionmaker

from recordings import layout
from recordings.dataset import Dataset
from recordings.disk import append_line, read_lines
from recordings.job_folder import REQUEST, JobFolder
from recordings.tables import Base, Checkpoint, Command, Episode, Job

logger = logging.getLogger(__name__)

DATASETS = "datasets"
JOBS = "jobs"
COMMANDS = "commands.jsonl"
DATABASE = "catalogue.db"

Row = TypeVar("Row", bound=Base)


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """One dataset as the catalogue knows it."""

    name: str
    num_episodes: int
    num_frames: int
    secs: float
    num_poor: int
    tasks: tuple[str, ...]


class Catalogue:
    """Finds what lies in a data folder: datasets/NAME, jobs/NAME, and the commands given.

    Safe to use from any thread. The database can be deleted at any time: `rebuild` makes it again
    from the folders, and the commands from commands.jsonl.
    """

    def __init__(self, url: str, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._engine = create_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _set_up_sqlite)
        self._session = sessionmaker(self._engine, expire_on_commit=False)
        _upgrade(self._engine)

    @classmethod
    def in_folder(cls, data_dir: Path) -> "Catalogue":
        """Open the SQLite catalogue of `data_dir`, brought up to date with its folders."""
        data_dir.mkdir(parents=True, exist_ok=True)
        path = data_dir / DATABASE
        is_new = not path.exists()
        catalogue = cls(f"sqlite:///{path}", data_dir)
        for problem in catalogue.rebuild() if is_new else catalogue.catch_up():
            logger.warning("Not in the catalogue: %s", problem)
        return catalogue

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def dataset_folder(self, name: str) -> Path:
        """Return where the dataset `name` is or would be. Raises `ValueError` for a bad name."""
        if not name or name in (".", "..") or "/" in name or "\\" in name or name.startswith("."):
            raise ValueError(f"Expected a folder name such as 'red-cubes', got {name!r}.")
        return self.data_dir / DATASETS / name

    def datasets(self) -> list[DatasetSummary]:
        """Return every dataset with at least one episode, by name."""
        sums = select(
            Episode.dataset,
            func.count(),
            func.sum(Episode.num_frames),
            func.sum(Episode.secs),
            func.sum(case((Episode.verdict == "poor", 1), else_=0)),
        )
        with self._session() as session:
            rows = session.execute(sums.group_by(Episode.dataset).order_by(Episode.dataset)).all()
            pairs = session.execute(
                select(Episode.dataset, Episode.task).distinct().order_by(Episode.task)
            ).all()
        return [
            DatasetSummary(
                name, episodes, frames, secs, poor, tuple(t for owner, t in pairs if owner == name)
            )
            for name, episodes, frames, secs, poor in rows
        ]

    def episodes(self, dataset: str) -> list[Episode]:
        """Return the episodes of a dataset, in order."""
        return self._all(select(Episode).where(Episode.dataset == dataset).order_by(Episode.index))

    def note_dataset(self, folder: Path) -> None:
        """Bring the catalogue up to date with the dataset at `folder`; call after each save.

        Raises `ValueError` when `folder` is not a dataset that can be read.
        """
        with Dataset(folder) as dataset:
            summaries = dataset.episodes()
        with self._session.begin() as session:
            session.execute(delete(Episode).where(Episode.dataset == folder.name))
            session.add_all(
                Episode(
                    dataset=folder.name,
                    index=episode.index,
                    task=episode.task,
                    num_frames=episode.num_frames,
                    secs=episode.secs,
                    verdict=episode.quality.verdict if episode.quality else None,
                    reason=episode.quality.reason if episode.quality else "",
                )
                for episode in summaries
            )

    def jobs(self) -> list[Job]:
        """Return every job, oldest first, as last noted; `JobQueue.refresh` notes them."""
        return self._all(select(Job).order_by(Job.name))

    def job(self, name: str) -> Job:
        """Return one job as last noted. Raises `ValueError` when there is none of that name."""
        found = self._all(select(Job).where(Job.name == name))
        if not found:
            raise ValueError(f"There is no job {name!r}. Jobs: {[job.name for job in self.jobs()]}")
        return found[0]

    def note_job(self, folder: Path) -> Job:
        """Bring the catalogue up to date with the job at `folder`, and what it made."""
        job_folder = JobFolder(folder)
        request, state = job_folder.request(), job_folder.state()
        with self._session.begin() as session:
            job = session.scalar(select(Job).where(Job.name == folder.name))
            if job is None:
                job = Job(
                    name=folder.name,
                    folder=str(folder),
                    dataset=str(request["dataset"]),
                    base=request.get("base"),
                    submitted_at=job_folder.submitted_at(),
                )
                session.add(job)
            job.status, job.step, job.steps = state.status, state.step, state.steps
            job.loss, job.error = state.loss, state.error
            job.samples_per_second = state.samples_per_second
            session.flush()
            known = set(session.scalars(select(Checkpoint.folder)))
            for path in job_folder.checkpoints():
                if str(path) not in known:
                    made_at = datetime.fromtimestamp((path / "config.json").stat().st_mtime, UTC)
                    session.add(Checkpoint(folder=str(path), job=job.name, made_at=made_at))
        return job

    def checkpoints(self) -> list[Checkpoint]:
        """Return every checkpoint that still exists, newest first."""
        noted = self._all(
            select(Checkpoint).order_by(Checkpoint.made_at.desc(), Checkpoint.id.desc())
        )
        return [checkpoint for checkpoint in noted if Path(checkpoint.folder).is_dir()]

    def add_command(
        self,
        instruction: str,
        *,
        who: str,
        policy: str,
        outcome: str | None = None,
        said_at: datetime | None = None,
    ) -> Command:
        """Keep a typed instruction, in the database and in commands.jsonl."""
        command = Command(
            key=uuid4().hex,
            said_at=said_at or datetime.now(UTC),
            who=who,
            instruction=instruction,
            policy=policy,
            outcome=outcome,
        )
        self._keep(command)
        return command

    def end_command(
        self, key: str, *, outcome: str, clip: tuple[str, int] | None = None
    ) -> Command:
        """Keep what became of a command; `clip` is its recording: dataset name, episode index."""
        with self._session() as session:
            command = session.scalar(select(Command).where(Command.key == key))
        if command is None:
            raise ValueError(f"There is no command with the key {key!r}.")
        command.outcome = outcome
        if clip is not None:
            command.dataset, command.episode = clip
        self._keep(command)
        return command

    def commands(self, limit: int = 100) -> list[Command]:
        """Return the newest commands, newest first."""
        newest = select(Command).order_by(Command.said_at.desc(), Command.id.desc()).limit(limit)
        return self._all(newest)

    def forget_job(self, name: str) -> None:
        """Leave out a job whose folder is gone, and its checkpoints."""
        with self._session.begin() as session:
            session.execute(delete(Checkpoint).where(Checkpoint.job == name))
            session.execute(delete(Job).where(Job.name == name))

    def catch_up(self) -> list[str]:
        """Note what other programs made or deleted; return what could not be read, in words."""
        folders = {info.parents[1].name: info.parents[1] for info in self._infos()}
        known = {dataset.name: dataset.num_episodes for dataset in self.datasets()}
        problems = []
        for name, folder in folders.items():
            problems += _try(partial(self._note_if_new, num_known=known.get(name, 0)), folder)
        with self._session.begin() as session:
            session.execute(delete(Episode).where(Episode.dataset.not_in(folders)))
        jobs = {request.parent.name: request.parent for request in self._requests()}
        for job in self.jobs():
            if job.name not in jobs:
                self.forget_job(job.name)
        for name in sorted(jobs.keys() - {job.name for job in self.jobs()}):
            problems += _try(self.note_job, jobs[name])
        return problems

    def _note_if_new(self, folder: Path, num_known: int) -> None:
        if layout.read_info(folder)["total_episodes"] != num_known:
            self.note_dataset(folder)

    def _infos(self) -> list[Path]:
        return sorted((self.data_dir / DATASETS).glob(f"*/{layout.INFO}"))

    def _requests(self) -> list[Path]:
        return sorted((self.data_dir / JOBS).glob(f"*/{REQUEST}"))

    def rebuild(self) -> list[str]:
        """Fill the catalogue anew from the data folder; return what could not be read, in words."""
        with self._session.begin() as session:
            for table in (Episode, Checkpoint, Job, Command):
                session.execute(delete(table))
        problems = []
        for info in self._infos():
            problems += _try(self.note_dataset, info.parents[1])
        for request in self._requests():
            problems += _try(self.note_job, request.parent)
        newest = {line["key"]: line for line in read_lines(self.data_dir / COMMANDS)}
        with self._session.begin() as session:
            for line in newest.values():
                fields = dict(line) | {"said_at": datetime.fromisoformat(line["said_at"])}
                session.add(Command(**fields))
        return problems

    def _keep(self, command: Command) -> None:
        fields = {
            column.key: getattr(command, column.key)
            for column in Command.__table__.columns
            if column.key != "id"
        }
        line = fields | {"said_at": command.said_at.isoformat()}
        append_line(self.data_dir / COMMANDS, line)
        with self._session.begin() as session:
            session.add(command)

    def _all(self, query: Select[Row]) -> list[Row]:
        with self._session() as session:
            return list(session.scalars(query))


def _try(note: Callable[[Path], object], folder: Path) -> list[str]:
    try:
        note(folder)
    except ValueError as error:
        return [f"{folder.name}: {error}"]
    return []


def _upgrade(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.upgrade(config, "head")


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    for setting in ("journal_mode=WAL", "busy_timeout=5000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")
