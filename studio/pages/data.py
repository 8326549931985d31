"""The Data tab: the datasets, their episodes, and one episode to watch, replay or mend."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from studio.curation import Curation
from studio.desk import Desk
from studio.episodes import Episodes
from studio.notices import Notices
from studio.pages.quiet import QUIET
from studio.parts import heading, watching_part

Chosen = tuple[int, str | None]
"""The episode that is looked at, and the version of its dataset that was looked at."""
NOT_CHOSEN: Chosen = (-1, None)

Shown = tuple[Any, Any, gr.Dropdown, str, gr.Dropdown]
"""After an edit: the episode chosen and its film, datasets, the list, and the trash."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the handlers read and fill."""

    dataset: gr.Dropdown
    where: gr.Textbox
    episodes: gr.HTML
    film: gr.HTML
    trash: gr.Dropdown
    chosen: gr.State

    @property
    def place(self) -> list[gr.Dropdown | gr.Textbox | gr.State]:
        """Which episode is meant, and how the list is narrowed down."""
        return [self.dataset, self.where, self.chosen]

    @property
    def shown(self) -> list[gr.State | gr.HTML | gr.Dropdown]:
        """What an edit changes."""
        return [self.chosen, self.film, self.dataset, self.episodes, self.trash]


def build_data_tab(desk: Desk, tab: gr.Tab) -> None:
    """Lay out the list on the left and the episode on the right."""
    chosen = gr.State(NOT_CHOSEN)
    with gr.Row(elem_id="data"):
        with gr.Column(elem_classes="card", elem_id="episode-list", min_width=0):
            heading("Episodes")
            dataset = gr.Dropdown(
                [], value=None, label="of the dataset", elem_id="data-dataset", filterable=False
            )
            where = gr.Textbox(
                label="where", placeholder="secs<2, verdict=poor, task~cube", elem_id="data-where"
            )
            episodes = watching_part("episodes")
            with gr.Row():
                undo = gr.Button("Undo", size="sm", elem_id="edit-undo")
                redo = gr.Button("Redo", size="sm", elem_id="edit-redo")
            trash = gr.Dropdown(
                [], value=None, label="deleted", elem_id="edit-trash", filterable=False
            )
            restore = gr.Button("Take it back", size="sm", elem_id="edit-restore")
        with gr.Column(elem_classes="card", elem_id="episode", min_width=0):
            film = watching_part("episode")
            replay = gr.Button("Replay on the robot", elem_id="replay")
            parts = Parts(dataset, where, episodes, film, trash, chosen)
            curation = Curation(desk.catalogue, desk.record)
            looking = Looking(desk.episodes, curation, desk.notices)
            _mending(desk, looking, parts)
    _looking(looking, parts, tab)
    replay.click(_replaying(desk), [dataset, chosen], **QUIET)
    act = _acting(desk, looking)
    undo.click(act(Curation.undo), parts.place, parts.shown, **QUIET)
    redo.click(act(Curation.redo), parts.place, parts.shown, **QUIET)
    restore.click(act(Curation.restore), [*parts.place, trash], parts.shown, **QUIET)


@dataclass(frozen=True, slots=True)
class Looking:
    """What is listed and shown. Another dataset's episode is not chosen, nor shown, any more."""

    episodes: Episodes
    curation: Curation
    notices: Notices

    def refresh(self, name: str | None, where: str) -> Shown:
        """Look up the datasets anew, and list one: `name` if it is still there."""
        names = self.episodes.datasets()
        known = [value for _, value in names]
        shown = name if name in known else next(iter(known), None)
        chosen, film = (gr.skip(), gr.skip()) if shown == name else (NOT_CHOSEN, "")
        datasets = gr.Dropdown(choices=names, value=shown)
        return chosen, film, datasets, *self.listed(shown, where)

    def switch(self, name: str | None, where: str) -> tuple[Chosen, str, str, gr.Dropdown]:
        """List the dataset `name` instead of another."""
        return NOT_CHOSEN, "", *self.listed(name, where)

    def watch(self, name: str, event: gr.EventData) -> tuple[Chosen, str]:
        """Show the episode that was chosen from the list."""
        number = int(event.episode)
        with self.notices.reporting("This episode cannot be shown"):
            version = self.episodes.version(name)  # first: an edit meanwhile is noticed
            return (number, version), self.episodes.to_watch(name, number)
        return NOT_CHOSEN, ""

    def listed(self, name: str | None, where: str) -> tuple[str, gr.Dropdown]:
        """List the episodes of a dataset of which conditions hold, and its trash."""
        with self.notices.reporting("The episodes cannot be listed"):
            deleted = self.curation.trash(name)
            first = deleted[0][1] if deleted else None
            return self.episodes.listing(name, where), gr.Dropdown(choices=deleted, value=first)
        return "[]", gr.Dropdown(choices=[], value=None)


