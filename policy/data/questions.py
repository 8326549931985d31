"""A question about pictures with its true answer, and folders of them on disk.

A folder holds `questions.jsonl`, one question a line, and the pictures that its lines name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import UInt8

from policy.data.item import Item

FILE = "questions.jsonl"


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask."""

    type: str
    """What kind of question it is: accuracy is reported by it, and `score` depends on it."""
    text: str
    pictures: Mapping[str, UInt8[np.ndarray, "h w 3"]]
    """By camera; may be empty."""
    answer: str
    """What is learnt."""
    truth: str
    """What an answer is scored against: the object's box for a point, else the answer."""

    def item(self) -> Item:
        """As the mixture takes it."""
        return Item("questions", self.text, self.pictures, answer=self.answer)


@runtime_checkable
class Questions(Protocol):
    """Anything that questions are drawn from, by number."""

    name: str

    def __len__(self) -> int:
        """How many questions there are."""

    def question(self, index: int, rng: np.random.Generator) -> Question:
        """Question `index`, in a wording of `rng`."""


def write_questions(folder: Path, questions: Questions, count: int, seed: int = 0) -> None:
    """Write the first `count` questions as a folder that `FileQuestions` reads.

    Pictures are PNG, so nothing is lost. Raises `ValueError` if the folder holds questions.
    """
    if (folder / FILE).exists():
        raise ValueError(f"There are questions already: {folder / FILE}. Name another folder.")
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    lines = []
    for index in range(count):
        asked = questions.question(index % len(questions), np.random.default_rng([seed, index]))
        names = []
        for camera, picture in asked.pictures.items():
            names.append(f"pictures/{index:06d}-{camera}.png")
            _write_picture(folder / names[-1], picture)
        fields = {
            "images": names,
            "question": asked.text,
            "answer": asked.answer,
            "type": asked.type,
        }
        lines.append(fields | ({"truth": asked.truth} if asked.truth != asked.answer else {}))
    text = "".join(json.dumps(line) + "\n" for line in lines)
    partial = folder / f"partial-{FILE}"
    partial.write_text(text)
    partial.rename(folder / FILE)  # last: a folder with this file is whole


def _write_picture(path: Path, picture: UInt8[np.ndarray, "h w 3"]) -> None:
    encoded, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
    if not encoded:
        raise ValueError(f"OpenCV cannot write a picture of shape {picture.shape}: {path}")
    path.write_bytes(data.tobytes())
