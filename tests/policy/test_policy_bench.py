import dataclasses
import json
import logging

import pytest
import torch

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
