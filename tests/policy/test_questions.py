"""Questions about scenes are true and balanced, and come back from a folder as they went."""

import json
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import compress

import numpy as np
import pytest

from hardware.simulation.things import RGBA, SHAPES
from policy.ask import blind_share, put, report
from policy.data.answers import form_for, place_text, read_numbers, score
from policy.data.augmentation import Augmentation
from policy.data.file_questions import FileQuestions
from policy.data.item import Source
from policy.data.kinds import KINDS, LABELS, NUMBERS, PAINTS
from policy.data.questions import Questions
from policy.data.scene_facts import PER_SUBJECT, counts
from policy.data.scene_questions import QUESTION_TYPES, SceneQuestions
from policy.data.scene_relations import drawers, inside, nearest
from policy.data.scenes import FORMAT, Scenes, draw_scenes, load_scenes

CELL = 16
SIZE = (96, 128)


@pytest.fixture(scope="session")
def scenes():
    return draw_scenes(240, 600_000, {"cam_high": SIZE}, CELL, workers=1)


@pytest.fixture(scope="session")
def questions(scenes):
    return SceneQuestions(scenes)


def all_of(questions, count=None):
    return [
        questions.question(index, np.random.default_rng(index))
        for index in range(count or len(questions))
    ]


def colour_at(picture, x, y):
    """The name of the colour that a pixel is nearest to in hue."""
    row = min(int(y / 1000 * picture.shape[0]), picture.shape[0] - 1)
    column = min(int(x / 1000 * picture.shape[1]), picture.shape[1] - 1)
    pixel = picture[row, column].astype(float)
    pixel /= np.linalg.norm(pixel)
    named = {name: np.array(RGBA[name][:3]) for name in (*PAINTS, "white")}
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


def thing_named(text):
    return next(kind for kind in KINDS if kind.name in text)


def test_the_pixel_that_is_pointed_to_has_the_colour_that_was_named(questions):
    right = []
    for question in all_of(questions, 80 * len(questions.types)):
        if question.type == "point":
            x, y = read_numbers(question.answer)
            named = thing_named(question.text).colour
            right.append(colour_at(question.pictures["cam_high"], x, y) == named)
    assert len(right) == 80
    assert np.mean(right) > 0.85  # light differs, small pictures mix the colours of an edge


def test_the_middle_of_a_box_lies_on_its_thing_unless_something_is_before_it(questions):
    right = []
    for question in all_of(questions, 160 * len(questions.types)):
        if question.type == "box":
            x1, y1, x2, y2 = read_numbers(question.answer)
            assert 0 <= x1 < x2 <= 1000
            assert 0 <= y1 < y2 <= 1000
            middle = (x1 + x2) / 2, (y1 + y2) / 2
            named = thing_named(question.text)
            if named.shape in SHAPES:  # sockets have a hole there, others may hold something
                right.append(colour_at(question.pictures["cam_high"], *middle) == named.colour)
    assert np.mean(right) > 0.85


def test_what_is_at_a_point_is_what_the_picture_shows(questions):
    right = []
    for question in all_of(questions, 2000):
        if question.type == "object" and question.answer != "nothing":
            shown = colour_at(question.pictures["cam_high"], *read_numbers(question.text))
            right.append(shown == question.answer.split()[0])
    assert np.mean(right) > 0.85


def test_what_lies_in_a_container_lies_there(scenes):
    found = inside(scenes)
    rows, codes = found.rows, found.codes
    assert {KINDS[code - 1].shape for code in codes if code} == {"bowl", "tray", "socket", "drawer"}
    for (scene, thing, _), code in zip(rows, codes, strict=True):
        if code and KINDS[code - 1].shape != "drawer":
            one, other = scenes.boxes[scene, thing], scenes.boxes[scene, code - 1]
            middle = (one[:2] + one[2:]) / 2
            assert np.all(middle > other[:2] - 0.03) and np.all(middle < other[2:] + 0.03)


def test_an_open_drawer_is_seen_to_come_out(scenes):
    found = drawers(scenes)
    rows, codes = found.rows, found.codes
    bottom = scenes.boxes[rows[:, 0], NUMBERS[KINDS[-1]], 3]
    assert set(codes) == {0, 1}
    assert bottom[codes == 1].min() > bottom[codes == 0].max()


