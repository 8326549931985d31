"""`python -m recordings.repair DATASET`: make a torn dataset load again, keeping what is whole."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import tyro

from hardware.embodiment import Embodiment
from recordings import layout
from recordings.dataset_writer import DatasetWriter
from recordings.disk import RecordingError, flush, make_folder, read_lines, write_json, write_lines
from recordings.drives import DRIVES
from recordings.episode_table import as_episode_table, write_tasks
from recordings.features import as_arrays, film_keys, stored_in_table
from recordings.film_places import link
from recordings.history import name_anew
from recordings.inspection import problems_of
from recordings.marks import MARKS
from recordings.opening import claim
from recordings.parquet_tail import EPISODES_PER_FILE, ROWS_PER_FILE, merge, write_groups
from recordings.repaired import Repaired
from recordings.rescue import unsaved_in
from recordings.salvage import Salvage, WholeEpisode, film_of, salvage
from recordings.statistics import NAMES, PictureStatistics, Statistics, as_json, statistics_of
from recordings.statistics import together as statistics_together
from recordings.video_reader import VideoReader

NUMBERED = (layout.QUALITY, MARKS, DRIVES)
"""Files with a line per episode, by its index."""
SAMPLES = 100
"""Pictures of a film that are decoded when its statistics were lost."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a repair did."""

    kept: int
    lost: list[str]
    backup: Path | None
    """The dataset as it was before; None when nothing had to be done."""


def repair(folder: Path) -> Outcome:
    """Keep the whole episodes of the dataset at `folder`, counted anew, and drop the rest.

    The repaired dataset is built beside it, and the two change places at once: killed at any
    instant, this leaves one or the other. The torn one stays as the backup. Raises `ValueError`
    when there is nothing to keep; then nothing is changed.
    """
    repaired = Repaired(folder)
    if not folder.exists():
        repaired.settle()  # a killed one may have left it beside its place
    if not (folder / "meta").is_dir():
        raise ValueError(f"Not a dataset: there is no folder 'meta' in it. Folder: {folder}")
    with claim(folder):
        repaired.settle()
        if not problems_of(folder):
            return Outcome(layout.read_info(folder)["total_episodes"], [], None)
        found = salvage(folder)
        if not found.episodes:
            raise ValueError(
                f"No episode is whole, so nothing was changed. {' '.join(found.lost)} "
                f"Folder: {folder}"
            )
        _build(repaired.begin(), folder, found)
        return Outcome(len(found.episodes), found.lost, repaired.put_in_place())


def _build(target: Path, folder: Path, found: Salvage) -> None:
    """Write the dataset as it shall be into the new folder `target`."""
    before = [episode.row["episode_index"] for episode in found.episodes]
    episodes = list(_count_anew(found.episodes))
    statistics = [_statistics(folder, found, episode) for episode in episodes]
    _copy_the_rest(folder, target)
    for key in film_keys(found.info["features"]):
        for film in {film_of(folder, found.info, episode.row, key) for episode in episodes}:
            link(film, target / film.relative_to(folder))
    _write_tables(target, episodes, statistics)
    write_tasks(target, found.tasks)
    for path in NUMBERED:
        _renumber(folder / path, target / path, before)
    total = {
        name: statistics_together([part[name] for part in statistics]) for name in statistics[0]
    }
    write_json(target / layout.STATS, as_json(total))
    info = found.info | {
        "total_episodes": len(episodes),
        "total_frames": episodes[-1].row["dataset_to_index"],
        "total_tasks": len(found.tasks),
        "splits": {"train": f"0:{len(episodes)}"},
    }
    write_json(target / layout.INFO, info)
    if found.lost or before != list(range(len(before))):
        name_anew(target)  # films keep their numbers, and episodes do not
    for each in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        flush(each)


def _copy_the_rest(folder: Path, target: Path) -> None:
    """Copy what is not of episodes: the body, what people put there."""
    others = {layout.INFO, layout.STATS, layout.TASKS, layout.LOCK, layout.OPEN, *NUMBERED}
    others |= {Path("data"), Path("videos"), Path("meta/episodes")}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not others & {inside, *inside.parents}:
            make_folder((target / inside).parent)
            shutil.copy2(path, target / inside)
            flush(target / inside)


def _count_anew(episodes: list[WholeEpisode]) -> Iterator[WholeEpisode]:
    """Yield the episodes without gaps in their indices, and where each will be."""
    begins = 0
    for number, span in enumerate(_files(episodes)):
        place = layout.place(number).items()
        for index in span:
            row, rows = episodes[index].row, episodes[index].rows
            ends = begins + rows.num_rows
            row = row | {f"{kind}/{k}": v for kind in ("data", "meta/episodes") for k, v in place}
            row |= {"episode_index": index, "dataset_from_index": begins, "dataset_to_index": ends}
            yield WholeEpisode(row, _renumbered(rows, index, begins))
            begins = ends


