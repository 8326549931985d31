"""A whole recipe, only tiny: demonstrations, a job and a release by the commands themselves."""

from pathlib import Path

import pytest

from policy.model.checkpoint import Checkpoint
from policy.recipe.machine import Machine
from policy.recipe.plan import plan
from policy.recipe.recipe import Demonstrations, Recipe, Stage
from policy.recipe.release import release, worth_telling
from policy.recipe.runner import Runner, state_of

SMALL = {"height": 96, "width": 128}
OPTIONS = tuple(word for name, size in SMALL.items() for word in (f"--{name}", str(size)))
TINY = Recipe(
    "tiny-smoke",
    (Demonstrations("pick", "pick_red_cube_left", 1, disturbed=0.0, options=OPTIONS),),
    (Stage("sft", {"steps": 1, "batch_size": 2, "draws": 1}, shown={"pick": 1.0}),),
    (),
)


@pytest.mark.timeout(900)
def test_a_recipe_makes_a_checkpoint_that_says_how(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out, machine = Path("out"), Machine(1)
    steps = plan(TINY, out, machine)
    Runner(steps, out, machine).run()
    assert all(state_of(step, out).complete for step in steps)

    folder = release(TINY, out, steps)
    assert Checkpoint.load(folder).tasks
    card = (folder / "README.md").read_text()
    assert "recordings.generate OUT/data/pick --task pick_red_cube_left --episodes 1" in card
    assert '"batch_size": 2' in card and str(tmp_path) not in card


def test_what_nearly_always_fails_is_not_told_of():
    told = (
        "pick up the red cube with the left arm",
        "stack the red cube on the blue cube",
        "please sort the objects by colour",
        "push the cube furthest to the left to the right",
        "wave",
    )
    assert worth_telling(told, {"stack", "sort"}) == (told[0], told[3], told[4])
    assert worth_telling(told, set()) == told
