"""Pictures are moved about, and the place at which a hand acts next moves along."""

import json
import threading

import cv2
import numpy as np
import pytest

from policy.data.demonstrations import Demonstrations, Variation
from policy.data.moved_pictures import INSIDE, MovedPictures, _draw, _moved
from policy.data.samples import load_samples
from policy.data.touches import NOWHERE, Touches, touches_of
from policy.model.action_space import NormStats, Quantiles
from policy.model.presets import preset
from policy.model.words import train_tokenizer, vocabulary
from policy.train import train

SIZE, GRID = (96, 128), (6, 8)


def as_it_is(what, rng):
    return what


@pytest.fixture(scope="module")
def samples(demonstrations, tmp_path_factory):
    return load_samples(demonstrations, {"cam_high": SIZE}, tmp_path_factory.mktemp("cache"))


def shown(samples, touches):
    stats = NormStats(Quantiles.of(samples.state), Quantiles.of(samples.action))
    config = preset("nano", ("cam_high",), vocabulary(train_tokenizer([])))
    given = touches, GRID
    return Demonstrations("picks", samples, stats, config, Variation(as_it_is, as_it_is), given)


def test_what_was_at_the_place_is_at_the_new_place_in_pictures_of_any_size():
    rng, places = np.random.default_rng(0), []
    for size in (SIZE, (48, 64)):
        for _ in range(100):
            centre = rng.uniform(0.1, 0.9, 2)
            picture = np.zeros((*size, 3), np.uint8)
            at = centre * size[::-1]
            cv2.circle(picture, tuple(int(v) for v in at), 3, (255, 255, 255), -1)
            old = np.argwhere(picture[..., 0] > 127).mean(axis=0)[::-1] + 0.5
            move, _ = _draw(centre, rng)
            expected = (move[:, :2] @ (old / size[::-1]) + move[:, 2]) * size[::-1]
            if not ((expected > 6) & (expected < np.array(size[::-1]) - 6)).all():
                continue
            found = np.argwhere(_moved(picture, move)[..., 0] > 127).mean(axis=0)[::-1] + 0.5
            np.testing.assert_allclose(found, expected, atol=0.7)
            places.append(expected / size[::-1] - centre)
    assert len(places) > 100
    assert np.abs(places).mean() > 0.05


def test_a_place_stays_in_the_picture_even_at_its_corner():
    rng = np.random.default_rng(1)
    for centre in ((0.0, 0.0), (1.0, 1.0), (1.4, 0.5), (0.5, 0.5)):
        for _ in range(50):
            move, moved = _draw(np.array(centre), rng)
            assert (moved >= INSIDE).all() and (moved <= 1 - INSIDE).all()
            np.testing.assert_allclose(move[:, :2] @ centre + move[:, 2], moved)


def test_rows_that_say_where_a_hand_acts_ask_for_it_there_and_for_no_arm(samples):
    source = MovedPictures(shown(samples, touches_of(samples, "cam_high")), GRID)
    assert 0 < len(source) < len(samples.driven)
    cells = set()
    for turn in range(40):
        item = source.item(turn % len(source), np.random.default_rng(turn))
        assert item.kind == "grounding" and item.actions is None and item.place.arm == -100
        x, y = item.place.centre
        assert item.place.cell == int(y * GRID[0]) * GRID[1] + int(x * GRID[1])
        assert item.pictures["cam_high"].shape == (*SIZE, 3)
        cells.add(item.place.cell)
    assert len(cells) > 8


def test_demonstrations_in_which_no_hand_acts_are_refused(samples):
    nowhere = Touches(np.zeros((len(samples), 2), np.float32), np.full(len(samples), NOWHERE))
    with pytest.raises(ValueError, match="picks shows no hand that acts"):
        MovedPictures(shown(samples, nowhere), GRID)


def test_a_job_learns_from_them_beside_the_demonstrations(job, demonstrations, metrics):
    parts = [{"kind": kind, "dataset": str(demonstrations)} for kind in ("actions", "grounding")]
    folder = job("moved", dataset=None, mixture=parts, steps=2)
    train(folder, threading.Event())
    assert json.loads((folder / "status.json").read_text())["status"] == "succeeded"
    assert all(np.isfinite(line["grounding"]) and line["named"] > 0 for line in metrics(folder))
