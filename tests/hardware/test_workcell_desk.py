"""What the Workcell page does, on a station with emulated arms and pictures of a drawn board."""

import time
from contextlib import closing

import cv2
import numpy as np
import pytest
from drawn_board import LENS, DrawnCamera, inverse, views_around
from emulated_lab import REPLY_SECS, emulated_lab, until, workcell_text

from hardware.calibration.board import Board
from hardware.calibration.calibration_file import (
    CameraCalibration,
    load_calibrations,
    save_calibration,
)
from hardware.calibration.transform import transform
from hardware.interfaces import HardwareError
from hardware.safety.press import SAME_PRESS_SECS, Press
from hardware.safety.state import GateState
from hardware.workcell.assembly import assemble
from hardware.workcell.file import load_workcell
from hardware.workcell.hand_range import HandRange
from studio.history import History
from studio.notices import Notices
from studio.station import Station
from studio.workcell_desk import WorkcellDesk
from studio.workcell_rig import NobodyByHand, Rig
from studio.workcell_search import WorkcellSearch

FLAT = transform(np.diag([1.0, -1.0, -1.0]), np.zeros(3))
"""world_from_board of a board that lies on the table, printed side up."""


@pytest.fixture(scope="module")
def board_pictures():
    """Eight views of the board, each twice: a board is known to be at rest from two pictures."""
    camera = DrawnCamera()
    poses = views_around(FLAT, 8, np.random.default_rng(3))
    return [camera.photograph(inverse(pose) @ FLAT) for pose in poses for _ in range(2)]


