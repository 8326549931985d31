"""Sizes of every preset, counted on the meta device, and what memory they need."""

import dataclasses

import pytest
import torch

from policy.model.checkpoint import Checkpoint
from policy.model.config import QwenVLAConfig
from policy.model.memory import Plan, num_tokens, running_memory, training_memory, what_fits
from policy.model.presets import PRESETS, preset, size_for
from policy.model.qwen_vla import QwenVLA
from policy.model.words import vocabulary
from policy.recipe.nano import nano

VIEWS = ("cam_high", "cam_left_wrist", "cam_right_wrist")


def on_meta(name):
    with torch.device("meta"):
        return QwenVLA(preset(name, VIEWS))


def millions(module):
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def test_the_4b_preset_has_the_papers_table():
    model = on_meta("4b")
    decoder = model.decoder

    assert len(decoder.blocks) == 16
    assert {round(millions(block), 1) for block in decoder.blocks} == {70.8}
    assert round(millions(decoder.from_backbone), 1) == 3.9
    assert round(millions(decoder.time), 1) == 2.8
    assert round(millions(decoder.modulation), 1) == 4.7
    assert round(millions(decoder.actions_in) + millions(decoder.actions_out), 1) == 4.9
    assert round(millions(decoder) / 1e3, 2) == 1.15
    assert round(millions(model.backbone) / 1e3, 2) == 4.54
    assert model.config.channels == 64


@pytest.mark.parametrize(("name", "backbone"), [("0.8b", 853), ("2b", 2213)])
def test_smaller_presets_have_the_published_backbones(name, backbone):
    model = on_meta(name)

    assert round(millions(model.backbone)) == backbone
    assert 0.2 < millions(model.decoder) / millions(model.backbone) < 0.35


def test_the_decoder_has_a_state_input_only_where_the_state_is_shown_to_it():
    assert not hasattr(on_meta("0.8b").decoder, "state_in")
    with torch.device("meta"):
        shown = QwenVLA(dataclasses.replace(preset("0.8b", VIEWS), state="decoder"))
    assert hasattr(shown.decoder, "state_in")


def test_what_ships_is_the_nano_preset_as_its_recipe_asks_for_it(pretrained_nano):
    shipped, recipe = Checkpoint.load(pretrained_nano), nano("laptop")
    named = preset("nano", (recipe.camera, *recipe.views), vocabulary(shipped.tokenizer))
    seeing, sft = (stage.request for stage in recipe.stages[:2])
    asked = dataclasses.replace(
        named,
        decoder=dataclasses.replace(named.decoder, context=sft["decoder_context"]),
        **{name: seeing[name] for name in ("stem", "first_picture_last")},
        **{name: sft[name] for name in ("pointer", "prompt_grippers")},
    )
    assert asked == shipped.model.config


def test_a_preset_survives_its_json(tmp_path):
    for name in PRESETS:
        config = preset(name, VIEWS)
        config.save(tmp_path / "config.json")
        assert QwenVLAConfig.load(tmp_path / "config.json") == config


def test_an_unknown_preset_is_refused_by_name():
    with pytest.raises(ValueError, match=r"0\.8b, 2b, 4b, got '7b'"):
        preset("7b", VIEWS)


def test_another_backbone_gets_the_decoder_of_its_width():
    assert size_for(1024) is PRESETS["0.8b"]
    assert size_for(2560) is PRESETS["4b"]
    assert size_for(4096) is PRESETS["4b"]


def test_memory_counts_weights_gradients_and_moments():
    config = preset("4b", VIEWS)
    parameters = 5_688_205_888

    whole = training_memory(config, Plan(batch=1, averaged=False))
    assert whole.weights == 4 * parameters
    assert whole.gradients == 4 * parameters
    assert whole.optimizer == 8 * parameters
    assert running_memory(config).weights == 2 * parameters
    assert num_tokens(config) == 96 + 3 * 49


def test_adapters_and_checkpointing_need_less_memory():
    config = preset("4b", VIEWS)
    whole = training_memory(config, Plan(batch=8))
    light = training_memory(config, Plan(batch=8, checkpointing=True))
    adapted = training_memory(config, Plan(batch=8, lora_rank=16))

    assert light.activations < whole.activations / 4
    assert adapted.gradients < whole.gradients / 4


def test_what_fits_names_the_least_change():
    config = preset("0.8b", VIEWS)
    plan = Plan(batch=64)
    one = training_memory(config, dataclasses.replace(plan, batch=1)).total

    assert "batch_size 1 with more accumulation" in what_fits(config, plan, one)
    assert "lora_rank 16" in what_fits(config, plan, int(10e9))
    assert "freeze_backbone" in what_fits(config, plan, int(8.5e9))
    assert "Nothing of this size fits" in what_fits(config, plan, int(1e9))
