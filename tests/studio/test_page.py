"""The whole studio as a person meets it: the real app, in a real browser."""

import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from small_policy_server import policy_server
from small_robot import WAVE
from waiting import wait_for

from hardware.aloha import aloha_embodiment
from hardware.safety.press import SAME_PRESS_SECS

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SLOW_MS = 90_000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt install chromium")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    port, log = free_port(), folder / "log.txt"
    with (
        ThreadPoolExecutor() as executor,
        policy_server(aloha_embodiment(), executor) as policy,
        log.open("w") as output,
    ):
        command = [sys.executable, "app.py", "--port", str(port), "--policy", policy]
        process = subprocess.Popen(
            [*command, "--data", str(folder / "data")],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=output,
        )
        try:
            wait_for(lambda: process.poll() is not None or "is at http" in log.read_text(), 120)
            assert process.poll() is None, log.read_text()
            yield f"http://127.0.0.1:{port}", log
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, log.read_text()
            assert "Traceback" not in log.read_text()
        finally:
            process.kill()


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(studio, chromium):
    """Open the page in one more browser; all are closed at the end, which frees the seat."""
    contexts = []

    def open_one():
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 720}))
        page = contexts[-1].new_page()
        page.set_default_timeout(SLOW_MS)
        expect.set_options(timeout=SLOW_MS)
        page.goto(studio[0])
        expect(page.locator(".tile:not(.waiting)")).to_have_count(4)
        return page

    yield open_one
    for context in contexts:
        context.close()


def body_says(page, **wanted):
    for name, value in wanted.items():
        expect(page.locator("body")).to_have_attribute(f"data-{name}", value)


def test_a_person_goes_once_around_the_studio(open_page):
    page = open_page()
    four_cameras_are_live(page)
    another_table_is_laid_out(page)
    an_unknown_instruction_is_refused(page)
    an_instruction_runs_until_the_space_bar(page)
    a_demonstration_is_recorded_by_hand(page)
    the_episode_is_watched_and_replayed(page)
    a_policy_is_corrected_by_hand_and_judged(page)
    the_correction_is_looked_at_and_mended(page)
    page.get_by_role("tab", name="Train").click()
    dataset = page.locator("#train-dataset input")
    expect(dataset).to_have_value(re.compile("demonstrations · 2 episodes,"))


def four_cameras_are_live(page):
    for camera in range(4):
        seen = f"window.vlaLatency.filter(([index]) => index === {camera}).length"
        page.wait_for_function(f"{seen} >= 5")
    # The clocks' offset is known to half a round trip, which on a busy machine's start is long.
    ages = [age for _, age in page.evaluate("window.vlaLatency")]
    assert 0 < statistics.median(ages) < 30_000


def another_table_is_laid_out(page):
    for words in ("pegs", "drawer"):
        before = corner_of_the_table(page)
        page.click("#table input")
        page.get_by_role("option", name=words, exact=True).click()
        page.click("#new-scene")
        page.wait_for_function(f"({CORNER}).toString() !== '{before}'")


CORNER = """(() => {
  const seen = document.createElement('canvas').getContext('2d');
  seen.drawImage(document.querySelector('.tile canvas, .tile img'), 0, 0, 64, 64);
  return seen.getImageData(0, 0, 64, 64).data.filter((_, n) => n % 97 === 0).map((v) => v >> 5);
})()"""


def corner_of_the_table(page):
    return page.evaluate(f"({CORNER}).toString()")


def an_unknown_instruction_is_refused(page):
    page.fill("#instruction textarea", "make coffee")
    page.click("#run")
    expect(page.locator(".notices")).to_contain_text(f"trained on: {WAVE}")
    body_says(page, driver="nobody")


def an_instruction_runs_until_the_space_bar(page):
    page.locator(".suggestions button", has_text=WAVE).click()
    page.click("#run")
    body_says(page, driver="policy", gate="active")
    expect(page.locator(".now")).to_contain_text(WAVE)
    page.wait_for_function(PATHS_DRAWN)
    page.locator("h2").first.click()
    page.keyboard.press("Space")
    body_says(page, gate="stopped", driver="nobody")
    expect(page.locator("#part-history .history")).to_contain_text("stopped")
    newest = page.locator("#part-events li").first
    expect(newest).to_contain_text(re.compile(r"\d\d:\d\d:\d\dperson: .* pressed Stop\.stopped"))
    page.click("[data-part=reset]")
    body_says(page, gate="ready")


