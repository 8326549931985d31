"""A ViperX follower arm on the emulated bus: identity, motion, farewell."""

import numpy as np
import pytest
from servo_bus.arms import viperx, widowx
from servo_bus.clock import BenchClock

from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.dynamixel_line import Line, fingerprints
from hardware.arms.interbotix import ALOHA_2023_FOLLOWER, ARM_MODELS
from hardware.dynamixel.motors import Fingerprint
from hardware.interfaces import Arm, HardwareError

REPLY_SECS = 0.25
SLEEPING = [0.0, -1.798, 1.549, 0.0, 0.801, 0.0]
TICK = 0.02


@pytest.fixture
def clock():
    return BenchClock()


@pytest.fixture
def bus(clock):
    with viperx(clock=clock.now) as bus:
        yield bus


def follower(bus, clock, **options):
    line = Line(bus.path, reply_secs=REPLY_SECS)
    return DynamixelFollower(ALOHA_2023_FOLLOWER, line, clock=clock, **options)


@pytest.fixture
def arm(bus, clock):
    arm = follower(bus, clock, farewell="hold")
    arm.connect()
    yield arm
    arm.disconnect()


def torques(bus):
    return [servo.peek("torque_enable") for servo in bus.servos]


def test_it_is_an_arm_and_holds_where_it_stood(arm, bus, clock):
    assert isinstance(arm, Arm)
    np.testing.assert_allclose(arm.read_positions()[:6], SLEEPING, atol=1e-3)
    assert torques(bus) == [1] * 9
    clock.pass_secs(0.1)
    np.testing.assert_allclose(arm.read_positions()[:6], SLEEPING, atol=1e-3)


def test_with_torque_every_watchdog_is_armed_and_speeds_are_limited(arm, bus):
    assert [servo.peek("bus_watchdog") for servo in bus.servos] == [10] * 9
    assert [servo.peek("profile_velocity") for servo in bus.servos] == [131] * 9
    assert bus[9].peek("operating_mode") == 5
    assert bus[9].peek("goal_current") == bus[9].peek("current_limit") == 200
    assert [servo.peek("operating_mode") for servo in bus.servos[:8]] == [3] * 8


def test_it_goes_where_it_is_told_and_shadows_follow(arm, bus, clock):
    start = arm.read_positions()
    goal = start + np.array([0.2, 0.3, -0.2, 0.2, -0.3, -0.2, 0.0], np.float32)
    goal[6] = 0.8
    for step in np.linspace(0, 1, 10)[1:]:
        arm.write_positions(np.asarray(start + step * (goal - start), np.float32))
        clock.pass_secs(TICK)
        arm.read_positions()
    for _ in range(15):
        clock.pass_secs(TICK)
        reached = arm.read_positions()
    np.testing.assert_allclose(reached, goal, atol=4e-3)
    assert bus[3].peek("present_position") == bus[2].peek("present_position")
    assert bus[5].peek("present_position") == bus[4].peek("present_position")


def test_before_it_is_connected_and_after_it_says_so(bus, clock):
    arm = follower(bus, clock, farewell="hold")
    with pytest.raises(HardwareError, match="not connected"):
        arm.read_positions()
    arm.connect()
    arm.disconnect()
    with pytest.raises(HardwareError, match="Connect the arm first"):
        arm.read_positions()


def test_a_goal_beyond_the_limits_is_kept_within_them(arm, bus):
    far = arm.read_positions()
    far[1], far[6] = 3.0, 2.0
    arm.write_positions(far)
    arm.read_positions()
    assert bus[2].peek("goal_position") == 2867
    opened = round(2048 + 1.4910 * 4096 / (2 * np.pi))
    assert bus[9].peek("goal_position") == pytest.approx(opened, abs=1)


@pytest.mark.parametrize("bad", [np.zeros(6, np.float32), np.full(7, np.nan, np.float32)])
def test_nonsense_is_refused(arm, bad):
    with pytest.raises(ValueError, match="takes 7 finite positions"):
        arm.write_positions(bad)


def test_a_leader_on_the_followers_cable_is_refused_before_torque(clock):
    with widowx(clock=clock.now) as bus:
        arm = follower(bus, clock)
        with pytest.raises(HardwareError, match=r"It looks like a WidowX 250 S .* cables swapped"):
            arm.connect()
        assert torques(bus) == [0] * 9


def test_another_arm_of_the_same_kind_is_refused_by_its_fingerprint(bus, clock):
    line = Line(bus.path, reply_secs=REPLY_SECS)
    known = fingerprints(ALOHA_2023_FOLLOWER, line)
    assert [Fingerprint.from_json(each.to_json()) for each in known] == known
    bus[3].poke("homing_offset", 37)
    arm = follower(bus, clock, known=known)
    with pytest.raises(HardwareError, match="motor 3: homing offset was 0, is 37"):
        arm.connect()
    assert torques(bus) == [0] * 9


def test_missing_motors_and_missing_power_are_told_apart(bus, clock):
    bus[5].powered = bus[7].powered = False
    arm = follower(bus, clock)
    with pytest.raises(
        HardwareError, match=r"silent: motor 5 \(elbow_shadow\), motor 7 \(wrist_angle\)"
    ):
        arm.connect()
    bus.cut_power()
    with pytest.raises(HardwareError, match=r"No motor answers. Is the arm's 12 V supply on"):
        follower(bus, clock).connect()


