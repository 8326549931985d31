"""One workcell file, two programs: both changes are there, or one is refused in words."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from hardware.durable_file import FileTakenError, change_text, only_writer

ROOT = Path(__file__).parents[2]

ADDS = """
import sys
from pathlib import Path
from hardware.durable_file import change_text

path, name = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    change_text(path, lambda text: f"{text}{name}{number}\\n")
"""

HOLDS = """
import sys
from pathlib import Path
from hardware.durable_file import only_writer

with only_writer(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.readline()
"""


def program(text, *args):
    """Another program, about to do what `text` says."""
    running = subprocess.Popen(
        [sys.executable, "-c", text, *map(str, args)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout.readline() == "ready\n"
    return running


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "cell.toml"
    path.write_text("")
    return path


def test_what_two_programs_change_at_once_is_all_there(path):
    both = [program(ADDS, path, name) for name in "ab"]
    for each in both:
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in both:
        each.communicate()
        assert each.returncode == 0
    wanted = {f"{name}{number}" for name in "ab" for number in range(20)}
    assert set(path.read_text().split()) == wanted
    assert list(path.parent.iterdir()) == [path]


def test_a_program_that_keeps_the_file_to_itself_is_told_of_and_its_death_frees_it(path):
    other = program(HOLDS, path)
    began = time.monotonic()
    with (
        pytest.raises(FileTakenError, match=r"changing cell\.toml for 0\.1 s.*Nothing was written"),
        only_writer(path, patience_secs=0.1),
    ):
        pass
    assert time.monotonic() - began < 5
    other.kill()
    other.communicate()
    change_text(path, lambda text: text + "ours\n")
    assert path.read_text() == "ours\n"


def test_who_holds_the_file_may_change_it(path):
    with only_writer(path):
        change_text(path, lambda text: text + "once\n")
        change_text(path, lambda text: text + "twice\n")
    assert path.read_text() == "once\ntwice\n"
