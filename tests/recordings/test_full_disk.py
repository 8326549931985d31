import os
import subprocess
import sys
from pathlib import Path

from recordings.check import check
from recordings.rescue import unsaved_in

HERE = Path(__file__).parent


def test_an_episode_that_the_disk_refuses_ends_with_an_error_and_the_others_stay_whole(tmp_path):
    environment = dict(os.environ, PYTHONPATH=f"{HERE}{os.pathsep}{HERE.parents[1]}")
    told = subprocess.run(
        [sys.executable, HERE / "full_disk_process.py", tmp_path / "d"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )

    status, refusal, next_index = told.stdout.splitlines()
    assert "File too large" in status
    assert "This episode cannot be saved" in refusal
    assert next_index == "1"
    report = check(tmp_path / "d")
    assert report.problems == []
    assert [episode.task for episode in report.episodes] == ["before", "after"]
    assert [each.head.task for each in unsaved_in(tmp_path / "d")] == ["too much"]
