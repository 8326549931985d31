"""A whole workcell in real time, emulated: `PYTHONPATH=. python FILE [SECONDS]`.

Four arms in a process of their own, with the wire's timing, and four folders of pictures at 30 per
second as cameras; the driver is the leaders. Prints how well the loop kept its 50 Hz.
"""

import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emulated_lab import NoRealSense, draw_pictures
from servo_bus.bench import Bench

from hardware.control_loop import ControlLoop
from hardware.workcell.assembly import assemble
from hardware.workcell.examination import examine_arms
from hardware.workcell.file import load_workcell
from hardware.workcell.machine import Machine

CAMERAS = ("cam_high", "cam_low", "cam_left_wrist", "cam_right_wrist")
USB_SECS = 0.0005


def say(words):
    sys.stdout.write(f"{words}\n")


def text(paths):
    lines = ['name = "measured"']
    for arm, port in paths.items():
        side, role = arm.split("_")
        lines += [f"[arms.{arm}]", f'model = "aloha_2023_{role}"', f'role = "{role}"']
        lines += [f'side = "{side}"', f'port = "{port}"', "reply_secs = 0.25"]
    for camera in CAMERAS:
        lines += [f"[cameras.{camera}]", 'kind = "pictures"', f'path = "{camera}"', "fps = 30"]
    return "\n".join(lines)


def main(seconds):
    bench = Bench(wire=True, usb_secs=USB_SECS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, camera in enumerate(CAMERAS):
            draw_pictures(folder / camera, 40 * number, height=480, width=640)
        (folder / "cell.toml").write_text(text(bench.paths))
        workcell = load_workcell(folder / "cell.toml")
        began = time.monotonic()
        for report in examine_arms(workcell).arms:
            say(report)
        say(f"all arms looked over in {time.monotonic() - began:.2f} s")
        run(assemble(workcell, machine=Machine(realsense=NoRealSense)), seconds)
    bench.close()


def run(cell, seconds):
    began, end = time.monotonic(), threading.Event()
    with cell, cell.robot, ThreadPoolExecutor(1) as control:
        say(f"everything opened in {time.monotonic() - began:.2f} s")
        loop = ControlLoop(cell.robot)
        turning = control.submit(loop.run, end)
        loop.drive(cell.teleoperator)
        used = time.process_time()
        end.wait(seconds)
        used = time.process_time() - used
        end.set()
        turning.result()
        state, reason = cell.robot.gate.state, cell.robot.gate.reason
    kept = loop.timeliness()
    say(
        f"{kept.turns} turns in {seconds:.0f} s, {kept.missed} missed, late p50 "
        f"{1e3 * kept.late_p50_secs:.2f} p99 {1e3 * kept.late_p99_secs:.2f} max "
        f"{1e3 * kept.late_max_secs:.2f} ms; {100 * used / seconds:.0f} % of a core; "
        f"gate {state} {reason}"
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
