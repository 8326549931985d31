"""`python app.py --workcell FILE` on emulated arms: the real program, asked over HTTP."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from emulated_lab import emulated_lab, until, workcell_text
from websockets.sync.client import connect

from hardware.workcell.problem import WorkcellError
from studio.workcell_rig import opened_rig

ROOT = Path(__file__).parents[2]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def lab(tmp_path):
    with emulated_lab(tmp_path) as lab:
        (tmp_path / "bench.toml").write_text(workcell_text(lab))
        yield lab


def start(lab, port, log):
    files = ["--workcell", str(lab.root / "bench.toml"), "--data", str(lab.root / "data")]
    return subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port), *files],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=log,
        stderr=log,
    )


def message(page, kind):
    """The next message of a kind; pictures come between them."""
    while True:
        said = page.recv(60)
        if isinstance(said, str) and (read := json.loads(said))["type"] == kind:
            return read


def test_the_studio_runs_on_a_workcell(lab, tmp_path):
    port, log = free_port(), tmp_path / "log.txt"
    with log.open("w") as output:
        process = start(lab, port, output)
    try:
        until(lambda: process.poll() is not None or "is at http" in log.read_text(), 200)
        assert process.poll() is None, log.read_text()
        address = f"http://127.0.0.1:{port}"
        assert httpx.get(address, timeout=60).status_code == 200
        with connect(f"ws://127.0.0.1:{port}/live", origin=address) as page:
            hello = message(page, "hello")
            assert hello["name"] == "bench" and hello["body"] == "ALOHA"
            assert hello["hand"] == "leaders" and hello["can_rearrange"] is False
            state = message(page, "state")
            assert state["joints"][1] == pytest.approx(-1.8, abs=0.01)
            assert {"cam_high", "cam_left_wrist"} <= set(message(page, "slow")["cell"]["cameras"])
            stopped = httpx.post(f"{address}/stop", headers={"Origin": address}, timeout=60)
            assert stopped.status_code == 204
            until(lambda: message(page, "state")["gate"] == "stopped", 60)
        assert lab.buses["left_follower"][1].peek("torque_enable") == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
    held = {name: bus[2].peek("torque_enable") for name, bus in lab.buses.items()}
    assert held == {name: int("follower" in name) for name in lab.buses}  # stopped, so not lowered
    assert "hold where they are" in log.read_text()


def test_a_workcell_that_is_not_ready_is_refused_with_all_that_is_wrong(lab):
    lab.buses["left_leader"].cut_power()
    lab.buses["right_follower"].unplug()
    lab.port("right_follower").unlink()
    with (
        pytest.raises(WorkcellError) as caught,
        opened_rig(str(lab.root / "bench.toml"), list.append),
    ):
        pass
    assert "left_leader: No motor answers" in str(caught.value)
    assert "right_follower: there is nothing at" in str(caught.value)
    assert [bus[1].peek("torque_enable") for bus in lab.buses.values()] == [0, 0, 0, 0]


def test_without_leaders_the_page_drives_two_vipers_and_nobody_one(lab):
    path = lab.root / "bench.toml"
    arms = path.read_text().split("[arms.")
    two, one = "[arms.".join(arms[:3]), "[arms.".join(arms[:2])
    for text, hand, tag in ((two, "page", "ALOHA"), (one, "nobody", "ViperX 300 S")):
        path.write_text(text)
        with opened_rig(str(path), list.append) as rig:
            assert rig.hand == hand
            assert rig.robot.embodiment.robot_tag == tag
            assert len(rig.robot.gate.limits.rest) == 7 * len(rig.cell.arms)
    with pytest.raises(ValueError, match="Nobody can drive this workcell by hand"):
        rig.teleoperator.reset()
