"""What each stage learns from, what it leaves alone, and what it is refused for."""

import json
import threading

import numpy as np
import pytest

from policy.local import LocalPolicy
from policy.model.checkpoint import Checkpoint
from policy.model.config import TimeLaw
from policy.train import train
from policy.training.job import TrainingJob
from policy.training.request import TrainRequest


def build(folder):
    return TrainingJob(folder, TrainRequest.load(folder / "request.json"))


def run(folder):
    train(folder, threading.Event())
    return Checkpoint.load(folder / "checkpoints/last")


def changed(before, after):
    a, b = before.model.state_dict(), after.model.state_dict()
    return {name for name in a if not np.array_equal(a[name].numpy(), b[name].numpy())}


@pytest.fixture
def base(job):
    """A network that has learnt no actions."""
    folder = job("base", dataset=None, stage="grounding", scenes=8, steps=1)
    run(folder)
    return folder / "checkpoints/last"


def test_text_to_action_sees_no_pictures_and_trains_the_decoder_alone(job, base):
    folder = job("t2a", stage="t2a", base=str(base), steps=2)
    made = build(folder)
    batch = made.mixture.batch(0)

    assert batch.inputs.pixel_values is None
    assert set(batch.kinds) == {"trajectories"}
    assert made.mixture.draws.law == TimeLaw("logit_normal")
    rows = batch.actions.mask.amax(dim=2).sum(dim=1)
    assert (rows > 16).all()  # whole demonstrations, longer than a chunk
    assert all(name.startswith("decoder.") for name in changed(Checkpoint.load(base), run(folder)))


def test_text_to_action_is_told_how_many_rows_it_predicts(job, base):
    made = build(job("t2a", stage="t2a", base=str(base)))
    source = made.mixture.sources[0]
    item = source.item(0, np.random.default_rng(0))

    assert f"the next {len(item.actions)} control actions" in item.prompt
    assert "10 Hz" in item.prompt
    source.limit = 8
    short = source.item(0, np.random.default_rng(0))
    assert len(short.actions) == 8
    assert "the next 8 control actions" in short.prompt and "10 Hz" not in short.prompt
    np.testing.assert_allclose(short.actions[-1], item.actions[-1], atol=1e-3)


def test_pretraining_mixes_kinds_in_every_batch(job, demonstrations, metrics):
    parts = [
        {"kind": "actions", "dataset": str(demonstrations), "weight": 3},
        {"kind": "questions", "weight": 2},
        {"kind": "grounding", "weight": 2},
        {"kind": "trajectories", "dataset": str(demonstrations), "weight": 1},
    ]
    folder = job("cpt", stage="cpt", mixture=parts, scenes=8, batch_size=8, steps=2, workers=1)
    run(folder)

    last = metrics(folder)[-1]
    for name in ("actions", "trajectories", "questions", "grounding"):
        assert np.isfinite(last[name])
    assert 0 <= last["data_wait"] <= 1 and last["lr_decoder"] > last["lr_vision"] > 0


def test_the_loss_is_the_weighted_sum_of_its_kinds(job, demonstrations, metrics):
    parts = [
        {"kind": "actions", "dataset": str(demonstrations), "weight": 1},
        {"kind": "questions", "weight": 1},
    ]
    folder = job("sft", mixture=parts, scenes=8, batch_size=4, steps=1)
    run(folder)

    last = metrics(folder)[-1]
    assert last["loss"] == pytest.approx(last["actions"] + 0.1 * last["questions"], rel=1e-3)


def test_parts_that_are_frozen_stay(job, base):
    after = run(job("frozen", base=str(base), freeze=["vision"], steps=6, warmup=1))
    names = changed(Checkpoint.load(base), after)

    assert not any(name.startswith("backbone.model.visual.") for name in names)
    assert any(name.startswith("backbone.model.language_model.") for name in names)
    assert any(name.startswith("decoder.") for name in names)


def test_adapters_are_merged_into_an_ordinary_checkpoint(job, base):
    after = run(job("lora", base=str(base), lora_rank=2, steps=8, warmup=1))
    names = changed(Checkpoint.load(base), after)

    assert any("q_proj" in name for name in names)
    assert not any("lora" in name for name in after.model.state_dict())
    assert not any("embed_tokens" in name for name in names)


def test_accumulated_passes_learn_what_one_pass_does(job):
    whole, parted = (
        run(job("whole", batch_size=4)),
        run(job("parted", batch_size=4, accumulation=2)),
    )
    ours, theirs = parted.model.state_dict(), whole.model.state_dict()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name].numpy(), value.numpy(), atol=2e-3, err_msg=name)


def test_checkpointed_activations_change_nothing(job, metrics):
    plain, thrifty = job("plain"), job("thrifty", gradient_checkpointing=True)
    run(plain), run(thrifty)
    assert metrics(thrifty)[-1]["loss"] == pytest.approx(metrics(plain)[-1]["loss"], rel=1e-2)


@pytest.mark.parametrize("state", ["off", "text"])
def test_a_network_may_be_told_the_state_in_words_or_not_at_all(job, state):
    made = run(job("state", state=state, steps=1))

    assert made.model.config.state == state
    assert not any("state_in" in name for name in made.model.state_dict())


def test_a_network_may_learn_displacements_of_the_grippers(job):
    convention = "chunk_relative_end_effector"
    folder = job("relative", action_convention=convention, steps=1)
    made = run(folder)

    assert made.model.config.action_convention == convention
    wide = made.norm_stats.action.q99 - made.norm_stats.action.q01
    assert len(wide) == 14
    assert 0.05 < wide[2] < 0.5  # metres that a gripper moves up within one chunk


def test_what_a_base_has_learnt_is_not_silently_unlearnt(job):
    folder = job("joints", steps=1)
    run(folder)
    other = job("other", base=str(folder / "checkpoints/last"), state="off")
    with pytest.raises(ValueError, match=r"'state': 'decoder'.*'state': 'off'"):
        build(other)


def test_a_second_body_joins_the_first(job, demonstrations, tmp_path):
    single = tmp_path / "second"
    single.mkdir()
    renamed = json.loads((demonstrations / "meta/embodiment.json").read_text())
    (tmp_path / "body.json").write_text(json.dumps(renamed | {"name": "aloha_two"}))
    parts = [
        {"kind": "actions", "dataset": str(demonstrations)},
        {
            "kind": "actions",
            "dataset": str(demonstrations),
            "embodiment": str(tmp_path / "body.json"),
        },
    ]
    made = run(job("two", mixture=parts, steps=1))

    assert [body.embodiment.name for body in made.bodies] == ["aloha_sim", "aloha_two"]
    assert made.driving("aloha_two").embodiment.name == "aloha_two"
    folder = tmp_path / "two/checkpoints/last"
    assert LocalPolicy.load(folder, body="aloha_two").embodiment.name == "aloha_two"
    with pytest.raises(ValueError, match=r"drives aloha_sim, aloha_two, not 'franka'"):
        made.driving("franka")
