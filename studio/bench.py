"""Measures this machine with everything on: `python -m studio.bench`.

Starts the real studio and a real headless Chromium beside it: a policy drives (if there is a
checkpoint), four cameras are watched, an episode is recorded and saved every so often.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import tyro
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]

START_SECS = 180.0

EPISODE_SECS = 30.0

PAGE_MS = 120_000

DRAIN = """() => {
  const last = window.vlaLive.last;
  return {ages: window.vlaLatency.splice(0), state: last.state, slow: last.slow};
}"""


class ProcessorUse:
    """Processor seconds of the studio, its children, and the browser, since this was made."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._before = self._read()

    def percent(self) -> dict[str, float]:
        """Return percent of one core, by kind of process."""
        secs = time.monotonic() - self._since
        now = self._read()
        return {
            name: round(100 * (used - self._before.get(name, 0.0)) / secs, 1)
            for name, used in now.items()
        }

    def _read(self) -> dict[str, float]:
        used: dict[str, float] = {}
        for process in psutil.Process().children(recursive=True):
            name = self._name(process)
            if name is not None:
                times = process.cpu_times()
                used[name] = used.get(name, 0.0) + times.user + times.system
        return used

    def _name(self, process: psutil.Process) -> str | None:
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            return None  # it ended while we looked
        kinds = {"policy.serve": "policy server", "chromium": "browser", "app.py": "studio"}
        return next((kind for word, kind in kinds.items() if word in words), None)


@contextmanager
def studio(data: Path, policy: str | None) -> Iterator[str]:
    """Run the studio on a free port; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "app.py", "--port", str(port), "--data", str(data)]
    log = data / "studio.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command + (["--policy", policy] if policy else []),
            cwd=ROOT,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + START_SECS
        while "is at http" not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The studio did not start.\n{log.read_text()}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def drive(page: Page, policy: str | None) -> bool:
    """Run the first instruction that the policy knows; return whether there was one."""
    state = "['ready', 'failed'].includes(window.vlaLive.last.slow.policy.state)"
    wanted = policy is not None or (ROOT / "policy" / "pretrained" / "nano").is_dir()
    if not wanted:
        return False
    page.wait_for_function(state)
    if page.locator(".suggestions button").count() == 0:
        return False
    page.locator(".suggestions button").first.click()
    page.click("#run")
    page.wait_for_selector("body[data-driver=policy]")
    return True


def record(page: Page) -> None:
    """Start an episode."""
    if not page.input_value("#instruction textarea"):
        page.fill("#instruction textarea", "measured by the bench")
    page.click("#record")
    page.wait_for_selector("body[data-recording=true]")


def save(page: Page) -> float:
    """Save the episode; return the seconds from the click to the page saying so."""
    start = time.monotonic()
    page.click("#save")
    page.wait_for_selector("body[data-recording=false]")
    return time.monotonic() - start


def watch(page: Page, secs: float) -> tuple[list[dict[str, Any]], list[float]]:
    """Drain the page's figures about once a second; return them, and how long each save took."""
    end = time.monotonic() + secs
    drained, saves = [], []
    page.evaluate(DRAIN)
    while time.monotonic() < end:
        record(page)
        next_save = min(time.monotonic() + EPISODE_SECS, end)
        while time.monotonic() < next_save:
            page.wait_for_timeout(1000)
            drained.append(page.evaluate(DRAIN))
        saves.append(save(page))
    return drained, saves


def summarize(
    drained: list[dict[str, Any]], saves: list[float], secs: float, num_cameras: int
) -> dict[str, Any]:
    """Turn what was drained into the figures that are reported."""
    samples = np.array([sample for each in drained for sample in each["ages"]])
    plans = [each["state"]["plan_secs"] for each in drained if each["state"]["plan_secs"]]
    cell = drained[-1]["slow"]["cell"]
    return {
        "secs": round(secs, 1),
        "camera_fps": [
            round(float((samples[:, 0] == index).sum() / secs), 2) for index in range(num_cameras)
        ],
        "camera_to_canvas_ms": _percentiles(samples[:, 1], (50, 95, 99)),
        "loop": {name: cell[name] for name in cell if name not in ("cameras", "cpu_percent")},
        "loop_hz": _percentiles([each["state"]["hz"] for each in drained], (5, 50)),
        "plan_ms": _percentiles([plan * 1e3 for plan in plans], (50, 95)) if plans else None,
        "save_ms": _percentiles([save * 1e3 for save in saves], (50, 100)),
        "dropped_pictures": max(each["state"]["recording"]["dropped"] for each in drained),
    }


def _percentiles(values: Any, which: tuple[int, ...]) -> dict[str, float]:  # noqa: ANN401 - array-like
    return {f"p{each}": round(float(np.percentile(values, each)), 1) for each in which}


def measure(browser: Browser, minutes: float, policy: str | None) -> dict[str, Any]:
    """Start the studio, look at it for `minutes` with everything on, and return the figures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        studio(Path(folder), policy) as address,
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(PAGE_MS)
        page.goto(address)
        page.wait_for_function("document.querySelectorAll('.tile:not(.waiting)').length > 0")
        page.wait_for_function("window.vlaLive.last.slow")
        driven = drive(page, policy)
        use, start = ProcessorUse(), time.monotonic()
        drained, saves = watch(page, minutes * 60)
        secs = time.monotonic() - start
        cameras = page.locator(".tile").count()
        return {
            "policy_drives": driven,
            **summarize(drained, saves, secs, cameras),
            "processor_percent_of_a_core": use.percent(),
            "cores": psutil.cpu_count(),
            "load_average": psutil.getloadavg(),
        }


def main(json: Path | None = None, minutes: float = 1.0, policy: str | None = None) -> None:
    """Measure the studio on this machine with everything on.

    Args:
        json: File to write the figures to, beside printing them.
        minutes: How long to measure.
        policy: Checkpoint folder or ws:// address; the shipped checkpoint by default.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("The bench needs a browser. Run: sudo apt-get install -y chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        figures = measure(browser, minutes, policy)
        browser.close()
    text = dumps(figures, indent=2) + "\n"
    sys.stdout.write(text)
    if json is not None:
        json.write_text(text)


if __name__ == "__main__":
    tyro.cli(main)
