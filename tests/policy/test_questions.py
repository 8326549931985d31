"""Questions about scenes are true and balanced, and come back from a folder as they went."""

import json
from collections import Counter, defaultdict

import numpy as np
import pytest

from hardware.simulation.scene import CUBE_COLOURS, CUBES
from policy.ask import blind_share, put, report
from policy.data.answers import form_for, place_text, read_numbers, score
from policy.data.augmentation import Augmentation
from policy.data.file_questions import FileQuestions
from policy.data.item import Source
from policy.data.questions import Questions
from policy.data.scene_questions import QUESTION_TYPES, SceneQuestions
from policy.data.scenes import FORMAT, Scenes, draw_scenes, load_scenes

CELL = 16
SIZE = (96, 128)


@pytest.fixture(scope="session")
def scenes():
    return draw_scenes(160, 600_000, {"cam_high": SIZE}, CELL, workers=1)


@pytest.fixture(scope="session")
def questions(scenes):
    return SceneQuestions(scenes)


def all_of(questions, count=None):
    return [
        questions.question(index, np.random.default_rng(index))
        for index in range(count or len(questions))
    ]


def colour_at(picture, x, y):
    """The name of the cube's colour that a pixel is nearest to in hue."""
    row = min(int(y / 1000 * picture.shape[0]), picture.shape[0] - 1)
    column = min(int(x / 1000 * picture.shape[1]), picture.shape[1] - 1)
    pixel = picture[row, column].astype(float)
    pixel /= np.linalg.norm(pixel)
    named = {name: np.array(rgba[:3]) for name, rgba in CUBE_COLOURS.items()}
    return max(named, key=lambda name: pixel @ named[name] / np.linalg.norm(named[name]))


def test_scenes_make_a_source_of_questions(questions):
    assert isinstance(questions, Source)
    assert isinstance(questions, Questions)
    item = questions.item(0, np.random.default_rng(0))
    assert item.kind == "questions"
    assert item.answer
    assert item.pictures["cam_high"].shape == (*SIZE, 3)


def test_every_type_is_asked_equally_often(questions):
    asked = Counter(question.type for question in all_of(questions))
    assert set(asked) == set(QUESTION_TYPES)
    assert len(set(asked.values())) == 1


def test_a_question_depends_on_its_number_and_the_generator_only(scenes, questions):
    again = SceneQuestions(scenes)
    for index in range(0, 200, 7):
        one, other = (q.question(index, np.random.default_rng(3)) for q in (questions, again))
        assert (one.text, one.answer) == (other.text, other.answer)


def test_the_pixel_that_is_pointed_to_has_the_colour_that_was_named(questions):
    right = []
    for question in all_of(questions, 800):
        if question.type == "point":
            x, y = read_numbers(question.answer)
            named = next(cube for cube in CUBES if cube in question.text)
            right.append(colour_at(question.pictures["cam_high"], x, y) == named)
    assert len(right) == 80
    assert np.mean(right) > 0.97  # small pictures mix the colours of a cube's edge


def test_the_middle_of_a_box_lies_on_its_cube_unless_something_is_before_it(questions):
    right = []
    for question in all_of(questions, 800):
        if question.type == "box":
            x1, y1, x2, y2 = read_numbers(question.answer)
            assert 0 <= x1 < x2 <= 1000
            assert 0 <= y1 < y2 <= 1000
            middle = (x1 + x2) / 2, (y1 + y2) / 2
            named = next(cube for cube in CUBES if cube in question.text)
            right.append(colour_at(question.pictures["cam_high"], *middle) == named)
    assert np.mean(right) > 0.93


def test_what_is_at_a_point_is_what_the_picture_shows(questions):
    right = []
    for question in all_of(questions, 2000):
        if question.type == "object" and question.answer != "no cube":
            shown = colour_at(question.pictures["cam_high"], *read_numbers(question.text))
            right.append(f"{shown} cube" == question.answer)
    assert np.mean(right) > 0.97


def test_a_true_answer_is_scored_as_right_in_both_forms(scenes):
    for form in ("plain", "json"):
        for question in all_of(SceneQuestions(scenes, form=form), 300):
            assert score(question.type, question.answer, question.truth), question
    assert (form_for("nano"), form_for("4b")) == ("plain", "json")
    json_point = place_text([0.25, 0.5], "red cube", "json")
    assert json.loads(json_point) == {"point_2d": [250, 500], "label": "red cube"}


