"""What people see and do of the kernel: hold, stop, a second stop, a lost page or server."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from small_policy_server import policy_server
from small_robot import Eye, Joints
from waiting import wait_for

from hardware.clock import MonotonicClock
from hardware.interfaces import HardwareError
from hardware.robot import Robot
from hardware.safety.press import SAME_PRESS_SECS, Press
from hardware.safety.state import Cause, GateState
from policy.client import PolicyClient
from recordings.jobs import JobQueue
from studio.history import History, Outcome
from studio.notices import Notices
from studio.policy_host import PolicyHost
from studio.seat import Seat
from studio.station import Station
from studio.status import Driver
from studio.stop_signal import StopSignal
from studio.training import Training
from studio.uplink import Uplink


def texts(station):
    return [notice.text for notice in station.notices.recent()]


def test_a_hold_is_shown_with_its_reason_and_nothing_runs_until_reset(station, policy):
    wait_for(lambda: station.tick)
    station.run_instruction(policy, policy.tasks[0], "waver")
    wait_for(lambda: station.status().gate is GateState.ACTIVE)
    station.hold(Cause.STALE_CAMERA, "cam_high has shown nothing new for 3.0 s.")
    wait_for(lambda: station.status().driver is Driver.NOBODY)
    status = station.status()
    assert (status.gate, status.reason[:8]) == (GateState.HOLD, "cam_high")
    assert station.history.newest_first()[0].outcome is Outcome.STOPPED
    assert any("cam_high has shown nothing new" in text for text in texts(station))
    with pytest.raises(ValueError, match=r"robot holds \(cam_high.*Press Reset first"):
        station.take_over()
    station.reset()
    station.take_over()


def test_a_blind_camera_holds_a_policy_and_leaves_a_person_alone(robot, station, policy):
    wait_for(lambda: station.tick)
    eye = robot._cameras["cam_high"]
    seen = eye.read_latest()
    station.run_instruction(policy, policy.tasks[0], "waver")
    wait_for(lambda: station.status().gate is GateState.ACTIVE)
    eye.read_latest = lambda: seen
    wait_for(lambda: station.status().gate is GateState.HOLD)
    assert robot.gate.cause is Cause.STALE_CAMERA
    station.reset()
    station.take_over()
    index = station.tick.index
    wait_for(lambda: station.tick.index > index + 20)
    assert station.status().gate is GateState.ACTIVE


def test_a_second_stop_lowers_the_arms_and_a_reset_brings_them_back(robot, station, arms):
    wait_for(lambda: station.tick)
    station.stop("Browser 1 pressed Stop.", Press("a"))
    robot.gate._pressed_at -= SAME_PRESS_SECS  # a moment later
    station.stop("Browser 1 pressed Stop.", Press("a"))
    assert station.status().gate is GateState.STOPPED
    station.stop("Browser 1 pressed Stop.", Press("b", follows=station.status().stop_number))
    wait_for(lambda: station.status().gate is GateState.DISARMED, 20)
    assert arms[0].positions[1] == pytest.approx(robot.gate.limits.rest[1], abs=0.15)
    with pytest.raises(ValueError, match=r"has no torque.*Press Reset first"):
        station.take_over()
    station.reset()
    assert station.status().gate is GateState.READY


def test_a_policy_server_that_is_lost_is_held(station, arms):
    wait_for(lambda: station.tick)
    with ThreadPoolExecutor() as executor:
        with policy_server(station.robot.embodiment, executor) as address:
            policy = PolicyClient(address)
            station.run_instruction(policy, policy.tasks[0], "remote")
            wait_for(lambda: station.status().gate is GateState.ACTIVE, 20)
        wait_for(lambda: station.status().gate is GateState.HOLD, 20)
        policy.close()
    assert station.robot.gate.cause is Cause.LOST_SERVER
    held = arms[0].positions.copy()
    index = station.tick.index
    wait_for(lambda: station.tick.index > index + 5)
    np.testing.assert_array_equal(arms[0].positions, held)


def test_a_browser_that_falls_silent_while_it_drives_is_held(station, teleoperator):
    wait_for(lambda: station.tick)
    station.take_over()
    teleoperator.heard()
    wait_for(lambda: station.status().gate is GateState.ACTIVE)
    wait_for(lambda: station.status().gate is GateState.HOLD, 10)
    assert station.robot.gate.cause is Cause.LOST_BROWSER


def test_a_signal_stops_the_robot_wherever_the_main_thread_is(station):
    import os
    import signal

    wait_for(lambda: station.tick)
    station.take_over()
    before = signal.getsignal(signal.SIGUSR1)
    with StopSignal(lambda: station.stop("Signal SIGUSR1 asked for Stop.")) as by_signal:
        with station.robot.gate._lock, station.notices._lock:  # as if in the middle of a notice
            os.kill(os.getpid(), signal.SIGUSR1)
        wait_for(lambda: station.status().gate is GateState.STOPPED)
        station.reset()
        by_signal.also(signal.SIGUSR2)
        os.kill(os.getpid(), signal.SIGUSR2)
        wait_for(lambda: station.status().gate is GateState.STOPPED)
    assert signal.signal(signal.SIGUSR2, signal.SIG_DFL) is signal.SIG_IGN
    assert station.status().reason == "Signal SIGUSR1 asked for Stop."
    assert signal.getsignal(signal.SIGUSR1) is before


def test_http_stops_and_tells_what_happened(station):
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    from studio.safety_routes import add_safety_routes

    wait_for(lambda: station.tick)
    server = FastAPI()
    add_safety_routes(server, station, Seat())
    client = TestClient(server)
    station.take_over()
    assert client.post("/stop", headers={"origin": "http://elsewhere.example"}).status_code == 403
    assert station.status().gate is not GateState.STOPPED
    assert client.post("/stop").status_code == 204
    told = client.get("/safety").json()
    assert told["state"] == "stopped"
    assert told["events"][-1]["cause"] == "person"
    assert "pressed Stop" in told["events"][-1]["reason"]
    station.robot.gate._pressed_at -= SAME_PRESS_SECS  # a moment later
    assert client.post("/stop").status_code == 204
    assert station.status().gate is GateState.STOPPED
    for follows, state in (("x", GateState.STOPPED), (told["stop_number"], GateState.LOWERING)):
        station.robot.gate._pressed_at -= SAME_PRESS_SECS
        assert client.post(f"/stop?press={follows}&follows={follows}").status_code == 204
        assert station.status().gate is state


class Resting(Joints):
    """An arm that is lowered at the end, or stays."""

    rests_at_end = True
    stays = loose = False

    def stay(self):
        self.stays = True

    def let_go(self):
        self.loose = True


@pytest.fixture
def resting(body, teleoperator):
    arms, clock = [Resting(), Resting()], MonotonicClock()
    cameras = {name: Eye(clock) for name in body.camera_names}
    return Station(Robot(body, arms, cameras, clock), teleoperator, Notices(), History()), arms


def test_closing_lowers_the_arms_through_the_gate_and_lets_go(resting):
    station, arms = resting
    with station:
        wait_for(lambda: station.tick)
    rest = station.robot.gate.limits.rest
    for arm in arms:
        assert (arm.loose, arm.stays) == (True, False)
        np.testing.assert_allclose(arm.positions[:6], rest[:6], atol=0.15)


def test_closing_moves_no_arm_that_a_person_stopped(resting):
    station, arms = resting
    with station:
        wait_for(lambda: station.tick)
        station.stop("They are entangled.")
        stood = arms[0].positions.copy()
    for arm in arms:
        assert (arm.loose, arm.stays) == (False, True)
        np.testing.assert_array_equal(arm.positions, stood)


def test_a_stop_while_closing_ends_the_lowering_and_the_arms_hold(resting):
    station, arms = resting

    def press(event):
        if event.after is GateState.LOWERING:
            pool.submit(station.stop, "On their way down they touch something.")

    with ThreadPoolExecutor(1) as pool, station:
        wait_for(lambda: station.tick)
        station.robot.gate.events.listen(press)
    rest = station.robot.gate.limits.rest
    for arm in arms:
        assert (arm.loose, arm.stays) == (False, True)
        assert np.abs(arm.positions[:6] - rest[:6]).max() > 0.15


def test_a_take_over_that_fails_leaves_the_policy_paused_and_says_who_drives(station, policy):
    wait_for(lambda: station.tick)
    station.run_instruction(policy, policy.tasks[0], "waver")
    drivers = []

    def cannot():
        drivers.append(station.status().driver)
        raise HardwareError("The left leader does not answer.")

    station._teleoperator.reset = cannot
    with pytest.raises(HardwareError, match="left leader"):
        station.take_over()
    assert drivers == [Driver.NOBODY]
    assert (station.status().driver, station.status().paused) == (Driver.NOBODY, True)
    station.resume()
    assert station.status().driver is Driver.POLICY


@pytest.mark.parametrize("disarmed", [False, True])
def test_a_stop_while_a_reset_is_under_way_wins(station, robot, disarmed):
    wait_for(lambda: station.tick)
    if disarmed:
        robot.gate.disarm()
    else:
        station.hold(Cause.HARDWARE, "A motor is silent.")
    recover = robot.recover

    def slowly():
        recover()
        station.stop("Pressed while the arms were brought back.")

    robot.recover = slowly
    station.reset()
    assert station.status().gate is GateState.STOPPED
    robot.recover = recover
    station.reset()
    assert station.status().gate is GateState.READY


def test_the_last_page_of_whoever_drives_by_hand_leaves_and_the_arms_are_held(
    body, station, teleoperator, empty_catalogue, tmp_path
):
    seat, notices = Seat(), station.notices
    host = PolicyHost(body, notices, station.stand_by, tmp_path / "policy_server.log")
    training = Training(empty_catalogue, JobQueue(empty_catalogue), notices)
    uplink = Uplink(station, teleoperator, seat, host, training)
    wait_for(lambda: station.tick)
    number, _, _ = (uplink.arrive(name) for name in ("driver", "driver", "watcher"))
    seat.claim("driver")
    station.take_over()
    uplink.depart("watcher")
    uplink.depart("driver")
    assert station.robot.gate.is_open
    uplink.depart("driver")
    assert station.robot.gate.cause is Cause.LOST_BROWSER
    assert f"Browser {number}, which drove by hand, is gone." in station.status().reason
    assert seat.holder is None
    uplink.close()
    host.close()


def test_a_loop_that_reads_nothing_has_no_rate(station, arms):
    wait_for(lambda: station.status().hz > 10)
    arms[0].fault = HardwareError("The left arm is silent.")
    wait_for(lambda: station.status().hz == 0.0)
    assert station.status().running
