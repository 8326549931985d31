"""The Data tab: the datasets, their episodes, and one episode to watch, replay or mend."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from studio.curation import Curation
from studio.desk import Desk
from studio.pages.quiet import QUIET
from studio.parts import heading, watching_part

Shown = tuple[int, Any, gr.Dropdown, str, gr.Dropdown]
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
    chosen = gr.State(-1)
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
            _mending(desk, curation, parts)
    _looking(desk, curation, parts, tab)
    replay.click(_replaying(desk), [dataset, chosen], **QUIET)
    act = _acting(desk, curation)
    undo.click(act(curation.undo), parts.place, parts.shown, **QUIET)
    redo.click(act(curation.redo), parts.place, parts.shown, **QUIET)
    restore.click(act(curation.restore), [*parts.place, trash], parts.shown, **QUIET)


def _looking(desk: Desk, curation: Curation, parts: Parts, tab: gr.Tab) -> None:
    def refresh(name: str | None, words: str) -> tuple[gr.Dropdown, str, gr.Dropdown]:
        names = desk.episodes.datasets()
        known = [value for _, value in names]
        shown = name if name in known else next(iter(known), None)
        listed, deleted = _listed(desk, curation, shown, words)
        return gr.Dropdown(choices=names, value=shown), listed, deleted

    def watch(name: str, event: gr.EventData) -> tuple[int, str]:
        number = int(event.episode)
        with desk.notices.reporting("This episode cannot be shown"):
            return number, desk.episodes.to_watch(name, number)
        return -1, ""

    def narrow(name: str | None, words: str) -> tuple[str, gr.Dropdown]:
        return _listed(desk, curation, name, words)

    asked, lists = [parts.dataset, parts.where], [parts.episodes, parts.trash]
    tab.select(refresh, asked, [parts.dataset, *lists], **QUIET)
    parts.dataset.input(narrow, asked, lists, **QUIET)
    parts.where.submit(narrow, asked, lists, **QUIET)
    parts.episodes.choose(watch, parts.dataset, [parts.chosen, parts.film], **QUIET)


def _mending(desk: Desk, curation: Curation, parts: Parts) -> None:
    """Lay out what can be done to the chosen episode."""
    act = _acting(desk, curation)
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

    def on_find(name: str | None, number: int) -> tuple[float, float]:
        with desk.notices.reporting(""):
            return curation.waiting(name, number)
        return 0.0, 0.0

    for button, edit, values, keeps in (
        (good, partial(curation.mark, success=True), [], True),
        (bad, partial(curation.mark, success=False), [], True),
        (retask, curation.retask, [task], True),
        (delete, curation.delete, [], False),
        (trim, curation.trim, [head, tail], False),
        (cut, curation.split, [at], False),
    ):
        handler = act(edit, keeps=keeps)
        button.click(handler, [*parts.place, *values], parts.shown, **QUIET)
    find.click(on_find, [parts.dataset, parts.chosen], [head, tail], **QUIET)


def _secs(label: str, name: str) -> gr.Number:
    return gr.Number(0, label=label, minimum=0, elem_id=name, min_width=120)


def _acting(desk: Desk, curation: Curation) -> Callable[..., Callable[..., Shown]]:
    """Return what makes a handler of an edit: it is ordered, told of, and the lists are new.

    After an edit that `keeps` the episodes where they are, the chosen one is still shown.
    """

    def act(edit: Callable[..., str], *, keeps: bool = False) -> Callable[..., Shown]:
        def on_click(
            request: gr.Request, name: str | None, where: str, number: int, *values: object
        ) -> Shown:
            desk.order(request, lambda: desk.notices.add(edit(name, number, *values)))
            film = gr.skip() if keeps else ""
            datasets = gr.Dropdown(choices=desk.episodes.datasets(), value=name)
            return number if keeps else -1, film, datasets, *_listed(desk, curation, name, where)

        return on_click

    return act


def _listed(
    desk: Desk, curation: Curation, name: str | None, words: str
) -> tuple[str, gr.Dropdown]:
    with desk.notices.reporting("The episodes cannot be listed"):
        deleted = curation.trash(name)
        first = deleted[0][1] if deleted else None
        return desk.episodes.listing(name, words), gr.Dropdown(choices=deleted, value=first)
    return "[]", gr.Dropdown(choices=[], value=None)


def _replaying(desk: Desk) -> Callable[[str | None, int, gr.Request], None]:
    def on_replay(name: str | None, number: int, request: gr.Request) -> None:
        desk.order(request, lambda: _replay(desk, name, number))

    return on_replay


def _replay(desk: Desk, name: str | None, number: int) -> None:
    if not name or number < 0:
        raise ValueError("Choose an episode to replay first.")
    desk.station.replay(desk.episodes.replay(name, number), f"replay of {name}, episode {number}")
