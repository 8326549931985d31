"""What a network predicts can be turned into a body's targets and back, for every body."""

import dataclasses
import pickle

import numpy as np
import pytest
import torch

from hardware.aloha import START, aloha_embodiment
from hardware.bodies import body_named, body_names
from hardware.control_loop import ControlLoop
from hardware.embodiment import Channel
from hardware.end_effectors import AlohaEndEffectors, end_effectors_for
from hardware.simulated_aloha import simulated_aloha
from hardware.simulation.attempt import attempt
from hardware.simulation.experts.expert import expert_for
from hardware.simulation.tasks.catalogue import scenario
from hardware.simulation.tasks.task import Outcome
from policy.data.films import Episode
from policy.data.samples import Samples
from policy.local import LocalPolicy
from policy.model.action_space import NormStats, Quantiles, pad
from policy.model.checkpoint import Checkpoint
from policy.model.conventions import convention_for
from policy.model.end_effector_actions import continuous, going_on, without_jumps
from policy.model.qwen_vla import QwenVLA
from policy.model.rotations import NAMES, from_matrix, to_matrix

DISPLACED = "chunk_relative_end_effector"
WAYS = [DISPLACED] + [
    f"{DISPLACED}:{turned}:{frame}" for turned in NAMES for frame in ("base", "tool")
]
WIDTHS = {
    "widowx": 7, "google_robot": 7, "franka": 7, "franka_joints": 8, "franka_dual": 14,
    "franka_dual_joints": 16, "arx5": 14, "fourier_gr1": 14, "mobile_aloha": 14,
    "mobile_aloha_joints": 14, "agibot_a2d": 16, "agibot_a2d_hands": 26, "galaxea_r1": 14,
    "airbot_mmk2": 36, "tienkung": 16, "tienkung_hands": 26, "human": 32, "navigation": 3,
}  # fmt: skip


class Witness:
    """Drives as another agent does and writes down what it saw and sent."""

    def __init__(self, agent):
        self.agent, self.states, self.actions = agent, [], []

    def reset(self):
        self.agent.reset()

    def act(self, observation):
        action = self.agent.act(observation)
        self.states.append(observation.state.copy())
        self.actions.append(action.copy())
        return action


@pytest.fixture(scope="module")
def chunks():
    """Targets at 10 Hz and the state before them, from a pick and a transfer by the expert."""
    found = []
    with simulated_aloha(realtime=False, cameras=()) as cell:
        for name in ("pick_red_cube_left", "hand_over_red_cube_left"):
            drawn = scenario(name, 21)
            task = drawn.task
            cell.world.set_out(drawn.layout)
            cell.robot.gate.forget()  # another scene: nothing is held from the last
            cell.robot.gate.reset()
            loop, witness = ControlLoop(cell.robot), Witness(expert_for(task, cell.world))
            loop.drive(witness)
            ended = attempt(loop, cell.world, task, limit_secs=14.0)
            assert ended.outcome is Outcome.SUCCESS
            starts = range(0, len(witness.states) - 76, 24)
            found += [
                (np.array(witness.actions[i : i + 80 : 5]), witness.states[i]) for i in starts
            ]
    assert len(found) >= 9
    return found


def degrees_between(one, other):
    trace = np.trace(one @ np.swapaxes(other, -1, -2), axis1=-2, axis2=-1)
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


@pytest.mark.parametrize("kind", NAMES)
def test_rotations_come_back_as_they_were(kind):
    rng = np.random.default_rng(0)
    quaternions = rng.normal(size=(500, 4))
    matrices = to_matrix("quaternion", quaternions)
    unit = np.eye(3)[None].repeat(500, 0)
    np.testing.assert_allclose(matrices @ np.swapaxes(matrices, -1, -2), unit, atol=1e-12)
    np.testing.assert_allclose(to_matrix(kind, from_matrix(kind, matrices)), matrices, atol=1e-9)
    still = from_matrix(kind, np.eye(3)[None])
    np.testing.assert_allclose(still, [[1, 0, 0, 0]] if kind == "quaternion" else [[0, 0, 0]])


def test_the_three_ways_to_say_a_quarter_turn_left_agree():
    turned = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    half = np.sqrt(0.5)
    for kind, numbers in (
        ("euler", [0, 0, np.pi / 2]),
        ("quaternion", [half, 0, 0, half]),
        ("axis_angle", [0, 0, np.pi / 2]),
    ):
        np.testing.assert_allclose(to_matrix(kind, np.array(numbers)), turned, atol=1e-12)


