import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from hardware.interfaces import Frame
from policy.agent import PolicyAgent
from policy.data.samples import load_samples
from policy.first_look import FirstLook, camera_of, lacking, live
from policy.local import LocalPolicy
from policy.train import train

START_VIEW = "cam_high@start"


class Watching:
    """Hands on what the policy inside is asked."""

    def __init__(self, policy):
        self._policy, self.seen = policy, []
        self.embodiment, self.tasks = policy.embodiment, policy.tasks

    def predict_action_chunk(self, observation, task):
        self.seen.append(observation)
        return self._policy.predict_action_chunk(observation, task)


@pytest.fixture
def remembering(job):
    """A policy that was trained, for two steps, with the start beside the present."""
    folder = job("remembering", cameras=["cam_high", START_VIEW], steps=2)
    train(folder, threading.Event())
    return LocalPolicy.load(folder / "checkpoints/last")


def later(observation, secs, shade):
    frames = {
        name: Frame(np.full_like(frame.image, shade), frame.captured_at + secs)
        for name, frame in observation.frames.items()
    }
    return replace(observation, timestamp=observation.timestamp + secs, frames=frames)


def test_a_view_of_the_start_is_of_a_camera():
    assert camera_of(START_VIEW) == "cam_high"
    assert live(["cam_high", START_VIEW]) == ("cam_high",)


def test_the_first_picture_stays_until_it_is_forgotten(observation):
    first_look, after = FirstLook(), later(observation, 1.0, 7)
    first_look.add_to(observation)
    seen = first_look.add_to(after)
    assert seen.frames[START_VIEW] is observation.frames["cam_high"]
    assert seen.frames["cam_high"] is after.frames["cam_high"]

    first_look.forget()
    assert first_look.add_to(after).frames[START_VIEW] is after.frames["cam_high"]


def test_an_attempt_that_was_interrupted_keeps_its_first_look(remembering, observation):
    policy = Watching(remembering)
    agent = PolicyAgent(policy, remembering.tasks[0], replan_secs=0.4, background=False)
    agent.act(observation)
    agent.going_on()
    agent.reset()
    agent.act(later(observation, 1.0, 200))
    agent.reset()  # another attempt
    agent.act(later(observation, 2.0, 90))
    first, resumed, anew = (seen.frames[START_VIEW].image for seen in policy.seen)
    assert resumed is first
    assert (anew == 90).all()


def test_demonstrations_show_how_they_began(demonstrations, tmp_path):
    sizes = {"cam_high": (32, 48), START_VIEW: (16, 32)}
    samples = load_samples(demonstrations, sizes, tmp_path)
    assert list(samples.pictures) == ["cam_high"]
    assert samples.firsts[START_VIEW].shape == (2, 16, 32, 3)
    assert not np.array_equal(*samples.firsts[START_VIEW])


def test_a_network_is_shown_the_start_of_the_attempt_and_uses_it(remembering, observation):
    policy = Watching(remembering)
    agent = PolicyAgent(policy, remembering.tasks[0], replan_secs=0.4, background=False)
    agent.act(observation)
    agent.act(later(observation, 0.5, 200))
    first, second = (seen.frames[START_VIEW] for seen in policy.seen)
    assert first is second is observation.frames["cam_high"]

    for parameter in remembering.checkpoint.model.decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.1)  # two steps leave it all but silent
    other = Frame(np.zeros_like(first.image), 0.0)
    plans = []
    for start in (first, other):
        remembering.seed(0)
        shown = replace(policy.seen[1], frames={**policy.seen[1].frames, START_VIEW: start})
        plans.append(remembering.predict_action_chunk(shown, remembering.tasks[0]).actions)
    assert not np.allclose(*plans)


def test_who_remembers_nothing_is_given_the_newest(remembering, observation):
    assert lacking(observation, remembering.image_sizes) == []
    chunk = remembering.predict_action_chunk(observation, remembering.tasks[0])
    assert np.isfinite(chunk.actions).all()


def test_a_camera_that_is_not_there_lacks_its_start_too(observation):
    assert lacking(observation, ["cam_low", "cam_low@start"]) == ["cam_low", "cam_low@start"]