def a_demonstration_is_recorded_by_hand(page):
    page.click("#take-over")
    body_says(page, driver="person", gate="active")
    page.fill("#instruction textarea", "wave by hand")
    page.click("#record")
    body_says(page, recording="true")
    page.locator("h2").first.click()
    page.keyboard.down("KeyD")
    page.wait_for_timeout(800)
    page.keyboard.up("KeyD")
    hold(page, "[data-ask=up]", 800)
    page.click("#save")
    body_says(page, recording="false")
    page.click("#give-back")
    body_says(page, driver="nobody")


def the_episode_is_watched_and_replayed(page):
    page.get_by_role("tab", name="Data").click()
    page.locator(".episodes button", has_text="wave by hand").click()
    expect(page.locator(".films video")).to_have_count(4)
    page.wait_for_function("document.querySelector('.films video').readyState >= 2")
    page.click("#replay")
    body_says(page, driver="replay")
    page.locator("[data-part=stop]").click()
    body_says(page, gate="stopped")
    page.click("[data-part=reset]")
    body_says(page, gate="ready")


def a_policy_is_corrected_by_hand_and_judged(page):
    page.get_by_role("tab", name="Drive").click()
    page.fill("#instruction textarea", WAVE)
    page.click("#run")
    body_says(page, driver="policy")
    page.click("#record")
    body_says(page, recording="true")
    page.wait_for_timeout(1500)
    page.click("#take-over")
    body_says(page, driver="person", paused="true")
    page.wait_for_timeout(1000)
    page.click("#give-back")
    body_says(page, driver="nobody")
    page.click("#resume")
    body_says(page, driver="policy")
    page.wait_for_timeout(1000)
    page.click("#save")
    body_says(page, recording="false")
    told = page.locator(".history li").first
    told.get_by_role("button", name="It worked").click()
    expect(told.locator(".outcome")).to_have_text("worked")
    body_says(page, driver="nobody")
    told.get_by_role("button", name="Watch demonstrations, episode 1").click()


def the_correction_is_looked_at_and_mended(page):
    expect(page.locator(".episode header")).to_contain_text("demonstrations · episode 1")
    expect(page.locator(".episode header .said.yes")).to_have_text("succeeded")
    for driver in ("policy", "person"):
        expect(page.locator(f".band [data-driver={driver}]").first).to_be_visible()
    expect(page.locator(".plots .plan").first).to_have_attribute("d", re.compile("M.*L"))
    expect(page.locator(".quality-card dl")).to_contain_text("by intervention")
    page.locator(".plots figcaption button", has_text="left waist").click()
    expect(page.locator(".plots .high").first).to_be_visible()

    expect(page.locator("#edit-redo")).to_be_hidden()
    page.get_by_role("button", name="Mend this episode").click()
    page.fill("#edit-tags textarea, #edit-tags input", "corrected, slow")
    page.click("#edit-tag")
    expect(page.locator(".episode header")).to_contain_text("#corrected")
    page.click("#edit-undo")
    expect(page.locator("#edit-redo")).to_be_visible()
    expect(page.locator(".episodes button", has_text="#corrected")).to_have_count(0)


PATHS_DRAWN = """() => [...document.querySelectorAll('.overlay')].every((canvas) =>
  canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((v) => v))"""


def hold(page, selector, msecs):
    box = page.locator(selector).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.wait_for_timeout(msecs)
    page.mouse.up()


def test_a_second_browser_watches_may_stop_and_can_take_the_seat(open_page):
    driver, watcher = open_page(), open_page()
    driver.click("#take-over")
    body_says(driver, seat="mine", driver="person")
    body_says(watcher, seat="theirs")

    watcher.click("#give-back")
    expect(watcher.locator(".notices")).to_contain_text("has the seat")
    body_says(driver, driver="person")
    watcher.locator("[data-part=stop]").click()
    body_says(driver, gate="stopped")
    body_says(watcher, gate="stopped")
    driver.wait_for_timeout((SAME_PRESS_SECS + 0.2) * 1e3)
    watcher.locator("[data-part=stop]").click()
    body_says(driver, gate="lowering")
    watcher.locator("[data-part=stop]").click()
    body_says(driver, gate="stopped")

    watcher.click("[data-part=take-seat]")
    body_says(watcher, seat="mine")
    watcher.click("[data-part=reset]")
    body_says(driver, gate="ready", seat="theirs")


def test_a_port_in_use_is_said_before_anything_starts(studio, tmp_path):
    port = studio[0].rsplit(":", 1)[1]
    command = [sys.executable, "app.py", "--port", port, "--data", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert f"Port {port} is in use" in done.stderr