def test_roll_is_turned_first_and_yaw_last():
    roll, pitch, yaw = 0.3, -0.4, 1.2
    parts = [to_matrix("axis_angle", np.array(axis)) for axis in
             ([roll, 0, 0], [0, pitch, 0], [0, 0, yaw])]  # fmt: skip
    expected = parts[2] @ parts[1] @ parts[0]
    np.testing.assert_allclose(to_matrix("euler", np.array([roll, pitch, yaw])), expected)


def test_a_gripper_straight_down_still_has_a_rotation():
    matrix = to_matrix("euler", np.array([0.4, np.pi / 2, 0.1]))
    np.testing.assert_allclose(to_matrix("euler", from_matrix("euler", matrix)), matrix, atol=1e-7)


def test_a_quaternion_of_no_length_is_refused():
    with pytest.raises(ValueError, match="unit length"):
        to_matrix("quaternion", np.array([[1.0, 0, 0, 0], [0, 0, 0, 0]]))


@pytest.mark.parametrize("way", WAYS)
def test_the_experts_motion_comes_back_within_a_millimetre_and_half_a_degree(way, chunks):
    convention, kinematics = convention_for(way, aloha_embodiment()), AlohaEndEffectors()
    for targets, state in chunks if way == DISPLACED else chunks[::4]:
        rows = convention.encode(targets, state)
        assert rows.shape == (16, len(convention.channels)) and rows.dtype == np.float32
        back = convention.decode(rows, state)
        asked, reached = kinematics.poses(targets), kinematics.poses(back)
        assert np.linalg.norm(asked.position - reached.position, axis=-1).max() < 1e-3
        assert degrees_between(asked.rotation, reached.rotation).max() < 0.5
        np.testing.assert_array_equal(back[:, [6, 13]], targets[:, [6, 13]])
        assert np.abs(back - targets).max() < 0.1


def test_joints_as_they_are_come_back_exactly(chunks):
    convention = convention_for("as_body", aloha_embodiment())
    targets, state = chunks[0]
    assert convention.name == "absolute_joints"
    np.testing.assert_array_equal(
        convention.decode(convention.encode(targets, state), state), targets
    )


def test_standing_still_is_no_displacement():
    convention = convention_for(DISPLACED, aloha_embodiment())
    rows = convention.encode(START[None].repeat(4, 0), START)
    np.testing.assert_allclose(np.delete(rows, [6, 13], axis=1), 0, atol=1e-6)
    np.testing.assert_array_equal(rows[:, [6, 13]], 1)


def test_both_arms_reach_away_from_their_own_base_along_x():
    convention = convention_for(DISPLACED, aloha_embodiment())
    forward = START.copy()
    forward[[1, 8]] += 0.3  # both shoulders lean out
    row = convention.encode(forward[None], START)[0]
    assert row[0] > 0.03 and row[7] > 0.03
    np.testing.assert_allclose(row[:7], row[7:], atol=1e-4)


def test_a_little_noise_spins_no_wrist(chunks):
    """Two millimetres and a degree of error, as a trained network makes, near a straight wrist."""
    convention = convention_for(DISPLACED, aloha_embodiment())
    rng = np.random.default_rng(0)
    for targets, state in chunks:
        rows = convention.encode(targets, state)
        for first in (0, 7):
            rows[:, first : first + 3] += rng.normal(0, 0.002, (16, 3)).astype(np.float32)
            rows[:, first + 3 : first + 6] += rng.normal(0, 0.02, (16, 3)).astype(np.float32)
        joints = np.delete(convention.decode(rows, state), [6, 13], axis=1)
        assert np.abs(np.diff(joints, axis=0)).max() < 0.6


def test_a_pose_out_of_reach_stretches_towards_it_within_the_joints_limits():
    body = aloha_embodiment()
    convention, kinematics = convention_for(DISPLACED, body), AlohaEndEffectors()
    rows = convention.encode(START[None].repeat(3, 0), START)
    rows[:, 0] += 3.0
    targets = convention.decode(rows, START)
    assert (targets >= body.action_low - 1e-5).all() and (targets <= body.action_high + 1e-5).all()
    before, after = (kinematics.poses(q).position[0, 0, 0] for q in (START[None], targets))
    assert after > before + 0.2


