"""Notes who drives and what a policy plans, for the episodes that are saved. Keeps no rows."""

import threading
from dataclasses import replace
from pathlib import Path

from hardware.control_loop import Tick
from hardware.interfaces import Agent
from policy.agent import PolicyAgent
from policy.interface import ActionChunk
from recordings.drives import Plan, Span, keep_drives
from recordings.history import version_of
from recordings.lookback import SECS
from recordings.marks import Marks, mark
from recordings.recorder import Recorder
from studio.history import History, Outcome
from studio.replay import ReplayAgent
from studio.status import Driver

JUDGED = {Outcome.DONE: True, Outcome.FAILED: False}
"""What a person said of an instruction, said of the one recording that shows it."""

KEPT_SECS = SECS + 5.0
"""Noted of the time before an episode, which may be kept although nobody recorded it."""
SAME_SECS = 1e-6
"""Moments no further apart are the same: a row's is kept as time since the first one."""
SAVING_SECS = 30.0
"""Longer than an episode takes to save; until then nothing of it is forgotten."""


class DriveLog:
    """A control-loop listener, told of every tick after the recorder; waits for no disk.

    Times are on the robot's clock until an episode is kept.
    """

    def __init__(self, recorder: Recorder, history: History) -> None:
        self._recorder = recorder
        self._history = history
        self._lock = threading.Lock()
        self._driver: Agent | None = None
        self._chunk: ActionChunk | None = None
        self._spans: list[tuple[Span, int | None]] = []
        self._plans: list[Plan] = []
        self._recorded_at = -SAVING_SECS

    def __call__(self, tick: Tick) -> None:
        """Note one turn of the control loop."""
        now = tick.observation.timestamp
        with self._lock:
            if not self._spans or tick.driver is not self._driver:
                self._driver, self._chunk = tick.driver, None
                self._spans.append(self._span(tick.driver, now))
            self._note_plan(tick.driver, now)
            if self._recorder.recording:
                self._recorded_at = now
            elif now - self._recorded_at > SAVING_SECS:
                self._forget_before(now - KEPT_SECS)

    def keep(self, dataset: Path, episode: int, operator: str = "") -> None:
        """An episode was saved: keep what was noted of it, and which instructions it shows."""
        span = self._recorder.saved_span
        if span is None:
            return
        began, last = span[0], span[1] + SAME_SECS
        with self._lock:
            noted = [each for each in self._spans if each[0].from_secs <= last]
            plans = [plan for plan in self._plans if plan.taken_secs <= last]
            if not self._recorder.recording:
                self._recorded_at = -SAVING_SECS
        first = max((n for n, (span, _) in enumerate(noted) if span.from_secs <= began), default=0)
        spans = [_shifted(span, began) for span, _ in noted[first:]]
        played = [
            replace(
                plan, observed_secs=plan.observed_secs - began, taken_secs=plan.taken_secs - began
            )
            for plan, over in zip(plans, _overs(plans, [span for span, _ in noted]), strict=True)
            if over > began
        ]
        keep_drives(dataset, episode, spans, played, operator)
        self._link([told for _, told in noted[first:] if told is not None], dataset, episode)

    def _link(self, told: list[int], dataset: Path, episode: int) -> None:
        self._history.show(told, (dataset.name, episode), version_of(dataset))
        shown = [each for each in self._history.newest_first() if each.number in told]
        if len(shown) == 1 and shown[0].outcome in JUDGED:  # while it was being saved, or before
            mark(dataset, episode, Marks(success=JUDGED[shown[0].outcome]))

    def _span(self, driver: Agent | None, now: float) -> tuple[Span, int | None]:
        """Return who drives from now on, and the number of the instruction."""
        match driver:
            case None:
                return Span(now, Driver.NOBODY), None
            case PolicyAgent():
                told = next(iter(self._history.newest_first()), None)
                name = told.policy if told else ""
                number = told.number if told else None
                return Span(now, Driver.POLICY, driver.task, name), number
            case ReplayAgent():
                return Span(now, Driver.REPLAY), None
            case _:
                return Span(now, Driver.PERSON), None

    def _note_plan(self, driver: Agent | None, now: float) -> None:
        chunk = driver.chunk if isinstance(driver, PolicyAgent) else None
        if chunk is not None and chunk is not self._chunk:
            self._chunk = chunk
            self._plans.append(Plan(chunk.observed_at, now, chunk.hz, chunk.actions))

    def _forget_before(self, moment: float) -> None:
        """Forget what was over before `moment`."""
        while len(self._spans) > 1 and self._spans[1][0].from_secs < moment:
            del self._spans[0]
        while self._plans and self._plans[0].taken_secs < moment:
            del self._plans[0]


def _overs(plans: list[Plan], spans: list[Span]) -> list[float]:
    """Return when each plan was over: at its end, at the next one, or with its driver's span."""
    moments = [plan.taken_secs for plan in plans] + [span.from_secs for span in spans]
    found = []
    for plan in plans:
        ends = plan.observed_secs + (len(plan.actions) - 1) / plan.hz
        found.append(min([ends, *(each for each in moments if each > plan.taken_secs)]))
    return found


def _shifted(span: Span, began: float) -> Span:
    return replace(span, from_secs=max(0.0, span.from_secs - began))
