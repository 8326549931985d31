"""Runs attempts, in processes that each keep one driver and one environment open."""

import logging
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from hardware.worker_processes import begin_worker
from policy.evaluation.contender import open_driver
from policy.evaluation.driver import Driver
from policy.evaluation.environment import Environment, Result, Start
from policy.evaluation.environments import open_environment
from policy.evaluation.film import Film
from policy.evaluation.planner import Replanning
from policy.evaluation.request import Request, Rules, check_ticks


@cache
def opened(
    policy: str, env: str, replanning: Replanning, rules: Rules
) -> tuple[Environment, Driver]:
    """The environment and the driver, kept by this process.

    Raises what `open_environment`, `check_ticks` and `open_driver` raise.
    """
    environment, _ = open_environment(env, rules)
    check_ticks(environment, replanning, rules)
    return environment, open_driver(policy, replanning, environment.embodiment)


def attempt(request: Request, start: Start, films: Path | None = None) -> Result:
    """Run one attempt here. One that fails, even only strictly, leaves a film in `films`."""
    environment, driver = opened(request.policy, request.env, request.replanning, request.rules)
    film = None if films is None else Film()
    result = environment.attempt(start, driver, film)
    if film is not None and films is not None and not result.strict and len(film):
        film.save(films / film_name(result))
    return result


def wants_film(result: Result, films: Path) -> bool:
    """Whether `attempt` would have left a film of this result in `films`, and none is there."""
    return not result.strict and not (films / film_name(result)).exists()


def film_name(result: Result) -> str:
    """Task, axis, seed and outcome."""
    start = result.start
    ending = "not-strict" if result.success else result.ending
    parts = (start.task.replace("/", "-"), start.axis or "none", str(start.seed), ending)
    return "_".join((*parts, "swapped") if start.swapped else parts) + ".mp4"


def run(
    request: Request,
    starts: Sequence[Start],
    *,
    workers: int,
    films: Path | None = None,
) -> Generator[Result, None, None]:
    """Yield results as they are finished, computed by so many processes or, for 0, here.

    When an attempt raises, those in progress are finished and yielded first. Raises what it died
    of: `ValueError`, `OSError` or `HardwareError` for what a person can mend.
    """
    if workers <= 0:
        yield from (attempt(request, start, films) for start in starts)
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin)
    try:
        asked = [pool.submit(attempt, request, start, films) for start in starts]
        yield from _as_finished(asked)
    finally:
        pool.shutdown(cancel_futures=True)


def _as_finished(asked: Sequence[Future[Result]]) -> Iterator[Result]:
    failure: BaseException | None = None
    waiting = set(asked)
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            if future.exception() is None:
                yield future.result()
            failure = failure or future.exception()
        if failure is not None:
            waiting = {future for future in waiting if not future.cancel()}
    if failure is not None:
        raise failure


def _begin() -> None:
    begin_worker()
    # What a driver dies of is raised in that process, once and in full.
    logging.getLogger("hardware.control_loop").setLevel(logging.CRITICAL)