def test_displacements_are_from_the_first_frame_not_from_step_to_step():
    convention = convention_for("as_body", body_named("widowx"))
    state = np.float32([0.2, 0.1, 0.3, 0, 0, 0, 1])
    targets = state[None].repeat(3, 0)
    targets[:, 0] += np.float32([0.01, 0.02, 0.03])
    rows = convention.encode(targets, state)
    np.testing.assert_allclose(rows[:, 0], [0.01, 0.02, 0.03], atol=1e-6)
    assert convention.channels == ("dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper")


def test_the_tool_frame_turns_the_way_with_the_gripper():
    state = np.float32([0, 0, 0, 0, 0, np.pi / 2, 1])  # turned left: its x is the base's y
    target = np.float32([[0, 0.1, 0, 0, 0, np.pi / 2, 1]])
    body = body_named("widowx")
    base = convention_for(f"{DISPLACED}:base", body).encode(target, state)
    tool = convention_for(f"{DISPLACED}:tool", body).encode(target, state)
    np.testing.assert_allclose(base[0, :3], [0, 0.1, 0], atol=1e-6)
    np.testing.assert_allclose(tool[0, :3], [0.1, 0, 0], atol=1e-6)


def somewhere(body, rng):
    """A state within the body's ranges and a smooth way on from it."""
    low, high = body.action_low, body.action_high
    middle, half = (low + high) / 2, np.minimum((high - low) / 2, 2.0)
    state = (middle + 0.5 * half * rng.uniform(-1, 1, len(low))).astype(np.float32)
    steps = rng.uniform(-0.02, 0.02, (16, len(low))) * half
    return np.clip(state + np.cumsum(steps, axis=0), low, high).astype(np.float32), state


@pytest.mark.parametrize("name", body_names())
def test_every_body_has_its_width_and_its_actions_come_back(name):
    body, rng = body_named(name), np.random.default_rng(3)
    convention = convention_for("as_body", body)
    assert len(convention.channels) == WIDTHS[name] == len(set(convention.channels))
    targets, state = somewhere(body, rng)
    back = convention.decode(convention.encode(targets, state), state)
    if body.kinematics and convention.name.startswith(DISPLACED):
        poses = AlohaEndEffectors().poses
        assert np.abs(poses(back).position - poses(targets).position).max() < 1e-3
    elif name == "human":  # one rotation has many axis-angles only beyond half a turn
        np.testing.assert_allclose(back, targets, atol=1e-4)
    else:
        np.testing.assert_allclose(back, targets, atol=1e-5)


@pytest.mark.parametrize("name", body_names())
def test_normalising_and_padding_lose_nothing_either(name):
    body, rng = body_named(name), np.random.default_rng(4)
    convention = convention_for("as_body", body)
    many = [somewhere(body, rng) for _ in range(8)]
    rows = [convention.encode(targets, state) for targets, state in many]
    quantiles = Quantiles(*np.quantile(np.concatenate(rows), [0, 1], axis=0).astype(np.float32))
    for row in rows:
        padded, mask = pad(quantiles.normalize(row), horizon=32, channels=64)
        assert mask.sum() == row.size and np.abs(padded).max() <= 1
        height, width = row.shape
        assert not padded[height:].any() and not padded[:, width:].any()
        np.testing.assert_allclose(quantiles.restore(padded[:height, :width]), row, atol=1e-4)


def test_a_turn_through_half_a_circle_goes_on_without_a_leap():
    convention = convention_for("as_body", body_named("widowx"))
    state = np.float32([0.2, 0, 0.2, 3.0, 0, 0, 0.5])
    targets = state[None].repeat(8, 0)
    targets[:, 3] = 3.0 + 0.1 * np.arange(8)
    wrapped = targets.copy()
    wrapped[:, 3] = np.mod(wrapped[:, 3] + np.pi, 2 * np.pi) - np.pi
    for recorded in (targets, wrapped):
        back = convention.decode(convention.encode(recorded, state), state)
        np.testing.assert_allclose(back, targets, atol=1e-5)
    smooth = without_jumps(body_named("widowx").action_channels, wrapped)
    np.testing.assert_allclose(smooth, targets, atol=1e-5)


def test_between_recorded_rows_an_angle_is_interpolated_the_short_way():
    body = body_named("widowx")
    action = np.zeros((5, 7), np.float32)
    action[:, 3] = [3.0, 3.1, -3.1, -3.0, -2.9]
    samples = Samples(
        body, 5.0, (Episode(0, "lift", 0, 5),), np.zeros(5, int), action, action, {}, np.arange(5)
    )
    roll = samples.chunk(0, 9, 10.0)[:, 3]
    np.testing.assert_allclose(roll[[2, 3, 4]], [3.1, np.pi, 2 * np.pi - 3.1], atol=1e-5)
    assert np.abs(np.diff(roll)).max() < 0.06