def test_what_is_nearest_in_metres_is_near_in_the_picture(scenes):
    found = nearest(scenes)
    rows, codes = found.rows, found.codes
    for (scene, thing, _), code in zip(rows[:200], codes, strict=False):
        away = (scenes.centres[scene] - scenes.centres[scene, thing]) * (1, 3 / 4)
        gaps = np.linalg.norm(away, axis=1)
        gaps[~scenes.seen[scene]] = np.inf
        gaps[thing] = np.inf
        assert code != thing
        assert gaps[code] < gaps.min() + 0.1


def test_counted_are_the_boxes_of_that_colour_or_shape(scenes):
    found = counts(scenes)
    rows, codes = found.rows, found.codes
    for (scene, _, _), code in zip(rows, codes, strict=True):
        seen = [kind for kind, shown in zip(KINDS, scenes.seen[scene], strict=True) if shown]
        subject, answer = divmod(int(code), PER_SUBJECT)
        if 1 <= subject <= len(PAINTS):
            assert answer == sum(kind.colour == PAINTS[subject - 1] for kind in seen)


def test_colour_and_shape_are_labelled_apart():
    colours, shapes = (np.array(classes) for classes in LABELS)
    assert colours[0] == shapes[0] == 0
    assert len(set(zip(colours, shapes, strict=True))) == len(KINDS) + 1
    same = [kind.shape == "cube" for kind in KINDS]
    assert len(set(shapes[1:][same])) == 1 and len(set(colours[1:][same])) == len(PAINTS)


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
    first = [question.pictures["cam_high"].sum() % 2 == 0 for question in asked]  # of two halves
    learnt = defaultdict(Counter)
    for question in compress(asked, first):
        learnt[question.type, question.text][question.answer] += 1
    hits = defaultdict(list)
    for question in compress(asked, np.logical_not(first)):
        if (question.type, question.text) in learnt:
            guess = learnt[question.type, question.text].most_common(1)[0][0]
            hits[question.type].append(score(question.type, guess, question.truth))
    most = dict.fromkeys(QUESTION_TYPES, 0.4) | {
        "arm": 0.62, "air": 0.62, "drawer": 0.62, "held": 0.55, "count": 0.5,
        "point": 0.1, "box": 0.1, "colours": 0.3,
    }  # fmt: skip
    for kind, share in constant.items():
        assert share <= most[kind], (kind, share)
    for kind in ("further_left", "nearer", "arm", "air", "drawer"):  # one of two
        assert np.mean(hits[kind]) < 0.65, (kind, np.mean(hits[kind]))


def test_the_token_that_a_question_points_to_shows_what_it_is_about(questions):
    right, none = [], set()
    by_answer = ("object", "further_left", "nearer", "nearest")
    for index in range(20 * len(questions.types)):
        item = questions.item(index, np.random.default_rng(index))
        asked = questions.question(index, np.random.default_rng(index))
        if item.place.cell < 0:
            none.add(asked.type)
            continue
        about = asked.answer if asked.type in by_answer else asked.text
        named = [kind for kind in KINDS if kind.name in about]
        if asked.type not in ("colour", "shape", "drawer"):
            shown = item.place.cells[item.place.cell]
            right.append(shown > 0 and KINDS[shown - 1] in named)
    assert none <= {"colours", "count", "object"}
    assert len(right) > 100
    assert np.mean(right) > 0.75  # a token may show more of something else


def test_colours_can_be_augmented_and_places_stay_true(scenes):
    augmented = SceneQuestions(scenes, augmentation=Augmentation(crop=0.3, rotation=20))
    plain = SceneQuestions(scenes)
    right = []
    for index in range(80 * len(plain.types)):
        one = augmented.question(index, np.random.default_rng(index))
        assert one.answer == plain.question(index, np.random.default_rng(index)).answer
        if one.type == "point":
            x, y = read_numbers(one.answer)
            shown = colour_at(one.pictures["cam_high"], x, y)
            right.append(shown == thing_named(one.text).colour)
    assert np.mean(right) > 0.85


def test_scenes_in_which_nothing_is_seen_cannot_be_asked_about(scenes):
    some = scenes.of(np.arange(3))
    empty = replace(some, areas=np.zeros_like(some.areas))
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
    asked = put(questions, 300, lambda question: question.answer)
    rows = report(asked)
    assert [row.type for row in rows] == [*QUESTION_TYPES, "all"]
    assert all(row.share == 1 and row.interval95[0] > 0.8 for row in rows)
    assert rows[-1].asked == 300
    assert rows[-1].blind < 0.45
    silent = report(put(questions, 200, lambda question: ""))
    assert all(row.right == 0 for row in silent)
