"""A checkpoint is taught something new in the time there is, beside what it knew."""

import json
import shutil
import threading
import time
from dataclasses import replace

import pytest
import tyro

from hardware.bodies import body_named
from hardware.simulation.things import COLOURS, SHAPES
from policy.model.checkpoint import Checkpoint
from policy.teach import Options, fitting_body, next_steps, teach
from policy.teaching.cores import train_on
from policy.teaching.lesson import Lesson, Material, probe_of, request_for, steps_that_fit
from policy.teaching.replay import is_simulated, known_tasks
from policy.train import train
from policy.training.request import TrainRequest

QUICK = Lesson(batch_size=4, fewest_steps=1, most_steps=2, questions_share=0.0, draws=1)


@pytest.fixture(scope="module")
def taught_once(request, tmp_path_factory):
    """A base with one camera that knows two picks, and its demonstrations."""
    demonstrations = request.getfixturevalue("demonstrations")
    folder = tmp_path_factory.mktemp("base") / "job"
    folder.mkdir()
    request = TrainRequest(dataset=str(demonstrations), steps=1, batch_size=2, threads=1, workers=0)
    request.save(folder / "request.json")
    train(folder, threading.Event())
    return folder / "checkpoints/last", demonstrations


def material(tmp_path, replay=2, *, simulated=True):
    old = tuple(tmp_path / f"old{number}" for number in range(replay))
    return Material(tmp_path / "new", tmp_path / "base", old, simulated)


def test_half_of_a_batch_is_new_and_the_rest_is_what_was_known(tmp_path):
    request = request_for(Lesson(), material(tmp_path), 100, 2)
    weights = {part.dataset or part.kind: part.weight for part in request.ingredients}
    assert weights[str(tmp_path / "new")] == 0.5
    assert weights[str(tmp_path / "old0")] == weights[str(tmp_path / "old1")]
    assert sum(weights.values()) == pytest.approx(1)
    assert request.steps == 100 and request.threads == 2
    assert probe_of(request, 20).steps == 20
    assert probe_of(request, 20).ingredients == request.ingredients


def test_questions_are_for_the_simulated_body_whose_words_are_trained(tmp_path):
    def kinds(lesson, *, simulated):
        shown = material(tmp_path, simulated=simulated)
        return [part.kind for part in request_for(lesson, shown, 100, 2).ingredients]

    assert "questions" in kinds(Lesson(), simulated=True)
    assert "questions" not in kinds(Lesson(), simulated=False)
    assert "questions" not in kinds(Lesson(freeze=("language",)), simulated=True)
    alone = request_for(Lesson(), material(tmp_path, replay=0, simulated=False), 100, 2)
    assert [part.dataset for part in alone.ingredients] == [str(tmp_path / "new")]


def test_a_tower_that_knows_the_simulated_body_looks_once_and_another_learns(tmp_path):
    knows = request_for(Lesson(), replace(material(tmp_path), points=True), 100, 2)
    assert knows.freeze == ("vision",) and knows.augment == 0
    assert knows.touch_weight and knows.correct_pointing
    assert knows.action_weight == Lesson().action_weight
    real = request_for(Lesson(), material(tmp_path, simulated=False), 100, 2)
    assert real.freeze == () and real.augment == 1
    seeing = Lesson(freeze=("vision",))
    real = request_for(seeing, material(tmp_path, simulated=False), 100, 2)
    assert real.freeze == ("vision",) and real.augment == 1
    pointing = replace(material(tmp_path), points=True)
    wordless = request_for(Lesson(freeze=("language",)), pointing, 100, 2)
    assert wordless.freeze == ("language",) and wordless.augment == 1
    assert not wordless.touch_weight and not wordless.correct_pointing
    assert wordless.action_weight == 1


def test_what_was_recorded_badly_can_be_taught_if_asked_for(tmp_path):
    shown = material(tmp_path)
    for keep_all in (False, True):
        request = request_for(Lesson(), replace(shown, keep_all=keep_all), 100, 2)
        actions = [part for part in request.ingredients if part.kind == "actions"]
        assert [part.keep_all for part in actions] == [keep_all] * 3
    assert tyro.cli(Options, args=["new", "--keep-all"]).keep_all


def test_shares_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"new_share 0\.0"):
        Lesson(new_share=0.0)
    for moved in (-0.1, 0.5):
        with pytest.raises(ValueError, match=r"moved_share is a part of new_share, 0\.5"):
            Lesson(moved_share=moved)


def test_where_the_base_points_some_of_the_new_pictures_are_moved_about(tmp_path):
    request = request_for(Lesson(), replace(material(tmp_path), points=True), 100, 2)
    shares = {(part.kind, part.dataset): part.weight for part in request.ingredients}
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["grounding", str(tmp_path / "new")] == 0.2
    assert shares["actions", str(tmp_path / "new")] == pytest.approx(0.3)
    without = request_for(Lesson(moved_share=0.0), replace(material(tmp_path), points=True), 9, 2)
    assert "grounding" not in {part.kind for part in without.ingredients}


def test_two_cores_teach_as_two_processes_and_say_what_went_wrong(taught_once, tmp_path, capsys):
    base, demonstrations = taught_once
    job = tmp_path / "job"
    job.mkdir()
    request = TrainRequest(
        dataset=str(demonstrations), base=str(base), steps=2, batch_size=4, threads=1, workers=0
    )
    request.save(job / "request.json")
    train_on(job, 2, threading.Event())
    assert "step 2/2" in capsys.readouterr().out
    assert json.loads((job / "status.json").read_text())["status"] == "succeeded"
    Checkpoint.load(job / "checkpoints/last")

    torn = tmp_path / "torn"
    torn.mkdir()
    replace(request, base=str(tmp_path / "nothing")).save(torn / "request.json")
    with pytest.raises(ValueError, match=r"nothing.* Log: .*torn/train\.txt"):
        train_on(torn, 2, threading.Event())


