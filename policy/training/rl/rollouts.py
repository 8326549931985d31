"""Episodes of the exploring policy in simulation, in processes that live over all rounds."""

import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from hardware.control_loop import ControlLoop
from hardware.simulated_aloha import SimulatedAloha, simulated_aloha
from hardware.simulation.attempt import attempt
from hardware.simulation.language import instruct, wordings
from hardware.simulation.seeds import VALIDATION_SEED
from hardware.simulation.tasks.catalogue import EVERY_FAMILY, Scenario, scenario, task_ids
from hardware.simulation.tasks.task import Outcome
from hardware.worker_processes import begin_worker
from policy.agent import PolicyAgent
from policy.first_look import live
from policy.from_zero import FromZero
from policy.model.checkpoint import Checkpoint
from policy.training.rl.explorer import Decision, Explorer
from policy.training.rl_options import RLOptions


@dataclass(frozen=True, slots=True)
class Asked:
    """One episode that a process is to run."""

    base: Path
    weights: Path
    """What was trained so far."""
    options: RLOptions
    task: str
    seed: tuple[int, int, int]
    """Of the job, number of the round, number of the episode: all that chance depends on."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One episode and its decisions, in order."""

    task: str
    outcome: Outcome
    seconds: float
    """Simulated."""
    decisions: tuple[Decision, ...]

    @property
    def reward(self) -> float:
        """1 for success, as physics judges it; nothing else is rewarded."""
        return float(self.outcome is Outcome.SUCCESS)


def limit_secs(task: str, options: RLOptions) -> float:
    """Simulated seconds that an episode of `task`, a kind or the id of one, may take."""
    if options.seconds is not None:
        return options.seconds
    kind = EVERY_FAMILY[task] if task in EVERY_FAMILY else task_ids()[task][0]
    return kind.limit_secs


class _Actor:
    """A policy and a world, kept by a process from one episode to the next."""

    def __init__(self, base: Path, options: RLOptions) -> None:
        checkpoint = Checkpoint.load(base)
        checkpoint.model.cast(torch.float32)  # as it is trained
        if torch.cuda.is_available():
            checkpoint.model.to("cuda")
        self._options, self._told = options, frozenset(checkpoint.tasks)
        self._explorer = Explorer(checkpoint, options)
        # A picture is due exactly when a plan is, so that every plan sees the present.
        self._simulation = _simulation(live(checkpoint.model.config.image_sizes), options)
        self._loaded: tuple[str, int] | None = None

    def load(self, weights: Path) -> None:
        """Take what was trained, if that has changed."""
        written = (str(weights), weights.stat().st_mtime_ns)
        if written != self._loaded:
            trained = torch.load(weights, map_location="cpu", weights_only=True)
            self._explorer.checkpoint.model.load_state_dict(trained, strict=False)
            self._loaded = written

    def run(self, asked: Asked) -> Rollout:
        """Act as `policy.evaluate` does, noise aside. Raises what the driver died of."""
        options, rng = self._options, np.random.default_rng(asked.seed)
        robot, world = self._simulation.robot, self._simulation.world
        drawn = scenario(asked.task, int(rng.integers(VALIDATION_SEED)))
        world.set_out(drawn.layout)
        robot.gate.forget()  # another scene: nothing is held from the last
        robot.gate.reset()
        instruction = self._say(drawn, rng)
        self._explorer.begin(rng)
        loop = ControlLoop(robot)
        replan = options.replan_secs - 1e-6
        agent = PolicyAgent(self._explorer, instruction, replan_secs=replan, background=False)
        loop.drive(FromZero(agent, world.now()))
        found = attempt(loop, world, drawn.task, limit_secs=limit_secs(asked.task, options))
        if found.failure is not None:
            raise found.failure
        decisions = tuple(self._explorer.decisions(found.secs))
        return Rollout(drawn.task.id, found.outcome, found.secs, decisions)

    def _say(self, drawn: Scenario, rng: np.random.Generator) -> str:
        """Tell the task in words that the base was trained on, if it was on any."""
        known = [words for words in wordings(drawn.task) if words in self._told]
        return known[rng.integers(len(known))] if known else instruct(drawn.task, drawn.layout, rng)


@cache
def _simulation(cameras: tuple[str, ...], options: RLOptions) -> SimulatedAloha:
    opened = simulated_aloha(
        realtime=False, cameras=cameras, height=480, width=640, fps=1 / options.replan_secs
    )
    return opened.__enter__()


@cache
def _actor(base: Path, options: RLOptions) -> _Actor:
    return _Actor(base, options)


def run_episode(asked: Asked) -> Rollout:
    """Run one episode in this process."""
    actor = _actor(asked.base, asked.options)
    actor.load(asked.weights)
    return actor.run(asked)


def _start() -> None:
    begin_worker()
    torch.set_num_threads(1)


class Rollouts:
    """Runs rounds of episodes, each from a start of its own; tasks take turns over all rounds."""

    def __init__(self, base: Path, options: RLOptions, tasks: tuple[str, ...], seed: int) -> None:
        self._base, self._options, self._tasks, self._seed = base, options, tasks, seed
        self._pool: ProcessPoolExecutor | None = None

    @property
    def longest_secs(self) -> float:
        """Simulated time that no episode is longer than."""
        return max(limit_secs(task, self._options) for task in self._tasks)

    @contextmanager
    def open(self) -> Iterator["Rollouts"]:
        """Keep processes ready; without workers, episodes run in this one."""
        if not self._options.workers:
            yield self
            return
        spawn = get_context("spawn")
        with ProcessPoolExecutor(self._options.workers, spawn, _start) as self._pool:
            try:
                yield self
            finally:
                self._pool.shutdown(cancel_futures=True)
                self._pool = None

    def round(self, number: int, weights: Path, stop: threading.Event) -> list[Rollout]:
        """The episodes of round `number`, in order; fewer if `stop` is set meanwhile."""
        asked = [
            Asked(
                *(self._base, weights, self._options),
                self._tasks[(number * self._options.episodes + n) % len(self._tasks)],
                (self._seed, number, n),
            )
            for n in range(self._options.episodes)
        ]
        if self._pool is None:
            return [run_episode(episode) for episode in asked if not stop.is_set()]
        pending = [self._pool.submit(run_episode, episode) for episode in asked]
        return _gather(pending, stop)


def _gather(episodes: list[Future[Rollout]], stop: threading.Event) -> list[Rollout]:
    while True:
        done, running = wait(episodes, timeout=0.5, return_when=FIRST_EXCEPTION)
        failed = any(episode.exception() for episode in done if not episode.cancelled())
        if stop.is_set() or failed or not running:
            break
    for episode in episodes:
        episode.cancel()
    return [episode.result() for episode in episodes if not episode.cancelled()]
