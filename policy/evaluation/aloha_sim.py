"""Our simulated ALOHA as a benchmark: its scenes, its words, its judges, its expert."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from hardware.aloha import aloha_embodiment
from hardware.control_loop import ControlLoop
from hardware.embodiment import Embodiment
from hardware.simulated_aloha import SimulatedAloha, simulated_aloha
from hardware.simulation.experts.expert import expert_for
from hardware.simulation.language import instruct, task_ids_told, wordings
from hardware.simulation.layout import AXES, Layout
from hardware.simulation.tasks.arranging import Stack
from hardware.simulation.tasks.catalogue import (
    EVERY_FAMILY,
    FAMILIES,
    Scenario,
    require_known,
    scenario,
    task_ids,
)
from hardware.simulation.tasks.judge import HELD_TICKS, Judge
from hardware.simulation.tasks.task import Outcome, Task
from hardware.simulation.world import TICK_SECS, World
from policy.evaluation.driver import Briefing, Driver, chance_of
from policy.evaluation.environment import Ending, Result, Start
from policy.evaluation.film import Film
from policy.evaluation.request import Rules
from policy.from_zero import FromZero
from policy.instructions import examples

STRICT_SECS = 0.5
"""For a strict success, the driver drives on so long and at its end what was told is done."""

FILM_CAMERA = "cam_high"

HEIGHT, WIDTH = 480, 640
"""Of what drivers look at, in pixels; they shrink it as they like."""

ENDINGS = {
    Outcome.RUNNING: Ending.TIME_OUT,
    Outcome.SUCCESS: Ending.SUCCESS,
    Outcome.WRONG_OBJECT: Ending.WRONG_OBJECT,
    Outcome.WRONG_ARM: Ending.WRONG_ARM,
}


@dataclass(frozen=True, slots=True)
class Scene:
    """One attempt: what is on the table, what is told, and what the scene was drawn for."""

    layout: Layout
    told: Task
    first: Task


class AlohaSim:
    """Tasks are the kinds of `FAMILIES`, or single ones by id; physics judges, never the policy.

    What the driver wants passes the safety gate, as on the robot.
    """

    def __init__(self, rules: Rules) -> None:
        """Raises `ValueError` for rules that there are none of here."""
        if rules.stock_rendering:
            raise ValueError("aloha_sim is our own: it has no stock rendering.")
        self._limit_secs = rules.limit_secs

    @property
    def name(self) -> str:
        """As `--env` calls it."""
        return "aloha_sim"

    @property
    def tasks(self) -> tuple[str, ...]:
        """Every kind of task; ids of single ones are known, too."""
        return tuple(FAMILIES)

    @property
    def axes(self) -> tuple[str, ...]:
        """After the paper's table of the real ALOHA."""
        return AXES

    @property
    def swaps(self) -> bool:
        """Any scene can be told another task of the same kind."""
        return True

    @property
    def embodiment(self) -> Embodiment:
        """The simulated ALOHA with its four cameras."""
        return aloha_embodiment(height=HEIGHT, width=WIDTH)

    @property
    def tick_secs(self) -> float:
        """That of the robot's control loop."""
        return TICK_SECS

    @property
    def tells_wrong(self) -> bool:
        """The judges see what else is done."""
        return True

    def require_known(self, task: str) -> None:
        """Raise `ValueError` listing what there is if `task` is neither a kind nor an id."""
        require_known(task)

    def select(self, trained: Sequence[str]) -> tuple[str, ...]:
        """Kinds all of whose tasks were trained in some wording; of others the tasks that were.

        Without `trained`, every kind. Raises `ValueError` when none was trained.
        """
        if not trained:
            return self.tasks
        told = set(task_ids_told(trained))
        found: list[str] = []
        for family, kind in EVERY_FAMILY.items():
            every = [name for name, (of, _) in task_ids().items() if of is kind]
            own = [name for name in every if name in told]
            found += [family] if family in told or len(own) == len(every) else own
        if not found:
            raise ValueError(
                "The policy was trained on no task of the simulated ALOHA, only on: "
                f"{'; '.join(examples(trained, 8))}. Name tasks with --env, such as "
                f"{self.tasks[0]}."
            )
        return tuple(found)

    def attempt(self, start: Start, driver: Driver, film: Film | None) -> Result:
        """Run one attempt to its end; see `Environment`."""
        # By the task, too, or all tasks of one scene would be told alike.
        rng = np.random.default_rng([start.seed, 2, zlib.crc32(start.task.encode())])
        trained = frozenset(driver.tasks)
        scene = _scene(start, trained, rng)
        simulation = _simulation(driver.cameras, driver.look_secs)
        world = simulation.world
        world.set_out(scene.layout)
        simulation.robot.gate.forget()  # another scene: nothing is held from the last
        simulation.robot.gate.reset()
        known = _known(scene.told, trained)
        instruction = _say(scene, start.axis, known, rng)
        briefing = Briefing(
            instruction,
            chance_of(start.seed),
            any_words=start.axis is not None or not known,
            expert=lambda: expert_for(scene.told, world, np.random.default_rng([start.seed, 3])),
        )
        loop = ControlLoop(simulation.robot)
        loop.drive(FromZero(driver.agent(briefing), world.now()))
        course = Course(world, loop, film)
        judge, first = Judge(scene.told), Judge(scene.first)
        judges = [judge, first] if start.swapped else [judge]
        limit = scene.told.limit_secs if self._limit_secs is None else self._limit_secs
        secs = course.run(judges, limit)
        strict = judge.outcome is Outcome.SUCCESS and course.lasts(scene.told)
        return Result(
            *(start, scene.told.id, instruction, ENDINGS[judge.outcome], strict, round(secs, 2)),
            first_done=first.outcome is Outcome.SUCCESS if start.swapped else None,
        )


