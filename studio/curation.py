"""Mending recorded episodes from the page: each order is one edit, and can be taken back."""

from pathlib import Path

from recordings import editing
from recordings.catalogue import Catalogue
from recordings.history import ANY_VERSION, Edit, History, version_of
from recordings.idleness import idle_part, ranges_of
from recordings.marks import NO_MARKS, Marks
from recordings.piece import marked, retasked, split, tagged, trimmed, whole_piece, without
from recordings.selection import select
from recordings.source import Source
from studio.episodes import conditions_in
from studio.record_desk import NAME, RecordDesk

NOT_CHOSEN = "Choose an episode first."


class Curation:
    """Edits datasets of the catalogue. Calls wait for the disk: not for the control thread."""

    def __init__(
        self, catalogue: Catalogue, record: RecordDesk, seen: str | None = ANY_VERSION
    ) -> None:
        self._catalogue = catalogue
        self._record = record
        self._seen = seen

    def as_seen(self, version: str | None) -> "Curation":
        """Return one whose edits of an episode are refused unless the dataset is still `version`.

        A number means another episode after an edit by somebody else.
        """
        return Curation(self._catalogue, self._record, version)

    def delete(self, dataset: str | None, episode: int) -> str:
        """Put an episode into the trash; return words for the operator, as all of these do."""
        words = f"delete {episode}"
        return self._edit(dataset, episode, words, lambda all_: without(all_, [episode]))

    def mark(self, dataset: str | None, episode: int, *, success: bool) -> str:
        """Say that an episode succeeded, or that it failed."""
        words = f"mark {episode} --success {'yes' if success else 'no'}"
        return self._edit(
            dataset, episode, words, lambda all_: marked(all_, [episode], success=success)
        )

    def retask(self, dataset: str | None, episode: int, task: str) -> str:
        """Say other words of an episode than it was recorded under."""
        words = f"retask {episode} --task {task!r}"
        return self._edit(dataset, episode, words, lambda all_: retasked(all_, [episode], task))

    def tag(self, dataset: str | None, episode: int, tags: str) -> str:
        """Let an episode have the tags `tags`, with commas between, and no others."""
        wanted = [word.strip() for word in tags.split(",") if word.strip()]
        had = self._marks(dataset, episode).tags
        add = [word for word in wanted if word not in had]
        remove = [word for word in had if word not in wanted]
        if not add and not remove:
            raise ValueError("It has these tags already. Write others, with commas between.")
        said = [*(f"--add {word}" for word in add), *(f"--remove {word}" for word in remove)]
        words = f"tag {episode} {' '.join(said)}"
        return self._edit(
            dataset, episode, words, lambda all_: tagged(all_, [episode], add, remove)
        )

    def trim(
        self, dataset: str | None, episode: int, head_secs: int | float, tail_secs: int | float
    ) -> str:
        """Cut seconds off the beginning and the end of an episode."""
        fps = self._source(dataset, episode).fps
        head, tail = round(head_secs * fps), round(tail_secs * fps)
        if not head and not tail:
            raise ValueError("Say how many seconds to cut off the beginning or the end.")
        words = f"trim {episode} --head {head} --tail {tail}"
        return self._edit(dataset, episode, words, lambda all_: trimmed(all_, episode, head, tail))

    def split(self, dataset: str | None, episode: int, at_secs: int | float) -> str:
        """Make two episodes of one; the second begins `at_secs` after its start."""
        row = round(at_secs * self._source(dataset, episode).fps)
        words = f"split {episode} --at {row}"
        return self._edit(dataset, episode, words, lambda all_: split(all_, episode, [row]))

    def waiting(self, dataset: str | None, episode: int) -> tuple[float, float]:
        """Return how many seconds an episode only waits at its beginning and at its end."""
        source = self._source(dataset, episode)
        try:
            idle = idle_part(source, episode, ranges_of(source))
        finally:
            source.close()
        return idle.head / source.fps, idle.tail / source.fps

    def said_of(self, dataset: str | None, episode: int) -> tuple[str, str]:
        """Return the words of an episode, and its tags with commas between."""
        source = self._source(dataset, episode)
        piece = whole_piece(source, episode)
        return "; ".join(piece.tasks), ", ".join(piece.marks.tags)

    def merge(self, dataset: str | None, _episode: int, other: str | None) -> str:
        """Add every episode of another dataset, which stays as it is."""
        if not other or other == dataset:
            raise ValueError("Choose another dataset to add the episodes of.")
        folder = self._folder(dataset)
        return self._told(folder, editing.merge(folder, [self._catalogue.dataset_folder(other)]))

    def copy(self, dataset: str | None, _episode: int, where: str, show: str, name: str) -> str:
        """Make a new dataset of the episodes of which conditions hold."""
        if not dataset:
            raise ValueError("Choose a dataset first.")
        if not NAME.fullmatch(name.strip()):
            raise ValueError(
                f"A dataset's name has letters, digits, dots, dashes and underscores, got {name!r}."
            )
        folder, target = (self._catalogue.dataset_folder(each) for each in (dataset, name.strip()))
        seen = version_of(folder)
        picked = select(Source(folder), conditions_in(where, show))
        count = editing.copy(folder, picked, target, seen=seen)
        self._catalogue.note_dataset(target)
        return f"{count} episodes copied to {target.name}."

    def reach(self, dataset: str | None) -> tuple[str, str]:
        """Return what undo would take back and what redo would do again; empty for nothing."""
        if not dataset:
            return "", ""
        history = History(self._catalogue.dataset_folder(dataset))
        version = version_of(history.folder)
        undo = [edit.words for edit in history.done()[-1:] if edit.after == version]
        redo = [edit.words for edit in history.undone() if edit.before == version]
        return "".join(undo), "".join(redo[:1])

    def undo(self, dataset: str | None, _episode: int = -1) -> str:
        """Take the last edit back."""
        folder = self._folder(dataset)
        return f"Taken back: {self._told(folder, editing.undo(folder))}"

    def redo(self, dataset: str | None, _episode: int = -1) -> str:
        """Do again what was taken back last."""
        folder = self._folder(dataset)
        return f"Done again: {self._told(folder, editing.redo(folder))}"

    def trash(self, dataset: str | None) -> list[tuple[str, str]]:
        """Return what can be restored: words for a person, and its key."""
        if not dataset:
            return []
        found = editing.trash(self._catalogue.dataset_folder(dataset))
        return [
            (f"{each.task} · {each.secs:.1f} s", f"{each.edit}:{each.episode}") for each in found
        ]

    def restore(self, dataset: str | None, _episode: int, key: str | None) -> str:
        """Take an episode back out of the trash, to the end of the dataset."""
        if not key:
            raise ValueError("Choose a deleted episode to take back first.")
        number, _, episode = key.partition(":")
        folder = self._folder(dataset)
        return self._told(folder, editing.restore(folder, [(int(number), int(episode))]))

    def _edit(self, dataset: str | None, episode: int, words: str, change: editing.Change) -> str:
        """Do an edit that is told as `words`."""
        if episode < 0:
            raise ValueError(NOT_CHOSEN)
        folder = self._folder(dataset)
        return self._told(folder, editing.edit(folder, words, change, seen=self._seen))

    def _told(self, folder: Path, edit: Edit) -> str:
        self._catalogue.note_dataset(folder)
        return edit.words

    def _folder(self, dataset: str | None) -> Path:
        """Return the folder of a dataset, which the recorder has let go of."""
        if not dataset:
            raise ValueError("Choose a dataset first.")
        folder = self._catalogue.dataset_folder(dataset)
        self._record.let_go(folder)
        return folder

    def _marks(self, dataset: str | None, episode: int) -> Marks:
        return self._source(dataset, episode).marks.get(episode, NO_MARKS)

    def _source(self, dataset: str | None, episode: int) -> Source:
        if not dataset or episode < 0:
            raise ValueError(NOT_CHOSEN)
        return Source(self._catalogue.dataset_folder(dataset))
