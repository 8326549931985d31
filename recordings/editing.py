"""Edits of a dataset: each one atomic, and each one can be taken back. Library of `edit`."""

import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from recordings import layout
from recordings.disk import RecordingError
from recordings.episode_table import read_episodes
from recordings.film_places import link
from recordings.history import ANY_VERSION, Edit, History, now
from recordings.new_dataset import appear, build, require_new
from recordings.opening import claim, open_existing
from recordings.piece import Pieces, chosen, merged, pieces_of, whole_piece
from recordings.rescue import forget_saved, unsaved_in
from recordings.source import Source
from recordings.unedited import unedited

Change = Callable[[Pieces], Pieces]
"""Says, from the episodes that there are, which there shall be."""


@dataclass(frozen=True, slots=True)
class Trashed:
    """A deleted episode that can be taken back."""

    edit: int
    """Number of the edit that deleted it."""
    episode: int
    """Its index before that."""
    task: str
    secs: float


def edit(
    folder: Path,
    words: str,
    change: Change,
    *,
    restored: Sequence[tuple[int, int]] = (),
    seen: str | None = ANY_VERSION,
    watched: Sequence[Path] = (),
) -> Edit:
    """Make the dataset at `folder` be what `change` says, and keep it as it was, for `undo`.

    Killed at any instant, this leaves the dataset as it was or as it shall be. Films are linked,
    not copied. Raises `ValueError` when another program writes to the dataset, when it is torn,
    when it is not the version `seen` (of `history.version_of`) that episodes were chosen from,
    when one of the datasets `watched`, which `change` reads too, is edited meanwhile, or when
    `change` refuses; `RecordingError` when the disk does. Nothing is changed then.
    """
    with _claimed(folder) as history, ExitStack() as watching:
        history.require_version(seen)
        for each in watched:
            watching.enter_context(unedited(each))
        base = Source(folder)
        try:
            pieces = change(pieces_of(base))
            number, target = history.begin()
            try:
                build(base, pieces, target)
                link(folder / layout.LOCK, target / layout.LOCK)  # one lock, whichever is where
                watching.close()  # raises if one was edited
                made = _described(history, number, base, pieces, words, restored)
                history.commit(made)
            except BaseException:
                history.forget_unfinished(number)
                raise
        except OSError as error:
            raise RecordingError(
                f"The disk refused the edit: {error}. The dataset is as it was. Folder: {folder}"
            ) from error
        finally:
            base.close()
        history.tidy()
    return made


def undo(folder: Path) -> Edit:
    """Take the last edit back. Raises `ValueError` when there is none, or rows would be lost."""
    with _claimed(folder) as history:
        return history.undo()


def redo(folder: Path) -> Edit:
    """Do again what was undone last. Raises `ValueError` when there is nothing, or it must not."""
    with _claimed(folder) as history:
        return history.redo()


def purge(folder: Path, keep: int) -> list[Edit]:
    """Forget all edits but the last `keep`: they and what they deleted are gone for good."""
    if keep < 0:
        raise ValueError(f"Expected a number of edits to keep, got {keep}.")
    with _claimed(folder) as history:
        return history.purge(keep)


def trash(folder: Path) -> list[Trashed]:
    """Return the deleted episodes that can be taken back, the last deleted first."""
    history = History(folder)
    edits = history.done()
    back = {pair for edit in edits for pair in edit.restored}
    found = []
    for edit in reversed(edits):
        gone = [episode for episode in edit.deleted if (edit.number, episode) not in back]
        if gone:
            kept = Source(history.kept_version(edit.number))
            for episode in gone:
                words = "; ".join(whole_piece(kept, episode).tasks)
                secs = kept.length(episode) / kept.fps
                found.append(Trashed(edit.number, episode, words, secs))
    return found


