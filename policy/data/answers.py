"""How an answer in words is written down, and whether it is right. Asks nobody."""

import json
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np

SCALE = 1000
"""Points and boxes count from 0 to this over the picture's width and height (the paper's, and
Qwen3-VL's, convention)."""

ROUNDED = 10
"""Plain points and boxes are given to a hundredth of the picture: a small network cannot tell what
comes after. The last digit is still written, so that everything counts to `SCALE` (ours)."""

NEAR = 50
"""How far a point may lie from the true one where no box is known, of `SCALE` (ours)."""

LEAST_OVERLAP = 0.5
"""Intersection over union from which on a box is right, as in referring-expression tests."""

Form = Literal["plain", "json"]
"""`[x, y]` and `[x1, y1, x2, y2]` alone, or in the JSON that Qwen3-VL was trained to write."""

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ARTICLES = {"a", "an", "the", "and", "is", "it", "there", "are"}

_KEYS = {2: "point_2d", 4: "bbox_2d"}


def form_for(preset: str) -> Form:
    """The form that a network of `preset` learns: `nano` pays for every token (ours)."""
    return "plain" if preset == "nano" else "json"


def coordinates(values: Sequence[int | float] | np.ndarray, form: Form | None = None) -> list[int]:
    """Shares of the picture, 0..1, as whole numbers of 0..`SCALE`; `plain` rounds to `ROUNDED`."""
    step = ROUNDED if form == "plain" else 1
    return [step * round(float(value) * SCALE / step) for value in np.clip(values, 0, 1)]


def place_text(values: Sequence[int | float] | np.ndarray, label: str, form: Form) -> str:
    """Write a point (2,) or a box (4,) given in 0..1 of the picture."""
    numbers = coordinates(values, form)
    if form == "plain":
        return str(numbers)
    return json.dumps({_KEYS[len(numbers)]: numbers, "label": label})


def path_text(points: Sequence[Sequence[int | float]] | np.ndarray, label: str, form: Form) -> str:
    """Write points (n, 2) given in 0..1 of the picture, in the order in which they are passed."""
    numbers = [coordinates(point) for point in points]
    if form == "plain":
        return ", ".join(str(point) for point in numbers)
    return json.dumps([{_KEYS[2]: point, "label": label} for point in numbers])


def read_points(text: str) -> list[tuple[float, float]]:
    """Every `[x, y]` in `text`, in order."""
    number = r"(-?\d+(?:\.\d+)?)"
    found = re.findall(rf"[\[(]\s*{number}\s*,\s*{number}\s*[\])]", text)
    return [(float(x), float(y)) for x, y in found]


def read_numbers(text: str) -> list[float]:
    """The numbers of the first bracket in `text`, or of the whole text without brackets."""
    inside = re.search(r"[\[(]([^\[\]()]*)[\])]", text)
    found = re.findall(r"-?\d+(?:\.\d+)?", inside.group(1) if inside else text)
    return [float(number) for number in found]


def words_of(text: str) -> list[str]:
    """Small letters, no marks, no articles, numbers as digits."""
    words = re.findall(r"[^\W_]+", text.lower())
    digits = [str(NUMBERS.index(word)) if word in NUMBERS else word for word in words]
    return [word for word in digits if word not in ARTICLES]


def overlap(one: Sequence[int | float], other: Sequence[int | float]) -> float:
    """Intersection over union of two boxes (x1, y1, x2, y2)."""
    a, b = np.array(one, float), np.array(other, float)
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    areas = [float(np.prod(np.maximum(box[2:] - box[:2], 0))) for box in (a, b)]
    whole = sum(areas) - shared
    return shared / whole if whole > 0 else 0.0


def score(kind: str, answer: str, truth: str) -> bool:
    """Whether `answer` to a question of type `kind` is right.

    `point`: inside the object's box, or within `NEAR` where `truth` is a point; `box`: an overlap
    of `LEAST_OVERLAP`; `path`: as many points, on average within `NEAR` of the true ones; `count`:
    the same number; `colours`: the same words in any order; any other type: the same words.
    """
    if kind == "path":
        return _path_right(read_points(answer), read_points(truth))
    if kind == "point":
        return _point_right(read_numbers(answer), read_numbers(truth))
    if kind == "box":
        given, true = read_numbers(answer), read_numbers(truth)
        return len(given) == len(true) == 4 and overlap(given, true) >= LEAST_OVERLAP
    said, meant = words_of(answer), words_of(truth)
    if kind == "count":
        numbers = [[word for word in words if word.isdecimal()] for words in (said, meant)]
        return bool(numbers[0]) and numbers[0] == numbers[1]
    if kind == "colours":
        return bool(said) and sorted(said) == sorted(meant)
    return bool(said) and said == meant


def _point_right(point: list[float], truth: list[float]) -> bool:
    if len(point) != 2:
        return False
    if len(truth) == 4:
        x, y = point
        return truth[0] <= x <= truth[2] and truth[1] <= y <= truth[3]
    return len(truth) == 2 and float(np.hypot(*np.subtract(point, truth))) <= NEAR


def _path_right(points: list[tuple[float, float]], truth: list[tuple[float, float]]) -> bool:
    if not points or len(points) != len(truth):
        return False
    gaps = np.linalg.norm(np.array(points) - np.array(truth), axis=1)
    return float(gaps.mean()) <= NEAR