def test_a_blind_guess_earns_little(questions):
    """Neither the best constant answer nor one learnt from words alone tells the answer."""
    asked = all_of(questions)
    constant = {
        kind: blind_share(kind, [q.truth for q in asked if q.type == kind])
        for kind in QUESTION_TYPES
    }
    half = len(asked) // 2
    learnt = defaultdict(Counter)
    for question in asked[:half]:
        learnt[question.type, question.text][question.answer] += 1
    hits = defaultdict(list)
    for question in asked[half:]:
        if (question.type, question.text) in learnt:
            guess = learnt[question.type, question.text].most_common(1)[0][0]
            hits[question.type].append(score(question.type, guess, question.truth))
    most = dict.fromkeys(QUESTION_TYPES, 0.4) | {
        "further_left": 0.4, "nearer": 0.4, "arm": 0.62, "air": 0.62, "held": 0.55,
        "point": 0.1, "box": 0.1, "colours": 0.3,
    }  # fmt: skip
    for kind, share in constant.items():
        assert share <= most[kind], (kind, share)
    for kind in ("further_left", "nearer", "arm", "air"):  # one of two
        assert np.mean(hits[kind]) < 0.65, (kind, np.mean(hits[kind]))


def test_colours_can_be_augmented_and_places_stay_true(scenes):
    augmented = SceneQuestions(scenes, augmentation=Augmentation(crop=0.3, rotation=20))
    plain = SceneQuestions(scenes)
    right = []
    for index in range(800):
        one = augmented.question(index, np.random.default_rng(index))
        assert one.answer == plain.question(index, np.random.default_rng(index)).answer
        if one.type == "point":
            named = next(cube for cube in CUBES if cube in one.text)
            x, y = read_numbers(one.answer)
            right.append(colour_at(one.pictures["cam_high"], x, y) == named)
    assert np.mean(right) > 0.93


def test_scenes_without_a_cube_cannot_be_asked_about(scenes):
    none = scenes.of(np.arange(3))
    empty = Scenes(
        none.pictures, none.cells, none.centres, none.seen, none.boxes,
        np.zeros_like(none.areas), none.spots, none.tips, none.held, none.distances,
    )  # fmt: skip
    with pytest.raises(ValueError, match="Nothing can be asked"):
        SceneQuestions(empty)


def test_a_cache_of_another_format_or_size_is_drawn_again(scenes, tmp_path):
    kept = scenes.of(np.arange(4))
    kept.save(tmp_path / "scenes.npz")
    same = load_scenes(tmp_path / "scenes.npz", 4, {"cam_high": SIZE}, CELL)
    np.testing.assert_array_equal(same.boxes, kept.boxes)
    arrays = dict(np.load(tmp_path / "scenes.npz"))
    np.savez(tmp_path / "old.npz", **(arrays | {"format": np.array(FORMAT - 1)}))
    with pytest.raises(ValueError, match="format"):
        Scenes.load(tmp_path / "old.npz")
    again = load_scenes(tmp_path / "old.npz", 2, {"cam_high": (48, 64)}, CELL)
    assert again.sizes == {"cam_high": (48, 64)}


def test_questions_about_scenes_come_back_from_a_folder(questions, tmp_path):
    questions.write(tmp_path / "asked", 30)
    read = FileQuestions(tmp_path / "asked", pixels=96 * 128, cell=CELL)
    assert len(read) == 30
    assert isinstance(read, Source)
    for index in range(30):
        wrote = questions.question(index, np.random.default_rng([0, index]))
        came = read.question(index, np.random.default_rng(0))
        assert (came.type, came.text, came.answer, came.truth) == (
            *(wrote.type, wrote.text, wrote.answer),
            wrote.truth,
        )
        picture = next(iter(came.pictures.values()))
        np.testing.assert_array_equal(picture, wrote.pictures["cam_high"])
    with pytest.raises(ValueError, match="already"):
        questions.write(tmp_path / "asked", 1)


def test_a_truthful_answerer_gets_everything_and_the_report_says_beside_what(questions):
    asked = put(questions, 200, lambda question: question.answer)
    rows = report(asked)
    assert [row.type for row in rows] == [*QUESTION_TYPES, "all"]
    assert all(row.share == 1 and row.interval95[0] > 0.8 for row in rows)
    assert rows[-1].asked == 200
    assert rows[-1].blind < 0.45
    silent = report(put(questions, 200, lambda question: ""))
    assert all(row.right == 0 for row in silent)
