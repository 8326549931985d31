"""Episodes as a command line names them: by index, or by conditions."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from recordings.selection import select
from recordings.source import Source

Numbers = tyro.conf.Positional[tuple[int, ...]]
Where = tyro.conf.UseAppendAction[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Episodes by their index, or by conditions that all hold, or both."""

    episodes: Numbers = ()
    """Indices, counted from 0."""
    where: Where = ()
    """A condition such as 'secs<2', 'verdict=poor', 'task~cube', 'tags=slow', 'success=no';
    several must all hold. `list` shows the fields."""

    def indices(self, dataset: Path) -> list[int]:
        """Return the episodes meant. Raises `ValueError` when neither way was used."""
        if not self.episodes and not self.where:
            raise ValueError("Name episodes by their index, or give a condition with --where.")
        found = set(select(Source(dataset), self.where)) if self.where else set(self.episodes)
        return sorted(found & set(self.episodes)) if self.episodes else sorted(found)
