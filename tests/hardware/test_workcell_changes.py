"""Names, places and motors changed from the page: said first, confirmed, refused when armed."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

import pytest
from emulated_lab import REPLY_SECS, emulated_lab, until, workcell_text
from servo_bus.bus import ServoBus
from servo_bus.servo import Servo
from servo_bus.table import MODELS

from hardware.interfaces import HardwareError
from hardware.safety.press import SAME_PRESS_SECS, Press
from hardware.safety.state import GateState
from hardware.simulated_aloha import simulated_aloha
from hardware.workcell.assembly import assemble
from hardware.workcell.file import load_workcell
from hardware.workcell.hand_range import HandRange
from hardware.workcell.problem import WorkcellError
from hardware.workcell.view_memory import ViewMemory
from studio.history import History
from studio.notices import Notices
from studio.station import Station
from studio.workcell_changes import AGREE_SECS, ChangesDesk, Proposal
from studio.workcell_desk import WorkcellDesk
from studio.workcell_rig import NobodyByHand, Rig


@pytest.fixture
def lab(tmp_path):
    with emulated_lab(tmp_path, ("left_follower", "right_follower")) as lab:
        (tmp_path / "bench.toml").write_text(workcell_text(lab))
        yield lab


@pytest.fixture
def path(lab):
    return lab.root / "bench.toml"


@pytest.fixture
def desk(lab, path):
    cell = assemble(load_workcell(path), machine=lab.machine)
    hand_range = HandRange(cell.robot.embodiment.state_channels)
    robot, person = cell.robot, NobodyByHand()
    with cell, Station(robot, person, Notices(), History(), listeners=(hand_range,)) as station:
        rig = Rig(robot, person, None, cell=cell, path=path)
        with closing(WorkcellDesk(station, hand_range, rig, lab.root)) as desk:
            desk.changes._reply_secs = REPLY_SECS
            until(lambda: station.tick is not None)
            yield desk


@pytest.fixture
def changes(desk):
    loosen(desk)
    return desk.changes


def loosen(desk):
    """A person presses Stop, and again once the page shows it."""
    station = desk._station
    station.stop("Stop.")
    station.robot.gate._pressed_at -= SAME_PRESS_SECS
    station.stop("Stop, and down.", Press(follows=station.status().stop_number))
    until(lambda: station.robot.gate.state is GateState.DISARMED, 30)


def test_nothing_is_changed_while_the_arms_hold(desk, path):
    before, changes = path.read_text(), desk.changes
    for ask in (
        lambda: changes.propose_rename("cameras", "cam_high", "cam_low"),
        lambda: changes.propose_swap("arms", "left_follower", "right_follower"),
        changes.propose_remember,
        lambda: changes.propose_motor("/dev/null", 7, 1_000_000),
    ):
        with pytest.raises(ValueError, match="The arms must be loose: press Stop"):
            ask()
    loosen(desk)
    changes.propose_rename("cameras", "cam_high", "cam_low")
    desk._station.reset()
    until(lambda: desk._station.robot.gate.state is GateState.READY)
    with pytest.raises(ValueError, match="The arms must be loose"):
        changes.agree()
    assert path.read_text() == before


def test_a_camera_is_renamed_once_a_person_agrees_and_nothing_is_written_by_name_then(
    desk, changes, path
):
    before = path.read_text()
    said = changes.propose_rename("cameras", "cam_high", "cam_low")
    assert "cam_high is called cam_low from the next start on" in said
    assert desk.live()["pending"] in said and path.read_text() == before
    changes.leave()
    with pytest.raises(ValueError, match="Nothing waits to be confirmed"):
        changes.agree()
    for name, words in (("cam_left_wrist", "is there already"), ("a b", "cannot be a name")):
        with pytest.raises(WorkcellError, match=words):
            changes.propose_rename("cameras", "cam_high", name)
    assert not changes.pending
    changes.propose_rename("cameras", "cam_high", "cam_low")
    assert "close the studio and start it again" in changes.agree()
    assert changes.names("cameras") == ["cam_low", "cam_left_wrist"]
    assert path.read_text() == before.replace("[cameras.cam_high]", "[cameras.cam_low]")
    assert any("start it again" in problem for problem in desk.live()["problems"])
    for act in (
        lambda: desk.begin_calibration("cam_high", "lens"),
        desk.keep_views,
        desk.save_range,
        changes.propose_remember,
    ):
        with pytest.raises(ValueError, match="Names were changed in the file"):
            act()


def test_arms_and_cameras_change_places(changes, path):
    before = load_workcell(path)
    said = changes.propose_swap("arms", "left_follower", "right_follower")
    assert "ports and stored motors; all else stays with the name" in said
    assert "changed places" in changes.agree()
    changes.propose_swap("cameras", "cam_high", "cam_left_wrist")
    changes.agree()
    after = load_workcell(path)
    assert [arm.port for arm in after.arms] == [arm.port for arm in reversed(before.arms)]
    assert [each.bound_to for each in after.cameras] == [
        each.bound_to for each in reversed(before.cameras)
    ]
    with pytest.raises(ValueError, match="Choose two of left_follower, right_follower"):
        changes.propose_swap("arms", "left_follower", "left_follower")


def test_motors_are_remembered_and_what_differs_is_said_before(desk, changes, path, lab):
    assert "Nothing was stored of right_follower before." in changes.propose_remember()
    assert "left_follower: its 9 motors are remembered" in changes.agree()
    assert [len(arm.fingerprints) for arm in load_workcell(path).arms] == [9, 9]
    assert not any("would not be noticed" in problem for problem in desk.live()["problems"])
    kept = path.read_text()
    assert "Nothing differs from what was stored" in changes.propose_remember()
    lab.buses["left_follower"][3].poke("homing_offset", 30)
    assert "left_follower: motor 3: homing offset was 0, is 30" in changes.propose_remember()
    changes.leave()
    assert path.read_text() == kept
    lab.buses["right_follower"][1].poke("drive_mode", 1)
    with pytest.raises(HardwareError, match=r"right_follower: This is no ViperX.*the other way"):
        changes.propose_remember()


def test_a_new_motor_gets_the_id_and_baud_rate_that_were_confirmed(changes, lab):
    with pytest.raises(ValueError, match="is the port of left_follower"):
        changes.propose_motor(str(lab.port("left_follower")), 7, 1_000_000)
    with ServoBus([Servo(MODELS["XM430-W350"], 1)]) as new:
        new.cut_power()
        with pytest.raises(ValueError, match=f"No servo answers on {new.path}: is its 12 V on"):
            changes.propose_motor(new.path, 7, 1_000_000)
        new.restore_power()
        with pytest.raises(ValueError, match="Servos have the baud rates"):
            changes.propose_motor(new.path, 7, 1_000)
        said = changes.propose_motor(new.path, 7, 1_000_000)
        assert "the XM430-W350 with ID 1 at 57600 baud" in said and "wrist_angle" in said
        assert (new[1].id, new[1].peek("baud_rate")) == (1, 1)
        new.servos[0].poke("id", 4)
        with pytest.raises(ValueError, match="Another servo is there now"):
            changes.agree()
        changes.propose_motor(new.path, 7, 1_000_000)
        assert "has ID 7 now; before, 4 at 57600 baud" in changes.agree()
        assert (new.servos[0].id, new.servos[0].peek("baud_rate")) == (7, 3)


def test_in_simulation_the_file_that_was_written_can_be_changed(lab, path):
    cell = simulated_aloha(realtime=True, cameras=())
    with Station(cell.robot, NobodyByHand(), Notices(), History()) as station:
        nothing = ChangesDesk(station, lambda: None, [])
        assert nothing.names("arms") == []
        with pytest.raises(ValueError, match="search, then write one"):
            nothing.propose_rename("arms", "left_follower", "left_viper")
        changes = ChangesDesk(station, lambda: path, [])
        changes.propose_rename("arms", "left_follower", "left_viper")
        assert changes.agree() == "left_follower is left_viper now."
        assert changes.names("arms") == ["left_viper", "right_follower"]
        assert not changes.must_restart


def test_remembered_motors_are_the_right_ones_at_once_and_others_are_refused(changes, desk, lab):
    changes.propose_remember()
    changes.agree()
    arm, motor = desk._cell.arms["left_follower"], lab.buses["left_follower"][3]
    motor.poke("homing_offset", 30)
    with pytest.raises(HardwareError, match="not the one that was set up here"):
        arm.service(arm.arm.connect)
    arm.service(arm.arm.chain.bus.open)
    changes.propose_remember()
    changes.agree()
    arm.service(arm.arm.connect)


def test_a_change_that_fails_once_the_file_is_written_is_still_told(changes, monkeypatch, path):
    def fail(*_):
        raise OSError("The disk is full.")

    changes.propose_rename("cameras", "cam_high", "cam_low")
    with monkeypatch.context() as patched:
        patched.setattr(ViewMemory, "rename", fail)
        with pytest.raises(OSError, match="disk is full"):
            changes.agree()
    assert changes.names("cameras")[0] == "cam_high"
    assert not changes.must_restart
    changes.propose_rename("cameras", "cam_high", "cam_low")
    with monkeypatch.context() as patched:
        patched.setattr("hardware.durable_file._sync_folder", fail)
        with pytest.raises(OSError, match="disk is full"):
            changes.agree()
    assert changes.names("cameras")[0] == "cam_low"
    assert changes.must_restart


def test_nothing_is_asked_while_a_change_is_under_way_nor_after_it_waited_too_long(changes):
    def slow():
        begun.set_result(None)
        goes_on.result(10)
        return ["Done."]

    begun, goes_on = Future(), Future()
    changes._proposal = Proposal("Slowly?", slow, time.monotonic())
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(changes.agree)
        begun.result(10)
        for ask in (
            lambda: changes.propose_rename("cameras", "cam_high", "cam_low"),
            lambda: changes.propose_swap("arms", "left_follower", "right_follower"),
            changes.propose_remember,
            lambda: changes.propose_motor("/dev/null", 7, 1_000_000),
            changes.agree,
        ):
            with pytest.raises(ValueError, match="A change is under way"):
                ask()
        goes_on.set_result(None)
        assert done.result() == "Done."
    changes._proposal = Proposal("Still?", list, time.monotonic() - AGREE_SECS - 1)
    assert changes.pending == ""
    with pytest.raises(ValueError, match="asked too long ago"):
        changes.agree()
