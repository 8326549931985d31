import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hardware.aloha import START
from studio.correct import Options, main

NANO = Path(__file__).parents[2] / "policy/pretrained/nano"


def corrected(folder, task, **fields):
    options = Options(
        dataset=folder,
        task=(task,),
        episodes=1,
        cameras=("cam_high",),
        height=96,
        width=128,
        workers=0,
        policy=fields.pop("policy", NANO),
        **fields,
    )
    return main(options)


def states(folder):
    table = pq.read_table(next((folder / "data").glob("chunk-*/file-*.parquet")))
    lags = np.subtract(table["time"].to_pylist(), table["capture_time.cam_high"].to_pylist())
    state = np.array(table["observation.state"].to_pylist())
    return state, table["timestamp"].to_pylist(), lags, np.array(table["sent"].to_pylist())


@pytest.mark.parametrize("task", ["pick_red_cube_left", "gym_aloha/AlohaTransferCube-v0"])
def test_the_expert_is_recorded_from_where_the_checkpoint_got_to(tmp_path, task):
    assert corrected(tmp_path / "corrections", task) == 0
    state, times, lags, sent = states(tmp_path / "corrections")
    assert times[0] == 0
    assert np.abs(lags).max() < 1e-3  # every picture is of its row, none of who drove before
    arms = np.delete(np.abs(state - START), [6, 13], axis=1)  # grippers begin open, or closed
    assert arms[0].max() < 0.1  # where the attempt began, nobody drives yet
    assert sent[0] == 0 and sent[1:].all()
    assert arms[1].max() > 0.1  # where the expert took over
    assert len(state) > 5


def test_who_drove_first_is_said_and_another_cannot_continue(tmp_path, capsys):
    folder = tmp_path / "corrections"
    assert corrected(folder, "pick_red_cube_left", seed=3) == 0
    recipe = json.loads((folder / "meta/generation.json").read_text())
    assert len(recipe["first_driver"]) == 16
    (tmp_path / "other").mkdir()
    assert corrected(folder, "pick_red_cube_left", seed=3, policy=tmp_path / "other") == 2
    assert "generated with" in capsys.readouterr().err


def test_what_is_no_checkpoint_is_refused(tmp_path, capsys):
    assert corrected(tmp_path / "d", "pick_red_cube_left", policy=tmp_path / "nowhere") == 2
    assert "folder of a checkpoint" in capsys.readouterr().err
