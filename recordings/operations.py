"""What can be done to a dataset by command: each operation with its options, and its words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from recordings import editing
from recordings.choice import Chosen, Where
from recordings.history import ANY_VERSION, Edit, History, version_of
from recordings.idleness import Idle, idle_part, ranges_of
from recordings.piece import Pieces, marked, retasked, split, tagged, trimmed, whole_piece, without
from recordings.selection import said, select
from recordings.source import Source


@dataclass(frozen=True, slots=True)
class List:
    """List the episodes, or those of which conditions hold. Changes nothing."""

    where: Where = ()
    """A condition such as 'secs<2'; several must all hold."""

    def run(self, dataset: Path) -> str:
        """Return a line for each."""
        source = Source(dataset)
        return "\n".join(
            f"{index:6d}  {source.length(index):6d} rows  {source.length(index) / source.fps:6.1f}"
            f" s  {source.cards.get(index, {}).get('verdict', 'unknown'):7s}"
            f"  success {said(piece.marks):7s}  {'; '.join(piece.tasks)}"
            f"{''.join(f'  #{tag}' for tag in piece.marks.tags)}"
            for index in select(source, self.where)
            for piece in [whole_piece(source, index)]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(Chosen):
    """Delete episodes. They stay in the trash until `purge`."""

    def run(self, dataset: Path) -> str:
        """Do it."""
        indices, seen = self.chosen(dataset)
        words = f"delete {_say(indices)}"
        return _edit(dataset, words, lambda all_: without(all_, indices), seen)


@dataclass(frozen=True, slots=True)
class Trash:
    """List the deleted episodes that can be taken back, as EDIT:EPISODE."""

    def run(self, dataset: Path) -> str:
        """Return a line for each."""
        return "\n".join(
            f"{each.edit}:{each.episode}  {each.secs:6.1f} s  {each.task}"
            for each in editing.trash(dataset)
        )


@dataclass(frozen=True, slots=True)
class Restore:
    """Take deleted episodes back out of the trash, at the end of the dataset."""

    what: tyro.conf.Positional[tuple[str, ...]]
    """EDIT:EPISODE, as `trash` lists them."""

    def run(self, dataset: Path) -> str:
        """Do it."""
        return _told(editing.restore(dataset, [_pair(text) for text in self.what]))


@dataclass(frozen=True, slots=True)
class Trim:
    """Cut rows off the beginning and the end of an episode. Films are not encoded again."""

    episode: tyro.conf.Positional[int]
    head: int = 0
    """Rows to cut off the beginning."""
    tail: int = 0
    """Rows to cut off the end."""

    def run(self, dataset: Path) -> str:
        """Do it."""
        words = f"trim {self.episode} --head {self.head} --tail {self.tail}"
        return _edit(dataset, words, lambda all_: self._trimmed(all_))

    def _trimmed(self, pieces: Pieces) -> Pieces:
        if not self.head and not self.tail:
            raise ValueError("Say how many rows to cut off, with --head, --tail or both.")
        return trimmed(pieces, self.episode, self.head, self.tail)


@dataclass(frozen=True, slots=True)
class Split:
    """Make several episodes of one."""

    episode: tyro.conf.Positional[int]
    at: tuple[int, ...]
    """Rows at which new episodes begin, counted from 0."""

    def run(self, dataset: Path) -> str:
        """Do it."""
        words = f"split {self.episode} --at {_say(self.at)}"
        return _edit(dataset, words, lambda all_: split(all_, self.episode, self.at))


@dataclass(frozen=True, slots=True)
class Merge:
    """Add the episodes of other datasets of the same body, which stay as they are."""

    others: tyro.conf.Positional[tuple[Path, ...]]

    def run(self, dataset: Path) -> str:
        """Do it."""
        return _told(editing.merge(dataset, self.others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Retask(Chosen):
    """Say other words of episodes than they were recorded under."""

    task: str
    """The words, such as 'pick up the red cube'."""

    def run(self, dataset: Path) -> str:
        """Do it."""
        indices, seen = self.chosen(dataset)
        words = f"retask {_say(indices)} --task {self.task!r}"
        return _edit(dataset, words, lambda all_: retasked(all_, indices, self.task), seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag(Chosen):
    """Give episodes tags, or take them away."""

    add: Where = ()
    """A tag to give; may be said again."""
    remove: Where = ()
    """A tag to take away; may be said again."""

    def run(self, dataset: Path) -> str:
        """Do it."""
        indices, seen = self.chosen(dataset)
        tags = [*(f"--add {tag}" for tag in self.add), *(f"--remove {tag}" for tag in self.remove)]
        words = f"tag {_say(indices)} {' '.join(tags)}"
        return _edit(
            dataset, words, lambda all_: tagged(all_, indices, self.add, self.remove), seen
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark(Chosen):
    """Say whether episodes succeeded."""

    success: Literal["yes", "no", "unknown"]

    def run(self, dataset: Path) -> str:
        """Do it."""
        indices, seen = self.chosen(dataset)
        success = {"yes": True, "no": False, "unknown": None}[self.success]
        words = f"mark {_say(indices)} --success {self.success}"
        return _edit(dataset, words, lambda all_: marked(all_, indices, success=success), seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy(Chosen):
    """Make a new dataset of some episodes. Films are shared on the disk where it can."""

    to: Path
    """The new folder."""

    def run(self, dataset: Path) -> str:
        """Do it."""
        indices, seen = self.chosen(dataset)
        count = editing.copy(dataset, indices, self.to, seen=seen)
        return f"{count} episodes copied to {self.to}"


@dataclass(frozen=True, slots=True)
class IdleParts:
    """Find episodes that wait at their beginning or end, and suggest what to trim."""

    apply: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Trim them all, as one edit."""

    def run(self, dataset: Path) -> str:
        """Return a command for each, or do it."""
        seen, source = version_of(dataset), Source(dataset)
        ranges = ranges_of(source)
        found = {i: idle_part(source, i, ranges) for i in range(len(source.entries))}
        source.close()
        found = {i: idle for i, idle in found.items() if idle != Idle(0, 0)}
        if not found or not self.apply:
            lines = [f"trim {i} --head {idle.head} --tail {idle.tail}" for i, idle in found.items()]
            return "\n".join(lines) or "No episode waits for long at its beginning or end."

        def change(pieces: Pieces) -> Pieces:
            for index, idle in found.items():
                pieces = trimmed(pieces, index, idle.head, idle.tail)
            return pieces

        return _edit(dataset, f"idle --apply: trimmed {_say(list(found))}", change, seen)


