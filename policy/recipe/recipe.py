"""What a checkpoint is made of, as data: demonstrations, stages, measurements. Runs nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Scale = Literal["smoke", "laptop", "gpu"]
"""Everything in a few minutes on tiny numbers; two cores and hours; one large GPU and half an
hour."""

RESERVED = ("questions", "release")
"""Names of steps that no part of a recipe may have."""


@dataclass(frozen=True, slots=True)
class Demonstrations:
    """One dataset of `recordings.generate`."""

    name: str
    """Of its folder, and of the step that fills it."""
    task: str
    """A kind of task, one task, or a standard one."""
    episodes: int
    seed: int = 10_000
    disturbed: float = 0.35
    """Share of episodes (0..1) that begin beside the way."""
    driver: str | None = None
    """Stage whose checkpoint drives first, before the expert takes over: corrections. The expert
    alone if None."""
    options: tuple[str, ...] = ()
    """Further options of `recordings.generate`, as on its command line."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One job of `policy.train`."""

    name: str
    request: Mapping[str, Any]
    """Fields of `TrainRequest`, but for `base`, `mixture`, `threads` and `workers`."""
    base: str | None = None
    """Stage to start from; random weights if None."""
    shown: Mapping[str, int | float] = field(default_factory=dict)
    """Weight in every batch of each set of demonstrations, by its name."""
    told: Mapping[str, int | float] = field(default_factory=dict)
    """Weight of `grounding` and of `questions` about simulated scenes."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of `policy.evaluate` with the checkpoint that the recipe ends in."""

    name: str
    env: str
    episodes: int
    """Starts per task and axis."""
    axis: str = "none"
    swap: bool = False
    options: tuple[str, ...] = ()
    """Further options of `policy.evaluate`, as on its command line."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that one checkpoint follows from.

    Raises `ValueError` for two parts of one name, and for a name that nothing has.
    """

    name: str
    demonstrations: tuple[Demonstrations, ...]
    stages: tuple[Stage, ...]
    """In the order of training; the last one's checkpoint is released."""
    measurements: tuple[Measurement, ...]
    questions: int = 0
    """How many `policy.ask` puts to the checkpoint; 0 leaves it out."""
    camera: str = "cam_high"
    """What demonstrations show and the network looks at."""
    views: tuple[str, ...] = ()
    """What else the network is shown of that camera (`policy.first_look`)."""

    def __post_init__(self) -> None:
        known = set(RESERVED)
        for name, needed in self._parts():
            if name in known:
                raise ValueError(f"Two parts of recipe {self.name!r} are called {name!r}.")
            missing = [each for each in needed if each not in known]
            if missing:
                raise ValueError(
                    f"{name!r} in recipe {self.name!r} needs {missing}; before it there are "
                    f"{sorted(known - set(RESERVED))}."
                )
            known.add(name)
        if not self.stages:
            raise ValueError(f"Recipe {self.name!r} trains nothing: give it a stage.")

    @property
    def released(self) -> str:
        """The stage whose checkpoint is measured and released."""
        return self.stages[-1].name

    def _parts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Every part with what it needs, each after what it may need."""
        waiting = list(self.demonstrations)
        yield from ((shown.name, ()) for shown in waiting if shown.driver is None)
        trained: set[str] = set()
        for stage in self.stages:
            corrected = [shown for shown in waiting if shown.driver in trained]
            waiting = [shown for shown in waiting if shown.driver not in trained]
            yield from ((shown.name, (str(shown.driver),)) for shown in corrected)
            base = () if stage.base is None else (stage.base,)
            yield stage.name, (*base, *stage.shown)
            trained.add(stage.name)
        yield from ((left.name, (left.driver,)) for left in waiting if left.driver is not None)
        yield from ((measured.name, ()) for measured in self.measurements)
