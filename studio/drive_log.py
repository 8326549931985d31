"""Notes who drives and what a policy plans while an episode is recorded. Keeps no rows."""

from dataclasses import dataclass, field
from pathlib import Path

from hardware.control_loop import Tick
from hardware.interfaces import Agent
from policy.agent import PolicyAgent
from policy.interface import ActionChunk
from recordings.drives import Plan, Span, keep_drives
from recordings.history import version_of
from recordings.marks import Marks, mark
from recordings.recorder import Recorder
from studio.history import History, Outcome
from studio.replay import ReplayAgent
from studio.status import Driver

JUDGED = {Outcome.DONE: True, Outcome.FAILED: False}
"""What a person said of an instruction, said of the one recording that shows it."""


@dataclass(slots=True)
class Noted:
    """What was noted of one episode."""

    began: float
    """When its first row was, on the robot's clock."""
    driver: Agent | None = None
    chunk: ActionChunk | None = None
    spans: list[Span] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    """Numbers of the instructions that were carried out meanwhile."""


class DriveLog:
    """A control-loop listener, told of every tick after the recorder; waits for nothing."""

    def __init__(self, recorder: Recorder, history: History) -> None:
        self._recorder = recorder
        self._history = history
        self._noted: Noted | None = None

    def __call__(self, tick: Tick) -> None:
        """Note one turn of the control loop, if an episode is open."""
        began = self._recorder.began
        if began is None:
            return
        noted = self._noted
        if noted is None or noted.began != began:
            noted = self._noted = Noted(began)
        now = tick.observation.timestamp - began
        if not noted.spans or tick.driver is not noted.driver:
            noted.driver, noted.chunk = tick.driver, None
            noted.spans.append(self._span(noted, now))
        self._note_plan(noted, now)

    def keep(self, dataset: Path, episode: int) -> None:
        """An episode was saved: keep what was noted of it, and which instructions it shows."""
        noted, self._noted = self._noted, None
        if noted is None:
            return
        keep_drives(dataset, episode, noted.spans, noted.plans)
        self._history.show(noted.told, (dataset.name, episode), version_of(dataset))
        shown = [each for each in self._history.newest_first() if each.number in noted.told]
        if len(shown) == 1 and shown[0].outcome in JUDGED:  # while it was being saved, or before
            mark(dataset, episode, Marks(success=JUDGED[shown[0].outcome]))

    def _span(self, noted: Noted, now: float) -> Span:
        match noted.driver:
            case None:
                return Span(now, Driver.NOBODY)
            case PolicyAgent():
                told = self._history.newest_first()[:1]
                noted.told += [each.number for each in told if each.number not in noted.told]
                name = told[0].policy if told else ""
                return Span(now, Driver.POLICY, noted.driver.task, name)
            case ReplayAgent():
                return Span(now, Driver.REPLAY)
            case _:
                return Span(now, Driver.PERSON)

    def _note_plan(self, noted: Noted, now: float) -> None:
        chunk = noted.driver.chunk if isinstance(noted.driver, PolicyAgent) else None
        if chunk is not None and chunk is not noted.chunk:
            noted.chunk = chunk
            observed = chunk.observed_at - noted.began
            noted.plans.append(Plan(observed, now, chunk.hz, chunk.actions))
