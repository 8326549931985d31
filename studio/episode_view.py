"""What the page needs to show one episode: films, curves, who drove, plans, quality. As JSON."""

import math
from typing import Any

import numpy as np

from hardware.embodiment import Channel
from recordings import layout
from recordings.dataset import Dataset, EpisodeSummary
from recordings.drives import Plan, read_drives, read_plans
from recordings.features import ACTION, STATE
from recordings.motion import motion_of
from studio.quality_card import quality_card

MAX_ROWS = 240
"""Rows of a curve sent to the page."""
MAX_PLANS = 80
"""Plans of an episode sent to the page."""
PLAN_POINTS = 12
"""Of one plan, beside its last."""


def episode_view(dataset: Dataset, episode: int, films: list[dict[str, Any]]) -> dict[str, Any]:
    """Return everything but the title, ready for JSON."""
    summary = dataset.episodes()[episode]
    rows = dataset.rows(episode)
    every = max(1, math.ceil(summary.num_frames / MAX_ROWS))
    state, action = (_matrix(rows, name) for name in (STATE, ACTION))
    return {
        "task": summary.task,
        "secs": summary.secs,
        "success": summary.marks.success,
        "tags": list(summary.marks.tags),
        "operator": summary.operator,
        "films": films,
        "channels": _names(dataset, STATE if state.shape[1] else ACTION),
        "times": [round(number / dataset.fps, 3) for number in range(0, len(state), every)],
        "state": _rounded(state[::every]),
        "action": _rounded(action[::every]),
        "card": quality_card(
            summary.quality, motion_of(rows, dataset.fps, _channels(dataset)), dataset.fps
        ),
        **_drive(dataset, summary),
    }


def _matrix(rows: dict[str, np.ndarray], name: str) -> np.ndarray:
    num_rows = len(next(iter(rows.values())))
    return np.asarray(rows.get(name, np.zeros((num_rows, 0)))).reshape(num_rows, -1)


def _names(dataset: Dataset, feature: str) -> list[str]:
    """Return what its channels are called, by whoever recorded it."""
    described = dataset.info["features"].get(feature, {"shape": [0]})
    names = described.get("names")
    if isinstance(names, dict):
        names = next(iter(names.values()), None)
    if isinstance(names, list) and len(names) == described["shape"][0]:
        return [str(name) for name in names]
    return [f"{number}" for number in range(described["shape"][0])]


def _channels(dataset: Dataset) -> tuple[Channel, ...]:
    """Return the body's action channels; none if another tool recorded it."""
    if not (dataset.folder / layout.EMBODIMENT).exists():
        return ()
    return dataset.embodiment.action_channels


def _drive(dataset: Dataset, summary: EpisodeSummary) -> dict[str, Any]:
    """Return who drove when and what was planned, as far as it was kept."""
    record = read_drives(dataset.folder).get(summary.index)
    if record is None:
        return {"spans": [], "plans": [], "trouble": ""}
    try:
        plans, trouble = read_plans(dataset.folder, record, summary.secs), ""
    except ValueError as error:
        plans, trouble = [], str(error)
    every = max(1, math.ceil(len(plans) / MAX_PLANS))
    return {
        "spans": [
            {"from": each.from_secs, "driver": each.driver, "words": _said(each.words, each.policy)}
            for each in record.spans_shown(summary.secs)
        ],
        "plans": [_plan(plan) for plan in plans[::every]],
        "trouble": trouble,
    }


def _said(words: str, policy: str) -> str:
    return " · ".join(part for part in (words, policy) if part)


def _plan(plan: Plan) -> dict[str, Any]:
    last = len(plan.actions) - 1
    picked = np.unique(np.linspace(0, last, min(last + 1, PLAN_POINTS)).round().astype(int))
    return {
        "at": [round(plan.observed_secs + float(row) / plan.hz, 3) for row in picked],
        "rows": _rounded(plan.actions[picked]),
    }


def _rounded(values: np.ndarray) -> list[list[float | None]]:
    """Return rows for JSON, which has no word for a number that is not finite: None."""
    return [[_finite(float(value)) for value in row] for row in values]


def _finite(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None
