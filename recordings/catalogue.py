"""The index of episodes, jobs, checkpoints and commands. The folders are the truth; this finds."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar
from uuid import uuid4

from sqlalchemy import Select, case, delete, func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from recordings import layout
from recordings.command_log import keep_command, read_commands
from recordings.database import open_database
from recordings.dataset import Dataset, EpisodeSummary
from recordings.episode_notes import note_episodes, plain, require_name
from recordings.episode_search import EpisodeLine, Search, line_of
from recordings.history import version_of
from recordings.job_folder import REQUEST, JobFolder
from recordings.tables import Base, Checkpoint, Command, Episode, Job

logger = logging.getLogger(__name__)

DATASETS = "datasets"
JOBS = "jobs"
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
    from the folders, and the commands from commands.jsonl. `is_new` tells that it was empty.
    """

    def __init__(self, url: str, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self._engine, self.is_new = open_database(url)
        self._session = sessionmaker(self._engine, expire_on_commit=False)
        self._noting = Lock()

    @classmethod
    def in_folder(cls, data_dir: Path, url: str | None = None) -> "Catalogue":
        """Open the catalogue of `data_dir`, brought up to date with its folders.

        It is in the database at `url`, one for each data folder, or an SQLite file in `data_dir`.
        Raises `ValueError` when the database does not open.
        """
        data_dir.mkdir(parents=True, exist_ok=True)
        catalogue = cls(url or f"sqlite:///{data_dir.resolve() / DATABASE}", data_dir)
        for problem in catalogue.rebuild() if catalogue.is_new else catalogue.catch_up():
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

    def episodes(self, dataset: str) -> list[EpisodeLine]:
        """Return the episodes of a dataset, in order."""
        return self.search(Search(dataset))

    def search(self, search: Search) -> list[EpisodeLine]:
        """Return the episodes that are wanted. Raises `ValueError` when it is unclear which."""
        query = search.query(self._engine.dialect.name)
        with self._engine.connect() as connection:
            return [line_of(row) for row in connection.execute(query).all()]

    def note_dataset(self, folder: Path) -> None:
        """Bring the catalogue up to date with the dataset at `folder`; call after each save.

        Raises `ValueError` when `folder` is not a dataset that can be read, or its name too long.
        """
        require_name(folder.name)
        with self._noting:  # what was read last is written last
            with Dataset(folder) as dataset:
                summaries = dataset.episodes()
            try:
                self._note_episodes(folder.name, summaries)
            except IntegrityError:  # another program noted the same: what it left is looked at anew
                self._note_episodes(folder.name, summaries)

    def _note_episodes(self, dataset: str, episodes: list[EpisodeSummary]) -> None:
        with self._session.begin() as session:
            note_episodes(session, dataset, episodes)

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
        folder = folder.resolve()
        job_folder = JobFolder(folder)
        request, state = job_folder.request(), job_folder.state()
        with self._session.begin() as session:
            job = session.scalar(select(Job).where(Job.name == folder.name))
            if job is None:
                job = Job(
                    name=folder.name,
                    folder=str(folder),
                    dataset=str(request.get("dataset") or ""),
                    base=request.get("base"),
                    submitted_at=job_folder.submitted_at(),
                )
                session.add(job)
            job.folder = str(folder)
            job.status, job.step, job.steps = state.status, state.step, state.steps
            job.loss, job.error = state.loss, state.error
            job.samples_per_second = state.samples_per_second
            session.flush()
            _note_checkpoints(session, job.name, job_folder)
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
            session.execute(delete(Episode).where(Episode.dataset.not_in(map(plain, folders))))
        jobs = {request.parent.name: request.parent for request in self._requests()}
        for job in self.jobs():
            if job.name not in jobs:
                self.forget_job(job.name)
        known_jobs = {job.name: job.folder for job in self.jobs()}
        for name, folder in jobs.items():
            if known_jobs.get(name) != str(folder):
                problems += _try(self.note_job, folder)
        return problems

    def _note_if_new(self, folder: Path, num_known: int) -> None:
        edited = version_of(folder) is not None  # which may change words, and no number of anything
        if edited or layout.read_info(folder)["total_episodes"] != num_known:
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
        commands, unread = read_commands(self.data_dir)
        with self._session.begin() as session:
            session.add_all(commands)
        return problems + unread

    def _keep(self, command: Command) -> None:
        keep_command(self.data_dir, command)
        with self._session.begin() as session:
            session.add(command)

    def _all(self, query: Select[Row]) -> list[Row]:
        with self._session() as session:
            return list(session.scalars(query))


def _try(note: Callable[[Path], object], folder: Path) -> list[str]:
    try:
        note(folder)
    except (ValueError, LookupError, TypeError, AttributeError, OSError, SQLAlchemyError) as error:
        # whatever is odd about a folder of somebody else's, the others are still found
        logger.debug("%s cannot be read.", folder, exc_info=True)
        words = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        return [f"{folder.name}: {words}"]
    return []


def _note_checkpoints(session: Session, job: str, folder: JobFolder) -> None:
    found = {str(path): made_at for path, made_at in folder.checkpoint_times().items()}
    noted = {c.folder: c for c in session.scalars(select(Checkpoint).where(Checkpoint.job == job))}
    for path in noted.keys() - found.keys():
        session.delete(noted[path])
    for path, made_at in found.items():
        if path in noted:
            noted[path].made_at = made_at
        else:
            session.add(Checkpoint(folder=path, job=job, made_at=made_at))
