import json
import shutil
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from recordings import jobs
from recordings.catalogue import Catalogue
from recordings.job_folder import ENDED, JobStatus
from recordings.jobs import JobQueue

TRAINER = (sys.executable, str(Path(__file__).parent / "tiny_trainer.py"))


@pytest.fixture
def catalogue(tmp_path):
    catalogue = Catalogue.in_folder(tmp_path / "data")
    yield catalogue
    catalogue.close()


@pytest.fixture
def queue(catalogue):
    queue = JobQueue(catalogue, command=TRAINER)
    yield queue
    for job in queue.refresh():
        process = queue.folder(job.name).process()
        if process is not None:
            process.kill()
    until(lambda: not any(queue.folder(job.name).process() for job in queue.refresh()))


@pytest.fixture
def dataset(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "cubes", fps=25)
    bench.record(ticks=10)
    return tmp_path / "cubes"


def until(condition, secs=90.0):
    deadline = time.monotonic() + secs
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def status(queue, name):
    return {job.name: job for job in queue.refresh()}[name].status


def test_a_job_runs_in_its_folder_to_its_end(queue, catalogue, dataset):
    job = queue.submit(dataset, steps=5, seed=1)
    assert job.status is JobStatus.QUEUED
    assert json.loads((Path(job.folder) / "request.json").read_text()) == {
        "dataset": str(dataset),
        "base": None,
        "steps": 5,
        "seed": 1,
    }

    until(lambda: status(queue, job.name) in ENDED)

    ended = catalogue.job(job.name)
    assert (ended.status, ended.step, ended.steps, ended.loss) == (JobStatus.SUCCEEDED, 5, 5, 0.2)
    assert [Path(c.folder).name for c in catalogue.checkpoints()] == ["000005"]
    assert "hello from the trainer" in queue.folder(job.name).log_tail()
    assert [line["step"] for line in queue.folder(job.name).metrics()] == [1, 2, 3, 4, 5]


def test_jobs_run_one_at_a_time_in_the_order_given(queue, dataset):
    names = [queue.submit(dataset, steps=20).name for _ in range(2)]

    until(lambda: status(queue, names[0]) is JobStatus.RUNNING)
    assert status(queue, names[1]) is JobStatus.QUEUED
    until(lambda: status(queue, names[1]) in ENDED)
    assert [job.status for job in queue.refresh()] == [JobStatus.SUCCEEDED] * 2


def test_a_job_survives_the_studio_and_is_found_again(queue, tmp_path, dataset):
    name = queue.submit(dataset, steps=60).name
    queue.refresh()
    for path in (tmp_path / "data").glob("catalogue.db*"):
        path.unlink()

    catalogue = Catalogue.in_folder(tmp_path / "data")
    later = JobQueue(catalogue, command=TRAINER)
    assert status(later, name) is JobStatus.RUNNING
    assert later.folder(name).process().nice() >= jobs.NICENESS
    until(lambda: status(later, name) is JobStatus.SUCCEEDED)
    catalogue.close()


def test_cancelling_lets_the_trainer_keep_its_last_checkpoint(queue, catalogue, dataset):
    name = queue.submit(dataset, steps=1000).name
    until(lambda: queue.refresh()[0].step > 2)

    queue.cancel(name)

    until(lambda: status(queue, name) is JobStatus.CANCELLED)
    assert len(catalogue.checkpoints()) == 1
    with pytest.raises(ValueError, match="has ended already: cancelled"):
        queue.cancel(name)


def test_a_trainer_that_does_not_listen_is_ended_firmly(queue, dataset, monkeypatch):
    monkeypatch.setattr(jobs, "GRACE_SECS", 0.2)
    name = queue.submit(dataset, steps=1000, manner="deaf").name
    until(lambda: queue.refresh()[0].step > 2)

    queue.cancel(name)
    assert status(queue, name) is JobStatus.RUNNING
    until(lambda: status(queue, name) is JobStatus.CANCELLED)


def test_a_queued_job_is_cancelled_without_ever_running(queue, dataset):
    running, waiting = (queue.submit(dataset, steps=1000).name for _ in range(2))
    queue.refresh()

    assert queue.cancel(waiting).status is JobStatus.CANCELLED
    queue.cancel(running)
    until(lambda: status(queue, running) is JobStatus.CANCELLED)
    assert not (queue.folder(waiting).path / "log.txt").exists()


def test_a_crash_is_told_with_the_end_of_the_log(queue, dataset):
    name = queue.submit(dataset, steps=5, manner="crash").name
    until(lambda: status(queue, name) is JobStatus.FAILED)

    assert "no such optimiser" in queue.refresh()[0].error


def test_a_killed_trainer_is_a_failed_job(queue, dataset):
    name = queue.submit(dataset, steps=1000).name
    until(lambda: queue.refresh()[0].step > 2)

    queue.folder(name).process().send_signal(signal.SIGKILL)

    until(lambda: status(queue, name) is JobStatus.FAILED)
    assert "killed, or out of memory" in queue.refresh()[0].error


def test_another_process_with_the_same_number_is_not_the_trainer(queue, dataset):
    job = queue.submit(dataset, steps=5)
    process = psutil.Process()
    noted = {"pid": process.pid, "started": process.create_time() - 100}
    (Path(job.folder) / "process.json").write_text(json.dumps(noted))

    assert queue.folder(job.name).process() is None
    assert status(queue, job.name) is JobStatus.FAILED


def test_a_trainer_that_cannot_be_noted_is_ended_and_not_started_again(queue, dataset):
    job = queue.submit(dataset, steps=1000)
    (Path(job.folder) / ".process.json.part").mkdir()  # stands for a disk that refuses the file

    assert status(queue, job.name) is JobStatus.FAILED
    assert "could not be noted" in queue.refresh()[0].error
    until(lambda: queue.refresh() and not queue._children)
    assert not (Path(job.folder) / "metrics.jsonl").exists()


def test_two_studios_on_one_folder_start_a_job_once(queue, tmp_path, dataset):
    job = queue.submit(dataset, steps=30)
    catalogue = Catalogue.in_folder(tmp_path / "data", f"sqlite:///{tmp_path / 'other.db'}")
    other = JobQueue(catalogue, command=TRAINER)
    with queue.folder(job.name).claim():  # one is about to start it
        assert other.start().status is JobStatus.QUEUED

    assert queue.start().status is JobStatus.RUNNING
    assert queue.folder(job.name).claim() is None
    assert other.start().status is JobStatus.RUNNING
    assert other._children == set()
    until(lambda: status(queue, job.name) is JobStatus.SUCCEEDED)
    assert queue.folder(job.name).log_tail().count("hello from the trainer") == 1
    catalogue.close()


def test_a_job_whose_folder_was_deleted_is_forgotten(queue, dataset):
    first, second = (queue.submit(dataset, steps=3) for _ in range(2))
    shutil.rmtree(first.folder)

    until(lambda: [job.status for job in queue.refresh()] == [JobStatus.SUCCEEDED])
    assert queue.refresh()[0].name == second.name


def test_what_cannot_be_trained_on_is_refused(queue, bench, dataset, tmp_path):
    with pytest.raises(ValueError, match="Not a dataset"):
        queue.submit(tmp_path / "nothing")
    bench.recorder.open_dataset(tmp_path / "empty", fps=25)
    with pytest.raises(ValueError, match="no episodes yet"):
        queue.submit(tmp_path / "empty")
    with pytest.raises(ValueError, match="Not a checkpoint"):
        queue.submit(dataset, base=tmp_path)
    with pytest.raises(ValueError, match="There is no job 'x'"):
        queue.cancel("x")