def _looking(looking: Looking, parts: Parts, tab: gr.Tab) -> None:
    asked, lists = [parts.dataset, parts.where], [parts.episodes, parts.trash]
    tab.select(looking.refresh, asked, parts.shown, **QUIET)
    parts.dataset.input(looking.switch, asked, [parts.chosen, parts.film, *lists], **QUIET)
    parts.where.submit(looking.listed, asked, lists, **QUIET)
    parts.episodes.choose(looking.watch, parts.dataset, [parts.chosen, parts.film], **QUIET)


def _mending(desk: Desk, looking: Looking, parts: Parts) -> None:
    """Lay out what can be done to the chosen episode."""
    act = _acting(desk, looking)
    with gr.Accordion("Mend this episode", open=False, elem_id="mend"):
        with gr.Row():
            good = gr.Button("It succeeded", size="sm", elem_id="edit-success")
            bad = gr.Button("It failed", size="sm", elem_id="edit-failure")
            delete = gr.Button("Delete", size="sm", elem_id="edit-delete")
        with gr.Row():
            task = gr.Textbox(label="other words", elem_id="edit-task", scale=3)
            retask = gr.Button("Say these", size="sm", elem_id="edit-retask", min_width=90)
        with gr.Row():
            head = _secs("off the start, s", "edit-start")
            tail = _secs("off the end, s", "edit-end")
            find = gr.Button("Find waiting", size="sm", elem_id="edit-find", min_width=90)
            trim = gr.Button("Trim", size="sm", elem_id="edit-trim", min_width=90)
        with gr.Row():
            at = _secs("a new episode from, s", "edit-at")
            cut = gr.Button("Split", size="sm", elem_id="edit-split", min_width=90)

    def on_find(name: str | None, chosen: Chosen) -> tuple[float, float]:
        with desk.notices.reporting(""):
            return looking.curation.waiting(name, chosen[0])
        return 0.0, 0.0

    for button, edit, values, keeps in (
        (good, partial(Curation.mark, success=True), [], True),
        (bad, partial(Curation.mark, success=False), [], True),
        (retask, Curation.retask, [task], True),
        (delete, Curation.delete, [], False),
        (trim, Curation.trim, [head, tail], False),
        (cut, Curation.split, [at], False),
    ):
        handler = act(edit, keeps=keeps)
        button.click(handler, [*parts.place, *values], parts.shown, **QUIET)
    find.click(on_find, [parts.dataset, parts.chosen], [head, tail], **QUIET)


def _secs(label: str, name: str) -> gr.Number:
    return gr.Number(0, label=label, minimum=0, elem_id=name, min_width=120)


def _acting(desk: Desk, looking: Looking) -> Callable[..., Callable[..., Shown]]:
    """Return what makes a handler of an edit: it is ordered, told of, and the lists are new.

    After an edit that `keeps` the episodes where they are, the chosen one is still shown; so it
    is when the edit was refused.
    """

    def act(edit: Callable[..., str], *, keeps: bool = False) -> Callable[..., Shown]:
        def on_click(
            request: gr.Request, name: str | None, where: str, chosen: Chosen, *values: object
        ) -> Shown:
            number, version = chosen
            seen = looking.curation.as_seen(version)
            done: list[str] = []
            desk.order(request, lambda: done.append(edit(seen, name, number, *values)))
            for words in done:
                desk.notices.add(words)
            film: Any = gr.skip()
            if done:
                chosen = (number, desk.episodes.version(name)) if keeps else NOT_CHOSEN
                film = film if keeps else ""
            datasets = gr.Dropdown(choices=desk.episodes.datasets(), value=name)
            return chosen, film, datasets, *looking.listed(name, where)

        return on_click

    return act


def _replaying(desk: Desk) -> Callable[[str | None, Chosen, gr.Request], None]:
    def on_replay(name: str | None, chosen: Chosen, request: gr.Request) -> None:
        desk.order(request, lambda: _replay(desk, name, chosen))

    return on_replay


def _replay(desk: Desk, name: str | None, chosen: Chosen) -> None:
    number, version = chosen
    if not name or number < 0:
        raise ValueError("Choose an episode to replay first.")
    if version != desk.episodes.version(name):
        raise ValueError("This dataset was edited meanwhile. Choose the episode again.")
    desk.station.replay(desk.episodes.replay(name, number), f"replay of {name}, episode {number}")
