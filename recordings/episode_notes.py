"""What the catalogue says of the episodes of a dataset, brought up to date row by row."""

import sys
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

LONGEST_NAME, LONGEST_VERDICT = 200, 16
"""Letters that the table has room for; SQLite takes more, others refuse them."""
MOST = sys.float_info.max
"""JSON has whole numbers beyond it, which no float can be."""

Fields = dict[str, Any]


def require_name(dataset: str) -> None:
    """Raise `ValueError` when a database cannot hold the name of a dataset."""
    if len(dataset) > LONGEST_NAME or plain(dataset) != dataset:
        raise ValueError(
            f"Expected a name of at most {LONGEST_NAME} letters, all of them Unicode, got "
            f"{len(dataset)}: {plain(dataset):.40}... Rename the folder."
        )


def plain(words: str) -> str:
    """Return `words` with a question mark for what no database keeps: NUL, half a letter."""
    return words.replace("\0", "?").encode(errors="replace").decode()


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
        "task": plain(episode.task),
        "num_frames": episode.num_frames,
        "secs": episode.secs,
        "verdict": plain(quality.verdict)[:LONGEST_VERDICT] if quality else None,
        "reason": plain(quality.reason) if quality else "",
        "success": said(episode.marks),
        "tags": tuple(" ".join(plain(tag).split()) for tag in episode.marks.tags),
        "operator": plain(episode.operator),
        "policy": plain(episode.policy),
        "figures": {
            name: float(value) for name, value in worst_figures(card).items() if _is_figure(value)
        },
    }


def _is_figure(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and -MOST <= value <= MOST
