"""Whether meta/stats.json describes the rows that are there."""

import json
from collections.abc import Sequence

import numpy as np

from recordings import layout
from recordings.dataset import Dataset
from recordings.features import film_keys, stored_in_table
from recordings.statistics import NAMES, QUANTILES, Statistics, from_json, statistics_of


def statistics_problems(dataset: Dataset, episodes: Sequence[dict[str, np.ndarray]]) -> list[str]:
    """Return what is wrong with stats.json, given the rows of every episode.

    Quantiles of many episodes are averages in LeRobot's format, so they need only be in order.
    """
    if not episodes:
        return []
    try:
        stored = from_json(json.loads((dataset.folder / layout.STATS).read_text()))
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        return [f"Cannot read {layout.STATS}: {error}."]
    features = dataset.info["features"]
    found = []
    for name in features:
        lacking = [kind for kind in NAMES if kind not in stored.get(name, {})]
        if lacking:
            found.append(f"{layout.STATS} lacks {lacking} of {name}")
    found += [
        f"{layout.STATS}: expected numbers as {kind} of {name}, got {stored[name][kind]!s:.80}"
        for name in features
        for kind in NAMES
        if kind in stored.get(name, {}) and not _are_numbers(stored[name], kind)
    ]
    if found:
        return found
    found = [
        f"{layout.STATS} does not describe the rows of {name}"
        for name in stored_in_table(features)
        if not _describes(stored[name], np.concatenate([rows[name] for rows in episodes]))
    ]
    found += [
        f"{layout.STATS} of {name} is not a picture's: expected 0 to 1, shape (3, 1, 1)"
        for name in film_keys(features)
        if stored[name]["mean"].shape != (3, 1, 1)
        or stored[name]["min"].min() < 0
        or stored[name]["max"].max() > 1
    ]
    return found


def _are_numbers(stored: Statistics, kind: str) -> bool:
    """Whether they are numbers, one for each that there is a smallest of; the count is one."""
    values, like = stored[kind], stored["min"] if "min" in stored else stored[kind]
    if values.dtype.kind not in "biuf" or not values.size:
        return False
    return values.size == (1 if kind == "count" else like.size)


def _describes(stored: Statistics, values: np.ndarray) -> bool:
    true = statistics_of(values)
    if stored["min"].size != true["min"].size:
        return False
    exact = all(
        np.allclose(stored[kind].reshape(-1), true[kind].reshape(-1), rtol=1e-3, atol=1e-4)
        for kind in ("min", "max", "mean", "std")
    )
    quantiles = np.stack([stored[kind].reshape(-1) for kind in QUANTILES])
    ordered = bool((np.diff(quantiles, axis=0) >= -1e-6).all())
    return exact and ordered and int(stored["count"].reshape(-1)[0]) == len(values)
