"""Training leaves out what failed or was recorded badly, says why, and can be told not to."""

import json
import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest

from policy.data.samples import load_samples
from policy.training.request import Ingredient, TrainRequest
from policy.training.sources import Opener
from policy.training.start import start

SIZES = {"cam_high": (96, 128)}


@pytest.fixture
def dataset(demonstrations, tmp_path):
    return shutil.copytree(demonstrations, tmp_path / "picks")


@pytest.fixture
def load(dataset, tmp_path):
    return lambda **given: load_samples(dataset, SIZES, tmp_path / "cache", **given)


def say(path, *lines):
    with path.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def mark(dataset, episode, success):
    say(dataset / "meta/marks.jsonl", {"episode_index": episode, "success": success, "tags": []})


def judge(dataset, episode, verdict, reason=""):
    line = {"episode_index": episode, "verdict": verdict, "reason": reason}
    say(dataset / "meta/quality.jsonl", line)


def test_a_failed_episode_is_left_out_and_the_reason_is_logged(dataset, load, caplog):
    every = load()
    mark(dataset, 0, success=False)
    with caplog.at_level(logging.INFO):
        kept = load()

    start = every.episodes[1].start
    assert [episode.index for episode in kept.episodes] == [1]
    assert (kept.episodes[0].task, kept.episodes[0].start) == (every.episodes[1].task, 0)
    assert len(kept) == len(every) - start
    assert set(kept.episode_of) == {0}
    assert np.array_equal(kept.action, every.action[start:])
    assert np.array_equal(kept.pictures["cam_high"], every.pictures["cam_high"][start:])
    assert np.array_equal(kept.driven, every.driven[every.driven >= start] - start)
    assert caplog.messages == [
        "picks: episode 0 is left out, marked as failed",
        "picks: 1 of 2 episodes are left out. To learn from them too: "
        '"keep_all": true in a request, --keep-all of a command',
    ]


def test_a_badly_recorded_episode_is_left_out_with_what_was_wrong(dataset, load, caplog):
    judge(dataset, 1, "poor", "7 ticks were missed.")
    with caplog.at_level(logging.INFO):
        assert [episode.index for episode in load().episodes] == [0]
    assert caplog.messages[0] == (
        "picks: episode 1 is left out, recorded badly: 7 ticks were missed."
    )


def test_the_last_word_counts_and_silence_keeps_an_episode(dataset, load):
    mark(dataset, 0, success=False)
    mark(dataset, 0, success=True)
    mark(dataset, 1, success=None)
    judge(dataset, 1, "poor", "It stood still.")
    judge(dataset, 1, "good")
    assert [episode.index for episode in load().episodes] == [0, 1]


def test_everything_is_learnt_from_if_asked_for(dataset, load):
    mark(dataset, 0, success=False)
    assert [episode.index for episode in load(keep_all=True).episodes] == [0, 1]
    assert TrainRequest(dataset=str(dataset), keep_all=True).ingredients[0].keep_all
    assert not TrainRequest(dataset=str(dataset)).ingredients[0].keep_all


def test_a_request_says_it_where_the_dataset_is(dataset):
    part = Ingredient("actions", str(dataset))
    for fields in ({"mixture": (part,)}, {"scenes": 8}):
        with pytest.raises(ValueError, match=r'keep_all is of a "dataset".*true in its parts'):
            TrainRequest(keep_all=True, **fields)
    assert TrainRequest(mixture=(replace(part, keep_all=True),)).ingredients[0].keep_all


def test_questions_about_demonstrations_are_asked_of_the_same_episodes(dataset, tmp_path):
    def asked_about(name, **fields):
        parts = [{"kind": "actions", "keep_all": True}, {"kind": "questions", **fields}]
        mixture = [{"dataset": str(dataset), **part} for part in parts]
        (tmp_path / name).mkdir()
        path = tmp_path / name / "request.json"
        path.write_text(json.dumps({"mixture": mixture, "workers": 0}))
        request = TrainRequest.load(path)
        source = Opener(request, start(request), tmp_path / name).open().parts[1].source
        rng = np.random.default_rng(0)
        texts = [source.question(n, rng).text for n in range(len(source))]
        return {colour for colour in ("red", "blue") for text in texts if colour in text}

    mark(dataset, 0, success=False)
    assert asked_about("kept") == {"blue"}
    assert asked_about("all", keep_all=True) == {"red", "blue"}
    mark(dataset, 1, success=False)
    with pytest.raises(ValueError, match="All 2 episodes"):
        asked_about("none")
    assert asked_about("failed", keep_all=True) == {"red", "blue"}


def test_nothing_left_is_told_with_what_to_do(dataset, load):
    mark(dataset, 0, success=False)
    judge(dataset, 1, "poor", "It stood still.")
    with pytest.raises(
        ValueError, match=r"All 2 episodes .* left out; episode 0 was marked.*keep_all"
    ):
        load()


@pytest.mark.parametrize("text", ["[]", '{"success": false}', "no JSON", '{"episode_index": "x"}'])
def test_a_line_that_says_nothing_names_its_file(dataset, load, text):
    (dataset / "meta/marks.jsonl").write_text(text + "\n")
    with pytest.raises(ValueError, match=r"in line 1, got .*marks.jsonl"):
        load()
