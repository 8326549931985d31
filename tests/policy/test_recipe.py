"""A recipe becomes commands, each skipped when its result is there, begun anew for nothing else."""

import json
import time
from dataclasses import replace
from functools import partial

import pytest

from policy.recipe.costs import stage_hours
from policy.recipe.folders import Work, dataset_work, file_work, job_work, report_work
from policy.recipe.machine import Machine
from policy.recipe.nano import nano
from policy.recipe.plan import attempts, cache_folder, plan
from policy.recipe.processes import Command
from policy.recipe.recipe import Demonstrations, Measurement, Recipe, Stage
from policy.recipe.runner import Runner, StepError, clock, state_of
from policy.recipe.step import Step, made_of
from policy.reproduce import chosen, table
from policy.training.request import TrainRequest

LAPTOP, SERVER = Machine(2), Machine(16, gpu=True)


def recipe(**changed):
    small = Recipe(
        name="small",
        demonstrations=(
            Demonstrations("pick", "pick", 3),
            Demonstrations("again", "pick", 2, driver="sft"),
        ),
        stages=(
            Stage("words", {"stage": "grounding", "steps": 1, "batch_size": 4, "scenes": 8}),
            Stage("sft", {"steps": 2, "batch_size": 4}, base="words", shown={"pick": 1.0}),
            Stage("more", {"steps": 2, "batch_size": 4}, "sft", {"pick": 1.0, "again": 0.5}),
        ),
        measurements=(Measurement("success", "pick,put", 5, axis="none,colour"),),
        questions=10,
    )
    return replace(small, **changed)


def planned(out, machine=LAPTOP, **changed):
    return {step.name: step for step in plan(recipe(**changed), out, machine)}


@pytest.mark.parametrize("scale", ["smoke", "laptop", "gpu"])
@pytest.mark.parametrize("machine", [LAPTOP, SERVER], ids=["laptop", "server"])
def test_every_request_of_the_shipped_recipe_is_one_that_training_takes(scale, machine, tmp_path):
    steps = plan(nano(scale), tmp_path, machine)
    for step in (*steps, *steps):  # begun, and gone on with
        step.prepare()
    requests = {
        stage.name: TrainRequest.load(tmp_path / f"jobs/{stage.name}/request.json")
        for stage in nano(scale).stages
    }
    assert requests["seeing"].base is None
    assert requests["sft"].base == str(tmp_path / "jobs/seeing/checkpoints/last")
    assert requests["correcting"].base == str(tmp_path / "jobs/sft/checkpoints/last")
    assert requests["practising"].base == str(tmp_path / "jobs/correcting/checkpoints/last")
    shown = [part.dataset for part in requests["sft"].ingredients if part.kind == "actions"]
    assert shown[0] == str(tmp_path / "data/pick")
    done = set()
    for step in steps:
        assert done >= set(step.needs), step.name
        done.add(step.name)


def test_corrections_are_made_by_the_stage_that_drives_and_before_the_one_that_learns(tmp_path):
    steps = planned(tmp_path)
    again = steps["again"]
    assert again.module == "studio.correct" and again.needs == ("sft",)
    assert str(tmp_path / "jobs/sft/checkpoints/last") in again.command
    assert "--disturbed" not in again.command
    assert set(steps["more"].needs) == {"pick", "again", "sft"}
    assert steps["success"].needs == ("more",)


def test_with_a_gpu_films_are_decoded_side_by_side_and_training_takes_no_core(tmp_path):
    steps = planned(tmp_path, SERVER)
    assert steps["decode-pick"].needs == ("pick",)
    assert str(cache_folder(tmp_path) / "pick") in steps["decode-pick"].command
    assert set(steps["sft"].needs) == {"decode-pick", "words"}
    assert steps["sft"].gpu and steps["sft"].cores == 0
    assert not any(step.gpu for name, step in steps.items() if name not in ("words", "sft", "more"))
    assert planned(tmp_path)["sft"].made == steps["sft"].made  # the result is the same