def in_quaternions(body):
    def channels(old):
        turned = [Channel(n, "unit", -1.0, 1.0, 2.0) for n in NAMES["quaternion"]]
        return (*old[:3], *turned, *old[6:])

    return dataclasses.replace(
        body,
        state_channels=channels(body.state_channels),
        action_channels=channels(body.action_channels),
    )


def test_poses_recorded_as_quaternions_come_back_with_their_sign():
    body = in_quaternions(body_named("franka"))
    convention = convention_for(f"{DISPLACED}:quaternion", body)
    assert len(convention.channels) == 8
    turned = from_matrix("quaternion", to_matrix("euler", np.array([3.0, 0.2, 0.5])))
    state = np.float32([0.4, 0, 0.3, *-turned, 1])
    targets = state[None].repeat(5, 0)
    targets[:, 1] += np.linspace(0, 0.1, 5, dtype=np.float32)
    np.testing.assert_allclose(
        convention.decode(convention.encode(targets, state), state), targets, atol=1e-6
    )
    flipped = targets.copy()
    flipped[2:, 3:7] *= -1
    np.testing.assert_allclose(without_jumps(body.action_channels, flipped), targets)


def test_a_state_whose_quaternion_is_missing_is_refused():
    convention = convention_for(DISPLACED, in_quaternions(body_named("franka")))
    with pytest.raises(ValueError, match="unit length"):
        convention.encode(np.zeros((2, 8), np.float32), np.zeros(8, np.float32))


def test_a_vehicle_sees_its_waypoints_from_where_it_stands():
    convention = convention_for("as_body", body_named("navigation"))
    state = np.float32([10, 5, np.pi / 2])  # looking along the map's y
    targets = np.float32([[10, 6, np.pi / 2], [9, 7, np.pi]])
    rows = convention.encode(targets, state)
    np.testing.assert_allclose(rows, [[1, 0, 0], [2, 1, np.pi / 2]], atol=1e-5)
    np.testing.assert_allclose(convention.decode(rows, state), targets, atol=1e-5)


def test_a_vehicle_may_turn_past_half_a_circle():
    convention = convention_for("as_body", body_named("navigation"))
    state = np.float32([0, 0, 3.1])
    rows = convention.encode(np.float32([[0, 0, -3.1], [0, 0, -3.0]]), state)
    np.testing.assert_allclose(rows[:, 2], [2 * np.pi - 6.2, 2 * np.pi - 6.1], atol=1e-5)


def test_a_convention_can_be_sent_to_worker_processes(chunks):
    targets, state = chunks[0]
    convention = convention_for(DISPLACED, aloha_embodiment())
    sent = pickle.loads(pickle.dumps(convention))
    np.testing.assert_array_equal(sent.encode(targets, state), convention.encode(targets, state))


@pytest.mark.parametrize(
    ("wish", "name", "said"),
    [
        ("relative_joints", "widowx", "Unknown action convention 'relative_joints'"),
        ("waypoints", "widowx", "x, y and yaw alone; 'widowx' has 7"),
        ("waypoints", "franka_joints", r"lacks \['x', 'y', 'yaw'\]"),
        (DISPLACED, "agibot_a2d", "need a kinematic model, got None"),
        (f"{DISPLACED}:octonion", "widowx", "octonion"),
        (f"{DISPLACED}:euler:quaternion", "widowx", "one may be a rotation"),
        ("absolute_joints:tool", "franka_joints", "Unknown action convention"),
        ("absolute_joints", "widowx", "records are absolute_end_effector"),
        ("absolute_end_effector", "franka_joints", "records are absolute_joints"),
    ],
)
def test_a_convention_that_a_body_cannot_have_is_refused(wish, name, said):
    with pytest.raises(ValueError, match=said):
        convention_for(wish, body_named(name))


def test_a_body_that_does_not_feel_its_grippers_cannot_displace_them():
    body = body_named("franka")
    numb = dataclasses.replace(body, state_channels=body_named("franka_joints").state_channels)
    with pytest.raises(ValueError, match="Displacements start from the observed pose"):
        convention_for(DISPLACED, numb)


