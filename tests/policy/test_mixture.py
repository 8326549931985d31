"""Batches as functions of their step: whole, in shards, with bodies and kinds mixed."""

import dataclasses

import numpy as np
import pytest
import torch

from hardware.bodies import body_named
from policy.data.batch import Draws
from policy.data.demonstrations import Demonstrations, Trajectories, Variation
from policy.data.films import Episode
from policy.data.item import Item
from policy.data.loader import Loader
from policy.data.mixture import Mixture, Part, shares
from policy.data.samples import Samples, load_samples
from policy.model.action_space import NormStats, Quantiles
from policy.model.config import TimeLaw
from policy.training.learner import Learner, LossWeights

PLAIN = Variation(lambda pictures, _rng: pictures, lambda words, _rng: words)


def stats_of(samples):
    return NormStats(Quantiles.of(samples.state), Quantiles.of(samples.action))


@pytest.fixture
def picks(demonstrations, tmp_path, config):
    samples = load_samples(demonstrations, config.image_sizes, tmp_path / "cache")
    return Demonstrations("picks", samples, stats_of(samples), config, PLAIN)


def widowx_samples(config):
    """A second body: one arm, recorded poses, 5 Hz, another camera, two episodes."""
    body = body_named("widowx")
    rng = np.random.default_rng(0)
    width = len(body.action_channels)
    state = rng.uniform(-0.1, 0.1, (14, len(body.state_channels))).astype(np.float32)
    action = rng.uniform(-0.1, 0.1, (14, width)).astype(np.float32)
    camera = body.camera_names[0]
    size = config.image_sizes[camera]
    pictures = {camera: rng.integers(0, 255, (14, *size, 3), np.uint8)}
    episodes = (Episode(0, "put the spoon on the towel", 0, 9), Episode(1, "open it", 9, 14))
    number = np.repeat([0, 1], [9, 5])
    return Samples(body, 5.0, episodes, number, state, action, pictures, np.arange(14))


class Questions:
    """Every answer is red."""

    name = "questions"

    def __len__(self):
        return 5

    def item(self, index, rng):
        pictures = {"cam_high": rng.integers(0, 255, (32, 48, 3), np.uint8)}
        return Item("questions", f"which colour is cube {index}?", pictures, answer="red")


@pytest.fixture
def mixed(config, tokenizer, processor, picks):
    """Two bodies with other cameras and rates, whole trajectories, and questions."""
    camera = body_named("widowx").camera_names[0]
    both = dataclasses.replace(
        config, image_sizes=config.image_sizes | {camera: (48, 32)}, action_convention="as_body"
    )
    other = widowx_samples(both)
    rows = np.random.default_rng(1).uniform(-1, 1, (50, 7)).astype(np.float32)
    stats = NormStats(Quantiles.of(other.state), Quantiles.of(rows))
    parts = [
        Part(picks, 4),
        Part(Demonstrations("widowx", other, stats, both, PLAIN), 2),
        Part(Trajectories("tales", other, stats, both, PLAIN), 1),
        Part(Questions(), 1),
    ]

    def mixture(size=8, seed=3):
        return Mixture(
            parts, processor, batch_size=size, seed=seed, draws=Draws(TimeLaw(), longest_prefix=4)
        )

    return mixture


def numbers(batch):
    return torch.cat([batch.actions.actions.flatten(), batch.actions.noise.flatten()])


def test_shares_are_kept_inside_every_batch():
    assert shares([1, 1, 2], 8) == [2, 2, 4]
    assert shares([0.742, 0.06, 0.075, 0.123], 32) == [24, 2, 2, 4]
    assert sum(shares([3, 5, 7], 31)) == 31


def test_no_shard_is_left_without_rows(processor):
    parts = [Part(Questions()) for _ in range(8)]  # one row of each in a batch of 8
    mixture = Mixture(parts, processor, batch_size=8, seed=0, draws=Draws(TimeLaw()))
    assert [len(mixture.batch(0, n, 4).kinds) for n in range(4)] == [2, 2, 2, 2]
    assert [len(mixture.batch(0, n, 3).kinds) for n in range(3)] == [3, 3, 2]


def test_a_share_without_a_row_is_refused():
    with pytest.raises(ValueError, match="leaves part 1 without a row"):
        shares([99, 1], 8)


