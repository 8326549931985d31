import json
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from small_robot import WAVE
from waiting import wait_for

from hardware.aloha import aloha_embodiment
from recordings import layout
from recordings.catalogue import Catalogue
from recordings.dataset import Dataset
from recordings.motion import motion_of
from recordings.recorder import Recorder
from studio.drive_log import DriveLog
from studio.episode_routes import add_episode_routes
from studio.episodes import Episodes
from studio.history import History
from studio.notices import Notices
from studio.record_desk import RecordDesk
from studio.rerun_server import _program
from studio.station import Station


@pytest.fixture
def recorded(patient_robot, body, teleoperator, policy, tmp_path):
    """A dataset with one episode that a policy drove, and what shows it."""
    recorder, history = Recorder(body), History()
    drives = DriveLog(recorder, history)
    with closing(Catalogue.in_folder(tmp_path)) as catalogue:
        record = RecordDesk(recorder, catalogue, drives)
        listeners = (recorder, drives)
        with Station(
            patient_robot, teleoperator, Notices(), history, listeners=listeners
        ) as station:
            wait_for(lambda: station.tick)
            station.run_instruction(policy, WAVE, "waver")
            record.start("cubes", WAVE)
            wait_for(lambda: recorder.status().frames >= 12)
            record.save()
            record.close()
        yield Episodes(catalogue), tmp_path / "datasets/cubes"


def entities(rrd: Path) -> str:
    done = subprocess.run(
        [str(_program()), "rrd", "print", str(rrd)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_episode_is_shown_with_its_curves_plans_and_quality(recorded):
    episodes, folder = recorded
    view = json.loads(episodes.to_watch("cubes", 0))
    assert [film["camera"] for film in view["films"]] == ["cam_high", "cam_left_wrist"]
    assert view["channels"][0] == "left_waist"
    assert len(view["state"]) == len(view["action"]) >= 12
    assert view["times"][:3] == [0.0, 0.1, 0.2] and len(view["times"]) == len(view["state"])
    with Dataset(folder) as dataset:
        quality = dataset.episodes()[0].quality
    assert view["card"]["verdict"] == quality.verdict == ("poor" if quality.reason else "good")
    names = [figure["name"] for figure in view["card"]["figures"]]
    assert {"rate", "jitter", "skew of cameras", "still at the start", "jerk, rms"} <= set(names)
    plan = view["plans"][0]
    assert len(plan["at"]) == len(plan["rows"]) == 12
    assert plan["rows"][-1][0] > plan["rows"][0][0]  # it turns the left waist


def test_what_is_no_number_is_null_for_the_page_and_nothing_else_is_lost(recorded):
    episodes, folder = recorded
    (data,) = (folder / "data").rglob("*.parquet")
    table = pq.read_table(data)
    place = table.column_names.index("action")
    actions = table["action"].to_pylist()
    actions[3][0], actions[4][1] = np.nan, np.inf
    column = pa.chunked_array([pa.array(actions, table.schema.field(place).type)])
    pq.write_table(table.set_column(place, table.schema.field(place), column), data)

    def refused(word):
        raise AssertionError(f"{word} is no JSON: no browser reads it.")

    view = json.loads(episodes.to_watch("cubes", 0), parse_constant=refused)
    assert view["action"][3][0] is None and view["action"][4][1] is None
    assert all(isinstance(value, float) for row in view["state"] for value in row)


def test_an_episode_that_lost_a_film_is_shown_with_the_others_and_says_so(recorded):
    episodes, _ = recorded
    episodes.film("cubes", 0, "cam_high").unlink()
    view = json.loads(episodes.to_watch("cubes", 0))
    assert [bool(film["url"]) for film in view["films"]] == [False, True]
    assert view["trouble"] == "The film of cam_high cannot be read."
    with pytest.raises(ValueError, match="cam_high is missing"):
        episodes.film("cubes", 0, "cam_high")


def test_an_episode_is_a_file_that_rerun_opens_with_body_films_and_plans(recorded, tmp_path):
    episodes, _ = recorded
    server = FastAPI()
    add_episode_routes(server, episodes)
    with TestClient(server) as browser:
        answer = browser.get(episodes.rrd_path("cubes", 0))
        assert answer.status_code == 200
        assert "cubes-0.rrd" in answer.headers["content-disposition"]
        (tmp_path / "episode.rrd").write_bytes(answer.content)
        assert browser.get("/rrd/cubes/7.rrd").status_code == 404
        assert browser.get("/film/cubes/0/cam_low").status_code == 404
        film = browser.get("/film/cubes/0/cam_high")
        assert film.status_code == 200
        episodes.film("cubes", 0, "cam_high").write_bytes(b"no film")
        waiting = set(Path(tempfile.gettempdir()).glob("*.rrd"))
        answer = browser.get(episodes.rrd_path("cubes", 0))
        assert answer.status_code == 500 and "cannot be written for Rerun" in answer.text
        assert set(Path(tempfile.gettempdir()).glob("*.rrd")) <= waiting
        episodes.film("cubes", 0, "cam_high").write_bytes(film.content)
    found = entities(tmp_path / "episode.rrd")
    for entity in ("films/cam_high", "joints/left/measured", "world/path/planned", "driver"):
        assert f"/{entity}" in found


def test_an_episode_of_another_tool_is_shown_and_opened_in_rerun_without_a_body(recorded, tmp_path):
    episodes, folder = recorded
    (folder / layout.EMBODIMENT).unlink()
    (folder / layout.QUALITY).unlink()
    view = json.loads(episodes.to_watch("cubes", 0))
    assert view["card"]["verdict"] == "unknown"
    assert view["channels"][0] == "left_waist"
    episodes.write_rrd("cubes", 0, tmp_path / "episode.rrd")
    assert "/joints/measured" in entities(tmp_path / "episode.rrd")
    with pytest.raises(ValueError, match="Cannot read an embodiment"):
        episodes.replay("cubes", 0, aloha_embodiment())


def test_figures_of_motion_are_as_the_rows_tell():
    body = aloha_embodiment(("cam_high", "cam_low"), height=48, width=64)
    fps, rows = 10, 60
    action = np.zeros((rows, 14))
    action[20:, 0] = np.arange(40) * 0.05  # stands for 2 s, then turns at 0.5 rad/s
    action[50:, 1] = body.action_high[1]
    taken = np.arange(rows) / fps
    motion = motion_of(
        {
            "observation.state": action,
            "action": action,
            "time": taken,
            "capture_time.cam_high": taken,
            "capture_time.cam_low": taken - 0.08,
            "intervention": np.repeat([0.0, 1.0], rows // 2),
        },
        fps,
        body.action_channels,
    )
    assert motion.jitter_secs == pytest.approx(0, abs=1e-9)
    assert motion.skew_secs == pytest.approx(0.08)
    assert motion.still_start_secs == pytest.approx(1.8, abs=0.11)
    assert motion.saturated_share == pytest.approx(10 / rows)
    assert motion.intervened_share == 0.5
    assert len(motion.hints(fps)) == 3
    assert motion_of({"action": action[:2]}, fps).jerk == 0.0
    steady = motion_of({"action": np.arange(30.0)[:, None] ** 3}, 1)
    assert steady.jerk == pytest.approx(6.0)  # the third derivative of t^3
