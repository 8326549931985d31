import numpy as np
import pytest

from hardware.simulation.standard.task import STANDARD_TASKS, standard_task


@pytest.mark.parametrize("task", STANDARD_TASKS.values(), ids=STANDARD_TASKS)
def test_a_task_is_told_in_a_dozen_ways_and_tested_in_others(task):
    assert len(set(task.wordings)) >= 12
    assert len(set(task.held_out)) >= 4
    assert not set(task.wordings) & set(task.held_out)


@pytest.mark.parametrize("task", STANDARD_TASKS.values(), ids=STANDARD_TASKS)
def test_words_come_from_the_side_that_was_asked_for(task):
    rng = np.random.default_rng(0)
    assert {task.instruct(rng) for _ in range(200)} == set(task.wordings)
    assert {task.instruct(rng, unseen=True) for _ in range(100)} == set(task.held_out)


def test_the_two_tasks_share_no_words():
    transfer, insertion = STANDARD_TASKS.values()
    both = set(transfer.wordings + transfer.held_out) & set(insertion.wordings + insertion.held_out)
    assert not both


def test_an_unknown_task_is_answered_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"AlohaInsertion-v0.*AlohaTransferCube-v0.*AlohaPourWater"
    ):
        standard_task("gym_aloha/AlohaPourWater-v0")
