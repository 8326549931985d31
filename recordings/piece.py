"""A piece of an episode, and lists of them: what an edited dataset shall be made of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from hardware.embodiment import Embodiment
from recordings import layout
from recordings.features import ADDED_LATER, MOTION
from recordings.marks import NO_MARKS, Marks
from recordings.source import Source


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows `start` to `stop` of an episode of `source`, to be an episode of their own."""

    source: Source
    episode: int
    start: int
    stop: int
    task: str | None = None
    """Words in place of those it was recorded under; None keeps them."""
    marks: Marks = NO_MARKS

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def whole(self) -> bool:
        """Whether nothing is cut off."""
        return len(self) == self.source.length(self.episode)

    @property
    def tasks(self) -> list[str]:
        """The words of its rows; ours have one."""
        return [self.task] if self.task else list(self.source.entries[self.episode]["tasks"])


Pieces = tuple[Piece, ...]


def pieces_of(source: Source) -> Pieces:
    """Return every episode of a dataset, whole."""
    return tuple(whole_piece(source, episode) for episode in range(len(source.entries)))


def whole_piece(source: Source, episode: int) -> Piece:
    """Return one episode of a dataset, whole."""
    marks = source.marks.get(episode, NO_MARKS)
    return Piece(source, episode, 0, source.length(episode), marks=marks)


def chosen(pieces: Pieces, episodes: Collection[int]) -> Pieces:
    """Keep only `episodes`, in their old order."""
    _require(pieces, episodes)
    return tuple(piece for i, piece in enumerate(pieces) if i in set(episodes))


def without(pieces: Pieces, episodes: Collection[int]) -> Pieces:
    """Leave `episodes` out. Raises `ValueError` when none would be left."""
    _require(pieces, episodes)
    left = tuple(piece for i, piece in enumerate(pieces) if i not in set(episodes))
    if not left:
        raise ValueError(
            f"That would delete all {len(pieces)} episodes. To be rid of the whole dataset, "
            "delete its folder."
        )
    return left


def trimmed(pieces: Pieces, episode: int, head: int, tail: int) -> Pieces:
    """Cut `head` rows off the beginning of an episode, and `tail` off its end."""
    _require(pieces, [episode])
    piece = pieces[episode]
    if head < 0 or tail < 0 or head + tail >= len(piece):
        raise ValueError(
            f"Episode {episode} has {len(piece)} rows: cannot cut {head} and {tail} off and "
            "leave at least one."
        )
    cut = replace(piece, start=piece.start + head, stop=piece.stop - tail)
    return (*pieces[:episode], cut, *pieces[episode + 1 :])


def split(pieces: Pieces, episode: int, rows: Sequence[int]) -> Pieces:
    """Make several episodes of one: a new one begins at each of `rows`, counted from 0."""
    _require(pieces, [episode])
    piece = pieces[episode]
    cuts = [0, *sorted(set(rows)), len(piece)]
    if len(cuts) < 3 or cuts[1] < 1 or cuts[-2] >= len(piece):
        raise ValueError(
            f"Episode {episode} can be split at rows 1 to {len(piece) - 1}, got {list(rows)}."
        )
    parts = [
        replace(piece, start=piece.start + low, stop=piece.start + high)
        for low, high in pairwise(cuts)
    ]
    return (*pieces[:episode], *parts, *pieces[episode + 1 :])


def retasked(pieces: Pieces, episodes: Collection[int], task: str) -> Pieces:
    """Say `task` of `episodes` instead of what was said."""
    _require(pieces, episodes)
    if not task.strip():
        raise ValueError("Expected a task in words, such as 'pick up the red cube', got none.")
    return tuple(
        replace(piece, task=task.strip()) if i in set(episodes) else piece
        for i, piece in enumerate(pieces)
    )


def marked(pieces: Pieces, episodes: Collection[int], *, success: bool | None) -> Pieces:
    """Say of `episodes` that they succeeded, or failed, or that nobody knows (None)."""
    _require(pieces, episodes)
    return tuple(
        replace(piece, marks=replace(piece.marks, success=success)) if i in set(episodes) else piece
        for i, piece in enumerate(pieces)
    )


def tagged(
    pieces: Pieces, episodes: Collection[int], add: Collection[str], remove: Collection[str]
) -> Pieces:
    """Give `episodes` the tags `add`, and take the tags `remove` from them."""
    _require(pieces, episodes)
    blank = [tag for tag in add if not tag.strip()]
    if blank or not (add or remove):
        raise ValueError(f"Expected tags such as 'slow', got {list(add)}.")

    def retagged(piece: Piece) -> Piece:
        kept = [tag for tag in piece.marks.tags if tag not in remove]
        tags = tuple(dict.fromkeys([*kept, *(tag.strip() for tag in add)]))
        return replace(piece, marks=replace(piece.marks, tags=tags))

    return tuple(retagged(piece) if i in set(episodes) else piece for i, piece in enumerate(pieces))


def merged(pieces: Pieces, others: Pieces) -> Pieces:
    """Add episodes of other datasets at the end. Raises `ValueError` naming what does not fit."""
    for source in {id(piece.source): piece.source for piece in others}.values():
        require_alike(pieces[0].source, source)
    return pieces + others


def require_alike(ours: Source, theirs: Source) -> None:
    """Raise `ValueError` naming what keeps the episodes of `theirs` out of `ours`."""
    found = []
    if ours.fps != theirs.fps:
        found.append(f"{theirs.fps} fps instead of {ours.fps}")
    if ours.info.get("robot_type") != theirs.info.get("robot_type"):
        found.append(f"robot {theirs.info.get('robot_type')!r}")
    features = ours.info["features"], theirs.info["features"]
    for name in {**features[0], **features[1]}:
        meanings = [_meaning(f[name]) if name in f else None for f in features]
        filled = name in ADDED_LATER and None in meanings
        left_out = name in MOTION and meanings[0] is None
        if meanings[0] != meanings[1] and not (filled or left_out):
            found.append(f"{name} is {meanings[1]} instead of {meanings[0]}")
    found += _differences_of_bodies(ours, theirs)
    if found:
        raise ValueError(
            f"These episodes do not fit into this dataset: {'; '.join(found)}. "
            f"Theirs: {theirs.folder} Ours: {ours.folder}"
        )


def _differences_of_bodies(ours: Source, theirs: Source) -> list[str]:
    """Say what makes the body of `theirs` another; nothing where a body is not described."""
    paths = [source.folder / layout.EMBODIMENT for source in (ours, theirs)]
    if not all(path.exists() for path in paths):
        return []
    body, other = (Embodiment.load(path) for path in paths)
    found = body.differences(other)
    if body.control_hz != other.control_hz:
        found.append(f"control at {other.control_hz:g} Hz instead of {body.control_hz:g}")
    return found


def _meaning(feature: dict[str, object]) -> list[object]:
    info = feature.get("info") or {}
    codec = info.get("video.codec") if isinstance(info, dict) else None
    shape = feature.get("shape")
    return [
        feature.get("dtype"),
        list(shape) if isinstance(shape, (list, tuple)) else shape,
        feature.get("names"),
        codec,
    ]


def _require(pieces: Pieces, episodes: Collection[int]) -> None:
    absent = sorted(episode for episode in episodes if not 0 <= episode < len(pieces))
    if absent:
        raise ValueError(
            f"This dataset has {len(pieces)} episodes, counted from 0; asked for {absent}."
        )
    if not episodes:
        raise ValueError("No episode was named, or none is as asked for. Nothing was changed.")
