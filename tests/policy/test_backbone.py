"""Small checkpoints of both families, written by transformers and read as a lab would read them."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessorPil,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3ForCausalLM,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from policy.model.backbone import check_transformers, load_backbone
from policy.model.checkpoint import Checkpoint
from policy.model.config import DecoderConfig
from policy.model.presets import start_from_backbone
from policy.model.processor import Processor
from policy.model.prompt import camera_tag
from policy.model.words import train_tokenizer, vocabulary
from policy.training.request import TrainRequest
from policy.training.start import start as begin

CAMERAS = ("cam_high", "cam_left_wrist")
DECODER = DecoderConfig(width=32, blocks=2, heads=2, feed_forward=64)
FAMILIES = {
    "qwen3_5": (Qwen3_5Config, Qwen3_5ForConditionalGeneration),
    "qwen3_vl": (Qwen3VLConfig, Qwen3VLForConditionalGeneration),
}
MEAN, STD = [0.48, 0.46, 0.41], [0.27, 0.26, 0.28]


def text_numbers(family, words):
    shared = {
        "vocab_size": words["size"] + 5,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": 1024,
        "pad_token_id": words["pad"],
        "eos_token_id": words["end"],
        "tie_word_embeddings": True,
    }
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_interleaved": True}
    if family == "qwen3_vl":
        return shared | {"rope_parameters": rope | {"mrope_section": [6, 5, 5]}}
    return shared | {
        "rope_parameters": rope | {"mrope_section": [2, 1, 1], "partial_rotary_factor": 0.25},
        "layer_types": ["linear_attention"] * 3 + ["full_attention"],
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
    }


def write_backbone(folder, family, seed=0):
    tokenizer = train_tokenizer([])
    words = vocabulary(tokenizer)
    vision = {
        "depth": 3,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "out_hidden_size": 64,
        "num_position_embeddings": 64,
    }
    if family == "qwen3_vl":
        vision["deepstack_visual_indexes"] = [0, 1]
    config_class, model_class = FAMILIES[family]
    config = config_class(
        text_config=text_numbers(family, words),
        vision_config=vision,
        image_token_id=words["image"],
        video_token_id=words["video"],
        vision_start_token_id=words["vision_start"],
        vision_end_token_id=words["vision_end"],
        tie_word_embeddings=True,
    )
    torch.manual_seed(seed)
    model_class(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Qwen2VLImageProcessorPil(
        patch_size=16, merge_size=2, temporal_patch_size=2, image_mean=MEAN, image_std=STD
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def folder(family, tmp_path_factory):
    return write_backbone(tmp_path_factory.mktemp(family) / "tiny", family)


@pytest.fixture
def copy(tmp_path):
    return write_backbone(tmp_path / "tiny", "qwen3_5")


def start(folder, **choices):
    sizes = {"cam_high": (64, 96), "cam_left_wrist": (32, 64)}
    return start_from_backbone(folder, CAMERAS, decoder=DECODER, image_sizes=sizes, **choices)


def shown(config):
    rng = np.random.default_rng(0)
    return [
        {name: rng.integers(0, 255, (*size, 3), np.uint8) for name, size in sizes.items()}
        for sizes in (config.image_sizes, {"cam_high": (32, 32)})
    ]


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_hidden_states_are_those_of_plain_transformers(folder, family, attention):
    network, tokenizer = start(folder)
    plain = FAMILIES[family][1].from_pretrained(folder, attn_implementation=attention)
    inputs = Processor(network.config, tokenizer)(["pick it up", "no"], shown(network.config))

    with torch.no_grad():
        ours = network.eval().see(inputs).hidden
        theirs = (
            plain.eval()
            .model(**{name: getattr(inputs, name) for name in inputs.__slots__})
            .last_hidden_state
        )
    real = inputs.attention_mask.bool()
    torch.testing.assert_close(ours[real], theirs[real], atol=2e-5, rtol=1e-4)


def test_pictures_are_cut_and_coloured_as_the_backbones_own_processor_does(folder):
    network, tokenizer = start(folder)
    picture = shown(network.config)[0]["cam_high"]
    official = Qwen2VLImageProcessorPil.from_pretrained(folder)
    theirs = official(images=[picture], return_tensors="pt", do_resize=False)["pixel_values"]

    ours = Processor(network.config, tokenizer)(["see"], [{"cam_high": picture}]).pixel_values
    assert network.config.image_mean == tuple(MEAN)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_a_fresh_decoder_on_a_backbone_acts_and_answers(folder):
    network, tokenizer = start(folder)
    processor = Processor(network.config, tokenizer)
    inputs = processor(["pick it up"], shown(network.config)[:1])
    shape = (1, 16, network.config.channels)

    chunk = network.predict(inputs, torch.zeros(shape[::2]), torch.ones(shape), torch.randn(shape))
    assert chunk.shape == shape
    asked = processor.question("what is this?", shown(network.config)[0])
    assert isinstance(network.answer(asked, 4, tokenizer)[0], str)


def test_training_goes_on_in_float32_from_a_bfloat16_checkpoint(folder, tmp_path, checkpoint):
    cameras = ("cam_high",)
    begun = begin(TrainRequest(dataset="any", backbone=str(folder), cameras=cameras, horizon=8))
    assert begun.model.config.horizon == 8
    assert begun.model.config.dtype == "bfloat16"
    fresh = dataclasses.replace(checkpoint, model=begun.model, tokenizer=begun.tokenizer)
    fresh.save(tmp_path / "c", "card")
    again = begin(TrainRequest(dataset="any", base=str(tmp_path / "c"))).model

    assert (
        Checkpoint.load(tmp_path / "c").model.decoder.from_backbone.weight.dtype is torch.bfloat16
    )
    assert {parameter.dtype for parameter in again.parameters()} == {torch.float32}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_network_on_a_backbone_survives_its_checkpoint(folder, dtype, tmp_path, checkpoint):
    network, tokenizer = start(folder, dtype=getattr(torch, dtype))
    network.config = dataclasses.replace(network.config, dtype=dtype)
    inputs = Processor(network.config, tokenizer)(["pick it up"], shown(network.config)[:1])
    dataclasses.replace(checkpoint, model=network, tokenizer=tokenizer).save(tmp_path / "c", "card")
    loaded = Checkpoint.load(tmp_path / "c")

    assert loaded.model.config == network.config
    assert {str(p.dtype) for p in loaded.model.parameters()} == {f"torch.{dtype}"}
    assert loaded.tokenizer.get_vocab() == tokenizer.get_vocab()
    with torch.no_grad():
        assert torch.equal(loaded.model.see(inputs).hidden, network.eval().see(inputs).hidden)
    shape = (1, 16, network.config.channels)
    noise, state = torch.randn(shape), torch.zeros(shape[::2])
    chunk = loaded.model.predict(inputs, state, torch.ones(shape), noise)
    assert torch.equal(chunk, network.predict(inputs, state, torch.ones(shape), noise))
    assert chunk.dtype == torch.float32


def test_camera_tags_are_words_unless_asked_to_be_tokens(folder):
    plain, words = start(folder)
    rows = plain.backbone.get_input_embeddings().weight
    tagged, tokens = start(folder, camera_tokens=True)
    tag = camera_tag("cam_high")[0]
    pieces = words(tag, add_special_tokens=False)["input_ids"]
    own = tokens(tag, add_special_tokens=False)["input_ids"]

    assert len(words) < len(rows)
    assert len(pieces) > 1
    assert len(own) == 1
    grown = tagged.backbone.get_input_embeddings().weight
    torch.testing.assert_close(grown[own[0]], rows[pieces].mean(dim=0))
    assert tagged.backbone.lm_head.weight is grown
    assert tagged.config.backbone["text_config"]["vocab_size"] == len(grown)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Cannot read a config"):
        load_backbone(tmp_path / "nowhere", torch.float32)


def test_another_family_is_refused(copy):
    edit(copy / "config.json", model_type="llava", architectures=["LlavaForConditionalGeneration"])
    with pytest.raises(ValueError, match="another family, 'llava'"):
        load_backbone(copy, torch.float32)


def test_a_text_only_model_is_refused(tmp_path):
    small = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
    config = Qwen3ForCausalLM.config_class(**small, **heads)
    Qwen3ForCausalLM(config).save_pretrained(tmp_path / "text")
    with pytest.raises(ValueError, match="text-only model of type 'qwen3'"):
        load_backbone(tmp_path / "text", torch.float32)


def test_special_tokens_that_differ_are_refused_by_name(copy):
    edit(copy / "config.json", image_token_id=700)
    with pytest.raises(
        ValueError, match=r"image_pad.* is 700 in the config and 5 in the tokenizer"
    ):
        load_backbone(copy, torch.float32)


def test_image_settings_of_another_tower_are_refused(copy):
    edit(copy / "preprocessor_config.json", patch_size=14)
    with pytest.raises(ValueError, match="patch_size is 14, the vision tower has 16"):
        load_backbone(copy, torch.float32)


def test_missing_image_settings_are_refused(copy):
    (copy / "preprocessor_config.json").unlink()
    with pytest.raises(ValueError, match="Cannot read image settings"):
        load_backbone(copy, torch.float32)


def test_torn_weights_are_refused(copy):
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ValueError, match="weights are torn"):
        load_backbone(copy, torch.float32)


def test_weights_of_a_smaller_network_are_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    config["vision_config"]["depth"] = 4
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="are missing or of another shape, first"):
        load_backbone(copy, torch.float32)


def test_an_old_transformers_is_refused():
    with pytest.raises(ValueError, match=r"needs transformers 5\.3 or newer, got 5\.1\.0"):
        check_transformers("5.1.0")
    check_transformers("5.23.0")
    check_transformers("6.0")


@pytest.mark.parametrize(("kind", "thinks"), [("qwen3_5", True), ("qwen3_vl", False)])
def test_only_a_backbone_taught_so_answers_after_an_empty_thought(tmp_path, kind, thinks):
    source = write_backbone(tmp_path / "tiny", kind)
    assert not start(source)[0].config.think_block  # its words have no such mark
    tokenizer = PreTrainedTokenizerFast.from_pretrained(source)
    tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.save_pretrained(source)
    assert start(source)[0].config.think_block is thinks
