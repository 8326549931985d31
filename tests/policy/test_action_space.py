import numpy as np
import pytest

from policy.model.action_space import NormStats, Quantiles, pad


def test_normalising_and_restoring_gives_the_numbers_back():
    rows = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    quantiles = Quantiles.of(rows)
    inside = np.clip(rows, quantiles.q01, quantiles.q99)

    np.testing.assert_allclose(quantiles.restore(quantiles.normalize(rows)), inside, atol=1e-6)
    assert quantiles.normalize(rows).min() == -1 and quantiles.normalize(rows).max() == 1


def test_a_channel_that_never_moved_comes_back_as_it_was():
    quantiles = Quantiles.of(np.full((10, 1), 0.7, np.float32))

    normalized = quantiles.normalize(np.array([[0.7]], np.float32))
    assert normalized.tolist() == [[0]]
    np.testing.assert_allclose(quantiles.restore(normalized), 0.7, atol=1e-6)


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        Quantiles.of(np.array([[np.nan]], np.float32))


def test_numbers_from_no_rows_are_refused():
    with pytest.raises(ValueError, match="no rows"):
        Quantiles.of(np.zeros((0, 3), np.float32))


@pytest.mark.parametrize(
    ("q01", "q99", "said"),
    [
        ([1, 0], [0, 1], "channel 0"),
        ([0, 0], [1, np.nan], "channel 1"),
    ],
)
def test_quantiles_that_cannot_be_are_refused(q01, q99, said):
    with pytest.raises(ValueError, match=said):
        Quantiles(np.float32(q01), np.float32(q99))


def test_what_is_beyond_the_quantiles_is_clipped():
    quantiles = Quantiles(np.float32([0]), np.float32([2]))
    values = np.float32([[-5], [1], [9]])
    assert quantiles.normalize(values).ravel().tolist() == [-1, 0, 1]


def test_actions_take_the_leading_corner():
    rows = np.arange(6, dtype=np.float32).reshape(2, 3) + 1
    padded, mask = pad(rows, horizon=4, channels=5)

    np.testing.assert_array_equal(padded[:2, :3], rows)
    assert padded.sum() == rows.sum()
    assert mask.sum() == 6 and mask[:2, :3].all()


def test_actions_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        pad(np.zeros((2, 9), np.float32), horizon=4, channels=5)


def test_statistics_survive_the_disk(tmp_path):
    stats = NormStats(
        Quantiles(np.zeros(2, np.float32), np.ones(2, np.float32)),
        Quantiles(np.float32([-1, 0]), np.float32([1, 3])),
    )
    stats.save(tmp_path / "stats.json")

    np.testing.assert_array_equal(NormStats.load(tmp_path / "stats.json").action.q99, [1, 3])


def test_torn_statistics_name_the_file(tmp_path):
    (tmp_path / "stats.json").write_text("{")
    with pytest.raises(ValueError, match=r"stats.json"):
        NormStats.load(tmp_path / "stats.json")
