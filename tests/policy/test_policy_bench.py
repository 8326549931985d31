import dataclasses
import json
import logging

import pytest
import torch
from torch.overrides import TorchFunctionMode

from policy.bench import (
    Options,
    bench,
    build,
    example,
    main,
    shown,
)
from policy.fitting import check_memory
from policy.model.presets import preset
from policy.model.qwen_vla import QwenVLA
from policy.model.sampling import Sampling
from policy.timing import Rates, Work, decoder_passes, measure

CPU = torch.device("cpu")
QUICK = Options(views=(1, 2), size=32, steps=2, repeats=2)


def test_every_part_is_timed_beside_its_floor(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    main(dataclasses.replace(QUICK, json=tmp_path / "bench.json"))

    report = json.loads((tmp_path / "bench.json").read_text())
    assert [row["views"] for row in report["rows"]] == [1, 2]
    assert report["preset"] == "nano" and report["steps"] == 2
    for row in report["rows"]:
        for part in (row["backbone"], row["decoder"], row["chunk"]):
            assert part["low_ms"] <= part["median_ms"] <= part["high_ms"]
            assert part["floor_ms"] > 0 and part["gigaoperations"] > 0
        parts = row["backbone"]["gigaoperations"] + row["decoder"]["gigaoperations"]
        assert row["chunk"]["gigaoperations"] == pytest.approx(parts, rel=1e-6)
    first, second = (row["chunk"]["gigaoperations"] for row in report["rows"])
    assert second > first
    assert "whole chunk" in caplog.text


def test_weights_are_read_once_a_pass_and_products_counted():
    layer = torch.nn.Linear(64, 32, bias=False)
    work = Work(layer, [torch.randn(8, 64)], ((3, layer),))

    assert work.bytes() == 3 * 64 * 32 * 4
    assert work.operations() == 2 * 8 * 64 * 32
    timing = measure(work, Rates(1e3, 1e12), 2, graphs=True)
    assert timing.floor_ms == pytest.approx(work.bytes())  # the slow memory decides


def test_a_trained_checkpoint_can_be_timed(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "nano", "card")
    own = dataclasses.replace(QUICK, checkpoint=tmp_path / "nano", views=(1,), size=None)

    report = bench(own)
    assert report.parameters == sum(p.numel() for p in checkpoint.model.parameters())
    assert report.plan.views == 2  # its own cameras, whatever is asked of the network alone
    assert 0 < report.plan.low_ms <= report.plan.median_ms <= report.plan.high_ms


def test_what_no_step_changes_is_read_once_a_chunk():
    """By hand: linear layers of width D, F within SwiGLU, K channels, a backbone of C."""
    model = build(QUICK, CPU, torch.float32)
    config, steps = model.config, 5
    d, f, n = config.decoder.width, config.decoder.feed_forward, config.decoder.blocks
    k, t, c = config.channels, config.decoder.time_features, model.backbone.config.text_config
    block = 3 * d * d + d * d + 2 * f * d + f * d
    in_and_out = (k * d + d + d * d + d) + (d * d + d + d * k + k)
    modulations = n * (6 * d * d + 6 * d) + 2 * d * d + 2 * d
    once = c.hidden_size * d + d + (t * d + d + d * d + d) + modulations
    state = k * d + d + d * d + d if config.state == "decoder" else 0
    by_hand = steps * (n * block + in_and_out) + once + state

    work = Work(model.decoder, [], decoder_passes(model.decoder, steps))
    assert work.bytes() == 4 * by_hand
    whole = Work(model.decoder, [], ((1, model.decoder),))
    assert Work(model.decoder, [], decoder_passes(model.decoder, 1)).bytes() == whole.bytes()


class ReadBytes(TorchFunctionMode):
    """Counts the bytes of weights and biases that matrix products read."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.nn.functional.linear:
            weights = [w for w in (*args[1:], *(kwargs or {}).values()) if w is not None]
            self.count += sum(w.numel() * w.element_size() for w in weights)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("context", ["joint", "before", "read"])
def test_as_many_bytes_are_counted_as_sampling_reads(context, config, seen):
    decoder = dataclasses.replace(config.decoder, context=context, blocks=3)
    model = QwenVLA(dataclasses.replace(config, decoder=decoder)).eval()
    context, state, mask, noise, _ = seen
    with torch.inference_mode(), ReadBytes() as read:
        model.sample(context, state, mask, noise, Sampling(steps=4))
    assert Work(model.decoder, [], decoder_passes(model.decoder, 4)).bytes() == read.count


def test_a_context_apart_is_read_for_once_by_each_block_that_needs_it(config):
    """By hand, without an Euler step: a block's own weights, or two thirds of its first."""
    d, f, blocks = config.decoder.width, config.decoder.feed_forward, 3

    def once(context):
        decoder = dataclasses.replace(config.decoder, context=context, blocks=blocks)
        decoder = QwenVLA(dataclasses.replace(config, decoder=decoder)).decoder
        times = [decoder.time, *(block.modulation for block in decoder.blocks)]
        clean = Work(decoder, [], tuple((1, part) for part in times)).bytes()
        return Work(decoder, [], decoder_passes(decoder, 0)).bytes(), clean

    (joint, _), (before, clean), (read, _) = (once(kind) for kind in ("joint", "before", "read"))
    keys, whole = 2 * d * d, 3 * d * d + d * d + 2 * f * d + f * d
    assert read - joint == clean + 4 * blocks * keys
    assert before - joint == clean + 4 * ((blocks - 1) * whole + keys)


def test_the_example_has_a_token_for_every_cell_of_every_camera():
    model = build(QUICK, CPU, torch.float32)
    inputs, state, mask, noise = example(shown(model.config, 3, 64), model)

    assert int(inputs.mm_token_type_ids.sum()) == 3 * 4 * 4
    assert mask.shape == noise.shape == (1, 16, 32) and state.shape == (1, 32)


def test_what_would_fit_is_said_when_memory_does_not_suffice():
    config = preset("4b", ("cam_high",))
    with pytest.raises(ValueError, match=r"4b needs about 11\..*What would fit: --preset 2b"):
        check_memory(config, 8 * 10**9, 2)
    with pytest.raises(ValueError, match="No preset fits"):
        check_memory(config, 10**6, 2)
    check_memory(config, 20 * 10**9, 2)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"size": 30}, "multiples of 16"),
        ({"views": ()}, "At least one view"),
        ({"repeats": 0}, "one repeat"),
    ],
)
def test_what_cannot_be_measured_ends_in_a_sentence(changed, words):
    with pytest.raises(SystemExit, match=f"Cannot measure: .*{words}"):
        main(dataclasses.replace(QUICK, **changed))


def test_no_checkpoint_is_said(tmp_path):
    with pytest.raises(SystemExit, match="Not a checkpoint"):
        main(dataclasses.replace(QUICK, checkpoint=tmp_path))