class Course:
    """Ticks of one attempt, filmed."""

    def __init__(self, world: World, loop: ControlLoop, film: Film | None) -> None:
        self._world, self._loop, self._film = world, loop, film
        self._ticks = 0

    def run(
        self, judges: Sequence[Judge], limit_secs: int | float, *, to_the_end: bool = False
    ) -> float:
        """Drive for `limit_secs`, or until one of `judges` saw success or none waits any more.

        Returns simulated seconds. Raises what the driver died of.
        """
        first = self._ticks
        for _ in range(round(limit_secs / TICK_SECS)):
            self._tick()
            outcomes = [judge.watch(self._world) for judge in judges]
            if not to_the_end and (Outcome.SUCCESS in outcomes or Outcome.RUNNING not in outcomes):
                break
        return (self._ticks - first) * TICK_SECS

    def lasts(self, task: Task) -> bool:
        """Whether `task` is done at the end of `STRICT_SECS` more."""
        at_the_end = HELD_TICKS * TICK_SECS
        self.run([], STRICT_SECS - at_the_end, to_the_end=True)
        judge = Judge(task, begun=True)
        self.run([judge], at_the_end, to_the_end=True)
        return judge.outcome is Outcome.SUCCESS

    def _tick(self) -> None:
        film, world = self._film, self._world
        if film is not None and film.due(self._ticks * TICK_SECS):
            film.add(world.render(FILM_CAMERA, film.height, film.width))
        observed_at = self._loop.tick().observation.timestamp
        if self._loop.failure is not None:
            raise self._loop.failure
        world.wait_until(observed_at + TICK_SECS)
        self._ticks += 1


def _scene(start: Start, trained: frozenset[str], rng: np.random.Generator) -> Scene:
    drawn = scenario(start.task, start.seed, start.axis)
    told = _other(drawn, trained, rng) if start.swapped else drawn.task
    return Scene(drawn.layout, told, drawn.task)


def _other(drawn: Scenario, trained: frozenset[str], rng: np.random.Generator) -> Task:
    """Another task of the same kind in the same scene, not done on the way to the first.

    One that was trained, if any was; about other things, if there is one.
    """
    first = drawn.task
    others = [
        task
        for task in type(first).every(drawn.layout)
        if task != first and not _begun_alike(task, first)
    ]
    apart = [task for task in others if not set(task.things) & set(first.things)]
    trained_ones = ([task for task in tasks if _known(task, trained)] for tasks in (apart, others))
    drawable = next(filter(None, (*trained_ones, apart, others)), None)
    if drawable is None:
        raise ValueError(f"Nothing else of the kind of {first.id!r} can be told in its scene.")
    return drawable[int(rng.integers(len(drawable)))]


def _begun_alike(task: Task, other: Task) -> bool:
    """Whether doing the one does the other on the way, as a stack that is built on further."""
    if not (isinstance(task, Stack) and isinstance(other, Stack)):
        return False
    return all(low == high for low, high in zip(task.order, other.order, strict=False))


def _known(task: Task, trained: frozenset[str]) -> list[str]:
    """Return those wordings of `task` that were trained."""
    return [words for words in wordings(task) if words in trained]


def _say(scene: Scene, axis: str | None, known: list[str], rng: np.random.Generator) -> str:
    """Tell the task: in words that were trained, where there are any, but on `instruction`."""
    if axis == "instruction":
        return instruct(scene.told, scene.layout, rng, unseen=True)
    if known:
        return known[int(rng.integers(len(known)))]
    return instruct(scene.told, scene.layout, rng)


@cache
def _simulation(cameras: tuple[str, ...], look_secs: float) -> SimulatedAloha:
    opened = simulated_aloha(
        realtime=False, cameras=cameras, height=HEIGHT, width=WIDTH, fps=1 / look_secs
    )
    return opened.__enter__()