def test_a_batch_is_a_function_of_its_step(mixed):
    one, again = mixed().batch(5), mixed().batch(5)
    torch.testing.assert_close(numbers(one), numbers(again))
    torch.testing.assert_close(one.inputs.pixel_values, again.inputs.pixel_values)
    assert not torch.equal(numbers(one), numbers(mixed().batch(6)))
    assert not torch.equal(numbers(one), numbers(mixed(seed=4).batch(5)))


def test_one_batch_holds_bodies_kinds_and_rates(mixed):
    batch = mixed().batch(0)

    assert batch.kinds.count("actions") == 6
    assert batch.kinds.count("trajectories") == 1 and batch.kinds.count("questions") == 1
    widths = batch.actions.mask.amax(dim=1).sum(dim=1).tolist()
    assert sorted(widths) == [7, 7, 7, 14, 14, 14, 14]
    rows = batch.actions.mask.amax(dim=2).sum(dim=1).tolist()
    trajectory = rows[batch.kinds.index("trajectories")]
    assert trajectory in (9, 17)  # 0.8 s or 1.6 s of 5 Hz rows, said at the network's 10 Hz
    text = (batch.inputs.mm_token_type_ids.sum(dim=1) == 0).nonzero().flatten().tolist()
    assert text == [batch.kinds.index("trajectories")]  # only it was told without pictures


def test_every_row_of_a_source_comes_once_an_epoch(mixed):
    mixture = mixed()
    seen = [
        int(index)
        for step in range(7)
        for number, index in mixture.batch(step).keys.tolist()
        if number == 1
    ]
    assert sorted(seen) == list(range(14))


@pytest.mark.parametrize("shards", [2, 4])
def test_shards_are_the_batch_cut_up(mixed, shards):
    whole = mixed(size=16).batch(2)
    parts = [mixed(size=16).batch(2, n, shards) for n in range(shards)]

    assert sorted(map(tuple, whole.keys.tolist())) == sorted(
        tuple(key) for part in parts for key in part.keys.tolist()
    )
    for kind in set(whole.kinds):
        weights = [
            float(part.weight[n])
            for part in parts
            for n, own in enumerate(part.kinds)
            if own == kind
        ]
        assert sum(weights) / shards == pytest.approx(1)


def test_the_loss_of_the_shards_is_the_loss_of_the_batch(mixed, model, config):
    learner = Learner(model, LossWeights(), ("actions", "trajectories", "questions"))
    camera_blind = mixed(size=16)
    whole = learner(camera_blind.batch(1))
    parts = [learner(camera_blind.batch(1, n, 2)) for n in range(2)]

    for name, value in whole.items():
        mean = torch.stack([part[name] for part in parts]).mean(0)
        torch.testing.assert_close(mean, value, atol=2e-5, rtol=1e-4)
    assert {"actions", "trajectories", "questions"} <= whole.keys()


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_workers_do_not_change_what_is_learnt(mixed, workers):
    given = list(Loader(mixed(), accumulation=2, workers=workers).steps(3, 5))

    assert [len(step) for step in given] == [2, 2]
    for step, passes in zip((3, 4), given, strict=True):
        for part, batch in enumerate(passes):
            torch.testing.assert_close(numbers(batch), numbers(mixed().batch(step, part, 2)))


def test_an_error_in_a_worker_reaches_the_trainer(mixed):
    class Torn(Questions):
        def item(self, index, rng):
            raise ValueError("Episode 3 of picks is torn.")

    mixture = mixed()
    torn = Mixture([Part(Torn())], mixture.processor, batch_size=2, seed=0, draws=mixture.draws)
    with pytest.raises(ValueError, match=r"Episode 3 of picks is torn"):
        next(Loader(torn, workers=1).steps(0, 1))


def test_a_chunk_that_outlasts_its_episode_holds_the_last_target(picks, config):
    rng = np.random.default_rng(0)
    last = picks.item(len(picks) - 1, rng)

    assert last.actions.shape == (config.horizon, 14)
    np.testing.assert_array_equal(last.actions, last.actions[:1].repeat(config.horizon, 0))


def test_an_empty_source_is_named(processor):
    class Nothing(Questions):
        name = "nothing"

        def __len__(self):
            return 0

    with pytest.raises(ValueError, match="nothing"):
        Mixture([Part(Nothing())], processor, batch_size=2, seed=0, draws=Draws(TimeLaw()))