def restore(folder: Path, what: Collection[tuple[int, int]]) -> Edit:
    """Take deleted episodes back, at the end of the dataset; `what` is pairs of edit and episode.

    Raises `ValueError` naming what is not in the trash.
    """
    history, back = History(folder), sorted(set(what))
    words = "restore " + " ".join(f"{number}:{episode}" for number, episode in back)
    with ExitStack() as opened:

        def taken_back(pieces: Pieces) -> Pieces:
            """Look into the trash while nobody else edits: others may have taken or purged."""
            _require_trashed(folder, back)
            sources = {
                number: opened.enter_context(closing(Source(history.kept_version(number))))
                for number in {number for number, _ in back}
            }
            taken = tuple(whole_piece(sources[number], episode) for number, episode in back)
            return merged(pieces, taken)

        return edit(folder, words, taken_back, restored=back)


def _require_trashed(folder: Path, what: Sequence[tuple[int, int]]) -> None:
    there = {(each.edit, each.episode) for each in trash(folder)}
    absent = sorted(set(what) - there)
    if absent or not what:
        raise ValueError(f"Expected episodes of the trash, {sorted(there)}, got {absent}.")


def merge(folder: Path, others: Sequence[Path]) -> Edit:
    """Add the episodes of other datasets of the same body at the end; they stay as they are.

    Raises `ValueError` like `edit`, also when one of them is edited meanwhile.
    """
    words = "merge " + " ".join(other.name for other in others)
    watched = [other for other in others if other.resolve() != folder.resolve()]
    with ExitStack() as opened:

        def joined(pieces: Pieces) -> Pieces:
            sources = [opened.enter_context(closing(Source(other))) for other in others]
            taken = tuple(piece for source in sources for piece in pieces_of(source))
            if not taken:
                raise ValueError(f"There are no episodes to add in {[str(o) for o in others]}.")
            return merged(pieces, taken)

        return edit(folder, words, joined, watched=watched)


def copy(
    folder: Path, episodes: Collection[int], target: Path, *, seen: str | None = ANY_VERSION
) -> int:
    """Make the new dataset `target` of some episodes; return how many.

    It shares the films on the disk where both lie on one. Raises `ValueError` when `target` is
    there already, an episode is not, or the dataset is not the version `seen` or is edited
    meanwhile.
    """
    staging = require_new(target)
    try:
        with unedited(folder), closing(Source(folder)) as source:
            History(folder).require_version(seen)
            pieces = chosen(pieces_of(source), episodes)
            build(source, pieces, staging / "built")
        appear(staging / "built", target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return len(pieces)


@contextmanager
def _claimed(folder: Path) -> Iterator[History]:
    history = History(folder)
    if not folder.exists():
        history.settle()
    layout.read_info(folder)
    with claim(folder):
        history.settle()
        history.tidy()
        if read_episodes(folder, statistics=False).num_rows > _episodes(folder):
            open_existing(folder)  # a recorder was killed while it saved
        _require_nothing_unsaved(folder)
        yield history


def _require_nothing_unsaved(folder: Path) -> None:
    """Raise `ValueError` while an episode waits for rescue: it is of this version's folder."""
    forget_saved(folder, _episodes(folder))
    waiting = unsaved_in(folder)
    if waiting:
        raise ValueError(
            f"An episode was open when its program ended, and waits for rescue: {waiting[0]}. "
            f"First run: python -m recordings.repair {folder} --unsaved rescue (or throw-away), "
            "or choose on the Drive tab."
        )


def _episodes(folder: Path) -> int:
    return int(layout.read_info(folder)["total_episodes"])


def _described(
    history: History,
    number: int,
    base: Source,
    pieces: Pieces,
    words: str,
    restored: Sequence[tuple[int, int]],
) -> Edit:
    kept = {piece.episode for piece in pieces if piece.source is base}
    return Edit(
        number=number,
        words=words,
        at=now(),
        before=history.version(),
        after=uuid4().hex,
        frames_before=base.info["total_frames"],
        frames_after=sum(map(len, pieces)),
        episodes_before=len(base.entries),
        episodes_after=len(pieces),
        deleted=tuple(i for i in range(len(base.entries)) if i not in kept),
        restored=tuple(restored),
    )
