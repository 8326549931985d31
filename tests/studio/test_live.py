import json

import pytest
from fastapi import FastAPI, WebSocket
from small_robot import WAVE
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from waiting import wait_for

from hardware.kinematics import kinematics_for
from hardware.safety.state import GateState
from recordings.jobs import JobQueue
from recordings.recorder import Recorder
from studio.browser import COOKIE
from studio.live import Live
from studio.pictures import HEADER
from studio.policy_host import PolicyHost
from studio.record_desk import RecordDesk
from studio.report import Report
from studio.seat import Seat
from studio.status import Driver
from studio.training import Training
from studio.uplink import Uplink
from studio.workcell_rig import Rig


@pytest.fixture
def seat():
    return Seat()


@pytest.fixture
def web(station, body, teleoperator, seat, empty_catalogue, tmp_path):
    training = Training(empty_catalogue, JobQueue(empty_catalogue), station.notices)
    host = PolicyHost(body, station.notices, station.stand_by, tmp_path / "log")
    uplink = Uplink(station, teleoperator, seat, host, training)
    rig = Rig(station.robot, teleoperator, teleoperator, kinematics_for(body))
    record = RecordDesk(Recorder(body), empty_catalogue)
    report = Report(station, record, host, seat, rig)
    app = FastAPI()
    with Live(station, report, uplink) as live, TestClient(app) as client:

        @app.websocket("/live")
        async def _live(socket: WebSocket):
            await live.serve(socket)

        yield client
    uplink.close()
    host.close()


def open_socket(web, browser, **headers):
    return web.websocket_connect("/live", headers={"cookie": f"{COOKIE}={browser}", **headers})


def next_of(socket, kind):
    for _ in range(200):
        message = socket.receive()
        if kind == "picture" and message.get("bytes"):
            return HEADER.unpack_from(message["bytes"])
        if message.get("text") and json.loads(message["text"])["type"] == kind:
            return json.loads(message["text"])
    raise AssertionError(f"no {kind} came")


def test_a_browser_is_greeted_and_shown_pictures_and_state(web, station):
    with open_socket(web, "a") as socket:
        hello = next_of(socket, "hello")
        assert hello["browser"] == 1
        assert [camera["name"] for camera in hello["cameras"]] == ["cam_high", "cam_left_wrist"]
        camera, number, _tick, captured_at = next_of(socket, "picture")
        assert camera in (0, 1)
        assert number >= 1
        assert 0 <= station.robot.clock.now() - captured_at < 5
        state = next_of(socket, "state")
        assert state["gate"] == "ready"
        assert set(state["paths"]) == {"cam_high", "cam_left_wrist"}


def test_a_ping_tells_the_robots_clock(web, station):
    with open_socket(web, "a") as socket:
        socket.send_json({"type": "ping", "at": 12.5})
        pong = next_of(socket, "pong")
    assert pong["at"] == 12.5
    assert abs(station.robot.clock.now() - pong["now"]) < 5


def test_stop_works_for_a_browser_without_the_seat(web, station, seat):
    seat.claim("someone else")
    with open_socket(web, "a") as socket:
        socket.send_json({"type": "stop"})
        wait_for(lambda: station.status().gate is GateState.STOPPED)
        next_of(socket, "notices")
        newest = station.robot.gate.events.newest
        while next_of(socket, "state")["safety_event"] != newest:
            pass  # a page asks for the events when this number changes


def test_jogging_needs_the_seat_and_a_lost_browser_is_held(web, station, seat, arms):
    wait_for(lambda: station.tick)
    station.take_over()
    wait_for(lambda: station.status().gate is GateState.ACTIVE)
    jog = {
        "type": "jog",
        "arm": "left",
        "velocity": [0, 0, -0.1],
        "turn": [0, 0, 0],
        "gripper": None,
    }
    before = arms[0].positions.copy()
    with open_socket(web, "a") as socket:
        next_of(socket, "hello")
        socket.send_json(jog)
        next_of(socket, "state")
        assert (arms[0].positions == before).all()
        seat.claim("a")
        socket.send_json(jog)
        wait_for(lambda: abs(arms[0].positions - before).max() > 0.002)
    wait_for(lambda: seat.holder is None)
    wait_for(lambda: station.status().driver is Driver.NOBODY)
    assert station.status().gate is GateState.HOLD


def test_a_malformed_order_becomes_a_notice(web, station, seat):
    seat.claim("a")
    with open_socket(web, "a") as socket:
        socket.send_json({"type": "dance"})
        notices = next_of(socket, "notices")
    assert "unknown message 'dance'" in notices["notices"][-1]["text"]


def test_another_site_cannot_open_the_connection(web):
    with (
        pytest.raises(WebSocketDisconnect),
        open_socket(web, "a", origin="http://elsewhere.example"),
    ):
        pass


def test_a_plan_reaches_the_page_as_lines(web, station, policy):
    wait_for(lambda: station.tick)
    station.preview(policy, WAVE)
    with open_socket(web, "a") as socket:
        state = next_of(socket, "state")
    assert len(state["paths"]["cam_high"]["plan"]) == 2
