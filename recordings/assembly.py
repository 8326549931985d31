"""Builds a dataset folder out of pieces of episodes. Changes nothing but the folder it makes."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hardware.embodiment import Embodiment
from recordings import layout
from recordings.checksums import LISTING
from recordings.cutting import rows_of_piece
from recordings.disk import flush, write_json, write_lines
from recordings.drives import DRIVES, PLANS
from recordings.episode_table import Row, episode_table_of, total_statistics, write_tasks
from recordings.features import TIME, as_arrays
from recordings.film_places import FilmPlaces, link
from recordings.history import VERSION
from recordings.marks import MARKS, NO_MARKS
from recordings.older import filled_rows
from recordings.parquet_tail import EPISODES_PER_FILE, ROWS_PER_FILE, merge, write_groups
from recordings.piece import Piece, Pieces
from recordings.piece_statistics import PlacedPiece, needs_count, statistics_of_pieces
from recordings.quality import Quality
from recordings.rejudging import can_rejudge, rejudged
from recordings.source import Source
from recordings.statistics import as_json

WRITTEN = (layout.INFO, layout.STATS, layout.TASKS, layout.QUALITY, MARKS, DRIVES, PLANS)
"""What every assembly writes anew."""


@dataclass(frozen=True, slots=True)
class DataFilePlan:
    """One data file to be: which episodes it holds, and a file that holds just them already."""

    episodes: range
    ready: Path | None


class Assembly:
    """A dataset to be, made of `pieces`; what is not of episodes is as in `base`."""

    def __init__(self, base: Source, pieces: Pieces) -> None:
        self._base = base
        self._pieces = pieces
        self._tasks = _tasks(base, pieces)
        self._begins = [0]
        for piece in pieces:
            self._begins.append(self._begins[-1] + len(piece))
        self._films = FilmPlaces(base, pieces)
        self._plans = list(self._plan())
        self._rows: dict[int, pa.Table] = {}

    def build(self, target: Path) -> None:
        """Write the dataset into the new folder `target`; it is on the disk when this returns.

        Raises `ValueError` when a source is torn, `OSError` when the disk refuses.
        """
        target.mkdir(parents=True)
        self._copy_the_rest(target)
        self._films.place(target)
        self._place_plans(target)
        for number, plan in enumerate(self._plans):
            self._write_data(target, number, plan)
        statistics = statistics_of_pieces(self._placed(), self._rows)
        table = episode_table_of(self._entries(), statistics)
        for number, begin in enumerate(range(0, len(self._pieces), EPISODES_PER_FILE)):
            part = table.slice(begin, EPISODES_PER_FILE)
            write_groups(target / layout.episodes_file(number), [merge([part])])
        write_tasks(target, self._tasks)
        kept = ((layout.QUALITY, self._cards()), (MARKS, self._marks()), (DRIVES, self._drives()))
        for path, lines in kept:
            if lines:
                write_lines(target / path, lines)
        write_json(target / layout.STATS, as_json(total_statistics(table)))
        write_json(target / layout.INFO, self._info())
        for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
            flush(folder)

    def _plan(self) -> Iterator[DataFilePlan]:
        """Plan the data files: those that stay as they are, and in between new ones."""
        begin, rows = 0, 0
        ready = dict(self._ready_files())
        index = 0
        while index < len(self._pieces):
            length = len(self._pieces[index])
            full = index - begin >= EPISODES_PER_FILE or rows + length > ROWS_PER_FILE
            if index > begin and (full or index in ready):
                yield DataFilePlan(range(begin, index), None)
                begin, rows = index, 0
            if index in ready:
                stop, path = ready[index]
                yield DataFilePlan(range(index, stop), path)
                begin, rows, index = stop, 0, stop
            else:
                rows += length
                index += 1
        if begin < len(self._pieces):
            yield DataFilePlan(range(begin, len(self._pieces)), None)

    def _ready_files(self) -> Iterator[tuple[int, tuple[int, Path]]]:
        """Yield the first episode of every data file of `base` that no piece changes."""
        for path, episodes in self._base.data_files().items():
            together = episodes == list(range(episodes[0], episodes[-1] + 1))
            if together and all(self._is_untouched(episode) for episode in episodes):
                yield episodes[0], (episodes[-1] + 1, path)

    def _is_untouched(self, episode: int) -> bool:
        if episode >= min(len(self._pieces), len(self._base.entries)):
            return False
        piece, base = self._pieces[episode], self._base
        words = base.entries[episode]["tasks"]
        return (
            piece.source is base
            and piece.episode == episode
            and piece.whole
            and piece.tasks == list(words)
            and self._begins[episode] == base.entries[episode].get("dataset_from_index")
            and all(self._tasks.index(task) == base.tasks.index(task) for task in words)
        )

    def _write_data(self, target: Path, number: int, plan: DataFilePlan) -> None:
        path, schema = target / layout.data_file(number), self._base.schema
        if plan.ready is not None:
            link(plan.ready, path)
            if pq.read_metadata(path).num_rows == sum(len(self._pieces[i]) for i in plan.episodes):
                return
            path.unlink()  # an episode is being saved to it at this moment
        groups = []
        for index in plan.episodes:
            piece = self._pieces[index]
            rows = rows_of_piece(piece, index, self._begins[index], self._tasks)
            rows = filled_rows(rows, schema)
            if needs_count(piece) or len(piece.tasks) > 1:
                self._rows[index] = rows
            groups.append(rows.select(schema.names).cast(schema))
        write_groups(path, groups)

    def _placed(self) -> list[PlacedPiece]:
        return [
            PlacedPiece(
                piece,
                index,
                self._begins[index],
                tuple(self._tasks.index(task) for task in piece.tasks),
                self._is_untouched(index),
            )
            for index, piece in enumerate(self._pieces)
        ]

    def _entries(self) -> list[Row]:
        entries = []
        for number, plan in enumerate(self._plans):
            for index in plan.episodes:
                piece = self._pieces[index]
                row: Row = {"episode_index": index, "tasks": piece.tasks, "length": len(piece)}
                row |= {f"data/{name}": value for name, value in layout.place(number).items()}
                row["dataset_from_index"] = self._begins[index]
                row["dataset_to_index"] = self._begins[index + 1]
                row |= self._films.columns(piece)
                table = layout.place(index // EPISODES_PER_FILE)
                row |= {f"meta/episodes/{name}": value for name, value in table.items()}
                entries.append(self._others(piece) | row)
        return entries

    def _others(self, piece: Piece) -> Row:
        """Return what another tool said of an episode in columns of its own."""
        ours = ("videos/", "data/", "meta/episodes/", "dataset_")
        names = [name for name in self._base.entries[0] if not name.startswith(ours)]
        return {name: piece.source.entries[piece.episode].get(name) for name in names}

    def _cards(self) -> list[dict[str, Any]]:
        lines = []
        for index, piece in enumerate(self._pieces):
            card = piece.source.cards.get(piece.episode)
            if card is not None:
                judged = card if piece.whole else self._rejudged(piece, card, index)
                lines.append(judged | {"episode_index": index})
        return lines

    def _rejudged(self, piece: Piece, line: dict[str, Any], index: int) -> dict[str, Any]:
        path = piece.source.folder / layout.EMBODIMENT
        card = Quality.from_json({k: v for k, v in line.items() if k != "episode_index"})
        columns = as_arrays(self._rows[index])
        if not (path.exists() and can_rejudge(card, columns)):
            return line
        return rejudged(card, columns, Embodiment.load(path), piece.source.fps).to_json()

    def _marks(self) -> list[dict[str, Any]]:
        return [
            {"episode_index": index} | piece.marks.to_json()
            for index, piece in enumerate(self._pieces)
            if piece.marks != NO_MARKS
        ]

    def _drives(self) -> list[dict[str, Any]]:
        lines = []
        for index, piece in enumerate(self._pieces):
            record = piece.source.drives.get(piece.episode)
            if record is not None:
                cut = _secs_before(piece) if piece.start else 0.0
                lines.append({"episode_index": index} | record.from_row(cut).to_json())
        return lines

    def _place_plans(self, target: Path) -> None:
        """Put the plans of every piece into the folder `target`, once for all of an episode's."""
        for piece in self._pieces:
            record = piece.source.drives.get(piece.episode)
            if record is None or not record.plans:
                continue
            kept, path = (each / PLANS / record.plans for each in (piece.source.folder, target))
            if kept.exists() and not path.exists():
                link(kept, path)

    def _info(self) -> dict[str, Any]:
        base = self._base.info
        whole = layout.new_info(base.get("robot_type") or "unknown", base["fps"], base["features"])
        return {**whole, **base} | {
            "total_episodes": len(self._pieces),
            "total_frames": self._begins[-1],
            "total_tasks": len(self._tasks),
            "splits": {"train": f"0:{len(self._pieces)}"},
            "chunks_size": layout.CHUNKS_SIZE,
            "data_path": layout.DATA_PATH,
            "video_path": layout.VIDEO_PATH,
        }

    def _copy_the_rest(self, target: Path) -> None:
        """Copy what is not of episodes: the body, a card for the Hub, what people put there."""
        base = self._base.folder
        others = {*WRITTEN, VERSION, layout.LOCK, layout.OPEN, Path("data"), Path("videos")}
        others |= {Path("meta/episodes"), Path("images"), Path(LISTING)}
        if not self._keeps_rows():
            others.add(layout.GENERATION)
        for path in sorted(base.rglob("*")):
            inside = path.relative_to(base)
            if path.is_file() and not others & {inside, *inside.parents}:
                (target / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target / inside)
                flush(target / inside)

    def _keeps_rows(self) -> bool:
        """Whether the episodes are those of `base`, so that a recipe still tells of them."""
        return len(self._pieces) == len(self._base.entries) and all(
            piece.source is self._base and piece.episode == index and piece.whole
            for index, piece in enumerate(self._pieces)
        )


def _secs_before(piece: Piece) -> float:
    """Return how long after its episode a piece begins."""
    rows = piece.source.table(piece.episode)
    if TIME not in rows.column_names:
        return piece.start / piece.source.fps
    return float(rows[TIME][piece.start].as_py()) - float(rows[TIME][0].as_py())


def _tasks(base: Source, pieces: Pieces) -> list[str]:
    """Return the tasks that are left, in their old order, and new ones after them."""
    used = list(dict.fromkeys(task for piece in pieces for task in piece.tasks))
    kept = [task for task in base.tasks if task in used]
    return kept + [task for task in used if task not in kept]
