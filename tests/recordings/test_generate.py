"""Demonstrations are a function of their recipe; a run that stopped is continued as one."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hardware.simulation.language import wordings
from hardware.simulation.seeds import VALIDATION_SEED
from hardware.simulation.standard.task import TRANSFER
from hardware.simulation.tasks.catalogue import FAMILIES, scenario
from recordings import demonstration
from recordings import generate as generation
from recordings.dataset import Dataset
from recordings.demonstration import Recipe, demonstrate
from recordings.generate import Options, generate
from recordings.layout import LOCK

RECIPE = Recipe(
    tasks=("pick_red_cube_left", "pick_blue_cube_right"),
    seed=3,
    fps=10,
    height=32,
    width=32,
    cameras=("cam_high",),
    disturbed=0.5,
)


def content(folder):
    dataset = Dataset(folder)
    episodes = dataset.episodes()
    return [(episode.task, dataset.rows(episode.index)) for episode in episodes]


def bytes_of(folder):
    """Every file of a dataset but the recorder's lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != LOCK.name
    }


def assert_same(one, other):
    files, others = bytes_of(one), bytes_of(other)
    assert list(files) == list(others)
    assert [name for name in files if files[name] != others[name]] == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "dataset"
    generate(folder, RECIPE, 4, workers=0)
    return folder


def test_tasks_take_turns_and_are_told_in_their_own_words(whole):
    for number, (told, _) in enumerate(content(whole)):
        colour, side = RECIPE.tasks[number % 2].split("_")[1::2]
        assert side in told
        assert not {"red", "green", "blue", "yellow"} - {colour} & set(told.split())


def test_a_task_may_always_be_told_in_the_canonical_words():
    found = demonstrate(replace(RECIPE, wordings="canonical"), 0)
    assert found.instruction == wordings(scenario(found.task, 0).task)[0]


def test_a_kind_of_task_is_demonstrated_on_all_its_tables():
    recipe = replace(RECIPE, tasks=("pick",), disturbed=0.0)
    found = [demonstrate(recipe, number) for number in range(4)]
    assert {one.name for one in found} == {"pick"}
    assert len({one.task for one in found}) == len({one.instruction for one in found}) == 4


def test_the_same_recipe_gives_the_same_bytes_whatever_was_computed_before(whole, tmp_path):
    demonstrate(replace(RECIPE, tasks=("pick",), disturbed=1.0), 1)
    generate(tmp_path / "dataset", RECIPE, 4, workers=0)
    assert_same(whole, tmp_path / "dataset")


def test_a_run_in_two_parts_differs_from_one_only_in_where_its_tables_are_cut(whole, tmp_path):
    generate(tmp_path / "dataset", RECIPE, 1, workers=0)
    summary = generate(tmp_path / "dataset", RECIPE, 4, workers=0)
    assert (summary.recorded, summary.episodes) == (3, 4)
    one, other = bytes_of(whole), bytes_of(tmp_path / "dataset")
    differing = {name for name in one | other if one.get(name) != other.get(name)}
    assert {Path(name).parts[:-2] for name in differing} == {("data",), ("meta", "episodes")}
    for (said, first), (told, second) in zip(
        content(whole), content(tmp_path / "dataset"), strict=True
    ):
        assert said == told
        assert first.keys() == second.keys()
        assert all(np.array_equal(first[name], second[name]) for name in first)


def test_worker_processes_give_the_same_bytes(whole, tmp_path):
    generate(tmp_path / "dataset", RECIPE, 4, workers=2)
    assert_same(whole, tmp_path / "dataset")


def test_nothing_is_added_to_what_is_complete(whole):
    assert generate(whole, RECIPE, 4, workers=0).recorded == 0


def test_an_interrupt_leaves_whole_episodes_and_says_so(tmp_path, monkeypatch):
    def interrupted(recipe, number, first_driver):
        if number == 2:
            raise KeyboardInterrupt
        return demonstrate(recipe, number, first_driver)

    monkeypatch.setattr(generation, "demonstrate", interrupted)
    summary = generate(tmp_path / "dataset", RECIPE, 4, workers=0)
    assert summary.interrupted
    assert summary.episodes == len(content(tmp_path / "dataset")) == 2


def test_another_recipe_is_refused_naming_the_difference(whole):
    with pytest.raises(ValueError, match="seed 3"):
        generate(whole, replace(RECIPE, seed=4), 5, workers=0)


def test_a_demonstration_ends_with_the_cube_held_up_and_still():
    ticks = demonstrate(RECIPE, 1).ticks
    last = np.array([tick.observation.state for tick in ticks[-5:]])
    assert 0.4 < last[-1, 13] < 0.8
    assert np.abs(np.diff(last[:, :13], axis=0)).max() < 0.01
    assert ticks[0].action is not None


@pytest.mark.parametrize(
    ("task", "begins"), [("pick", "scenario"), (TRANSFER.id, "standard_demonstration")]
)
def test_scenes_of_demonstrations_and_of_evaluation_are_apart(monkeypatch, task, begins):
    seeds = []

    def drawn(name, seed, *_, **__):
        seeds.append(seed)
        raise InterruptedError

    monkeypatch.setattr(demonstration, begins, drawn)
    for number in range(50):
        with pytest.raises(InterruptedError):
            demonstrate(replace(RECIPE, tasks=(task,)), number)
    assert len(set(seeds)) == 50
    assert max(seeds) < VALIDATION_SEED


def test_all_stands_for_every_kind_beside_what_else_is_named():
    options = Options(dataset=Path("x"), task=("all", TRANSFER.id), episodes=1)
    assert options.recipe().tasks == (*FAMILIES, TRANSFER.id)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": ()}, "at least one"),
        ({"tasks": ("dance",)}, "pick_red_cube_left"),
        ({"disturbed": 1.5}, "0..1"),
    ],
)
def test_an_impossible_recipe_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(RECIPE, **change)


def test_the_command_explains_a_mistake_in_one_line(tmp_path):
    command = [sys.executable, "-m", "recordings.generate", str(tmp_path / "x")]
    found = subprocess.run(
        [*command, "--task", "dance", "--episodes", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 2
    assert "There is no task 'dance'" in found.stderr
    assert "Traceback" not in found.stderr