@pytest.fixture
def lab(tmp_path, board_pictures):
    with emulated_lab(tmp_path, ("left_follower", "right_follower")) as lab:
        text = workcell_text(lab)
        for number, picture in enumerate(board_pictures):
            name = str(lab.pictures("cam_high") / f"{number:02}.png")
            cv2.imwrite(name, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        for old in lab.pictures("cam_high").glob("?.png"):
            old.unlink()
        for old, new in (
            ("height = 48", "height = 480"),
            ("width = 64", "width = 640"),
            ("fps = 30", "fps = 4"),
        ):
            text = text.replace(old, new, 1)
        (tmp_path / "bench.toml").write_text(text)
        yield lab


@pytest.fixture
def desk(lab):
    path = lab.root / "bench.toml"
    cell = assemble(load_workcell(path), machine=lab.machine)
    hand_range = HandRange(cell.robot.embodiment.state_channels)
    with (
        cell,
        Station(
            cell.robot, NobodyByHand(), Notices(), History(), listeners=(hand_range,)
        ) as station,
    ):
        rig = Rig(cell.robot, NobodyByHand(), None, cell=cell, path=path)
        with closing(WorkcellDesk(station, hand_range, rig, lab.root)) as desk:
            until(lambda: station.tick is not None)
            yield desk


def test_a_lens_is_calibrated_from_what_the_camera_shows(desk, lab):
    with pytest.raises(ValueError, match="Calibrate the lens of cam_high first"):
        desk.calibration.begin("cam_high", "left_base")
    desk.calibration.begin("cam_high", "lens")
    until(lambda: desk.live()["calibrating"]["taken"] >= 6, 60)
    assert desk.calibration.picture.startswith(b"\xff\xd8")
    said = desk.calibration.finish()
    assert "reprojection error 0." in said
    lens = load_calibrations(lab.root / "bench.toml")["cam_high"].lens
    assert lens.fx == pytest.approx(LENS.fx, rel=0.03)
    cameras = {camera["name"]: camera for camera in desk.live()["cameras"]}
    assert cameras["cam_high"]["lens"] and not cameras["cam_left_wrist"]["lens"]
    with pytest.raises(ValueError, match="Nothing is being calibrated"):
        desk.calibration.finish()


def test_a_calibration_that_failed_can_be_left(desk, monkeypatch):
    def failing(*_):
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(Board, "find", failing)
        desk.calibration.begin("cam_high", "lens")
        until(lambda: any("out of memory" in each.text for each in desk.notices.recent()))
    desk.calibration.cancel()
    assert desk.live()["calibrating"] is None
    desk.calibration.begin("cam_high", "lens")
    until(lambda: desk.live()["calibrating"]["taken"] >= 1, 60)


def test_a_file_that_somebody_is_editing_is_said_and_the_page_goes_on(desk, lab):
    path = lab.root / "bench.toml"
    save_calibration(path, "cam_high", CameraCalibration(lens=LENS))
    assert desk.live()["cameras"][0]["lens"]
    whole = path.read_text()
    path.write_text(whole + "[limits")
    told = desk.live()
    assert told["cameras"][0]["lens"], "what it said before holds"
    assert any("Mend the file" in problem for problem in told["problems"])
    path.write_text(whole)
    assert not any("Mend the file" in problem for problem in desk.live()["problems"])


def test_kept_views_that_cannot_be_read_are_said(desk, lab):
    desk.views.keep()
    (lab.root / "bench.views/state.json").write_text("[0.1, ")
    desk.views._compare()
    assert "keep the views anew" in str(desk.views.problems[0])
    desk.views.keep()
    assert not desk.views.problems


def test_live_values_and_what_to_put_right_are_told(desk, lab):
    told = desk.live()
    assert [arm["name"] for arm in told["arms"]] == ["left_follower", "right_follower"]
    assert told["arms"][0]["degrees"][1] == pytest.approx(-103, abs=1)
    assert told["cameras"][0]["bound_to"].endswith("pictures/cam_high")
    assert any("would not be noticed" in problem for problem in told["problems"])
    lab.buses["left_follower"].cut_power()
    until(lambda: desk.live()["arms"][0]["fault"])
    assert "gave no good answer" in desk.live()["problems"][0]
    lab.buses["left_follower"].restore_power()


def test_a_covered_camera_proves_its_name(desk, lab):
    with pytest.raises(ValueError, match="press Begin first"):
        desk.check_cover("cam_high")
    for picture in lab.pictures("cam_left_wrist").glob("*.png"):
        cv2.imwrite(str(picture), np.tile(np.uint8([[0, 255], [255, 0]]), (24, 32)))
    until(lambda: "Now cover" in begun(desk))
    for picture in lab.pictures("cam_high").glob("*.png"):
        cv2.imwrite(str(picture), np.zeros((480, 640, 3), np.uint8))
    until(lambda: covered(desk, "cam_high").startswith("cam_high is the camera"))
    assert "cam_high went dark, not cam_left_wrist" in covered(desk, "cam_left_wrist")


def test_a_view_that_changed_is_warned_of_at_the_next_start(desk, lab):
    views, station = desk.views, desk._station
    show(lab, station, "cam_left_wrist", seed=1)
    assert "are kept" in views.keep()
    views._compare()
    assert "cam_left_wrist" not in [problem.where for problem in views.problems]
    show(lab, station, "cam_left_wrist", seed=2)
    views._compare()
    assert "cam_left_wrist" in [problem.where for problem in views.problems]
    assert any("cam_left_wrist: " in notice.text for notice in station.notices.recent())
    moved = station.tick.observation.state + np.float32(0.2)
    assert not views._memory.comparable(moved), "arms elsewhere make other pictures"


def show(lab, station, camera, *, seed):
    """Let a camera see things that lie about; return when it does."""
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    picture = cv2.resize(blocks, (64, 48), interpolation=cv2.INTER_NEAREST)
    for path in lab.pictures(camera).glob("*.png"):
        cv2.imwrite(str(path), picture[..., ::-1])
    until(lambda: (station.tick.observation.frames[camera].image == picture).all())


def begun(desk):
    try:
        return desk.begin_cover()
    except HardwareError as error:
        return str(error)


def covered(desk, camera):
    try:
        return desk.check_cover(camera)
    except ValueError as error:
        return str(error)


def test_the_range_of_loose_arms_becomes_their_limits(desk, lab):
    with pytest.raises(ValueError, match="The arms must be loose"):
        desk.begin_range()
    station = desk._station
    station.stop("Stop.")
    time.sleep(SAME_PRESS_SECS + 0.1)
    station.stop("Stop, and down.", Press(follows=station.status().stop_number))
    until(lambda: station.robot.gate.state is GateState.DISARMED, 30)
    desk.begin_range()
    waist = lab.buses["left_follower"][1]
    for ticks in (2048 - 600, 2048 + 500):
        waist.position = float(ticks)
        radians = (ticks - 2048) * np.pi / 2048
        until(lambda there=radians: abs(station.tick.observation.state[0] - there) < 0.01)
    station.reset()
    until(lambda: station.robot.gate.state is not GateState.DISARMED)
    noted = dict(desk.live()["range"])
    waist.position = 2048 + 600.0
    index = station.tick.index
    until(lambda: station.tick.index > index + 5)
    assert desk.live()["range"] == noted, "arms that hold are not moved by hand"
    assert "Limits of left_waist are written" in desk.save_range()
    with pytest.raises(ValueError, match="Nothing was moved yet"):
        desk.save_range()
    limit = load_workcell(lab.root / "bench.toml").limits["left_waist"]
    assert (limit.low, limit.high) == pytest.approx((-0.900, 0.747), abs=0.01)


def test_a_search_from_the_page_ends_in_a_workcell_file(lab):
    search = WorkcellSearch(lab.root / "cells", lab.machine, reply_secs=REPLY_SECS)
    with pytest.raises(ValueError, match="Search first"):
        search.write("mine")
    search.begin().result()
    assert sum("ViperX" in line for line in search.status()["found"]) == 2
    assert "python app.py --workcell" in search.write("mine")
    assert len(load_workcell(lab.root / "cells/mine.toml").arms_of("follower")) == 2
    search.close()
