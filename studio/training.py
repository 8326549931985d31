"""Fine-tunes as the page shows them: what there is to train on, and how each job comes along."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from recordings.catalogue import Catalogue
from recordings.job_folder import ENDED, LOG
from recordings.jobs import JobQueue
from recordings.tables import Job
from studio.episodes import in_words
from studio.notices import EXPECTED, Notices
from studio.policy_host import name_of

REFRESH_SECS = 1.0

SHOWN_JOBS = 6

CURVE_POINTS = 160

LOG_BYTES, LOG_LINES = 8192, 16

SHIPPED = Path(__file__).parents[1] / "policy" / "pretrained" / "nano"


class Training:
    """Keeps the queue of jobs moving, in a thread of its own, and tells how they are."""

    def __init__(self, catalogue: Catalogue, queue: JobQueue, notices: Notices) -> None:
        self._catalogue = catalogue
        self._queue = queue
        self._notices = notices
        self._end = threading.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="training")
        self._jobs: list[Job] = []

    def __enter__(self) -> "Training":
        self._notices.watch(self._thread.submit(self._refresh_forever), "Fine-tunes")
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end.set()
        self._thread.shutdown(wait=True)  # jobs themselves go on

    def datasets(self) -> list[tuple[str, str]]:
        """Return what can be trained on: words for a person, and the dataset's name."""
        return [(in_words(each), each.name) for each in self._catalogue.datasets()]

    def bases(self) -> list[tuple[str, str]]:
        """Return what can be trained from: words for a person, and the checkpoint's folder."""
        shipped = [("nano, as shipped", str(SHIPPED))] if SHIPPED.is_dir() else []
        made = [(name_of(each.folder), each.folder) for each in self._catalogue.checkpoints()]
        return [*shipped, *made, ("random weights", "")]

    def start(self, dataset: str, base: str, steps: int) -> str:
        """Submit a fine-tune; return words for the operator.

        Raises `ValueError` when the dataset is no good.
        """
        if not dataset:
            raise ValueError("Choose a dataset to train on. Record one in the Drive tab first.")
        job = self._queue.submit(
            self._catalogue.dataset_folder(dataset),
            Path(base) if base else None,
            steps=int(steps),
            freeze_backbone=bool(base),
            save_every=max(1, int(steps) // 4),
        )
        return f"Fine-tune {job.name} is queued."

    def cancel(self, name: str) -> str:
        """Ask a job to end; return words for the operator."""
        self._queue.cancel(name)
        return f"Fine-tune {name} is being cancelled; its last checkpoint is kept."

    def jobs(self) -> list[dict[str, Any]]:
        """Return the newest jobs, newest first, JSON-ready; the first has its curve and log."""
        newest = list(reversed(self._jobs))[:SHOWN_JOBS]
        return [self._describe(job, detailed=job is newest[0]) for job in newest]

    def _describe(self, job: Job, *, detailed: bool) -> dict[str, Any]:
        folder = self._queue.folder(job.name)
        made = folder.checkpoints()
        return {
            "name": job.name,
            "status": job.status.value,
            "ended": job.status in ENDED,
            "step": job.step,
            "steps": job.steps,
            "loss": job.loss,
            "rate": job.samples_per_second,
            "error": job.error,
            "dataset": Path(job.dataset).name,
            "base": name_of(job.base) if job.base else "random weights",
            "checkpoint": str(made[-1]) if made else None,
            "curve": _thinned(folder.metrics()) if detailed else [],
            "log": _log_end(folder.path / LOG) if detailed else "",
        }

    def _refresh_forever(self) -> None:
        known = {job.name: job.status for job in self._queue.refresh()}
        while not self._end.wait(REFRESH_SECS):
            try:
                self._jobs = self._queue.refresh()
            except EXPECTED as error:
                self._notices.error(f"Fine-tunes: {error}")
                self._end.wait(10 * REFRESH_SECS)
                continue
            for job in self._jobs:
                if job.status in ENDED and known.get(job.name) not in (*ENDED, None):
                    self._tell(job)
                known[job.name] = job.status

    def _tell(self, job: Job) -> None:
        words = f"Fine-tune {job.name} {job.status.value}."
        if job.error:
            self._notices.error(f"{words} {job.error}")
        else:
            self._notices.add(words)


def _log_end(path: Path) -> str:
    """Return the last lines as a terminal would show them: of a progress bar, its last state."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - LOG_BYTES))
        lines = log.read().decode(errors="replace").split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines[-LOG_LINES:])


def _thinned(metrics: list[dict[str, Any]]) -> list[tuple[int, float]]:
    """Return (step, loss) of about `CURVE_POINTS` lines, each the mean of those it stands for."""
    kept = [line for line in metrics if line.get("loss") is not None]
    every = max(1, -(-len(kept) // CURVE_POINTS))
    groups = [kept[start : start + every] for start in range(0, len(kept), every)]
    return [
        (int(group[-1]["step"]), sum(line["loss"] for line in group) / len(group))
        for group in groups
    ]
