"""WidowX leaders on emulated buses: loose, helped against gravity, gripped to start, in a round."""

import mujoco
import numpy as np
import pytest
from servo_bus.arms import viperx, widowx
from servo_bus.clock import BenchClock

from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.dynamixel_line import Line
from hardware.arms.gravity import WIDOWX_250S_LINKS, holding_torques
from hardware.arms.interbotix import ALOHA_2023_FOLLOWER, ALOHA_2023_LEADER
from hardware.arms.leader import DynamixelLeader, GripToStart
from hardware.arms.side_by_side import side_by_side
from hardware.dynamixel.control_table import XM430_W350
from hardware.interfaces import Arm, HardwareError, Observation
from hardware.teleoperator import Teleoperator

REPLY_SECS = 0.25
OBSERVED = Observation(0.0, np.zeros(7, np.float32), {})


@pytest.fixture
def clock():
    return BenchClock()


@pytest.fixture
def bus(clock):
    with widowx(clock=clock.now) as bus:
        yield bus


def leader(bus, clock, **options):
    line = Line(bus.path, reply_secs=REPLY_SECS)
    return DynamixelLeader(ALOHA_2023_LEADER, line, clock=clock, **options)


def test_a_leader_is_loose_and_read_where_a_hand_moves_it(bus, clock):
    bus[1].poke("torque_enable", 1)
    arm = leader(bus, clock)
    assert isinstance(arm, Arm)
    arm.connect()
    assert [servo.peek("torque_enable") for servo in bus.servos] == [0] * 9
    bus[1].position = 2048 + 512
    bus[9].position = 2048 + round(0.3083 * 4096 / (2 * np.pi))
    positions = arm.read_positions()
    assert positions[0] == pytest.approx(np.pi / 4, abs=1e-3)
    assert positions[6] == pytest.approx(1.0, abs=5e-3)
    with pytest.raises(HardwareError, match="moved by hand"):
        arm.write_positions(positions)
    arm.disconnect()


def test_with_help_its_motors_carry_their_share_of_the_weight(bus, clock):
    arm = leader(bus, clock, gravity_help=0.5)
    arm.connect()
    assert [servo.peek("torque_enable") for servo in bus.servos] == [1] * 7 + [0, 0]
    assert [servo.peek("operating_mode") for servo in bus.servos[:7]] == [0] * 7
    assert [servo.peek("bus_watchdog") for servo in bus.servos] == [10] * 7 + [0, 0]
    positions = arm.read_positions()
    arm.chain.read_motion()
    torques = holding_torques(WIDOWX_250S_LINKS, positions[:6].astype(np.float64))
    per_amp = XM430_W350.torque
    assert bus[2].peek("goal_current") == round(0.5 * torques[1] / per_amp / 2 / 2.69e-3)
    assert bus[3].peek("goal_current") == bus[2].peek("goal_current")  # the shadow bears half
    assert bus[7].peek("goal_current") == round(0.5 * torques[4] / per_amp / 2.69e-3)
    arm.disconnect()
    assert [servo.peek("torque_enable") for servo in bus.servos] == [0] * 9


def test_help_ends_by_itself_when_the_program_does(bus, clock):
    arm = leader(bus, clock, gravity_help=0.5)
    arm.connect()
    arm.read_positions()
    clock.pass_secs(0.5)
    with pytest.raises(HardwareError, match="stopped by its bus watchdog"):
        for _ in range(9):
            arm.read_positions()


def test_too_much_help_is_refused(bus, clock):
    with pytest.raises(ValueError, match=r"share of 0 to 0.9"):
        leader(bus, clock, gravity_help=1.0)


def test_gravity_torques_are_those_of_mujoco():
    spec = mujoco.MjSpec()
    body = spec.worldbody
    for index, link in enumerate(WIDOWX_250S_LINKS):
        body = body.add_body(name=f"link{index}", pos=link.joint)
        body.mass, body.ipos, body.inertia = link.mass, link.centre, [1e-4] * 3
        body.explicitinertial = True
        body.add_joint(axis=link.axis)
    model = spec.compile()
    data = mujoco.MjData(model)
    for seed in range(5):
        angles = np.random.default_rng(seed).uniform(-1.5, 1.5, 6)
        data.qpos[:] = angles
        mujoco.mj_forward(model, data)
        np.testing.assert_allclose(
            holding_torques(WIDOWX_250S_LINKS, angles), data.qfrc_bias, atol=1e-9
        )


def test_an_upright_arm_needs_little_and_a_stretched_one_most():
    upright = np.array([0.0, 0.0, -np.pi / 2, 0.0, 0.0, 0.0])
    stretched = np.array([0.0, np.pi / 2, 0.0, 0.0, 0.0, 0.0])
    assert abs(holding_torques(WIDOWX_250S_LINKS, upright)[1]) < 0.5
    assert abs(holding_torques(WIDOWX_250S_LINKS, stretched)[1]) > 2.5


def test_gripping_all_leaders_starts_but_grippers_that_were_never_open_do_not():
    grip = GripToStart(2)
    assert not grip.gripped([0.1, 0.1])
    assert not grip.gripped([0.9, 0.1])
    assert not grip.gripped([0.1, 0.8])
    assert not grip.gripped([0.1, 0.5])
    assert grip.gripped([0.1, 0.2])
    with pytest.raises(ValueError, match="2 leaders have grippers, got 1"):
        grip.gripped([0.1])


def test_leaders_and_followers_are_read_side_by_side(clock):
    with widowx(clock=clock.now) as lead_bus, viperx(clock=clock.now) as follow_bus:
        line = Line(follow_bus.path, reply_secs=REPLY_SECS)
        follower = DynamixelFollower(ALOHA_2023_FOLLOWER, line, clock=clock, farewell="hold")
        follow, lead = side_by_side([follower, leader(lead_bus, clock)])
        for arm in (follow, lead):
            arm.connect()
        person = Teleoperator([lead])
        follow.read_positions()  # nobody asks the leader in this round
        lead_bus[1].position += 300
        moved = 2048 + 300
        follow.read_positions()
        wanted = person.act(OBSERVED)
        assert wanted[0] == pytest.approx((moved - 2048) * 2 * np.pi / 4096, abs=1e-3)
        follow.write_positions(wanted)
        follow.read_positions()
        assert follow_bus[1].peek("goal_position") == moved
        follow_bus.faults.add("drop", times=9, id_=4)
        with pytest.raises(HardwareError, match=r"motor 4 \(elbow\)"):
            follow.read_positions()
        assert lead.read_positions().shape == (7,)
        for arm in (follow, lead):
            arm.disconnect()
