"""What the catalogue says of the episodes of a dataset, brought up to date row by row."""

import math
from collections.abc import Iterable
from typing import Any, TypeGuard

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from recordings.dataset import EpisodeSummary
from recordings.episode_search import FIGURES
from recordings.selection import said, worst_figures
from recordings.tables import Episode

SOME = 500
"""Rows named one by one; where more changed, those of the whole dataset are written again."""

Fields = dict[str, Any]


def note_episodes(session: Session, dataset: str, episodes: Iterable[EpisodeSummary]) -> None:
    """Make the rows of `dataset` say what `episodes` are; those that say it already are left."""
    wanted = [_fields(dataset, episode) for episode in episodes]
    columns = [column for column in Episode.__table__.columns if column.key != "id"]
    held = session.connection().execute(select(*columns).where(columns[0] == dataset))
    known: dict[int, Fields] = {row["index"]: dict(row) for row in held.mappings()}
    new = [fields for fields in wanted if known.get(fields["index"]) != fields]
    gone = known.keys() - {fields["index"] for fields in wanted}
    changed = [*gone, *(f["index"] for f in new if f["index"] in known)]
    if len(changed) > SOME:
        new = wanted
        session.execute(delete(Episode).where(Episode.dataset == dataset))
    elif changed:
        session.execute(
            delete(Episode).where(Episode.dataset == dataset, Episode.index.in_(changed))
        )
    if new:
        session.execute(insert(Episode), new)


def _fields(dataset: str, episode: EpisodeSummary) -> Fields:
    quality = episode.quality
    card = {name: getattr(quality, name) for name in FIGURES} if quality else {}
    return {
        "dataset": dataset,
        "index": episode.index,
        "task": episode.task,
        "num_frames": episode.num_frames,
        "secs": episode.secs,
        "verdict": quality.verdict if quality else None,
        "reason": quality.reason if quality else "",
        "success": said(episode.marks),
        "tags": tuple(" ".join(tag.split()) for tag in episode.marks.tags),
        "figures": {
            name: float(value) for name, value in worst_figures(card).items() if _is_figure(value)
        },
    }


def _is_figure(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