@dataclass(frozen=True, slots=True)
class Undo:
    """Take the last edit back."""

    def run(self, dataset: Path) -> str:
        """Do it."""
        return f"Taken back: {_told(editing.undo(dataset))}"


@dataclass(frozen=True, slots=True)
class Redo:
    """Do again what was undone last."""

    def run(self, dataset: Path) -> str:
        """Do it."""
        return f"Done again: {_told(editing.redo(dataset))}"


@dataclass(frozen=True, slots=True)
class Edits:
    """List the edits that can be taken back, the last one last."""

    def run(self, dataset: Path) -> str:
        """Return a line for each."""
        return "\n".join(_told(edit) for edit in History(dataset).done())


@dataclass(frozen=True, slots=True)
class Purge:
    """Forget edits, and free the disk space of what they deleted. This cannot be taken back."""

    keep: int = 0
    """How many of the last edits to keep."""

    def run(self, dataset: Path) -> str:
        """Do it."""
        return f"{len(editing.purge(dataset, self.keep))} edits forgotten."


Operation = (
    Annotated[List, tyro.conf.subcommand("list")]
    | Delete
    | Trash
    | Restore
    | Trim
    | Split
    | Merge
    | Retask
    | Tag
    | Mark
    | Copy
    | Annotated[IdleParts, tyro.conf.subcommand("idle")]
    | Undo
    | Redo
    | Annotated[Edits, tyro.conf.subcommand("history")]
    | Purge
)


def _edit(
    dataset: Path,
    words: str,
    change: Callable[[Pieces], Pieces],
    seen: str | None = ANY_VERSION,
) -> str:
    return _told(editing.edit(dataset, words, change, seen=seen))


def _told(edit: Edit) -> str:
    return (
        f"{edit.number}  {edit.at}  {edit.words}  (episodes {edit.episodes_before} -> "
        f"{edit.episodes_after}, rows {edit.frames_before} -> {edit.frames_after})"
    )


def _say(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def _pair(text: str) -> tuple[int, int]:
    number, colon, episode = text.partition(":")
    if not (colon and number.isdigit() and episode.isdigit()):
        raise ValueError(f"Expected EDIT:EPISODE, such as 3:17, got {text!r}. See: trash")
    return int(number), int(episode)