def test_a_body_of_an_unknown_kinematic_model_is_refused():
    body = dataclasses.replace(aloha_embodiment(), kinematics="octopus")
    with pytest.raises(ValueError, match=r"'octopus'; known are \['aloha'\]"):
        end_effectors_for(body)


def displacing(config, tokenizer, body, chunks, **changes):
    """A random network that predicts displacements, with statistics of the expert's."""
    torch.manual_seed(0)
    network = QwenVLA(dataclasses.replace(config, action_convention=DISPLACED, **changes))
    convention = convention_for(DISPLACED, body)
    rows = np.concatenate([convention.encode(targets, state) for targets, state in chunks])
    felt = Quantiles(body.action_low, body.action_high)
    return Checkpoint(network, tokenizer, NormStats(felt, Quantiles.of(rows)), body, ("lift",))


def test_a_network_of_displacements_drives_the_same_robot(
    config, tokenizer, body, chunks, observation
):
    policy = LocalPolicy(displacing(config, tokenizer, body, chunks))
    chunk = policy.predict_action_chunk(observation, "lift")
    assert chunk.actions.shape == (16, 14) and chunk.observed_at == observation.timestamp
    rows = convention_for(DISPLACED, body).encode(chunk.actions, observation.state)
    stats = policy.checkpoint.norm_stats.action
    for axis in (0, 1, 2, 7, 8, 9):  # what the expert did, give or take what cannot be reached
        assert rows[:, axis].min() > stats.q01[axis] - 0.05
        assert rows[:, axis].max() < stats.q99[axis] + 0.05
    assert (np.abs(chunk.actions[:, :6]) <= 3.1416).all()


def test_a_network_that_reads_the_state_acts_upon_it(config, tokenizer, body, chunks, observation):
    policy = LocalPolicy(displacing(config, tokenizer, body, chunks, state="text"))
    moved = dataclasses.replace(observation, state=observation.state + np.float32(0.3))
    said = []
    encode = policy._processor.encode

    def listening(prompt, *rest):
        said.append(prompt)
        return encode(prompt, *rest)

    policy._processor.encode = listening
    planned = []
    for seen in (observation, moved):
        policy.seed(0)
        planned.append(
            policy._convention.encode(policy.predict_action_chunk(seen, "lift").actions, seen.state)
        )
    assert all("lift. state: [" in prompt for prompt in said)
    assert said[0] != said[1]
    assert np.abs(planned[0] - planned[1]).max() > 1e-4  # other displacements, not the same moved


def test_statistics_of_another_convention_are_refused(config, tokenizer, body, chunks):
    wide = displacing(config, tokenizer, body, chunks)
    network = QwenVLA(dataclasses.replace(config, action_convention=f"{DISPLACED}:quaternion"))
    with pytest.raises(ValueError, match="16 channels"):
        LocalPolicy(dataclasses.replace(wide, model=network))


def test_a_network_too_narrow_for_a_body_is_refused(config, tokenizer, body, chunks):
    narrow = displacing(config, tokenizer, body, chunks, channels=8)
    with pytest.raises(ValueError, match="needs 14 channels, the network has 8"):
        LocalPolicy(narrow)


def test_an_axis_angle_is_said_by_the_vector_nearest_to_the_row_before():
    """A turn past pi is recorded about the other axis: interpolated, it would turn back."""
    angles = np.linspace(2.5, 7.5, 26)
    axis = np.array([0.6, 0.0, 0.8])
    recorded = from_matrix("axis_angle", to_matrix("axis_angle", angles[:, None] * axis))
    assert np.abs(np.diff(recorded, axis=0)).max() > 3
    np.testing.assert_allclose(
        continuous("axis_angle", recorded), angles[:, None] * axis, atol=1e-6
    )
    still = np.zeros((3, 3))
    np.testing.assert_array_equal(continuous("axis_angle", still), still)


def test_a_quaternion_goes_on_with_the_sign_of_the_last_command():
    channels = tuple(
        dataclasses.replace(body_named("widowx").action_channels[0], name=name)
        for name in ("x", "y", "z", "qw", "qx", "qy", "qz")
    )
    last = np.array([0, 0, 0, 1, 0, 0, 0], np.float32)
    rows = np.tile(np.array([0, 0, 0, -1, 0, 0, 0], np.float32), (4, 1))
    np.testing.assert_array_equal(going_on(channels, rows, last), np.tile(last, (4, 1)))
