"""Episodes as a command line names them: by index, or by conditions."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from recordings.history import version_of
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

    def chosen(self, dataset: Path) -> tuple[list[int], str | None]:
        """Return the episodes meant, and the version of the dataset that was looked at for them.

        Raises `ValueError` when neither way was used.
        """
        if not self.episodes and not self.where:
            raise ValueError("Name episodes by their index, or give a condition with --where.")
        seen = version_of(dataset)  # first: an edit while conditions are looked up is noticed
        found = set(select(Source(dataset), self.where)) if self.where else set(self.episodes)
        return sorted(found & set(self.episodes) if self.episodes else found), seen