def test_a_slow_usb_adapter_is_refused(bus, clock, tmp_path):
    device = tmp_path / "bus/usb-serial/devices" / bus.path.rsplit("/", 1)[1]
    device.mkdir(parents=True)
    (device / "latency_timer").write_text("16")
    arm = DynamixelFollower(ALOHA_2023_FOLLOWER, Line(bus.path, sysfs=tmp_path), clock=clock)
    with pytest.raises(HardwareError, match="holds replies back for up to 16 ms"):
        arm.connect()


def test_shadows_that_disagree_are_refused_before_torque(bus, clock):
    bus[3].position += 60
    with pytest.raises(HardwareError, match="shoulder and shoulder_shadow turn one joint but"):
        follower(bus, clock).connect()
    assert torques(bus) == [0] * 9


def test_at_farewell_it_is_lowered_to_rest_before_it_lets_go(bus, clock):
    for servo in bus.servos[1:5]:
        servo.position += 400 if servo.position < 2048 else -400
        servo.falls_to = 0.0
    arm = follower(bus, clock, farewell="rest")
    arm.connect()
    began = clock.now()
    arm.disconnect()
    arm.disconnect()
    rest = ALOHA_2023_FOLLOWER.sleep
    angles = [(bus[id_].position - 2048) * 2 * np.pi / 4096 for id_ in (1, 2, 4, 6, 7, 8)]
    np.testing.assert_allclose(angles, rest, atol=0.13)
    assert torques(bus) == [0] * 9
    way = 400 * 2 * np.pi / 4096
    assert clock.now() - began == pytest.approx(way / (0.15 * 3.14), abs=0.4)


def test_at_farewell_it_may_hold_instead_with_its_watchdogs_armed(bus, clock):
    arm = follower(bus, clock, farewell="hold")
    arm.connect()
    arm.disconnect()
    assert torques(bus) == [1] * 9
    clock.pass_secs(1.0)
    again = follower(bus, clock)
    again.connect()
    assert [servo.peek("bus_watchdog") for servo in bus.servos] == [10] * 9
    again.disconnect()


def test_motors_that_another_program_silenced_are_heard_again(bus, clock):
    for servo in bus.servos:
        servo.poke("status_return_level", 0)
    arm = follower(bus, clock, farewell="hold")
    arm.connect()
    assert arm.read_positions().shape == (7,)
    arm.let_go()
    assert torques(bus) == [0] * 9
    arm.disconnect()


def test_an_arm_that_holds_is_not_let_go_of_to_change_its_modes(bus, clock):
    bus[6].poke("operating_mode", 4)
    bus[6].poke("torque_enable", 1)
    with pytest.raises(HardwareError, match=r"operating mode of motor 6 .* switch its 12 V"):
        follower(bus, clock).connect()
    assert bus[6].peek("torque_enable") == 1


def test_an_arm_with_old_firmware_is_read_the_plain_way(clock):
    with viperx(firmware=42, clock=clock.now) as bus:
        arm = follower(bus, clock, farewell="hold")
        arm.connect()
        np.testing.assert_allclose(arm.read_positions()[:6], SLEEPING, atol=1e-3)
        arm.disconnect()


def test_it_tells_what_its_motors_bear(arm, bus):
    bus[2].load = 300.0
    arm.read_positions()
    assert arm.loads["shoulder"] == pytest.approx(300 * 2.69e-3)
    assert arm.loads["waist"] == 0
    for _ in range(9):
        arm.read_positions()
    assert {health.celsius for health in arm.health.values()} == {34.0}


@pytest.mark.parametrize("name", ARM_MODELS)
def test_gripper_linkages_run_from_closed_to_open(name):
    gripper = ARM_MODELS[name].gripper
    assert gripper.opening(gripper.closed) == pytest.approx(0)
    assert gripper.opening(gripper.open) == pytest.approx(1)
    openings = np.linspace(0, 1, 11)
    back = [gripper.opening(gripper.angle(float(each))) for each in openings]
    np.testing.assert_allclose(back, openings, atol=1e-9)


def test_the_grippers_travel_is_the_alohas():
    # PUPPET_GRIPPER_POSITION_OPEN and _CLOSE of tonyzhaozh/aloha, metres.
    gripper = ALOHA_2023_FOLLOWER.gripper
    assert gripper.travel(1.4910) == pytest.approx(0.05800, abs=2e-4)
    assert gripper.travel(-0.6213) == pytest.approx(0.01844, abs=2e-4)


def test_speeds_and_currents_of_leading_motors_are_those_of_its_joints(bus, clock):
    arm = follower(bus, clock, farewell="hold")
    assert arm.motion is None
    arm.connect()
    start = arm.read_positions()
    goal = start.copy()
    goal[0] += 0.5
    goal[6] = 1.0
    places = []
    for _ in range(8):
        arm.write_positions(goal)
        clock.pass_secs(TICK)
        places.append(arm.read_positions())
        motion = arm.motion
        assert motion.velocity.shape == motion.effort.shape == (7,)
        leading = [bus[id_].peek("present_current") for id_ in ALOHA_2023_FOLLOWER.joints]
        np.testing.assert_allclose(motion.effort, np.array(leading) * 2.69e-3, atol=1e-6)
    speed = (places[-1] - places[-2]) / TICK
    assert speed[0] > 0.5
    assert motion.velocity[0] == pytest.approx(speed[0], rel=0.1)
    assert speed[6] > 0.1
    assert motion.velocity[6] == pytest.approx(speed[6], rel=0.15)
    arm.disconnect()
