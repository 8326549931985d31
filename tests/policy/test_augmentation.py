"""Pictures change in colour and place, as strongly as asked, the same way for the same seed."""

import time
from dataclasses import replace

import numpy as np
import pytest

from policy.data.augmentation import Augmentation

HEIGHT, WIDTH = 96, 128


@pytest.fixture
def picture():
    """A grey table with a red square, whose middle is at x 40, y 60."""
    picture = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    picture[50:71, 30:51] = (200, 20, 20)
    return picture


def only(**strengths):
    return replace(Augmentation.none(), **strengths)


def middle_of_red(picture):
    red = picture[..., 0].astype(int) - picture[..., 1] > 60
    y, x = np.nonzero(red)
    return x.mean(), y.mean()


def test_nothing_changes_at_strength_zero(picture):
    rng = np.random.default_rng(0)
    for nothing in (Augmentation.none(), Augmentation().scaled(0)):
        same = nothing.change(picture, rng)
        np.testing.assert_array_equal(same, picture)
        assert same is not picture


def test_the_same_seed_changes_a_picture_the_same_way(picture):
    strong = Augmentation(rotation=5, blur=1, noise=0.05, cutout=0.2)
    once, again, other = (strong.change(picture, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


def test_no_strength_changes_the_shape_or_the_original(picture):
    kept = picture.copy()
    changed = Augmentation(rotation=5, blur=1, noise=0.05, cutout=0.2)(
        {"cam_high": picture, "cam_left_wrist": picture}, np.random.default_rng(0)
    )
    assert {name: shot.shape for name, shot in changed.items()} == {
        "cam_high": picture.shape,
        "cam_left_wrist": picture.shape,
    }
    np.testing.assert_array_equal(picture, kept)


def test_changes_in_place_leave_things_where_they_are(picture):
    in_place = Augmentation(rotation=5, blur=1, noise=0.02, cutout=0.3).in_place()
    for seed in range(20):
        x, y = middle_of_red(in_place.change(picture, np.random.default_rng(seed)))
        assert (x, y) == pytest.approx((40, 60), abs=0.7)


def test_a_crop_moves_things_by_at_most_what_it_cuts(picture):
    crop = only(crop=0.1)
    places = [
        middle_of_red(crop.change(picture, np.random.default_rng(seed))) for seed in range(40)
    ]
    shifts = np.array(places) - (40, 60)
    assert np.abs(shifts).max() > 3
    assert np.abs(shifts).max() <= 0.1 * WIDTH / 0.9


def test_wrist_cameras_are_not_cropped_or_turned(picture):
    moved = Augmentation(brightness=0, contrast=0, saturation=0, hue=0, crop=0.2, rotation=10)
    changed = moved({"cam_high": picture, "cam_left_wrist": picture}, np.random.default_rng(3))
    np.testing.assert_array_equal(changed["cam_left_wrist"], picture)
    assert (changed["cam_high"] != picture).any()


def test_colours_stay_the_colours_that_instructions_name():
    colours = {"red": (219, 18, 23), "green": (13, 158, 46), "blue": (15, 56, 219)}
    default = Augmentation().in_place()
    for channel, colour in enumerate(colours.values()):
        flat = np.full((8, 8, 3), colour, np.uint8)
        for seed in range(50):
            changed = default.change(flat, np.random.default_rng(seed)).reshape(-1, 3).mean(axis=0)
            assert changed.argmax() == channel


def test_brightness_contrast_and_saturation_do_what_their_names_say(picture):
    brighter = only(brightness=0.3)
    means = [brighter.change(picture, np.random.default_rng(s)).mean() for s in range(30)]
    assert min(means) < 0.85 * picture.mean()
    assert max(means) > 1.15 * picture.mean()
    stronger = only(contrast=0.3)
    for seed in range(10):
        changed = stronger.change(picture, np.random.default_rng(seed))
        assert changed.mean() == pytest.approx(picture.mean(), rel=0.05)
    greyer = only(saturation=0.5)
    spreads = [
        np.ptp(greyer.change(picture, np.random.default_rng(s))[60, 40].astype(int))
        for s in range(20)
    ]
    assert min(spreads) < 130 < 180 < max(spreads)


def test_cutout_covers_a_part_of_the_asked_size(picture):
    covered = only(cutout=0.5)
    changed = covered.change(picture, np.random.default_rng(0))
    grey = (changed == 128).all(axis=2)
    assert grey.sum() == (HEIGHT // 2) * (WIDTH // 2)


@pytest.mark.parametrize("wrong", [{"noise": -0.1}, {"crop": 1.0}, {"blur": float("nan")}])
def test_strengths_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Augmentation(**wrong)


def test_a_picture_takes_less_than_a_millisecond(picture):
    full = Augmentation(rotation=5, blur=1, noise=0.02, cutout=0.2)
    rng = np.random.default_rng(0)
    times = []
    for _ in range(50):
        begun = time.perf_counter()
        full.change(picture, rng)
        times.append(time.perf_counter() - begun)
    assert min(times) < 1e-3  # the least: this machine has other things to do
