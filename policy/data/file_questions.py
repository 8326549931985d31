"""A folder of questions about pictures, ours or a LLaVA-style collection, as a source of items.

Every line is checked when the folder is opened, by text and by the pictures' first and last bytes:
what is torn is known before training starts. Pictures are decoded when they are asked for.

A line of `questions.jsonl` is one of:

    {"images": ["a.jpg"], "question": "how many cups?", "answer": "2", "type": "count"}
    {"image": "a.jpg", "conversations": [{"from": "human", "value": "<image> What is this?"},
                                         {"from": "gpt", "value": "A cup."}]}

`type` may be left out; `truth`, what answers are scored against, is the answer if left out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hardware.interfaces import Image
from policy.data.augmentation import Augmentation
from policy.data.item import Item
from policy.data.questions import FILE, Question

DEFAULT_TYPE = "words"
"""Of a line that names none: right when the words are the same."""

_MARK = "<image>"
_JPEG, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
_PNG, _PNG_END = b"\x89P", b"IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: pictures, and one or more questions about them."""

    images: tuple[str, ...]
    turns: tuple[tuple[str, str], ...]
    """Questions and answers, in order."""
    type: str
    truth: str | None

    @classmethod
    def parse(cls, text: bytes) -> "Line":
        """Read either form of line. Raises `ValueError` saying what is wrong with it."""
        try:
            fields = json.loads(text)
        except ValueError as error:
            raise ValueError(f"not JSON ({error})") from error
        if not isinstance(fields, dict):
            raise ValueError(f"expected an object, got {text[:40]!r}")  # noqa: TRY004 - the file's
        images = fields.get("images", fields.get("image"))
        images = [images] if isinstance(images, str) else [] if images is None else images
        if not isinstance(images, list) or not all(isinstance(image, str) for image in images):
            raise ValueError(f"images are a list of file names, got {images!r}")
        turns = (
            _conversation(fields["conversations"])
            if "conversations" in fields
            else ((_words(fields, "question"), _words(fields, "answer")),)
        )
        truth = _words(fields, "truth") if "truth" in fields else None
        kind = _words(fields, "type") if "type" in fields else DEFAULT_TYPE
        return cls(tuple(images), turns, kind, truth)


def _words(fields: dict[str, Any], name: str) -> str:
    said = fields.get(name)
    if not isinstance(said, str):
        raise ValueError(f"{name!r} is text, got {said!r}")  # noqa: TRY004 - a mistake in a file
    said = said.replace(_MARK, "").strip()
    if not said:
        raise ValueError(f"{name!r} is empty")
    if "<|" in said:
        raise ValueError(f"{name!r} holds '<|', the mark of special tokens")
    return said


