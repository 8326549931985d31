"""`python -m recordings.export_v21 DATASET --to FOLDER`: a dataset as LeRobot v2.1 had it."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import tyro
from tqdm import tqdm

from recordings import layout, lerobot_v21
from recordings.assembly import Assembly
from recordings.choice import Where
from recordings.disk import RecordingError, flush, write_json, write_lines
from recordings.drives import PLANS
from recordings.features import counted_features, is_depth
from recordings.film_copy import copy_span
from recordings.new_dataset import appear, require_new
from recordings.piece import chosen, pieces_of
from recordings.selection import select
from recordings.source import Source
from recordings.unedited import unedited

NOT_COPIED = (layout.INFO, layout.STATS, layout.TASKS, layout.GENERATION)
"""Of the meta folder: what v2.1 has otherwise or what is not true of a copy."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote."""

    episodes: int
    encoded_again: int
    """Films that were part of a longer one; the others are the same to the last byte."""


def export_v21(
    folder: Path, target: Path, *, where: Sequence[str] = (), progress: bool = False
) -> Exported:
    """Write the episodes of a dataset of which `where` holds as a new LeRobotDataset v2.1.

    Numbers are kept to the last bit. Films are linked where one shows one episode whole, and
    encoded again where it is part of a longer film, as after a trim; depth to the last
    bit. Raises `ValueError` when `target` is there or nothing is to be exported.
    """
    staging = require_new(target)
    try:
        with unedited(folder):
            _gather(folder, where, staging / "gathered")
        source = Source(staging / "gathered")
        built = staging / "built"
        again = _write_episodes(source, built, progress=progress)
        _write_meta(source, built, set(again))
        appear(built, target)
        return Exported(len(source.entries), len(again))
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _gather(folder: Path, where: Sequence[str], target: Path) -> None:
    """Make a dataset of v3.0 of what is to be exported, counted from 0."""
    source = Source(folder)
    try:
        pieces = chosen(pieces_of(source), select(source, where))
        Assembly(source, pieces).build(target)
    finally:
        source.close()


def _write_episodes(source: Source, target: Path, *, progress: bool) -> list[str]:
    """Write rows and films; return the feature of each film that was encoded again."""
    again = []
    schema = _older_schema(source.schema)
    info = lerobot_v21.older_info(source.info, 0) | {"video_path": lerobot_v21.VIDEO_PATH}
    for index in tqdm(range(len(source.entries)), unit="episode", disable=not progress):
        path = target / lerobot_v21.data_file(info, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(source.table(index).cast(schema), path)
        flush(path)
        for key in source.film_keys:
            span = source.first_frame(key, index), source.length(index)
            film = target / lerobot_v21.video_file(info, key, index)
            depth = is_depth(source.info["features"][key])
            if not copy_span(source.film(key, index), span, film, source.fps, depth=depth):
                again.append(key)
    source.close()
    return again


def _older_schema(schema: pa.Schema) -> pa.Schema:
    """Return `schema` in the words of the `datasets` of that time: Sequence, not List."""
    described = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    for feature in described.get("info", {}).get("features", {}).values():
        if feature.get("_type") == "List":
            feature["_type"] = "Sequence"
    return schema.with_metadata({"huggingface": json.dumps(described)})


def _write_meta(source: Source, target: Path, encoded_again: set[str]) -> None:
    num_films = len(source.entries) * len(source.film_keys)
    info = lerobot_v21.older_info(source.info, num_films, encoded_again)
    write_json(target / layout.INFO, info)
    tasks = [{"task_index": i, "task": task} for i, task in enumerate(source.tasks)]
    write_lines(target / lerobot_v21.TASKS, tasks)
    episodes = [
        {"episode_index": i, "tasks": row["tasks"], "length": row["length"]}
        for i, row in enumerate(source.entries)
    ]
    write_lines(target / lerobot_v21.EPISODES, episodes)
    write_lines(target / lerobot_v21.EPISODE_STATISTICS, _statistics(source))
    for path in sorted((source.folder / "meta").iterdir()):
        if path.is_file() and Path("meta") / path.name not in NOT_COPIED:
            shutil.copy2(path, target / "meta" / path.name)
    if (source.folder / PLANS).is_dir():
        shutil.copytree(source.folder / PLANS, target / PLANS)


def _statistics(source: Source) -> list[dict[str, Any]]:
    lines = []
    for index, row in enumerate(source.episode_table.to_pylist()):
        found = {
            feature: {kind: row[f"stats/{feature}/{kind}"] for kind in lerobot_v21.STATISTICS}
            for feature in counted_features(source.info["features"])
        }
        lines.append({"episode_index": index, "stats": found})
    return lines


def main(
    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")],
    /,
    *,
    to: Path,
    where: Where = (),
) -> int:
    """Write a dataset as LeRobot v2.1 had it: a file per episode and camera.

    Args:
        dataset: Folder of a LeRobotDataset v3.0, ours or another tool's.
        to: The new folder.
        where: A condition such as 'success=yes'; several must all hold.
    """
    try:
        done = export_v21(dataset, to, where=where, progress=sys.stderr.isatty())
    except (ValueError, OSError, RecordingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    films = f"{done.encoded_again} films encoded again"
    sys.stdout.write(f"{done.episodes} episodes in {to}; {films}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m recordings.export_v21"))
