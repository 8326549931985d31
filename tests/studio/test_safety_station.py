"""What people see and do of the kernel: hold, stop, a second stop, a lost page or server."""

import numpy as np
import pytest
from small_policy_server import policy_server
from waiting import wait_for

from hardware.safety.gate import SAME_PRESS_SECS
from hardware.safety.press import Press
from hardware.safety.state import Cause, GateState
from policy.client import PolicyClient
from studio.history import Outcome
from studio.status import Driver
from studio.stop_signal import StopSignal


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
    from concurrent.futures import ThreadPoolExecutor

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
    with StopSignal(lambda: station.stop("Signal SIGUSR1 asked for Stop.")):
        with station.robot.gate._lock, station.notices._lock:  # as if in the middle of a notice
            os.kill(os.getpid(), signal.SIGUSR1)
        wait_for(lambda: station.status().gate is GateState.STOPPED)
    assert station.status().reason == "Signal SIGUSR1 asked for Stop."
    assert signal.getsignal(signal.SIGUSR1) is before


def test_http_stops_and_tells_what_happened(station):
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    from studio.safety_routes import add_safety_routes
    from studio.seat import Seat

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
