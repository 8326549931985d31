"""Ask a checkpoint about a picture, or measure its answers: `python -m policy.ask CHECKPOINT`.

Without a question of yours it is asked about simulated scenes that it was not trained on (or about
a folder of questions), and the share of right answers is set beside what a blind guess earns.
"""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import tyro
from tqdm import tqdm

from hardware.simulation.seeds import TEST_SEED
from policy.data.answers import SCALE, form_for, path_text, read_numbers, read_points, score
from policy.data.file_questions import FileQuestions
from policy.data.gripper_paths import GripperPaths, is_demonstrations
from policy.data.questions import Question, Questions
from policy.data.scene_questions import SceneQuestions
from policy.data.scenes import draw_scenes
from policy.evaluation.interval import wilson
from policy.evaluation.seeds import seeds_of
from policy.model.checkpoint import Checkpoint
from policy.model.processor import Processor, resize
from policy.text_file import write_atomically

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """One question and what was answered."""

    type: str
    question: str
    truth: str
    answer: str
    right: bool


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How the questions of one type went."""

    type: str
    asked: int
    right: int
    share: float
    interval95: tuple[float, float]
    """Wilson's."""
    blind: float
    """Share that the best answer given to every question of the type would earn."""


def put(
    questions: Questions, count: int, answer: Callable[[Question], str], seed: int = 0
) -> list[Reply]:
    """Put the first `count` questions to `answer`, in wordings of `seed`."""
    replies = []
    for index in tqdm(range(min(count, len(questions))), desc="questions", unit="question"):
        asked = questions.question(index, np.random.default_rng([seed, index]))
        said = answer(asked)
        right = score(asked.type, said, asked.truth)
        replies.append(Reply(asked.type, asked.text, asked.truth, said, right))
    return replies


def blind_share(kind: str, truths: Sequence[str]) -> float:
    """Share of `truths` that one answer would get right: the most frequent, or the middle place."""
    guess = Counter(truths).most_common(1)[0][0]
    if kind == "path":
        middle = np.median([read_points(truth) for truth in truths], axis=0)
        guess = path_text(middle / SCALE, "", "plain")
    if kind in ("point", "box"):
        middle = np.median([read_numbers(truth) for truth in truths], axis=0)
        if kind == "point" and len(middle) == 4:
            middle = (middle[:2] + middle[2:]) / 2
        guess = str([round(float(value)) for value in middle])
    return float(np.mean([score(kind, guess, truth) for truth in truths]))


def report(replies: Iterable[Reply]) -> list[Accuracy]:
    """One row for each type, in the order they were asked, then one for all."""
    by_type: dict[str, list[Reply]] = {}
    for reply in replies:
        by_type.setdefault(reply.type, []).append(reply)
    rows = [
        _row(name, own, blind_share(name, [reply.truth for reply in own]))
        for name, own in by_type.items()
    ]
    every = [reply for own in by_type.values() for reply in own]
    blind = sum(row.blind * row.asked for row in rows) / max(len(every), 1)
    return [*rows, _row("all", every, blind)]


def _row(name: str, replies: Sequence[Reply], blind: float) -> Accuracy:
    right = sum(reply.right for reply in replies)
    share = right / max(len(replies), 1)
    return Accuracy(name, len(replies), right, share, wilson(right, len(replies)), blind)


class Answerer:
    """A checkpoint that answers questions."""

    def __init__(self, checkpoint: Checkpoint, limit: int = 64) -> None:
        """`limit` is the most tokens that an answer may have."""
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = checkpoint.model.to(self._device).eval()
        self._tokenizer, self._limit = checkpoint.tokenizer, limit
        self.image_sizes = checkpoint.image_sizes or checkpoint.model.config.image_sizes
        """Of the cameras that the checkpoint's first body has."""
        self.processor = Processor(checkpoint.model.config, checkpoint.tokenizer)

    def __call__(self, question: Question) -> str:
        """Answer in words."""
        inputs = self.processor.question(question.text, question.pictures).to(self._device)
        answers: list[str] = self._model.answer(inputs, self._limit, self._tokenizer)
        return answers[0].strip()

    def show(self, path: Path, camera: str | None = None) -> dict[str, np.ndarray]:
        """Read a picture file as a picture of `camera`, or of the first that the network knows."""
        sizes = self.image_sizes
        name = camera or next(iter(sizes))
        if name not in sizes:
            raise ValueError(f"The checkpoint knows cameras {list(sizes)}, got {name!r}.")
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
        if picture is None:
            raise ValueError(f"There is no picture that can be read: {path}")
        rgb = np.ascontiguousarray(picture[..., ::-1], np.uint8)
        return {name: resize(rgb, sizes[name])}