def test_two_processes_that_are_stopped_leave_a_job_to_go_on_with(taught_once, tmp_path):
    base, demonstrations = taught_once
    job = tmp_path / "job"
    job.mkdir()
    request = TrainRequest(
        dataset=str(demonstrations), base=str(base), steps=5000, batch_size=4, threads=1, workers=0
    )
    request.save(job / "request.json")
    stop = threading.Event()
    learning = threading.Thread(target=train_on, args=(job, 2, stop))
    learning.start()
    try:
        deadline = time.monotonic() + 150
        while not (job / "metrics.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        stop.set()
        learning.join(90)
    assert not learning.is_alive()
    status = json.loads((job / "status.json").read_text())
    assert status["status"] == "cancelled" and 0 < status["step"] < 5000
    assert (job / "training_state.pt").exists()


def test_as_many_steps_are_made_as_fit():
    lesson = Lesson(batch_size=32, fewest_steps=60, most_steps=1000)
    assert steps_that_fit(lesson, 600, 32.0) == 600
    assert steps_that_fit(lesson, 600, 3200.0) == 1000
    with pytest.raises(ValueError, match=r"makes 30 steps .* 60 are the fewest"):
        steps_that_fit(lesson, 30, 32.0)


def test_what_a_base_knows_is_read_from_its_instructions(taught_once):
    base, _ = taught_once
    body = Checkpoint.load(base).bodies[0]
    assert is_simulated(body.embodiment)
    assert known_tasks(body) == ("pick_red_cube_left", "pick_blue_cube_right")
    standard = replace(body, tasks=("transfer the cube to the left arm",))
    assert known_tasks(standard) == ("gym_aloha/AlohaTransferCube-v0",)
    assert known_tasks(replace(body, tasks=("make coffee",))) == ()
    things = [f"{colour} {shape}" for colour in COLOURS for shape in SHAPES]
    many = [f"put the {thing} in the {bowl} bowl" for thing in things for bowl in COLOURS[:2]]
    (one,) = known_tasks(replace(body, tasks=body.tasks[:1]))
    assert known_tasks(replace(body, tasks=(*many, body.tasks[0]))) == (one, "put")


def test_datasets_of_another_body_or_without_its_cameras_are_refused(taught_once, tmp_path):
    base, demonstrations = taught_once
    assert fitting_body(base, (demonstrations,)).tasks
    with pytest.raises(ValueError, match="does not say which body"):
        fitting_body(base, (tmp_path,))

    other = tmp_path / "other/meta"
    other.mkdir(parents=True)
    body_named("widowx").save(other / "embodiment.json")
    with pytest.raises(ValueError, match=r"The base drives aloha.* is of 'widowx'"):
        fitting_body(base, (other.parent,))

    ours = Checkpoint.load(base).embodiment
    ours.with_cameras(()).save(other / "embodiment.json")
    with pytest.raises(ValueError, match=r"cameras lacking: \['cam_high'\]"):
        fitting_body(base, (other.parent,))


def test_a_dataset_of_which_everything_was_recorded_badly_is_taught(taught_once, tmp_path):
    base, demonstrations = taught_once
    dataset = shutil.copytree(demonstrations, tmp_path / "poor")
    lines = [json.dumps({"episode_index": n, "verdict": "poor", "reason": "x"}) for n in (0, 1)]
    (dataset / "meta/quality.jsonl").write_text("\n".join(lines) + "\n")
    options = Options(
        *(dataset, base, tmp_path / "taught", 60.0, (demonstrations,)), threads=1, lesson=QUICK
    )
    with pytest.raises(ValueError, match=r"All 2 episodes .* --keep-all of a command"):
        teach(options, threading.Event())
    told = replace(options, out=tmp_path / "told", keep_all=True)
    assert "pick_red_cube_left" in next_steps(told, teach(told, threading.Event()))


def test_a_checkpoint_is_taught_and_goes_on_being_what_it_was(taught_once, tmp_path):
    base, demonstrations = taught_once
    options = Options(
        *(demonstrations, base, tmp_path / "taught", 60.0, (demonstrations,)),
        threads=1,
        lesson=QUICK,
    )
    checkpoint = teach(options, threading.Event())
    request = json.loads((tmp_path / "taught/request.json").read_text())
    assert request["base"] == str(base) and request["steps"] == 2
    assert set(Checkpoint.load(base).tasks) <= set(Checkpoint.load(checkpoint).tasks)
    assert not (tmp_path / "taught/probe").exists()

    said = next_steps(options, checkpoint)
    assert f"make run POLICY={checkpoint}" in said
    assert "--env pick_red_cube_left,pick_blue_cube_right --episodes 50" in said

    assert teach(options, threading.Event()) == checkpoint  # nothing is left to do
    asked = tmp_path / "taught/lesson.json"
    before = json.loads(asked.read_text())
    assert before.pop("keep_all") is False and before["lesson"].pop("optimizer") == "muon"
    asked.write_text(json.dumps(before))  # of a job from before there was that option
    assert teach(options, threading.Event()) == checkpoint
    with pytest.raises(ValueError, match=r"teaches with keep_all False\. Choose another --out"):
        teach(replace(options, keep_all=True), threading.Event())
    with pytest.raises(ValueError, match=r"teaches .* Choose another --out"):
        teach(replace(options, base=checkpoint), threading.Event())
    with pytest.raises(ValueError, match=r"teaches with minutes .* Choose another --out"):
        teach(replace(options, minutes=99.0), threading.Event())
