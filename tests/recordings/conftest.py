import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest
from bench import Bench
from plain_reading import PlainDataset

from recordings.check import check


@pytest.fixture
def make_bench():
    with ExitStack() as benches:
        yield lambda *arguments, **options: benches.enter_context(Bench(*arguments, **options))


@pytest.fixture
def bench(make_bench):
    return make_bench()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Five episodes of 10 to 14 rows at 25 fps, two per data file."""
    folder = tmp_path_factory.mktemp("recorded") / "d"
    with pytest.MonkeyPatch.context() as patch, Bench() as bench:
        patch.setattr("recordings.parquet_tail.EPISODES_PER_FILE", 2)
        bench.recorder.open_dataset(folder, fps=25)
        for number in range(5):
            bench.record(f"task {number % 2}", ticks=20 + 2 * number)
    return folder


@pytest.fixture
def dataset(recorded, tmp_path):
    """What was recorded, to be edited; whatever a test does to it leaves it right."""
    folder = Path(shutil.copytree(recorded, tmp_path / "d"))
    yield folder
    PlainDataset(folder).require_right()
    assert check(folder).problems == []
