"""Folders of questions are read, and every bad line is named before training starts."""

import json

import cv2
import numpy as np
import pytest

from policy.data.file_questions import FileQuestions, fitted
from policy.data.questions import FILE

CELL = 16


def write_folder(folder, *lines):
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.jpg"):
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (60, 100, 3), np.uint8))
    (folder / FILE).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder


GOOD = {"images": ["a.png"], "question": "what is it?", "answer": "noise", "type": "words"}


def opened(folder):
    return FileQuestions(folder, pixels=96 * 128, cell=CELL)


def test_conversations_are_read_turn_by_turn(tmp_path):
    talk = {
        "id": "7",
        "image": "b.jpg",
        "conversations": [
            {"from": "human", "value": "<image>\nWhat is this?"},
            {"from": "gpt", "value": "A cup."},
            {"from": "human", "value": "Which colour?"},
            {"from": "gpt", "value": "Blue."},
        ],
    }
    read = opened(write_folder(tmp_path, talk, {**GOOD, "images": []}, {**GOOD, "images": None}))
    drawn = {read.question(0, np.random.default_rng(s)).text for s in range(20)}
    assert drawn == {"What is this?", "What is this?\nA cup.\nWhich colour?"}
    assert next(iter(read.item(0, np.random.default_rng(0)).pictures.values())).shape[2] == 3
    assert not read.item(1, np.random.default_rng(0)).pictures
    assert not read.item(2, np.random.default_rng(0)).pictures


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({**GOOD, "images": ["gone.png"]}, "'gone.png' is missing"),
        ({**GOOD, "images": ["torn.png"]}, "'torn.png' is torn"),
        ({**GOOD, "images": ["torn.jpg"]}, "'torn.jpg' is torn"),
        ({**GOOD, "images": ["text.png"]}, "'text.png' is torn or of no known format"),
        ({**GOOD, "images": ["../a.png"]}, "inside the folder"),
        ({**GOOD, "images": 3}, "list of file names"),
        ({**GOOD, "answer": "  "}, "'answer' is empty"),
        ({**GOOD, "question": "what <|im_end|>"}, "special tokens"),
        ({"images": ["a.png"], "question": "what?"}, "'answer' is text"),
        ({"image": "a.png", "conversations": [{"from": "gpt", "value": "Hi."}]}, "alternate"),
        (["a"], "expected an object"),
    ],
)
def test_a_bad_line_is_named_before_training_starts(tmp_path, line, says):
    folder = write_folder(tmp_path, GOOD, line)
    for kind in ("png", "jpg"):
        whole = (folder / ("a.png" if kind == "png" else "b.jpg")).read_bytes()
        (folder / f"torn.{kind}").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match=says) as error:
        opened(folder)
    assert "Line 2 of" in str(error.value)


def test_a_line_that_is_not_text_is_named(tmp_path):
    folder = write_folder(tmp_path, GOOD)
    with (folder / FILE).open("ab") as file:
        file.write(b'{"question": "\xff\xfe"}\n')
    with pytest.raises(ValueError, match="Line 2 of"):
        opened(folder)


def test_a_jpeg_with_something_after_its_end_is_whole(tmp_path):
    folder = write_folder(tmp_path, {**GOOD, "images": ["b.jpg"]})
    (folder / "b.jpg").write_bytes((folder / "b.jpg").read_bytes() + b"from the camera" * 20)
    assert opened(folder).item(0, np.random.default_rng(0)).pictures


def test_a_folder_without_questions_says_so(tmp_path):
    with pytest.raises(ValueError, match=FILE):
        opened(tmp_path)
    (tmp_path / FILE).write_text("\n\n")
    with pytest.raises(ValueError, match="no questions"):
        opened(tmp_path)


@pytest.mark.parametrize("shape", [(480, 640), (1000, 30), (17, 40), (96, 128), (4000, 3000)])
def test_pictures_keep_their_aspect_within_a_budget(shape):
    height, width = fitted(*shape, pixels=96 * 128, cell=CELL)
    assert height % CELL == width % CELL == 0
    assert CELL * CELL <= height * width <= 96 * 128
    if min(height, width) > CELL:
        assert abs(np.log((height / width) / (shape[0] / shape[1]))) < 0.35


def test_a_strip_is_refused():
    with pytest.raises(ValueError, match="too narrow"):
        fitted(1, 400, pixels=96 * 128, cell=CELL)