def test_what_follows_from_something_else_is_another_result(tmp_path):
    ours = planned(tmp_path)
    more = (Demonstrations("pick", "pick", 4), recipe().demonstrations[1])
    theirs = planned(tmp_path, demonstrations=more)
    changed = {name for name in ours if ours[name].made != theirs[name].made}
    assert changed == set(ours) - {"words"}


def test_a_recipe_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="Two parts of recipe 'small' are called 'pick'"):
        recipe(measurements=(Measurement("pick", "pick", 1),))
    with pytest.raises(ValueError, match=r"'sft' .* needs \['pick'\]"):
        recipe(demonstrations=())
    with pytest.raises(ValueError, match="trains nothing"):
        recipe(stages=(), demonstrations=())


def test_a_stage_is_planned_with_the_rate_of_what_it_learns():
    shown = (Demonstrations("pick", "pick", 1000), Demonstrations("swap", "swap", 100))
    core_seconds = 1000 * 0.5 + 100 * 2.1
    size = {"steps": 3600, "batch_size": 100}

    def hours(machine=LAPTOP, **fields):
        return stage_hours({**size, **fields}, shown, machine)

    assert hours() == pytest.approx(100 / 22)
    assert hours(action_weight=0.0, freeze=("decoder",)) == pytest.approx(100 / 27)
    assert hours(freeze=("vision",), augment=0.0) == pytest.approx(100 / 49)
    assert hours(freeze=("vision",)) == hours(augment=0.0) == hours()
    assert hours(action_weight=0.0) == hours(freeze=("decoder",)) == hours()
    rows = 50 * core_seconds
    assert hours(freeze_backbone=True) == pytest.approx(100 / 85 + rows / 50 / 3600)
    assert hours(SERVER) == pytest.approx(100 / 6000)
    assert hours(SERVER, freeze_backbone=True) == pytest.approx(100 / 6000 + rows / 1250 / 3600)


def test_the_shipped_recipes_stages_are_planned_so(tmp_path):
    steps = {step.name: step for step in plan(nano("laptop"), tmp_path, LAPTOP)}
    sizes = {stage.name: stage.request for stage in nano("laptop").stages}
    samples = {name: size["steps"] * size["batch_size"] / 3600 for name, size in sizes.items()}
    assert steps["seeing"].hours == pytest.approx(samples["seeing"] / 50)
    assert steps["sft"].hours == pytest.approx(samples["sft"] / 49)
    first = [each for each in nano("laptop").demonstrations if each.seed == 0]
    rows = 140_888  # of its 2,510 first demonstrations, counted
    frozen = {"steps": 3600, "batch_size": 100, "freeze_backbone": True}
    driving = 100 / 85 + rows / 50 / 3600
    assert stage_hours(frozen, first, LAPTOP) == pytest.approx(driving, rel=0.01)
    assert steps["correcting"].hours == pytest.approx(samples["correcting"] / 49)
    assert steps["practising"].hours == pytest.approx(samples["practising"] / 49)


def test_attempts_are_starts_of_every_task_on_every_axis():
    assert attempts(recipe().measurements[0]) == 2 * 2 * 5
    assert attempts(Measurement("standard", "gym_aloha", 7)) == 2 * 7


def test_a_job_that_was_begun_with_another_request_is_not_gone_on_with(tmp_path):
    planned(tmp_path)["words"].prepare()
    planned(tmp_path, machine=Machine(8, gpu=True))["words"].prepare()  # only faster
    assert TrainRequest.load(tmp_path / "jobs/words/request.json").threads == 8
    other = (Stage("words", {"stage": "grounding", "steps": 2, "batch_size": 4, "scenes": 8}),)
    changed = planned(tmp_path, stages=other, demonstrations=())
    with pytest.raises(ValueError, match="begun with another request"):
        changed["words"].prepare()