def _conversation(said: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(said, list) or not all(isinstance(turn, dict) for turn in said):
        raise ValueError('\'conversations\' is a list of {"from": ..., "value": ...}')
    talk = [turn for turn in said if turn.get("from") != "system"]
    who = [turn.get("from") for turn in talk]
    if not talk or who != ["human", "gpt"] * (len(talk) // 2):
        raise ValueError(f"'conversations' alternate between human and gpt, got {who}")
    return tuple(
        (_words(question, "value"), _words(answer, "value"))
        for question, answer in zip(talk[::2], talk[1::2], strict=True)
    )


def fitted(height: int, width: int, *, pixels: int, cell: int) -> tuple[int, int]:
    """Height and width near the same aspect, multiples of `cell`, of about `pixels` at most.

    A smaller picture is not enlarged beyond the next cell. Raises `ValueError` when a side would
    be more than 200 times the other (Qwen's own limit).
    """
    if max(height, width) > 200 * min(height, width):
        raise ValueError(f"a picture of {height} x {width} is too narrow to be looked at")
    scale = min(1.0, float(np.sqrt(pixels / (height * width))))
    rows, columns = (max(1, round(side * scale / cell)) for side in (height, width))
    while rows * columns * cell * cell > pixels and max(rows, columns) > 1:
        rows, columns = (rows - 1, columns) if rows >= columns else (rows, columns - 1)
    return rows * cell, columns * cell


class FileQuestions:
    """The questions of a folder. A source of items."""

    def __init__(
        self,
        folder: Path,
        *,
        pixels: int,
        cell: int,
        augmentation: Augmentation | None = None,
    ) -> None:
        """Pictures get at most `pixels` pixels, their sides multiples of `cell`.

        `augmentation` changes colours only. Raises `ValueError` naming file and line for a line
        that cannot be read, a text that is empty or holds '<|', and a picture that is missing or
        torn.
        """
        self.name = folder.name
        self._path, self._pixels, self._cell = folder / FILE, pixels, cell
        self._augmentation = None if augmentation is None else augmentation.in_place()
        if not self._path.is_file():
            raise ValueError(f"Questions are kept in {FILE}; there is none in {folder}.")
        if pixels < cell * cell:
            raise ValueError(f"A picture has at least {cell} x {cell} pixels, got {pixels} in all.")
        starts = []
        whole: set[str] = set()
        for number, start, text in self._lines():
            try:
                for image in Line.parse(text).images:
                    if image not in whole:
                        _check_picture(folder, image)
                        whole.add(image)
            except ValueError as error:
                raise ValueError(f"Line {number} of {self._path}: {error}.") from error
            starts.append((number, start))
        if not starts:
            raise ValueError(f"There are no questions in {self._path}.")
        self._starts = np.array(starts, np.int64)

    def _lines(self) -> Iterator[tuple[int, int, bytes]]:
        """Number, place in the file and text of each line that is not empty."""
        with self._path.open("rb") as file:
            start = 0
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, start, line
                start += len(line)

    def __len__(self) -> int:
        return len(self._starts)

    def question(self, index: int, rng: np.random.Generator) -> Question:
        """Line `index`; of a conversation one turn of `rng`, after those before it."""
        number, start = (int(value) for value in self._starts[index])
        with self._path.open("rb") as file:
            file.seek(start)
            line = Line.parse(file.readline())
        turn = int(rng.integers(len(line.turns)))
        before = [words for earlier in line.turns[:turn] for words in earlier]
        text, answer = line.turns[turn]
        pictures = {}
        for place, name in enumerate(line.images, start=1):
            try:
                picture = self._read(name)
            except ValueError as error:
                raise ValueError(f"Line {number} of {self._path}: {error}.") from error
            pictures[f"picture {place}"] = (
                picture if self._augmentation is None else self._augmentation.change(picture, rng)
            )
        words = "\n".join([*before, text])
        return Question(line.type, words, pictures, answer, line.truth or answer)

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Line `index`, to be learnt."""
        return self.question(index, rng).item()

    def _read(self, name: str) -> Image:
        return read_picture(self._path.parent / name, pixels=self._pixels, cell=self._cell)


def read_picture(path: Path, *, pixels: int, cell: int) -> Image:
    """Decode a picture file, fitted to `pixels` and `cell`. Raises `ValueError` naming the file."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise ValueError(f"the picture {path.name!r} cannot be read ({error})") from error
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise ValueError(f"the picture {path.name!r} is torn or of no known format")
    height, width = fitted(*picture.shape[:2], pixels=pixels, cell=cell)
    resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(resized[..., ::-1], np.uint8)


def _check_picture(folder: Path, name: str) -> None:
    """Look at the ends of a file only: a collection has a million of them."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"a picture lies inside the folder, got {name!r}")
    path = folder / name
    if not path.is_file():
        raise ValueError(f"the picture {name!r} is missing")
    with path.open("rb") as file:
        start = file.read(2)
        file.seek(max(path.stat().st_size - 64, 0))
        whole = _is_whole(path, start, file.read())
    if not whole:
        raise ValueError(f"the picture {name!r} is torn or of no known format")


def _is_whole(path: Path, start: bytes, tail: bytes) -> bool:
    """Whether a file that begins with `start` and ends with `tail` holds a whole picture."""
    if start == _PNG:
        return _PNG_END in tail
    if start != _JPEG:
        return bool(cv2.haveImageReader(str(path)))
    if tail.endswith(_JPEG_END):
        return True
    data = path.read_bytes()  # some cameras write their own things after the end
    return data.rfind(_JPEG_END) > data.rfind(_JPEG_SCAN) >= 0
