import sys

import pytest
from waiting import wait_for

from recordings.catalogue import Catalogue
from recordings.jobs import JobQueue
from recordings.recorder import Recorder
from studio.history import History
from studio.notices import Notices
from studio.record_desk import RecordDesk
from studio.station import Station
from studio.training import Training

TRAINER = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
steps = json.loads((folder / "request.json").read_text())["steps"]
with (folder / "metrics.jsonl").open("w") as metrics:
    for step in range(1, steps + 1):
        metrics.write(json.dumps({"step": step, "steps": steps, "loss": 1 / step}) + "\\n")
print("half\\rwhole")
status = {"status": "succeeded", "step": steps, "steps": steps, "error": None, "checkpoint": None}
(folder / "status.json").write_text(json.dumps(status))
"""


@pytest.fixture
def catalogue(robot, body, teleoperator, tmp_path):
    catalogue, recorder = Catalogue.in_folder(tmp_path), Recorder(body)
    desk = RecordDesk(recorder, catalogue)
    with Station(robot, teleoperator, Notices(), History(), listeners=(recorder,)):
        desk.start("cubes", "hold still")
        wait_for(lambda: recorder.status().frames >= 3)
    desk.close()
    yield catalogue
    catalogue.close()


def test_a_fine_tune_is_started_watched_and_told_of(catalogue):
    notices = Notices()
    queue = JobQueue(catalogue, command=(sys.executable, "-c", TRAINER))
    with Training(catalogue, queue, notices) as training:
        assert [name for _, name in training.datasets()] == ["cubes"]
        assert "is queued" in training.start("cubes", "", 400)
        wait_for(lambda: notices.recent(), 30)
        job = training.jobs()[0]
    assert "succeeded" in notices.recent()[0].text
    assert (job["step"], job["steps"], job["status"]) == (400, 400, "succeeded")
    assert len(job["curve"]) <= 160
    assert job["curve"][-1][0] == 400
    assert job["log"].strip() == "whole"


def test_a_fine_tune_needs_a_dataset(catalogue):
    training = Training(catalogue, JobQueue(catalogue), Notices())
    with pytest.raises(ValueError, match="Choose a dataset"):
        training.start("", "", 10)
