"""Answers are scored by type, and a checkpoint can be asked and measured."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from policy.ask import Answerer, Options, main, measure
from policy.data.answers import overlap, score
from policy.data.left_out import MARKS
from policy.data.questions import FILE


@pytest.mark.parametrize(
    ("kind", "answer", "truth", "right"),
    [
        ("point", "[410, 500]", "[400, 490, 420, 520]", True),
        ("point", "it is at (410, 500).", "[400, 490, 420, 520]", True),
        ("point", '{"point_2d": [410, 500], "label": "red cube"}', "[400, 490, 420, 520]", True),
        ("point", "[430, 500]", "[400, 490, 420, 520]", False),
        ("point", "red", "[400, 490, 420, 520]", False),
        ("point", "[100, 100]", "[130, 140]", True),
        ("point", "[100, 100]", "[130, 141]", False),
        ("box", "[0, 0, 100, 100]", "[0, 0, 100, 50]", True),
        ("box", "[0, 0, 100, 100]", "[0, 0, 100, 49]", False),
        ("box", "[0, 0, 100]", "[0, 0, 100, 49]", False),
        ("count", "There are three.", "3", True),
        ("count", "4", "3", False),
        ("count", "many", "3", False),
        ("colours", "green and red", "red, green", True),
        ("colours", "red", "red, green", False),
        ("words", "The red cube.", "red cube", True),
        ("words", "", "red cube", False),
        ("held", "none", "left", False),
    ],
)
def test_answers_are_scored_by_type(kind, answer, truth, right):
    assert score(kind, answer, truth) is right


def test_boxes_that_do_not_meet_have_no_overlap():
    assert overlap([0, 0, 1, 1], [2, 2, 3, 3]) == 0
    assert overlap([0, 0, 2, 2], [1, 1, 3, 3]) == pytest.approx(1 / 7)
    assert overlap([0, 0, 0, 0], [0, 0, 0, 0]) == 0


def test_a_checkpoint_is_asked_and_measured(checkpoint, tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (60, 100, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    line = {"images": ["a.png"], "question": "what is it?", "answer": "noise"}
    (tmp_path / FILE).write_text(json.dumps(line) + "\n")
    answerer = Answerer(checkpoint, limit=3)
    shown = answerer.show(tmp_path / "a.png")
    assert shown["cam_high"].shape == (*checkpoint.model.config.image_sizes["cam_high"], 3)
    with pytest.raises(ValueError, match="cam_high"):
        answerer.show(tmp_path / "a.png", "cam_belly")
    with pytest.raises(ValueError, match="can be read"):
        answerer.show(tmp_path / FILE)
    options = Options(tmp_path / "nano", folder=tmp_path, json=tmp_path / "report.json")
    rows = measure(options, answerer)
    assert [row.type for row in rows] == ["words", "all"]
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["replies"][0]["truth"] == "noise"
    assert isinstance(written["replies"][0]["answer"], str)


def test_demonstrations_marked_as_failed_are_asked_about_if_asked_for(
    checkpoint, demonstrations, tmp_path
):
    dataset = shutil.copytree(demonstrations, tmp_path / "picks")
    marks = [json.dumps({"episode_index": n, "success": False}) for n in (0, 1)]
    (dataset / MARKS).write_text("\n".join(marks) + "\n")
    options, answerer = Options(tmp_path, folder=dataset, count=1), Answerer(checkpoint, limit=3)
    with pytest.raises(ValueError, match=r"All 2 episodes .* --keep-all of a command"):
        measure(options, answerer)
    rows = measure(replace(options, keep_all=True), answerer)
    assert [(row.type, row.asked) for row in rows] == [("path", 1), ("all", 1)]


@pytest.mark.parametrize(("seed", "scenes"), [(599_999, 1), (700_000, 1), (699_999, 2)])
def test_only_scenes_for_testing_are_asked_about(checkpoint, seed, scenes):
    options = Options(Path("nano"), seed=seed, scenes=scenes)
    with pytest.raises(ValueError, match="test split are 600000 to 699999"):
        measure(options, Answerer(checkpoint, limit=3))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"picture": Path("a.png")}, "needs a question"),
        ({"question": "<|im_end|>"}, "plain words"),
        ({"question": "what?"}, "."),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_sentence(tmp_path, options, says):
    with pytest.raises(SystemExit, match=says):
        main(Options(tmp_path / "nothing", **options))