def _write_tables(
    target: Path, episodes: list[WholeEpisode], statistics: list[dict[str, Statistics]]
) -> None:
    """Write data and episode table."""
    for number, span in enumerate(_files(episodes)):
        entries = [
            {
                name: value
                for name, value in episodes[i].row.items()
                if not name.startswith("stats/")
            }
            for i in span
        ]
        tables = [as_episode_table(e, statistics[i]) for e, i in zip(entries, span, strict=True)]
        write_groups(target / layout.data_file(number), [episodes[i].rows for i in span])
        write_groups(target / layout.episodes_file(number), [merge(tables)])


def _files(episodes: list[WholeEpisode]) -> Iterator[range]:
    """Yield which episodes go into each file, in order."""
    begin = rows = 0
    for index, episode in enumerate(episodes):
        full = index - begin >= EPISODES_PER_FILE or rows + episode.rows.num_rows > ROWS_PER_FILE
        if full and index > begin:
            yield range(begin, index)
            begin, rows = index, 0
        rows += episode.rows.num_rows
    yield range(begin, len(episodes))


def _renumbered(rows: pa.Table, index: int, begins: int) -> pa.Table:
    columns = {
        "episode_index": np.full(rows.num_rows, index),
        "index": begins + np.arange(rows.num_rows),
    }
    for name, values in columns.items():
        position = rows.schema.get_field_index(name)
        rows = rows.set_column(position, rows.schema.field(position), pa.array(values))
    return rows.combine_chunks()


def _statistics(folder: Path, found: Salvage, episode: WholeEpisode) -> dict[str, Statistics]:
    """Return the statistics of one episode: rows counted again, and films if theirs were lost."""
    arrays = as_arrays(episode.rows)
    statistics = {}
    for name in found.info["features"]:
        stored = [episode.row.get(f"stats/{name}/{kind}") for kind in NAMES]
        if name in stored_in_table(found.info["features"]):
            statistics[name] = statistics_of(arrays[name])
        elif all(value is not None for value in stored):
            statistics[name] = dict(zip(NAMES, map(np.asarray, stored), strict=True))
        else:
            statistics[name] = _film_statistics(folder, found, episode, name)
    return statistics


def _film_statistics(folder: Path, found: Salvage, episode: WholeEpisode, key: str) -> Statistics:
    counted = PictureStatistics()
    first = round(episode.row[f"videos/{key}/from_timestamp"] * found.info["fps"])
    step = max(1, episode.rows.num_rows // SAMPLES)
    with VideoReader(film_of(folder, found.info, episode.row, key)) as film:
        for number in range(first, first + episode.rows.num_rows, step):
            counted.add(film.read(number))
    return counted.result()


def _renumber(path: Path, target: Path, old: list[int]) -> None:
    """Write the lines of `path`, one per episode, to `target`, with new indices for `old`."""
    if path.exists():
        lines = {line["episode_index"]: line for line in read_lines(path)}
        kept = [
            lines[before] | {"episode_index": index}
            for index, before in enumerate(old)
            if before in lines
        ]
        write_lines(target, kept)


def main(
    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")],
    /,
    *,
    unsaved: Literal["keep", "rescue", "throw-away"] = "keep",
) -> int:
    """Make a torn dataset load again: keep every whole episode, count them anew, drop the rest.

    What was there is kept beside the dataset. A dataset that is whole is not touched.

    Args:
        dataset: Folder of a LeRobotDataset v3.0, ours or another tool's.
        unsaved: What to do with an episode that was being recorded when its program ended: leave
            it for later, save what there is of it, or remove it.
    """
    try:
        outcome = repair(dataset)
        left = settle_unsaved(dataset, unsaved)
    except (ValueError, RecordingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join([*_words(outcome), *left]) + "\n")
    return 0


def settle_unsaved(folder: Path, choice: Literal["keep", "rescue", "throw-away"]) -> list[str]:
    """Do `choice` with the episodes that wait for rescue; return what was done, in words."""
    if not unsaved_in(folder):
        return []
    body, fps = Embodiment.load(folder / layout.EMBODIMENT), layout.read_info(folder)["fps"]
    told = []
    with DatasetWriter(folder, body, fps, floor_bytes=0) as writer:
        for each in writer.unsaved():
            if choice == "rescue":
                told.append(f"Rescued as episode {writer.rescue(each)}: {each}")
            elif choice == "throw-away":
                writer.throw_away(each)
                told.append(f"Thrown away: {each}")
            else:
                told.append(f"Never saved: {each}. To save it, run again with --unsaved rescue.")
    return told


def _words(outcome: Outcome) -> list[str]:
    if outcome.backup is None:
        return [f"Nothing to repair: {outcome.kept} episodes, all whole."]
    told = [f"Lost: {text}" for text in outcome.lost]
    return [*told, f"{outcome.kept} episodes kept. As it was before: {outcome.backup}"]


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m recordings.repair"))