@dataclass(frozen=True, slots=True)
class Options:
    """What `python -m policy.ask` can be asked."""

    checkpoint: Annotated[Path, tyro.conf.Positional]
    """Folder that `policy.train` wrote."""
    question: str | None = None
    """One question; its answer is printed."""
    picture: Path | None = None
    """A picture file that `question` is about."""
    camera: str | None = None
    """Which of the checkpoint's cameras took `picture`; its first if left out."""
    folder: Path | None = None
    """A folder with `questions.jsonl`, or of demonstrations to ask where grippers go next, to
    measure on in place of simulated scenes."""
    keep_all: bool = False
    """Ask about demonstrations marked as failed or recorded badly too."""
    count: int = 500
    """Questions to measure on."""
    scenes: int = 500
    """Simulated scenes to draw the questions from."""
    seed: int = TEST_SEED
    """Of the first scene; those for testing are 600000 to 699999."""
    limit: int = 64
    """Most tokens of an answer."""
    workers: int = 2
    """Processes that draw the scenes."""
    json: Path | None = None
    """Where to write the report and every reply."""


def _questions(options: Options, answerer: Answerer) -> Questions:
    sizes, cell = answerer.image_sizes, answerer.processor.cell
    camera, (height, width) = next(iter(sizes.items()))
    form = form_for(answerer.processor.config.preset)
    if options.folder is not None and is_demonstrations(options.folder):
        return GripperPaths.of_dataset(
            *(options.folder, camera, (height, width)), form=form, keep_all=options.keep_all
        )
    if options.folder is not None:
        return FileQuestions(options.folder, pixels=height * width, cell=cell)
    seeds = seeds_of("test", options.seed, options.scenes)
    scenes = draw_scenes(len(seeds), seeds.start, {camera: (height, width)}, cell, options.workers)
    return SceneQuestions(scenes, form=form)


def measure(options: Options, answerer: Answerer) -> list[Accuracy]:
    """Ask, score, say, and write `options.json`."""
    replies = put(_questions(options, answerer), options.count, answerer)
    rows = report(replies)
    logger.info("%-14s %12s %18s %8s", "type", "right", "95 % interval", "blind")
    for row in rows:
        logger.info(
            "%-14s %4d of %4d %8.1f - %5.1f %% %6.1f %%",
            *(row.type, row.right, row.asked),
            *(100 * row.interval95[0], 100 * row.interval95[1], 100 * row.blind),
        )
    if options.json is not None:
        described = {
            "checkpoint": options.checkpoint.name,
            "seed": options.seed,
            "types": [asdict(row) for row in rows],
            "replies": [asdict(reply) for reply in replies],
        }
        write_atomically(options.json, json.dumps(described, indent=2) + "\n")
    return rows


def main(options: Options) -> None:
    """Answer one question, or measure answers with 95 % Wilson intervals."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.picture is not None and options.question is None:
        raise SystemExit("A picture needs a question about it: add --question.")
    if "<|" in (options.question or ""):
        raise SystemExit(f"A question is plain words, without '<|'. Got: {options.question!r}")
    try:
        answerer = Answerer(Checkpoint.load(options.checkpoint), options.limit)
        if options.question is None:
            measure(options, answerer)
            return
        shown = {} if options.picture is None else answerer.show(options.picture, options.camera)
        asked = Question("words", options.question, shown, "", "")
        logger.info("%s", answerer(asked))
    except ValueError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
