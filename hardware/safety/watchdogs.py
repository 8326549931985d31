"""Looks at each turn of the loop for what the gate cannot see: time, cameras, people, motors.

Says what is wrong; the loop tells the gate. Remembers nothing of a driver before the present one.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np

from hardware.embodiment import Embodiment
from hardware.interfaces import Action, Agent, Observation
from hardware.safety.limits import Limits
from hardware.safety.state import Cause
from hardware.safety.vitals import Vitals

SPEED_SECS = 0.1
"""Over which speed is measured: turns of the loop, and ticks of a simulation that runs after lost
time, come in bursts."""


@runtime_checkable
class Looks(Protocol):
    """An agent that acts on what it sees."""

    @property
    def looks_through(self) -> Sequence[str]:
        """The cameras it needs, by name."""


@runtime_checkable
class Tended(Protocol):
    """An agent behind which a person at a browser sits."""

    @property
    def silent_secs(self) -> float | None:
        """Since the browser was last heard of; None before it was, for this driver."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something is wrong."""

    cause: Cause
    reason: str
    channel: str = ""
    """Which one it is about, where it is about one."""


Alarms: TypeAlias = Alarm | None


class Watchdogs:
    """All of them, for one robot. Called by the control loop alone."""

    def __init__(self, body: Embodiment, limits: Limits) -> None:
        self._channels = [channel.name for channel in body.action_channels]
        self._limits = limits
        self.begin(None)

    def begin(self, agent: Agent | None) -> None:
        """`agent` was let in, or nobody drives."""
        self.unburden()
        self._tended = agent if isinstance(agent, Tended) else None
        self._looks = agent if isinstance(agent, Looks) else None
        self._answered_at: float | None = None
        self._lately: deque[Observation] = deque()
        self._marked: dict[str, float] = {}

    def before_asking(self, observation: Observation, late_secs: float | int) -> Alarms:
        """Look at what was seen, before the driver is asked."""
        alarm = (
            self._late(late_secs)
            or self._speed(observation)
            or self._person()
            or self._cameras(observation)
        )
        if self._answered_at is None:
            self._answered_at = observation.timestamp
        return alarm

    def after_asking(self, wanted: Action | None, observation: Observation) -> Alarms:
        """Look at what the driver said."""
        if wanted is not None or self._answered_at is None:
            self._answered_at = observation.timestamp
            return None
        silent = observation.timestamp - self._answered_at
        if silent <= self._limits.patience.agent_secs:
            return None
        return Alarm(Cause.STALE_AGENT, f"Whoever drives has said nothing for {silent:.1f} s.")

    def unburden(self) -> None:
        """A person lets the arms move on: what bears too much has its whole time again."""
        self._strained: dict[str, float] = {}

    def heat(self, arms: Mapping[str, Vitals]) -> Alarms:
        """Look at how warm the motors of each arm are, by the arm's name."""
        for arm, vitals in arms.items():
            for motor, celsius in vitals.celsius.items():
                if celsius > self._limits.strain.celsius:
                    most = self._limits.strain.celsius
                    return Alarm(
                        Cause.TEMPERATURE,
                        f"{arm} {motor} has {celsius:.0f} C, the limit is {most:.0f} C. "
                        "Let it cool down.",
                    )
        return None

    def strain(self, arms: Mapping[str, Vitals], now: float) -> Alarms:
        """Look at what the motors of each arm bear, by the arm's name."""
        over = {
            who: words for arm, vitals in arms.items() for who, words in self._over(arm, vitals)
        }
        self._strained = {who: self._strained.get(who, now) for who in over}
        patience = self._limits.patience.strain_secs
        for who, since in self._strained.items():
            if now - since > patience:
                secs = f"{now - since:.1f} s"
                words = f"{who} {over[who]} for {secs}: something is in the way."
                return Alarm(Cause.CURRENT, words, who.replace(" ", "_"))
        return None

    def _over(self, arm: str, vitals: Vitals) -> Iterator[tuple[str, str]]:
        """Who bears more than its limit, and what, in words."""
        limits = self._limits.strain
        own = dict(limits.amperes_of)
        for motor, amperes in vitals.amperes.items():
            most = own.get(motor, limits.amperes)
            if abs(amperes) > most:
                yield f"{arm} {motor}", f"draws {abs(amperes):.1f} A (limit {most:.1f} A)"
        for joint, torque in vitals.newton_metres.items():
            if abs(torque) > limits.newton_metres:
                most = limits.newton_metres
                yield f"{arm} {joint}", f"bears {abs(torque):.0f} N m (limit {most:.0f} N m)"

    def _late(self, late_secs: float | int) -> Alarms:
        if not self._lately or late_secs <= self._limits.patience.late_secs:
            return None
        return Alarm(
            Cause.MISSED_TICKS,
            f"The loop was {late_secs:.2f} s late: this computer is too busy for the robot.",
        )

    def _speed(self, observation: Observation) -> Alarms:
        now = observation.timestamp
        while len(self._lately) > 1 and now - self._lately[1].timestamp >= SPEED_SECS:
            self._lately.popleft()
        self._lately.append(observation)
        before = self._lately[0]
        secs = max(now - before.timestamp, SPEED_SECS)
        speeds = np.abs(observation.state - before.state) / secs
        worst = int(np.argmax(speeds / self._limits.top_speed))
        if speeds[worst] <= self._limits.top_speed[worst]:
            return None
        return Alarm(
            Cause.SPEED,
            f"{self._channels[worst]} moved at {speeds[worst]:.1f} per second, more than it can "
            f"have been told to (limit {self._limits.top_speed[worst]:.1f}).",
        )

    def _person(self) -> Alarms:
        silent = None if self._tended is None else self._tended.silent_secs
        if silent is None or silent <= self._limits.patience.browser_secs:
            return None
        return Alarm(
            Cause.LOST_BROWSER, f"The browser that drives was not heard of for {silent:.1f} s."
        )

    def _cameras(self, observation: Observation) -> Alarms:
        patience, now = self._limits.patience, observation.timestamp
        marked = self._marked
        self._marked = {}
        needed: Sequence[str] = () if self._looks is None else self._looks.looks_through
        for name in needed:
            frame = observation.frames.get(name)
            if frame is None:
                continue
            if frame.stale:
                self._marked[name] = marked.get(name, now)
            age = now - frame.captured_at
            stale = now - self._marked.get(name, now) > patience.camera_secs
            if stale or age > patience.picture_secs:
                return Alarm(
                    Cause.STALE_CAMERA,
                    f"{name} has shown nothing new for {age:.1f} s, and the driver needs it.",
                )
        return None
