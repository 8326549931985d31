"""Time as an agent sees it, counted from the beginning of its attempt. Changes nothing else."""

from dataclasses import replace

from hardware.interfaces import Action, Agent, Observation


class FromZero:
    """An agent for which each attempt begins at time 0, so that it rounds alike in all of them."""

    def __init__(self, agent: Agent, began: float) -> None:
        """`began` is when the attempt did, in seconds on the clock of its observations."""
        self._agent, self._began = agent, began

    def reset(self) -> None:
        """Forget the previous episode."""
        self._agent.reset()

    def act(self, observation: Observation) -> Action | None:
        """Return the agent's action."""
        since = round(observation.timestamp - self._began, 6)
        return self._agent.act(replace(observation, timestamp=since))
