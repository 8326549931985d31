"""What `policy.evaluate` is asked, before it takes hours."""

import pytest

from policy.evaluate import Options, main, tasks_of


def test_a_checkpoint_of_no_simulated_task_is_said(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "nano", "card")  # knows only words that no task has
    with pytest.raises(
        SystemExit, match="no task of the simulated ALOHA, only on: pick up the red"
    ):
        main(Options(tmp_path / "nano"))


def test_tasks_are_those_that_were_trained_or_named():
    trained = ("pick up the red cube with the left arm",)
    assert [task.id for task in tasks_of("aloha_sim", trained)] == ["pick_red_left"]
    assert [task.id for task in tasks_of("pick_blue_right", ())] == ["pick_blue_right"]


def test_a_way_of_going_on_that_was_not_trained_is_refused(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "nano", "card")
    with pytest.raises(SystemExit, match="not trained to go on from committed rows"):
        main(Options(tmp_path / "nano", env="pick_red_left", continuation="trained"))
