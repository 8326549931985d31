"""What each stage learns from, what it leaves alone, and what it is refused for."""

import json
import threading

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from hardware.aloha import START
from hardware.interfaces import Frame, Observation
from hardware.simulation.language import reword, understand
from policy.data.demonstrations import Trajectories
from policy.data.samples import load_samples
from policy.instructions import check_instruction, words_of
from policy.local import LocalPolicy
from policy.model.checkpoint import HEADS, Checkpoint
from policy.model.config import TimeLaw
from policy.model.conventions import convention_for
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


def test_grounding_goes_on_with_the_heads_of_its_base(job, base):
    saved = load_file(base / HEADS)
    heads = build(job("on", base=str(base), scenes=8, batch_size=8)).learner.heads.state_dict()
    assert set(heads) == set(saved)
    assert all(torch.equal(heads[name], saved[name]) for name in saved)


def test_heads_that_do_not_fit_begin_anew(job, base, caplog):
    save_file({"named.weight": torch.zeros(1, 3)}, base / HEADS)
    build(job("on", base=str(base), scenes=8, batch_size=8))
    assert "begins with new heads" in caplog.text


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


QUICK = {"batch_size": 6, "steps": 6, "warmup": 0, "learning_rate": 3e-3, "ema": 0.0}


def weights(folder):
    train(folder, threading.Event())
    return Checkpoint.load(folder / "checkpoints/last").model.state_dict()


@pytest.fixture
def kinds(demonstrations):
    """A mixture of three kinds in uneven shares."""
    return [
        {"kind": "actions", "dataset": str(demonstrations), "weight": 3},
        {"kind": "questions", "weight": 1},
        {"kind": "grounding", "weight": 2},
    ]


def assert_same_way(ours, theirs, started, share=0.1):
    """Both moved from `started`, and far less apart than they moved."""
    moved = sum(float((theirs[name] - value).square().sum()) for name, value in started.items())
    apart = sum(float((ours[name] - theirs[name]).square().sum()) for name in started)
    assert moved > 1
    assert apart < share**2 * moved, f"apart {apart**0.5:.3f}, moved {moved**0.5:.3f}"


def test_accumulated_passes_learn_what_one_pass_does(job, kinds):
    started = weights(job("started", mixture=kinds, scenes=8, **(QUICK | {"steps": 1})))
    whole = weights(job("whole", mixture=kinds, scenes=8, **QUICK))
    parted = weights(job("parted", mixture=kinds, scenes=8, accumulation=2, **QUICK))
    assert_same_way(parted, whole, started)


def test_checkpointed_activations_change_nothing(job):
    started = weights(job("started", **(QUICK | {"steps": 1})))
    plain = weights(job("plain", **QUICK))
    thrifty = weights(job("thrifty", gradient_checkpointing=True, **QUICK))
    assert_same_way(thrifty, plain, started)


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


def test_a_base_learns_a_body_that_it_does_not_know(job, demonstrations, tmp_path):
    run(job("first", steps=1))
    renamed = json.loads((demonstrations / "meta/embodiment.json").read_text())
    (tmp_path / "body.json").write_text(json.dumps(renamed | {"name": "aloha_two"}))
    part = {"kind": "actions", "dataset": str(demonstrations)}
    part["embodiment"] = str(tmp_path / "body.json")
    made = run(job("next", base=str(tmp_path / "first/checkpoints/last"), mixture=[part], steps=1))
    assert [body.embodiment.name for body in made.bodies] == ["aloha_two", "aloha_sim"]


def test_a_frozen_backbone_sees_pictures_as_they_are(job, base):
    made = build(job("frozen", base=str(base), freeze_backbone=True, augment=1.0, paraphrase=1.0))
    source = made.mixture.sources[0]
    one, other = (source.item(3, np.random.default_rng(seed)) for seed in (1, 2))
    np.testing.assert_array_equal(one.pictures["cam_high"], other.pictures["cam_high"])
    assert one.prompt == other.prompt


def test_other_wordings_are_known_when_they_were_trained(job):
    made = run(job("reworded", paraphrase=0.5, steps=1))
    known, told = words_of(" ".join(made.tasks)), understand(made.tasks[0])
    assert told is not None
    for seed in range(10):
        check_instruction(reword(told, np.random.default_rng(seed)), made.tasks, known)


def test_displacements_of_whole_trajectories_are_not_clipped(job, demonstrations, tmp_path):
    name = "chunk_relative_end_effector"
    made = build(job("t2a", stage="t2a", action_convention=name, steps=1))
    samples = load_samples(demonstrations, {}, tmp_path / "cache")
    convention = convention_for(name, samples.embodiment)
    lost = []
    for number, episode in enumerate(samples.episodes):
        rows = convention.encode(
            samples.trajectory(number, 10, Trajectories.limit)[0], samples.state[episode.start]
        )
        item = made.mixture.sources[0].item(number, np.random.default_rng(0))
        back = made.bodies[0].norm_stats.action.restore(item.actions)
        lost.append(np.abs(back - rows) > 0.01)
    assert np.concatenate(lost).mean() < 0.05


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"freeze_backbone": True, "scenes": 8}, "leaves nothing for grounding to teach"),
        ({"ema": 1.5}, "ema is from 0 to below 1"),
        ({"longest_prefix": 16}, "below the 16 rows"),
        ({"lora_rank": 2, "freeze": ["language"]}, "do not freeze it as well"),
        ({"stage": "rl", "base": "x"}, "give no data"),
        ({"batch_size": 2, "accumulation": 4}, "do not reach 4 passes"),
    ],
)
def test_what_contradicts_itself_is_refused(job, fields, said):
    with pytest.raises(ValueError, match=said):
        build(job("wrong", **fields))


def test_a_body_may_keep_the_rate_and_length_of_its_own(job, demonstrations, tmp_path):
    part = {"kind": "actions", "dataset": str(demonstrations), "action_hz": 5, "horizon": 8}
    folder = job("paced", mixture=[part], steps=1)
    made = build(folder)
    item = made.mixture.sources[0].item(0, np.random.default_rng(0))
    assert "frequency is 5 Hz. Please predict the next 8 control actions" in item.prompt
    assert len(item.actions) == 8

    policy = LocalPolicy(run(folder))
    frames = {"cam_high": Frame(np.zeros((96, 128, 3), np.uint8), 0.0)}
    chunk = policy.predict_action_chunk(Observation(0.0, START.copy(), frames), policy.tasks[0])
    assert chunk.actions.shape == (8, 14) and chunk.hz == 5

    other = {**part, "action_hz": 10}
    again = job("again", mixture=[other], base=str(folder / "checkpoints/last"))
    with pytest.raises(ValueError, match=r"8 rows at 10 Hz; .* learnt 8 at 5 Hz"):
        build(again)
    with pytest.raises(ValueError, match="plans at most 16 rows"):
        build(job("long", mixture=[{**part, "horizon": 32}]))
