"""A vision tower learns by itself what cells of scenes show, and where that is."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from policy.data.batch import Drawn, collate
from policy.data.kinds import LABELS
from policy.data.pieces import FAR, SIDE, ScenePieces
from policy.data.scenes import draw_scenes
from policy.model.checkpoint import HEADS, Checkpoint
from policy.model.processor import Processor
from policy.model.qwen_vla import QwenVLA
from policy.model.words import train_tokenizer
from policy.train import train
from policy.training.grounding import GroundingHeads
from policy.training.job import TrainingJob
from policy.training.request import TrainRequest
from policy.training.seeing import SeeingLearner

SIZE, CELL, WIDTH = (64, 64), 16, 160


@pytest.fixture(scope="module")
def scenes():
    return draw_scenes(12, 600_000, {"cam_high": SIZE}, CELL, workers=1)


def as_they_are(pictures, rng):
    return pictures


def test_pieces_keep_what_their_cells_show_and_where_it_is(scenes):
    source = ScenePieces(scenes, as_they_are)
    rows, columns = scenes.grid
    shots, made = scenes.pictures["cam_high"], 0
    for number in range(40):
        item = source.item(number % len(scenes), np.random.default_rng(number))
        picture, place = item.pictures["cam_high"], item.place
        assert picture.shape == (*SIZE, 3) and len(place.cells) == place.first == rows * columns
        assert np.abs(place.middles).max() <= FAR and place.cell == -100
        made += not any(np.array_equal(picture, shot) for shot in shots)
        cells, side = place.cells.reshape(rows, columns), SIDE * CELL
        for top in range(0, rows, SIDE):
            for left in range(0, columns, SIDE):
                piece = picture[top * CELL : top * CELL + side, left * CELL : left * CELL + side]
                found = [
                    (scene, y, x)
                    for scene, shot in enumerate(shots)
                    for y in range(rows - SIDE + 1)
                    for x in range(columns - SIDE + 1)
                    if np.array_equal(
                        shot[y * CELL : y * CELL + side, x * CELL : x * CELL + side], piece
                    )
                ]
                own = cells[top : top + SIDE, left : left + SIDE]
                for scene, y, x in found:
                    labels = scenes.cells["cam_high"][scene].reshape(rows, columns)
                    if np.array_equal(labels[y : y + SIDE, x : x + SIDE], own):
                        break
                else:
                    pytest.fail(f"A piece at {top}, {left} shows what its labels do not say.")
    assert 10 < made < 40


def test_a_middle_is_where_the_thing_is(scenes):
    source = ScenePieces(scenes, as_they_are)
    rows, columns = scenes.grid
    for number in range(len(scenes)):
        _, cells, middles = source._whole(number)
        for row, column in np.argwhere(cells > 0):
            centre = scenes.centres[number, cells[row, column] - 1] * (columns, rows)
            found = middles[row, column] + (column + 0.5, row + 0.5)
            if np.abs(middles[row, column]).max() < FAR:
                np.testing.assert_allclose(found, centre, atol=1e-5)
        assert not middles[cells == 0].any()


def test_grids_that_pieces_do_not_fill_are_refused(scenes):
    odd = draw_scenes(1, 600_000, {"cam_high": (48, 64)}, CELL, workers=1)
    with pytest.raises(ValueError, match=r"3, 4.* cells are not made of pieces"):
        ScenePieces(odd, as_they_are)


@pytest.fixture
def seeing(tmp_path):
    """Writes a small job of the stage, changed by `fields`."""

    def write(name="seeing", **fields):
        folder = tmp_path / name
        folder.mkdir()
        asked = {"stage": "seeing", "scenes": 12, "steps": 30, "batch_size": 8, "ema": 0.0}
        asked |= {"warmup": 2, "threads": 1, "workers": 0, "augment": 0.0, "optimizer": "muon"}
        asked |= {"stem": [8, 16, 16], "first_picture_last": True, **fields}
        (folder / "request.json").write_text(json.dumps(asked))
        return folder

    return write


def test_the_stage_teaches_the_tower_and_nothing_else(seeing):
    folder = seeing(steps=80)
    begun = TrainingJob(folder, TrainRequest.load(folder / "request.json")).model.state_dict()
    before = {name: value.clone() for name, value in begun.items()}
    train(folder, threading.Event())
    after = Checkpoint.load(folder / "checkpoints" / "last").model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(".visual." in name for name in changed)
    assert {"stem", "blocks", "merger"} <= {name.split(".")[3] for name in changed}
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["shown"] < 0.8 * lines[0]["shown"]
    assert lines[-1]["off"] < lines[0]["off"]
    assert (folder / "checkpoints" / "last" / HEADS).is_file()


def test_later_stages_go_on_with_what_it_saw(seeing, demonstrations):
    first = seeing()
    train(first, threading.Event())
    asked = {"stage": "grounding", "base": str(first / "checkpoints" / "last"), "steps": 1}
    later = seeing("grounding", **asked, stem=None, first_picture_last=None)
    train(later, threading.Event())
    config = Checkpoint.load(later / "checkpoints" / "last").model.config
    assert config.stem == (8, 16, 16) and config.first_picture_last
    unpointed = seeing("pointing", **asked | {"stage": "sft", "scenes": 0}, pointer=True)
    request = json.loads((unpointed / "request.json").read_text())
    request |= {"dataset": str(demonstrations), "freeze_backbone": True, "scenes": None}
    (unpointed / "request.json").write_text(json.dumps(request))
    with pytest.raises(ValueError, match="learns where from touch_weight or scenes"):
        TrainingJob(unpointed, TrainRequest.load(unpointed / "request.json"))
    other = seeing("other", **asked | {"stem": [8, 8, 8]})
    with pytest.raises(ValueError, match="The base was trained with"):
        TrainingJob(other, TrainRequest.load(other / "request.json"))


def test_it_learns_from_scenes_alone(seeing):
    with pytest.raises(ValueError, match="seeing learns from scenes alone"):
        TrainRequest.load(seeing(mixture=[{"kind": "questions"}]) / "request.json")
    for idle in ({"freeze": ["vision"]}, {"pointer": True}):
        with pytest.raises(ValueError, match="teaches the vision tower alone"):
            TrainRequest.load(seeing("-".join(idle), **idle) / "request.json")
    with pytest.raises(ValueError, match="leave stem out"):
        TrainRequest.load(seeing("backbone", backbone="some/model") / "request.json")


def test_cells_are_told_by_the_tokens_that_show_them(config, scenes):
    """What a token is said to show changes with its own patches, wherever its picture stands."""
    sizes = {"cam_high": SIZE, "cam_left_wrist": (32, 32)}
    for last in (False, True):
        torch.manual_seed(0)
        made = replace(config, image_sizes=sizes, first_picture_last=last)
        learner = SeeingLearner(QwenVLA(made), GroundingHeads(WIDTH, LABELS))
        processor = Processor(made, train_tokenizer([]))
        source, losses = ScenePieces(scenes, as_they_are), []
        item = source.item(0, np.random.default_rng(3))
        other = np.zeros((32, 32, 3), np.uint8)
        for wrist in (other, other + 255):
            shown = replace(item, pictures={**item.pictures, "cam_left_wrist": wrist})
            batch = collate([drawn(shown)], np.zeros((1, 2)), np.ones(1), processor, see=True)
            with torch.no_grad():
                losses.append(float(learner(batch)["shown"]))
        assert losses[0] == pytest.approx(losses[1]), "the other picture is not labelled"


def test_scenes_must_show_the_camera_that_comes_last(seeing):
    folder = seeing(cameras=["front", "cam_high"])
    with pytest.raises(ValueError, match="Name 'cam_high' first"):
        TrainingJob(folder, TrainRequest.load(folder / "request.json"))


def drawn(item):
    nothing = np.zeros(1, np.float32)
    return Drawn(item, np.zeros((1, 0, 32), np.float32), nothing, np.zeros(1, int))
