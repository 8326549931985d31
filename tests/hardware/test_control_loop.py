import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hardware.aloha import START, aloha_embodiment
from hardware.clock import MonotonicClock
from hardware.control_loop import ControlLoop
from hardware.embodiment import Embodiment
from hardware.interfaces import HardwareError
from hardware.robot import Robot
from hardware.safety.state import GateState


class StillArm:
    def __init__(self, fault=None):
        self.fault, self.open, self.written = fault, False, []

    def connect(self):
        if self.fault:
            raise HardwareError(self.fault)
        self.open = True

    def disconnect(self):
        self.open = False

    def read_positions(self):
        return START[:7].copy()

    def write_positions(self, positions):
        self.written.append(positions)


class SteppedClock:
    """Runs late by what `late` says, once."""

    def __init__(self, late=()):
        self.time, self.late = 0.0, list(late)

    def now(self):
        return self.time

    def wait_until(self, deadline):
        self.time = deadline + (self.late.pop(0) if self.late else 0.0)


class Reach:
    def __init__(self, target):
        self.target = np.float32(target)

    def reset(self): ...

    def act(self, observation):
        return self.target


class Broken(Reach):
    def act(self, observation):
        raise HardwareError("Leader arm on /dev/ttyDXL_left stopped answering.")


def robot(arms=None, clock=None):
    body = aloha_embodiment(())
    return Robot(body, arms or [StillArm(), StillArm()], {}, clock or SteppedClock())


def test_a_tick_tells_what_was_wanted_and_what_was_sent():
    with robot() as body:
        loop = ControlLoop(body)
        loop.drive(Reach(START + 1))
        tick = loop.tick()

    np.testing.assert_array_equal(tick.wanted, START + 1)
    assert (tick.action < tick.wanted).any()
    assert (tick.action != START).any()


def test_with_nobody_driving_nothing_is_sent():
    arms = [StillArm(), StillArm()]
    with robot(arms) as body:
        tick = ControlLoop(body).tick()
    assert tick.action is None and not arms[0].written


def test_a_failed_driver_holds_the_arms_and_the_loop_goes_on():
    with robot() as body:
        loop = ControlLoop(body)
        loop.drive(Broken(START))
        loop.tick()
        assert "stopped answering" in str(loop.failure)
        assert body.gate.state is GateState.HOLD
        assert loop.tick().action is None


def test_every_listener_hears_every_tick_in_order():
    heard = []
    with robot() as body:
        loop = ControlLoop(body, [heard.append])
        for _ in range(3):
            loop.tick()
    assert [tick.index for tick in heard] == [0, 1, 2]


def test_a_listener_that_fails_is_said_once_and_ends_nothing(caplog):
    heard = []

    def fail(tick):
        raise RuntimeError("out of memory")

    with robot() as body:
        loop = ControlLoop(body, [fail, heard.append])
        for _ in range(3):
            loop.tick()
    assert [tick.index for tick in heard] == [0, 1, 2]
    assert [record.exc_info[1].args[0] for record in caplog.records] == ["out of memory"]


def test_a_late_loop_counts_what_it_missed_and_keeps_its_deadlines():
    ticks, stop = [], threading.Event()
    clock = SteppedClock(late=[0, 0.05, 0, 0])  # two whole ticks and a half

    def listen(tick):
        ticks.append(tick)
        if len(ticks) == 4:
            stop.set()

    with robot(clock=clock) as body:
        loop = ControlLoop(body, [listen])
        loop.run(stop)

    assert [tick.index for tick in ticks] == [0, 1, 4, 5]
    assert loop.timeliness().missed == 2
    assert ticks[3].observation.timestamp == pytest.approx(0.1)


def test_the_loop_keeps_its_rate_in_real_time():
    ticks, stop = [], threading.Event()
    with robot(clock=MonotonicClock()) as body, ThreadPoolExecutor() as pool:
        running = pool.submit(ControlLoop(body, [ticks.append]).run, stop)
        while len(ticks) < 50:
            stop.wait(0.01)
        stop.set()
        running.result()

    span = ticks[-1].observation.timestamp - ticks[0].observation.timestamp
    turns = ticks[-1].index - ticks[0].index
    assert span / turns == pytest.approx(0.02, rel=0.05)


def test_every_broken_device_is_reported_at_once_and_none_stays_open():
    good = StillArm()
    with (
        pytest.raises(HardwareError, match=r"left is silent(.|\n)*right is silent"),
        robot([StillArm("left is silent"), good, StillArm("right is silent")]),
    ):
        pass
    assert not good.open


def test_a_robot_without_its_cameras_is_refused():
    with pytest.raises(ValueError, match=r"needs cameras .*cam_high"):
        Robot(aloha_embodiment(("cam_high",)), [], {}, SteppedClock())


def test_a_body_survives_the_disk(tmp_path):
    body = aloha_embodiment()
    body.save(tmp_path / "body.json")
    assert Embodiment.load(tmp_path / "body.json") == body


def test_a_body_that_does_not_fit_says_what_differs():
    ours = aloha_embodiment(("cam_high", "cam_low"))
    assert ours.differences(aloha_embodiment()) == []
    assert "cam_low" in ours.differences(aloha_embodiment(("cam_high",)))[0]

    fields = ours.to_json()
    fields["action_channels"] = fields["action_channels"][:7]
    one_armed = Embodiment.from_json(fields)
    assert "14 expected, 7 here" in ours.differences(one_armed)[0]
