"""What the Data tab lists and shows. Changes nothing."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from studio.curation import Curation
from studio.episodes import Episodes
from studio.notices import EXPECTED, Notices

logger = logging.getLogger(__name__)

Chosen = tuple[int, str | None]
"""The episode that is looked at, and the version of its dataset that was looked at."""
NOT_CHOSEN: Chosen = (-1, None)

SHOW = {
    "all": "",
    "fit for training": "verdict!=poor, success!=no",
    "poorly recorded": "verdict=poor",
    "succeeded": "success=yes",
    "failed": "success=no",
    "not judged yet": "success=unknown",
    "with an intervention": "intervened_share>0",
}
"""What is asked for most, and the conditions that ask for it."""


class Lists(NamedTuple):
    """What is listed of a dataset, and what can be taken back there."""

    episodes: Any
    trash: Any
    restore: Any
    undo: Any
    redo: Any


class Shown(NamedTuple):
    """What an edit changes: the episode chosen and its film, datasets, and lists."""

    chosen: Any
    film: Any
    dataset: Any
    episodes: Any
    trash: Any
    restore: Any
    undo: Any
    redo: Any


class Watched(NamedTuple):
    """What choosing an episode changes."""

    chosen: Any
    film: Any
    task: Any
    tags: Any


NOTHING_NEW = Lists(*5 * [gr.skip()])
NOTHING_WATCHED = Watched(NOT_CHOSEN, "", "", "")


@dataclass(frozen=True, slots=True)
class Looking:
    """Reads for the tab. Another dataset's episode is not chosen, nor shown, any more."""

    episodes: Episodes
    curation: Curation
    notices: Notices

    def refresh(self, name: str | None, where: str, show: str = "") -> Shown:
        """Look up the datasets anew, and list one: `name` if it is still there."""
        return self._anew(name, lambda shown: self.listed(shown, where, show))

    def _anew(self, name: str | None, lists: Callable[[str | None], Lists]) -> Shown:
        names = self.episodes.datasets()
        known = [value for _, value in names]
        shown = name if name in known else next(iter(known), None)
        chosen, film = (gr.skip(), gr.skip()) if shown == name else (NOT_CHOSEN, "")
        datasets = gr.Dropdown(choices=names, value=shown)
        return Shown(chosen, film, datasets, *lists(shown))

    def look_again(self, name: str | None, where: str, show: str = "") -> Shown:
        """Refresh because something was told; what is wrong with the conditions was said before."""
        return self._anew(name, lambda shown: self._quietly(shown, where, show))

    def switch(self, name: str | None, where: str, show: str = "") -> Shown:
        """List the dataset `name` instead of another."""
        return Shown(NOT_CHOSEN, "", gr.skip(), *self.listed(name, where, show))

    def choose(self, name: str, event: gr.EventData) -> Watched:
        """Show the episode that was chosen from the list."""
        return self.watch(name, int(event.episode))

    def watch(self, name: str, number: int) -> Watched:
        """Show an episode."""
        with self.notices.reporting("This episode cannot be shown"):
            version = self.episodes.version(name)  # first: an edit meanwhile is noticed
            film = self.episodes.to_watch(name, number)
            return Watched((number, version), film, *self.curation.said_of(name, number))
        return NOTHING_WATCHED

    def listed(self, name: str | None, where: str, show: str = "") -> Lists:
        """List the episodes of a dataset of which conditions hold, and what can be taken back."""
        with self.notices.reporting("The episodes cannot be listed"):
            return self._lists(name, where, show)
        return NOTHING_NEW

    def _quietly(self, name: str | None, where: str, show: str) -> Lists:
        try:
            return self._lists(name, where, show)
        except EXPECTED as error:
            logger.info("The episodes are not listed anew: %s", error)
            return NOTHING_NEW

    def _lists(self, name: str | None, where: str, show: str) -> Lists:
        deleted, (undo, redo) = self.curation.trash(name), self.curation.reach(name)
        first = deleted[0][1] if deleted else None
        return Lists(
            self.episodes.listing(name, ",".join(part for part in (where, show) if part)),
            gr.Dropdown(choices=deleted, value=first, visible=bool(deleted)),
            gr.Button(visible=bool(deleted)),
            gr.Button(f"Undo: {undo}", visible=bool(undo)),
            gr.Button(f"Redo: {redo}", visible=bool(redo)),
        )
