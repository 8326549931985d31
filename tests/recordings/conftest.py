from contextlib import ExitStack

import pytest
from bench import Bench


@pytest.fixture
def make_bench():
    with ExitStack() as benches:
        yield lambda *arguments, **options: benches.enter_context(Bench(*arguments, **options))


@pytest.fixture
def bench(make_bench):
    return make_bench()
