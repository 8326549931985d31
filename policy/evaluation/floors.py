"""Drivers that look at nothing: the expert above, and the floors that any policy must leave."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hardware.embodiment import Embodiment
from hardware.interfaces import Action, Agent, Observation
from policy.evaluation.driver import Briefing

LEG_SECS = 0.8
"""How long random targets take from one to the next."""

SPREAD = {"rad": 0.4, "m": 0.1, "normalized": 1.0, "unit": 0.5}
"""How far from the present state the next random target may lie, by the channel's unit."""


class Nothing:
    """Leaves the robot where it is."""

    def reset(self) -> None:
        """There is nothing to forget."""

    def act(self, observation: Observation) -> Action | None:  # noqa: ARG002
        """Want nothing."""
        return None


class RandomTargets:
    """Moves smoothly from one random target near the present state to the next, within limits."""

    def __init__(self, body: Embodiment, seed: int) -> None:
        """Raises `ValueError` for a body whose actions are not targets of what it feels."""
        done = [channel.name for channel in body.action_channels]
        if done != [channel.name for channel in body.state_channels]:
            raise ValueError(f"{body.name!r} is not driven by targets of its state: {done}.")
        self._body, self._seed = body, seed
        self._spread = np.array([SPREAD[c.unit] for c in body.action_channels], np.float32)
        self.reset()

    def reset(self) -> None:
        """Begin the same motion again."""
        self._rng = np.random.default_rng(self._seed)
        self._leg: tuple[float, Action, Action] | None = None

    def act(self, observation: Observation) -> Action | None:
        """Return where the present leg is now."""
        now, state = observation.timestamp, observation.state
        if self._leg is None:
            self._leg = now, state, self._near(state)
        elif now - self._leg[0] >= LEG_SECS - 1e-6:
            self._leg = now, self._leg[2], self._near(state)
        began, source, target = self._leg
        done = (now - began) / LEG_SECS
        share = np.float32(done * done * (3 - 2 * done))
        return np.asarray((1 - share) * source + share * target, np.float32)

    def _near(self, state: Action) -> Action:
        body = self._body
        moved = state + self._spread * self._rng.uniform(-1, 1, len(state))
        return np.asarray(np.clip(moved, body.action_low, body.action_high), np.float32)


@dataclass(frozen=True, slots=True)
class BlindDriver:
    """Needs neither cameras nor words."""

    make: Callable[[Briefing], Agent]
    embodiment: Embodiment | None = None
    cameras: tuple[str, ...] = ()
    look_secs: float = 1.0
    tasks: tuple[str, ...] = ()

    def agent(self, briefing: Briefing) -> Agent:
        """Return who acts in one attempt."""
        return self.make(briefing)


BLIND = ("expert", "nothing", "random")
"""Names of the drivers that look at nothing."""


def blind_driver(name: str, body: Embodiment) -> BlindDriver:
    """The driver of this name, one of `BLIND`, for any attempt with `body`."""
    makers: dict[str, Callable[[Briefing], Agent]] = {
        "expert": lambda briefing: briefing.expert(),
        "nothing": lambda briefing: Nothing(),  # noqa: ARG005
        "random": lambda briefing: RandomTargets(body, briefing.seed),
    }
    return BlindDriver(makers[name])
