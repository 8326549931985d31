"""A stem sees a patch with what is around it, and stands where the projection stood."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from policy.model.checkpoint import Checkpoint
from policy.model.processor import Processor
from policy.model.qwen_vla import QwenVLA
from policy.model.stem import Convolution, Stem
from policy.training.optimizers import make_optimizers
from policy.training.request import TrainRequest

WIDTHS = (8, 12, 16)


@pytest.fixture
def stemmed(config):
    torch.manual_seed(0)
    return QwenVLA(replace(config, stem=WIDTHS))


def pictured(processor, *shapes):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (*shape, 3), np.uint8) for shape in shapes]
    encoded = [processor.encode("", {f"view {n}": p}) for n, p in enumerate(pictures)]
    return pictures, processor.collate(encoded)[0]


def test_patches_are_put_back_into_the_picture_and_taken_out_in_order(processor):
    (wide, tall), inputs = pictured(processor, (32, 48), (64, 32))
    stem = Stem(WIDTHS, 10, patch=8, merge=2)
    found = stem(inputs.pixel_values, [(4, 6), (8, 4)])
    start = 0
    for picture in (wide, tall):
        image = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
        places = stem.out(stem.steps(image)[0].permute(1, 2, 0))
        down, across = places.shape[0] // 2, places.shape[1] // 2
        for row in range(down):
            for column in range(across):
                own = places[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].reshape(4, -1)
                torch.testing.assert_close(found[start : start + 4], own, rtol=1e-4, atol=1e-5)
                start += 4
    assert start == len(found)


def test_a_patch_is_seen_with_its_neighbours_and_pictures_apart(processor):
    _, inputs = pictured(processor, (32, 48), (32, 48))
    stem, sizes = Stem(WIDTHS, 10, patch=8, merge=2), [(4, 6), (4, 6)]
    before = stem(inputs.pixel_values, sizes)
    changed = inputs.pixel_values.clone()
    changed[0] = -changed[0]
    moved = (stem(changed, sizes) - before).abs().sum(dim=1)
    assert moved[:4].all() and not moved[24:].any()


def test_a_stem_has_as_many_steps_as_make_a_patch_one_place():
    with pytest.raises(ValueError, match=r"16 pixels to one place in 4 steps, got 3 widths"):
        Stem(WIDTHS, 10, patch=16, merge=2)
    with pytest.raises(ValueError, match=r"multiples of 4, got \[8, 10, 16\]"):
        Stem((8, 10, 16), 10, patch=8, merge=2)


def test_a_network_with_a_stem_sees_alike_with_what_is_worked_out_beforehand(
    stemmed, processor, seen
):
    inputs = seen[-1]
    with torch.no_grad():
        quick = stemmed.eval().see(inputs).hidden
    real = inputs.attention_mask.bool()
    torch.testing.assert_close(quick[real], stemmed.see(inputs).hidden[real], rtol=1e-4, atol=1e-4)


def test_it_is_saved_and_read_with_the_network(stemmed, checkpoint, seen, tmp_path):
    assert "backbone.model.visual.stem.out.weight" in stemmed.state_dict()
    assert not any("patch_embed" in name for name in stemmed.state_dict())
    replace(checkpoint, model=stemmed).save(tmp_path / "stemmed", "")
    again = Checkpoint.load(tmp_path / "stemmed").model
    with torch.no_grad():
        expected = stemmed.eval().see(seen[-1]).hidden
        torch.testing.assert_close(again.see(seen[-1]).hidden, expected)


def test_a_copy_has_a_stem_of_its_own(stemmed, seen):
    other = copy.deepcopy(stemmed)
    with torch.no_grad():
        before = stemmed.eval().see(seen[-1]).hidden
        for parameter in other.backbone.model.visual.stem.parameters():
            parameter.zero_()
        assert torch.equal(stemmed.see(seen[-1]).hidden, before)
        assert not torch.equal(other.eval().see(seen[-1]).hidden, before)


def test_its_matrices_are_stepped_as_matrices(stemmed):
    request = TrainRequest(scenes=1, optimizer="muon")
    parameters = list(stemmed.parameters())
    _, muon = make_optimizers(stemmed, {"all": (parameters, 1e-3)}, request)[0]
    stepped = {id(p) for group in muon.param_groups for p in group["params"]}
    stem = stemmed.backbone.model.visual.stem
    convolutions = [m.weight for m in stem.modules() if isinstance(m, Convolution)]
    assert len(convolutions) == 5 and all(id(weight) in stepped for weight in convolutions)


def test_the_first_picture_can_come_last(config, tokenizer):
    ordered = Processor(replace(config, first_picture_last=True), tokenizer)
    pictures = {name: np.zeros((*size, 3), np.uint8) for name, size in config.image_sizes.items()}
    plain = Processor(config, tokenizer).encode("look", pictures)
    last = ordered.encode("look", pictures)
    assert sorted(last.ids) == sorted(plain.ids) and last.ids != plain.ids
    assert last.grid == plain.grid[::-1]
    assert ordered.encode("look", {"else": pictures["cam_high"]}).grid == [(1, 4, 6)]
