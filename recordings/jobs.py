"""Fine-tune jobs, one at a time: each is a folder and a command that outlives the studio."""

import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import IO

import psutil

from recordings import layout
from recordings.catalogue import JOBS, Catalogue
from recordings.disk import write_json
from recordings.job_folder import ENDED, LOG, REQUEST, STATUS, JobFolder, JobStatus
from recordings.tables import Job

logger = logging.getLogger(__name__)

TRAIN = (sys.executable, "-m", "policy.train")
"""What runs a job; the job's folder is its last argument."""
ROOT = Path(__file__).parents[1]
NICENESS = 10
APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND
GRACE_SECS = 30.0
"""From the polite signal, at which the trainer keeps its last checkpoint, to the next."""
TERMINATE_SECS = 10.0
"""From the firm signal to the last."""
CLAIM_NUMBER = 3
"""File descriptor at which a trainer holds the claim on its job; it need not know."""


class JobQueue:
    """Submits jobs and runs them one after the other as processes of their own.

    What is true of a job is in its folder, so a new queue, after a restart of the studio, goes on
    where the last one was. Nothing happens by itself: call `refresh` about once a second. Safe to
    use from any thread.
    """

    def __init__(self, catalogue: Catalogue, *, command: Sequence[str] = TRAIN) -> None:
        self._catalogue = catalogue
        self._command = tuple(command)
        self._lock = threading.RLock()
        self._children: set[int] = set()
        self._asked: dict[str, float] = {}

    def submit(
        self, dataset: Path, base: Path | None = None, **options: str | int | float | None
    ) -> Job:
        """Queue a fine-tune of the checkpoint `base`, or of nothing, on `dataset`.

        `options` go into the request as they are: steps, batch_size, seed, stage, preset. Raises
        `ValueError` when `dataset` is not one or is empty, or `base` is not a checkpoint.
        """
        if layout.read_info(dataset)["total_episodes"] == 0:
            raise ValueError(f"This dataset has no episodes yet. Record some first: {dataset}")
        if base is not None and not (base / "config.json").exists():
            raise ValueError(f"Not a checkpoint (config.json is lacking): {base}")
        request = {
            "dataset": str(dataset.resolve()),
            "base": str(base.resolve()) if base else None,
            **options,
        }
        with self._lock:
            folder = self._new_folder(dataset.name)
            write_json(folder / REQUEST, request)
            return self._catalogue.note_job(folder)

    def start(self) -> Job | None:
        """Start the oldest queued job, unless one is running; return it, or None.

        Another studio on the same folder may start it instead. Raises `OSError` when the trainer
        cannot be started.
        """
        with self._lock:
            jobs = self._catalogue.jobs()
            if any(job.status is JobStatus.RUNNING for job in jobs):
                return None
            queued = [job for job in jobs if job.status is JobStatus.QUEUED]
            if not queued:
                return None
            folder = JobFolder(Path(queued[0].folder))
            with folder.claim() or nullcontext() as claim:
                if claim is not None and folder.state().status is JobStatus.QUEUED:
                    self._launch(folder, claim)
            return self._catalogue.note_job(folder.path)

    def refresh(self) -> list[Job]:
        """Find out what is true, press on with cancellations, start what is next.

        Returns every job, oldest first.
        """
        with self._lock:
            self._bury()
            for job in self._catalogue.jobs():
                if not (Path(job.folder) / REQUEST).exists():
                    self._catalogue.forget_job(job.name)
                elif job.status not in ENDED:
                    self._press_on(job)
                    self._catalogue.note_job(Path(job.folder))
            self.start()
            return self._catalogue.jobs()

    def cancel(self, name: str) -> Job:
        """Ask a job to end; a running one first gets to keep its last checkpoint.

        Raises `ValueError` when there is no such job or it has ended.
        """
        with self._lock:
            job = self._catalogue.job(name)
            if job.status in ENDED:
                raise ValueError(f"Job {name!r} has ended already: {job.status}.")
            folder = JobFolder(Path(job.folder))
            folder.ask_to_cancel()
            if folder.process() is None and folder.state().status is JobStatus.CANCELLED:
                write_json(
                    folder.path / STATUS,
                    {"status": "cancelled", "step": 0, "error": None, "checkpoint": None},
                )
            self._press_on(job)
            return self._catalogue.note_job(folder.path)

    def folder(self, name: str) -> JobFolder:
        """Return a job's folder, for its metrics and log."""
        return JobFolder(Path(self._catalogue.job(name).folder))

    def _new_folder(self, dataset: str) -> Path:
        parent = self._catalogue.data_dir / JOBS
        parent.mkdir(parents=True, exist_ok=True)
        numbers = [
            int(path.name.partition("-")[0])
            for path in parent.iterdir()
            if path.name.partition("-")[0].isdigit()
        ]
        folder = parent / f"{max(numbers, default=0) + 1:04d}-{dataset}"
        folder.mkdir()
        return folder

    def _launch(self, folder: JobFolder, claim: IO[str]) -> None:
        """Start the trainer; it inherits `claim` and keeps it for as long as it lives."""
        nice = shutil.which("nice")
        prefix = [nice, "-n", str(NICENESS)] if nice else []
        threads = str(max(1, (os.cpu_count() or 1) // 2))
        environment = {"OMP_NUM_THREADS": threads, "PYTHONUNBUFFERED": "1"} | dict(os.environ)
        paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
        arguments = [*prefix, *self._command, str(folder.path.resolve())]
        child = os.posix_spawn(
            arguments[0],
            arguments,
            environment | {"PYTHONPATH": os.pathsep.join(paths)},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, claim.fileno(), CLAIM_NUMBER),
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(folder.path / LOG), APPENDING, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigdef=[signal.SIGINT, signal.SIGTERM],
        )
        self._children.add(child)
        try:
            folder.note_process(child)
        except (OSError, psutil.Error) as error:
            os.killpg(child, signal.SIGKILL)
            folder.note_failure(f"The trainer was ended: its process could not be noted ({error}).")
            return
        logger.info("Job %s runs as process %d.", folder.path.name, child)

    def _bury(self) -> None:
        """Let go of children that have ended, which otherwise stay as zombies."""
        for child in tuple(self._children):
            if os.waitpid(child, os.WNOHANG) != (0, 0):
                self._children.remove(child)

    def _press_on(self, job: Job) -> None:
        """Signal a job that was asked to end, more firmly as time passes."""
        folder = JobFolder(Path(job.folder))
        process = folder.process()
        if process is None or not folder.cancel_asked:
            return
        now = time.monotonic()
        if job.name not in self._asked:
            self._asked[job.name] = now
            _send(process, signal.SIGINT)
        elif now > self._asked[job.name] + GRACE_SECS + TERMINATE_SECS:
            _send(process, signal.SIGKILL)
        elif now > self._asked[job.name] + GRACE_SECS:
            _send(process, signal.SIGTERM)


def _send(process: psutil.Process, signal_number: signal.Signals) -> None:
    try:
        process.send_signal(signal_number)
    except psutil.NoSuchProcess:
        logger.info("Process %d had ended already.", process.pid)