def test_folders_say_how_far_they_are(tmp_path):
    def write(name, fields):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(fields) + "\n")

    assert dataset_work(tmp_path, 3) == Work(0, 3, "episodes")
    write("meta/info.json", {"total_episodes": 3})
    assert dataset_work(tmp_path, 3).complete

    write("metrics.jsonl", {"step": 10})
    write("status.json", {"status": "running", "step": 0})
    assert job_work(tmp_path, 10) == Work(9, 10, "steps")  # its checkpoint is not written yet
    write("status.json", {"status": "succeeded", "step": 10})
    assert job_work(tmp_path, 10).complete and not job_work(tmp_path, 20).complete

    write("run/episodes.jsonl", {})
    report = tmp_path / "report.json"
    assert str(report_work(report, tmp_path / "run", 2)) == "1 of 2 episodes"
    write("report.json", {"complete": False})
    assert not report_work(report, tmp_path / "run", 1).complete
    write("report.json", {"complete": True})
    assert report_work(report, tmp_path / "run", 2).complete
    report.write_text("{")
    with pytest.raises(ValueError, match="torn"):
        report_work(report, tmp_path / "run", 2)


def copying(tmp_path, name, source, *needed, cores=1):
    """A step that copies a JSON file, by a command that every Python has."""
    result = tmp_path / f"{name}.json"
    return Step(
        name=name,
        module="json.tool",
        arguments=(str(source), str(result)),
        work=partial(file_work, result, "file"),
        made=made_of({"from": str(source)}, needed),
        needs=tuple(step.name for step in needed),
        cores=cores,
    )


@pytest.fixture
def chain(tmp_path):
    (tmp_path / "given.json").write_text("{}")
    first = copying(tmp_path, "first", tmp_path / "given.json")
    return [copying(tmp_path, "second", tmp_path / "first.json", first, cores=9), first]


def test_steps_run_after_what_they_need_and_not_twice(chain, tmp_path):
    Runner(chain, tmp_path, LAPTOP).run()
    assert (tmp_path / "second.json").exists()
    (tmp_path / "given.json").unlink()  # would fail now
    Runner(chain, tmp_path, LAPTOP).run()
    assert [state_of(step, tmp_path).complete for step in chain] == [True, True]
    shown = table([state_of(step, tmp_path) for step in chain], LAPTOP)
    assert "1 of 1 file" in shown and "core-hours" in shown


def test_a_result_that_is_gone_is_made_again_and_one_of_another_recipe_is_refused(chain, tmp_path):
    Runner(chain, tmp_path, LAPTOP).run()
    (tmp_path / "second.json").unlink()
    Runner(chain, tmp_path, LAPTOP).run()
    assert (tmp_path / "second.json").exists()
    with pytest.raises(ValueError, match="begun by another recipe"):
        Runner([replace(chain[0], made="other")], tmp_path, LAPTOP)


def test_a_failed_command_is_told_with_the_end_of_its_log(tmp_path):
    step = copying(tmp_path, "lost", tmp_path / "nowhere.json")
    with pytest.raises(StepError, match=r"'lost' ended with [12].*(\n.*)*nowhere"):
        Runner([step], tmp_path, LAPTOP).run()
    assert not state_of(step, tmp_path).complete


def test_a_command_that_is_stopped_may_save_first(tmp_path):
    script = (
        "import time\n"
        "try:\n    print('up', flush=True)\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    print('saved')\n"
    )
    command = Command(["-c", script], tmp_path / "log.txt", gpu=False)
    while "up" not in command.last_words():
        time.sleep(0.05)
    command.stop()
    assert command.code == 0 and command.last_words() == "up\nsaved"


def test_a_step_is_chosen_with_all_that_it_needs(tmp_path):
    steps = list(planned(tmp_path).values())
    assert {step.name for step in chosen(steps, ["sft"])} == {"pick", "words", "sft"}
    assert chosen(steps, ["release"]) == chosen(steps, []) == steps
    with pytest.raises(ValueError, match=r"no step.*pick, words"):
        chosen(steps, ["dance"])


def test_times_are_said_as_a_clock_does():
    assert [clock(seconds) for seconds in (5, 65, 3723)] == ["0:05", "1:05", "1:02:03"]
