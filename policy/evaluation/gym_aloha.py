"""The two standard ALOHA tasks as a benchmark, in their makers' Gymnasium environment.

Physics, reset and reward are the package gym-aloha's own, through `gymnasium.make`, and so is the
official success: full reward (4) at any of 400 steps of 50 Hz. It fires on a touch, so a strict
one stands beside it, judged where the 400 steps end (`hardware.simulation.standard.success`).
There are no official starts: start s is `reset(seed=s)`. Nothing stands between a driver's wish and
`step`, no safety gate either: what breaks the physics fails the attempt. Pictures are drawn when
the driver looks, and cheaper than the stock ones (`hardware.simulation.standard.drawing` says how
they differ) unless stock ones are asked for.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from dm_control.rl.control import PhysicsError

from hardware.aloha import CONTROL_HZ, aloha_embodiment
from hardware.embodiment import Embodiment
from hardware.simulation.standard.attempt import Eyes, drive
from hardware.simulation.standard.drawing import CheapDrawing, Drawing, StockDrawing
from hardware.simulation.standard.expert import standard_expert
from hardware.simulation.standard.success import Judge, Verdict
from hardware.simulation.standard.task import (
    STANDARD_TASKS,
    STEPS,
    StandardTask,
    standard_task,
)
from hardware.simulation.standard.world import StandardWorld
from policy.evaluation.driver import Briefing, Driver, chance_of
from policy.evaluation.environment import Ending, Result, Start
from policy.evaluation.film import Film
from policy.evaluation.request import Rules
from policy.instructions import examples

logger = logging.getLogger(__name__)

FILM_CAMERA = "cam_low"
"""The environment's `angle`, from the front."""

CHEAP_SIZE, STOCK_SIZE = (240, 320), (480, 640)
"""Height and width of what drivers look at: as demonstrations are drawn, and as upstream."""


class GymAloha:
    """Tasks are the Gymnasium ids."""

    def __init__(self, rules: Rules) -> None:
        self._stock = rules.stock_rendering
        limit = STEPS / CONTROL_HZ if rules.limit_secs is None else rules.limit_secs
        self._steps = round(limit * CONTROL_HZ)
        self._worlds: dict[StandardTask, StandardWorld] = {}
        self._drawings: dict[StandardTask, Drawing] = {}

    @property
    def name(self) -> str:
        """As `--env` calls it."""
        return "gym_aloha"

    @property
    def tasks(self) -> tuple[str, ...]:
        """Both, by their Gymnasium ids."""
        return tuple(STANDARD_TASKS)

    @property
    def axes(self) -> tuple[str, ...]:
        """Only the words can be made unlike in training: the scene is the makers'."""
        return ("instruction",)

    @property
    def swaps(self) -> bool:
        """A scene of theirs has one task."""
        return False

    @property
    def embodiment(self) -> Embodiment:
        """The simulated ALOHA; `cam_high` is the environment's `top`, `cam_low` its `angle`."""
        height, width = STOCK_SIZE if self._stock else CHEAP_SIZE
        return aloha_embodiment(height=height, width=width)

    @property
    def tick_secs(self) -> float:
        """The environment's step."""
        return 1 / CONTROL_HZ

    @property
    def tells_wrong(self) -> bool:
        """The reward knows nothing of wrong objects or arms."""
        return False

    def require_known(self, task: str) -> None:
        """Raise `ValueError` listing what there is if `task` is not one of `tasks`."""
        standard_task(task)

    def select(self, trained: Sequence[str]) -> tuple[str, ...]:
        """Tasks of which some wording was trained; both without `trained`.

        Raises `ValueError` when none was.
        """
        known = set(trained)
        found = tuple(name for name, task in STANDARD_TASKS.items() if known & set(task.wordings))
        if trained and not found:
            raise ValueError(
                f"The policy was trained on neither of {list(self.tasks)}, only on: "
                f"{'; '.join(examples(trained, 8))}. Name one with --env to measure it "
                "all the same."
            )
        return found or self.tasks

    def attempt(self, start: Start, driver: Driver, film: Film | None) -> Result:
        """Run one attempt to its end; see `Environment`."""
        task = standard_task(start.task)
        world = self._world(task)
        world.reset(start.seed)
        rng = np.random.default_rng([start.seed, 2])
        known = _known(task, driver.tasks)
        briefing = Briefing(
            _say(task, start.axis, known, rng),
            chance_of(start.seed),
            any_words=start.axis is not None or not known,
            expert=lambda: standard_expert(world, np.random.default_rng([start.seed, 3])),
        )
        verdict = self._watch(world, driver, briefing, film)
        ending = Ending.SUCCESS if verdict.official else Ending.TIME_OUT
        secs = verdict.secs if verdict.secs is not None else world.now()
        return Result(start, task.id, briefing.instruction, ending, verdict.strict, round(secs, 2))

    def _watch(
        self, world: StandardWorld, driver: Driver, briefing: Briefing, film: Film | None
    ) -> Verdict:
        judge = Judge()
        ticks = drive(world, driver.agent(briefing), self._eyes(world, driver), steps=self._steps)
        try:
            for _ in ticks:
                judge.watch(world)
                if film is not None and film.due(world.now()):
                    picture = self._drawing(world).picture(
                        FILM_CAMERA, height=film.height, width=film.width
                    )
                    film.add(picture)
        except PhysicsError as error:
            logger.warning("The driver broke the physics at %.2f s: %s", world.now(), error)
            return replace(judge.verdict(), strict=False)  # as it stood, and it does not last
        return judge.verdict()

    def _eyes(self, world: StandardWorld, driver: Driver) -> Eyes | None:
        if not driver.cameras:
            return None
        height, width = STOCK_SIZE if self._stock else CHEAP_SIZE
        every = max(round(driver.look_secs * CONTROL_HZ), 1)
        drawing = self._drawing(world)
        return Eyes(drawing, driver.cameras, every=every, height=height, width=width)

    def _world(self, task: StandardTask) -> StandardWorld:
        if task not in self._worlds:
            self._worlds[task] = StandardWorld(task)
        return self._worlds[task]

    def _drawing(self, world: StandardWorld) -> Drawing:
        if world.task not in self._drawings:
            kind = StockDrawing if self._stock else CheapDrawing
            self._drawings[world.task] = kind(world)
        return self._drawings[world.task]


def _known(task: StandardTask, trained: Sequence[str]) -> list[str]:
    """Return those wordings of `task` that were trained."""
    every = frozenset(trained)
    return [words for words in task.wordings if words in every]


def _say(task: StandardTask, axis: str | None, known: list[str], rng: np.random.Generator) -> str:
    """Tell the task: in words that were trained, where there are any, but on `instruction`."""
    if axis == "instruction" or not known:
        return task.instruct(rng, unseen=axis == "instruction")
    return known[int(rng.integers(len(known)))]
