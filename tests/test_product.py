"""The whole loop in small, through the commands people type: record, train, judge, drive."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from hardware.control_loop import ControlLoop
from hardware.simulated_aloha import simulated_aloha
from policy.agent import PolicyAgent
from policy.client import PolicyClient
from policy.local_server import LocalPolicyServer

ROOT = Path(__file__).parents[1]


def run(*command):
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_demonstrations_become_a_policy_that_drives(tmp_path):
    dataset, job = tmp_path / "picks", tmp_path / "job"
    run(
        *("recordings.generate", dataset, "--episodes", 2, "--workers", 0),
        *("--task", "pick_red_cube_left", "--task", "pick_blue_cube_right"),
        *("--cameras", "cam_high"),
    )
    report = json.loads(run("recordings.check", dataset, "--json"))
    assert report["whole"]

    job.mkdir()
    request = {"dataset": str(dataset), "steps": 30, "batch_size": 8, "draws": 1, "threads": 1}
    (job / "request.json").write_text(json.dumps(request))
    run("policy.train", job)
    losses = [
        json.loads(line)["actions"] for line in (job / "metrics.jsonl").read_text().splitlines()
    ]
    assert losses[-1] < losses[0]

    checkpoint = job / "checkpoints/last"
    scores = tmp_path / "scores.json"
    run(
        *("policy.evaluate", checkpoint, "--env", "pick_red_cube_left", "--episodes", 1),
        *("--workers", 1, "--seconds", 1.0, "--json", scores),
    )
    measured = json.loads(scores.read_text())
    assert measured["tasks"][0]["episodes"] == 1 and len(measured["episodes"]) == 1

    drive(checkpoint, tmp_path)


def drive(checkpoint, tmp_path):
    """One second of driving through a served policy, in a process of its own."""
    server = LocalPolicyServer(checkpoint, tmp_path / "server.log")
    try:
        server.wait_ready()
        client = PolicyClient(server.url)
        with simulated_aloha(realtime=False, fps=10) as cell:
            assert client.embodiment.differences(cell.robot.embodiment) == []
            loop = ControlLoop(cell.robot)
            loop.drive(PolicyAgent(client, client.tasks[0], background=False))
            ticks = []
            for _ in range(50):
                ticks.append(loop.tick())
                cell.world.wait_until(ticks[-1].observation.timestamp + 0.02)
            assert loop.failure is None
            sent = np.stack([tick.action for tick in ticks])
            assert np.ptp(sent, axis=0).max() > 0.01
        client.close()
    finally:
        server.stop()
