"""What a network predicts can be turned into a body's targets and back, for every body."""

import dataclasses
import pickle

import numpy as np
import pytest
import torch

from hardware.aloha import START, aloha_embodiment
from hardware.bodies import body_named
from hardware.control_loop import ControlLoop
from hardware.end_effectors import AlohaEndEffectors, end_effectors_for
from hardware.simulated_aloha import simulated_aloha
from hardware.simulation.attempt import attempt
from hardware.simulation.experts.expert import expert_for
from hardware.simulation.tasks.catalogue import scenario
from hardware.simulation.tasks.task import Outcome
from policy.data.films import Episode
from policy.data.samples import Samples
from policy.local import LocalPolicy
from policy.model.action_space import NormStats, Quantiles
from policy.model.checkpoint import Checkpoint
from policy.model.conventions import convention_for
from policy.model.end_effector_actions import without_jumps
from policy.model.qwen_vla import QwenVLA
from policy.model.rotations import NAMES

DISPLACED = "chunk_relative_end_effector"

WAYS = [DISPLACED] + [
    f"{DISPLACED}:{turned}:{frame}" for turned in NAMES for frame in ("base", "tool")
]


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
