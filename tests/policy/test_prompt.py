"""The prompt is the paper's template, word for word, for every body."""

import dataclasses

import numpy as np
import pytest

from hardware.aloha import aloha_embodiment
from hardware.bodies import body_named, body_names
from policy.model.prompt import action_prompt, embodiment_prompt, state_words


def said(name, **options):
    body = body_named(name)
    return embodiment_prompt(
        body, hz=body.control_hz, horizon=16, instruction="Pick up the cube.", **options
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "widowx",
            "The robot is WidowX with single arm. The control frequency is 5 Hz. Please predict "
            "the next 16 control actions to execute the following task: pick up the cube.",
        ),
        (
            "google_robot",
            "The robot is Google Robot with single arm, and mobile base. The control frequency is "
            "3 Hz. Please predict the next 16 control actions to execute the following task: pick "
            "up the cube.",
        ),
        (
            "fourier_gr1",
            "The robot is Fourier GR-1 with dual arms, waist. The control frequency is 20 Hz. "
            "Please predict the next 16 control actions to execute the following task: pick up "
            "the cube.",
        ),
        (
            "agibot_a2d",
            "The robot is AgiBot A2-D with dual arms, waist, and mobile base. The control "
            "frequency is 30 Hz. Please predict the next 16 control actions to execute the "
            "following task: pick up the cube.",
        ),
        (
            "navigation",
            "The robot is a wheeled navigation robot with mobile base. The actions are planar "
            "waypoints (dx, dy, dyaw) in metres and radians relative to the first frame. The "
            "control frequency is 2 Hz. Please predict the next 16 waypoints to execute the "
            "following task: pick up the cube.",
        ),
    ],
)
def test_the_prompt_is_the_template_to_the_letter(name, expected):
    assert said(name) == expected


@pytest.mark.parametrize("name", body_names())
def test_every_body_says_its_name_rate_and_task(name):
    body = body_named(name)
    prompt = said(name)
    assert prompt.startswith(f"The robot is {body.robot_tag} with ")
    assert f"The control frequency is {body.control_hz:g} Hz." in prompt
    assert prompt.endswith("to execute the following task: pick up the cube.")


def test_a_body_in_two_conventions_is_told_apart_only_by_the_optional_sentence():
    both = [body_named(name) for name in ("mobile_aloha", "mobile_aloha_joints")]
    assert said(both[0].name) == said(both[1].name)
    sentences = [said(body.name, convention=body.action_convention) for body in both]
    assert "The actions are end-effector displacements relative to the first frame." in sentences[0]
    assert "The actions are absolute joint positions." in sentences[1]


def test_the_options_of_a_convention_are_said():
    assert "relative to the first frame, rotation as axis-angle, in the tool frame." in said(
        "human", convention=body_named("human").action_convention
    )


def test_a_state_in_words_has_256_bins_from_minus_one_to_one():
    state = np.float32([-1.0, -0.999, 0.0, 0.5, 0.9999, 1.0, 3.0, -3.0])
    assert state_words(state) == "state: [0, 0, 128, 192, 255, 255, 255, 0]"


def test_bins_are_equally_wide():
    edges = np.linspace(-1, 1, 257, dtype=np.float32)[:-1]
    inside = (edges + np.float32(1 / 256)).astype(np.float32)
    assert state_words(inside) == f"state: {list(range(256))}"


def test_the_state_is_said_only_when_the_network_reads_it(config):
    body, state = aloha_embodiment(), np.zeros(14, np.float32)
    silent = action_prompt(config, body, "lift", state)
    assert "state:" not in silent
    told = action_prompt(dataclasses.replace(config, state="text"), body, "lift", state)
    assert told == f"{silent} state: [{', '.join(['128'] * 14)}]"


def test_grippers_are_said_by_how_far_they_are_open(config):
    body, state = aloha_embodiment(), np.zeros(14, np.float32)
    telling = dataclasses.replace(config, prompt_grippers=True)
    silent = action_prompt(config, body, "lift", state)
    for opening, said in (
        (-1.2, "0"),
        (-1.0, "0"),
        (-0.3, "3"),
        (0.0, "5"),
        (1.0, "9"),
        (1.3, "9"),
    ):
        state[13] = opening
        assert action_prompt(telling, body, "lift", state) == f"{silent} gripper 5 {said}"


def test_a_body_without_grippers_has_nothing_more_to_say(config):
    telling = dataclasses.replace(config, prompt_grippers=True)
    body = body_named("navigation")
    state = np.zeros(len(body.state_channels), np.float32)
    assert action_prompt(telling, body, "go", state) == action_prompt(config, body, "go", state)


def test_the_sentence_names_the_convention_of_the_network_not_of_the_body(config):
    body, state = aloha_embodiment(), np.zeros(14, np.float32)
    displaced = dataclasses.replace(
        config, action_convention="chunk_relative_end_effector", prompt_convention=True
    )
    assert "end-effector displacements" in action_prompt(displaced, body, "lift", state)
    own = dataclasses.replace(config, prompt_convention=True)
    assert "absolute joint positions" in action_prompt(own, body, "lift", state)


def test_rate_and_horizon_may_be_those_of_one_trajectory(config):
    prompt = action_prompt(
        config, aloha_embodiment(), "lift", np.zeros(14, np.float32), hz=7.5, horizon=40
    )
    assert "The control frequency is 7.5 Hz. Please predict the next 40 control actions" in prompt
