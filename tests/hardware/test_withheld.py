"""What evaluations say is recognised, and no training says it: ours and the standard tasks'."""

import numpy as np
import pytest

from hardware.simulation.language import (
    held_out,
    instruct,
    is_held_out,
    politely,
    understand,
    unseen,
    wordings,
)
from hardware.simulation.layout import TABLES, draw_layout
from hardware.simulation.standard.task import STANDARD_TASKS
from hardware.simulation.tasks.catalogue import FAMILIES, tasks_in

LAYOUTS = [draw_layout(table, 7, axis) for table in TABLES for axis in (None, "instance")]


def few_tasks(layout, each=2):
    """A few of every kind."""
    every = tasks_in(layout)
    return [task for family in FAMILIES for task in [t for t in every if t.family == family][:each]]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.table)
def test_every_sentence_of_evaluation_is_recognised(layout):
    rng = np.random.default_rng(0)
    for task in few_tasks(layout):
        drawn = [instruct(task, layout, rng, unseen=True) for _ in range(10)]
        for said in (*held_out(task), *drawn):
            assert is_held_out(said), said
        assert all(map(is_held_out, politely(held_out(task)[0], unseen.COURTESIES)))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.table)
def test_no_sentence_of_training_is_taken_for_one(layout):
    rng = np.random.default_rng(0)
    for task in few_tasks(layout):
        drawn = [instruct(task, layout, rng) for _ in range(10)]
        for said in (*wordings(task)[::5], *drawn):
            assert not is_held_out(said), said


@pytest.mark.parametrize("standard", STANDARD_TASKS.values(), ids=lambda task: task.id)
def test_what_one_trains_on_of_the_standard_tasks_and_ours_the_other_does_not_hold_out(standard):
    assert [said for said in standard.wordings if is_held_out(said)] == []
    assert [said for said in standard.held_out if understand(said) is not None] == []
    assert not set(standard.held_out) & set(standard.wordings)
