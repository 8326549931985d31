"""The command: what it is asked, what it refuses before it takes hours, and what it keeps."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from hardware.aloha import aloha_embodiment
from policy import client
from policy.evaluate import Options, main
from policy.evaluation.checkpoint import fingerprint
from policy.model.checkpoint import Body
from policy.wire import pack, unpack

ROOT = Path(__file__).parents[2]
WORDS = "pick up the red cube with the left arm"
QUICK = {"env": "pick_red_cube_left", "seconds": 0.6, "workers": 0}


def measured(path, policy, **options):
    """Evaluate, and read the report."""
    assert main(Options(str(policy), json=path, **options)) == 0
    return json.loads(path.read_text())


class Allowance:
    """How many questions a server still answers before it dies; what it was asked."""

    def __init__(self):
        self.left = 10**6
        self.asked = []

    def spend(self):
        self.left -= 1
        return self.left >= 0


@contextmanager
def policy_server(allowance, body=aloha_embodiment(("cam_high",))):  # noqa: B008
    """A server that waves by the seed it is told, speaking the protocol to the real client."""
    hello = {"embodiment": body.to_json(), "image_sizes": {"cam_high": [24, 32]}}
    hello |= {"action_hz": 10.0, "tasks": [WORDS], "seeds": True, "any_words": True}

    def answer(question):
        allowance.asked.append(question)
        rng = np.random.default_rng(question["seed"])
        actions = np.repeat(np.asarray(question["state"], np.float32)[None], 16, axis=0)
        return pack({"actions": actions + rng.uniform(-0.3, 0.3, 14).astype(np.float32)})

    def converse(connection):
        try:
            connection.send(pack(hello))
            for frame in connection:
                if not allowance.spend():
                    return
                connection.send(answer(unpack(frame)))
        except ConnectionClosed:
            return

    with (
        ThreadPoolExecutor(1) as pool,
        serve(converse, "127.0.0.1", 0, compression=None, max_size=None) as server,
    ):
        running = pool.submit(server.serve_forever)
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        running.result()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"env": "juggle"}, r"no task 'juggle'.*pick, hand_over"),
        ({"axis": "weather"}, r"no axis 'weather'. Axes: none, colour"),
        ({"seed": 3}, "Training uses those below 500000"),
        ({"seed": 500_000}, "val has 500000 to 599999"),
        ({"replan_secs": 0.41}, "every so many control ticks"),
        ({"replan_secs": 0.01}, "every so many control ticks"),
        ({"replan_secs": 0.0}, "time between plans, got 0.0 s"),
        ({"delay_secs": -0.1}, "takes 0 s or more, got -0.1 s"),
        ({"seconds": 0.0}, "more than 0 s, got a limit of 0.0 s"),
        ({"seconds": -1.0}, "more than 0 s"),
        ({"seconds": 0.01}, "one control tick of 0.02 s at least"),
        ({"policy": "no/such/folder"}, "there is no folder: no/such/folder"),
        ({"policy": "ws://127.0.0.1:9"}, "No policy server answers"),
    ],
)
def test_what_cannot_be_is_refused_in_words(options, words):
    with pytest.raises(SystemExit, match=words):
        main(replace(Options("nothing", **QUICK), **options))


def test_a_checkpoint_of_no_simulated_task_is_said(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "nano", "card")  # knows only words that no task has
    with pytest.raises(
        SystemExit, match="no task of the simulated ALOHA, only on: pick up the red"
    ):
        main(Options(str(tmp_path / "nano"), workers=0))


def test_a_way_of_going_on_that_was_not_trained_is_refused(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "nano", "card")
    with pytest.raises(SystemExit, match="not trained to go on from committed rows"):
        main(Options(str(tmp_path / "nano"), **QUICK, continuation="trained"))


def test_a_policy_for_another_body_is_refused_naming_what_differs(checkpoint, tmp_path):
    body = replace(checkpoint.embodiment, name="other", robot_tag="Franka")
    replace(checkpoint, embodiment=body).save(tmp_path / "nano", "card")
    with pytest.raises(SystemExit, match="another body than 'aloha_sim': robot: 'Franka' expected"):
        main(Options(str(tmp_path / "nano"), **QUICK))
    with (
        policy_server(Allowance(), replace(body, robot_tag="Stretch")) as url,
        pytest.raises(SystemExit, match="'Stretch' expected"),
    ):
        main(Options(url, **QUICK))


def test_a_checkpoint_is_told_only_words_it_knows(checkpoint, tmp_path):
    replace(checkpoint, tasks=(WORDS,)).save(tmp_path / "nano", "card")
    report = measured(*(tmp_path / "a.json", tmp_path / "nano"), episodes=2, seconds=0.6, workers=0)
    assert report["options"]["tasks"] == ["pick_red_cube_left"] and report["complete"]
    assert [each["instruction"] for each in report["episodes"]] == [WORDS] * 2
    assert report["tasks"][0]["episodes"] == 2 and report["options"]["weights"].startswith(
        "checkpoint "
    )


def test_a_checkpoint_measured_twice_comes_out_the_same(checkpoint, tmp_path):
    replace(checkpoint, tasks=(WORDS,)).save(tmp_path / "nano", "card")
    options = QUICK | {"seconds": 1.5, "episodes": 2}
    first = measured(tmp_path / "a.json", tmp_path / "nano", **options)
    assert first == measured(tmp_path / "b.json", tmp_path / "nano", **options)


def test_the_numbers_do_not_depend_on_the_number_of_processes(tmp_path):
    options = {"env": "pick", "axis": "none,colour", "episodes": 2}
    first = measured(tmp_path / "a.json", "expert", **options, workers=0)
    assert first == measured(tmp_path / "b.json", "expert", **options, workers=2)
    assert first["tasks"][-1]["axis"] == "colour" and first["tasks"][0]["seconds"] > 1


def test_a_served_policy_comes_out_the_same_whoever_asks(tmp_path):
    with policy_server(Allowance()) as url:
        first = measured(tmp_path / "a.json", url, **QUICK, episodes=2, out=tmp_path / "a")
        options = QUICK | {"workers": 1}
        again = measured(tmp_path / "b.json", url, **options, episodes=2, out=tmp_path / "b")
    assert first == again
    assert (tmp_path / "a/options.json").read_text() == (tmp_path / "b/options.json").read_text()


def test_a_served_policy_that_dies_half_way_leaves_what_was_done(tmp_path, caplog):
    allowance, out = Allowance(), tmp_path / "out"
    options = QUICK | {"workers": 2, "out": out, "json": tmp_path / "report.json"}
    with policy_server(allowance) as url:
        allowance.left = 15  # an attempt takes two plans
        assert main(Options(url, **options, episodes=30)) == 1
        assert "stopped answering" in caplog.text and "--out" in caplog.text
        kept = (out / "episodes.jsonl").read_bytes()
        assert 4 <= len(kept.splitlines()) <= 7
        assert not json.loads((tmp_path / "report.json").read_text())["complete"]
    allowance.left = 10**6
    with policy_server(allowance) as url:  # at another address
        resumed = measured(tmp_path / "report.json", url, **QUICK, episodes=30, out=out)
        whole = measured(tmp_path / "whole.json", url, **QUICK, episodes=30)
    assert (out / "episodes.jsonl").read_bytes().startswith(kept)
    assert resumed["complete"] and resumed["episodes"] == whole["episodes"]


def test_a_served_policy_is_asked_to_take_any_words_where_they_are_meant(tmp_path):
    allowance = Allowance()
    with policy_server(allowance) as url:
        measured(tmp_path / "a.json", url, **QUICK, episodes=1, axis="none,instruction")
    asked = {question["prompt"]: question.get("any_words", False) for question in allowance.asked}
    assert asked.pop(WORDS) is False and list(asked.values()) == [True]


def test_whatever_ends_it_what_was_done_is_reported_and_kept(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(tempfile, "mkdtemp", lambda prefix: str(tmp_path / prefix))
    allowance, report = Allowance(), tmp_path / "report.json"
    seen, unpacked = [], client.unpack

    def torn(answer):
        seen.append(unpacked(answer))
        return {} if len(seen) > 3 else seen[-1]  # after the hello and an attempt of two plans

    monkeypatch.setattr(client, "unpack", torn)
    with policy_server(allowance) as url, pytest.raises(KeyError, match="actions"):
        main(Options(url, **QUICK, episodes=3, json=report))
    assert f"--out {tmp_path / 'evaluation-'} to go on" in caplog.text
    assert len((tmp_path / "evaluation-" / "episodes.jsonl").read_bytes().splitlines()) == 1
    assert len(json.loads(report.read_text())["episodes"]) == 1


def test_a_checkpoint_is_told_from_one_that_differs_in_anything_it_reads(checkpoint, tmp_path):
    def prints():
        return fingerprint(tmp_path / "nano")

    other = replace(checkpoint.embodiment, name="other")
    body = Body(other, checkpoint.norm_stats, (WORDS,))
    replace(checkpoint, others=(body,)).save(tmp_path / "nano", "card")
    first, seen = prints(), set()
    (tmp_path / "nano" / "README.md").write_text("another card")
    (tmp_path / "nano" / "report.json").write_text("{}")
    assert prints() == first  # neither is read
    for name in (
        *("norm_stats.json", "tasks.json", "config.json", "embodiment.json", "tokenizer.json"),
        *("tokenizer_config.json", "model.safetensors", "bodies/other/norm_stats.json"),
    ):
        path = tmp_path / "nano" / name
        path.write_bytes(path.read_bytes() + b"\n")
        seen.add(prints())
    assert len(seen | {first}) == 9


def test_a_killed_evaluation_goes_on_where_it_was(tmp_path):
    out, options = tmp_path / "out", {"env": "pick", "episodes": 4, "workers": 1}
    command = [sys.executable, "-m", "policy.evaluate", "expert", "--out", str(out)]
    command += [f"--{name}={value}" for name, value in options.items()]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    lines = out / "episodes.jsonl"
    while not lines.exists() or lines.read_bytes().count(b"\n") < 1:
        assert running.poll() is None
        time.sleep(0.05)
    workers = psutil.Process(running.pid).children(recursive=True)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    psutil.wait_procs(workers, timeout=20)
    assert not any(worker.is_running() for worker in workers)  # none works on for nobody
    kept = lines.read_bytes()

    resumed = measured(tmp_path / "a.json", "expert", **options | {"workers": 0}, out=out)
    assert lines.read_bytes().startswith(kept[: kept.rfind(b"\n") + 1])
    whole = measured(tmp_path / "b.json", "expert", **options | {"workers": 0})
    assert resumed == whole

    with pytest.raises(SystemExit, match=r"episodes 4 \(now 6\)"):
        main(Options("expert", **options | {"episodes": 6}, out=out))


def test_failures_are_filmed_and_named_by_what_they_were(tmp_path):
    films = tmp_path / "films"
    main(Options("nothing", **QUICK, episodes=1, axis="none,colour", videos=films))
    assert sorted(path.name for path in films.iterdir()) == [
        "pick_red_cube_left_colour_600000_time_out.mp4",
        "pick_red_cube_left_none_600000_time_out.mp4",
    ]


def test_failures_of_before_are_filmed_later_and_stay_what_they_were(tmp_path):
    films, out = tmp_path / "films", tmp_path / "out"
    options = QUICK | {"episodes": 2, "out": out}
    main(Options("nothing", **options))
    kept = (out / "episodes.jsonl").read_bytes()
    main(Options("nothing", **options, videos=films))
    assert len(list(films.iterdir())) == 2 and (out / "episodes.jsonl").read_bytes() == kept
    written = {path: path.stat().st_mtime_ns for path in films.iterdir()}
    main(Options("nothing", **options, videos=films))  # now nothing is left to film
    assert {path: path.stat().st_mtime_ns for path in films.iterdir()} == written


def test_a_world_that_cannot_be_drawn_says_which_library_it_lacks(monkeypatch, tmp_path):
    monkeypatch.setenv("MUJOCO_GL", "disable")
    command = [sys.executable, "-m", "policy.evaluate", "nothing", "--env", "pick"]
    done = subprocess.run(
        [*command, "--workers", "0", "--out", str(tmp_path), "--videos", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no off-screen OpenGL" in done.stderr and "apt-get install libegl1" in done.stderr
    assert "Traceback" not in done.stderr
