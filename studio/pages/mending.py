"""What can be done to episodes in the Data tab: orders, each one edit that can be taken back."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from studio.curation import Curation
from studio.desk import Desk
from studio.pages.looking import NOT_CHOSEN, Chosen, Looking, Shown
from studio.pages.quiet import QUIET

Handler = Callable[..., Shown]


@dataclass(frozen=True, slots=True)
class Order:
    """A button, the edit that it orders, and what that is told."""

    button: gr.Button
    edit: Callable[..., str]
    values: list[Any]
    keeps: bool = False
    """Whether every episode stays where it is, so that the chosen one is still shown."""


@dataclass(frozen=True, slots=True)
class Mending:
    """The fields that say something of the chosen episode, and every order."""

    task: gr.Textbox
    tags: gr.Textbox
    head: gr.Number
    tail: gr.Number
    find: gr.Button
    orders: list[Order]


def build_judging() -> list[Order]:
    """Lay out the two buttons that are pressed most, within a row."""
    good = gr.Button("It succeeded", size="sm", elem_id="edit-success")
    bad = gr.Button("It failed", size="sm", elem_id="edit-failure")
    return [
        Order(good, partial(Curation.mark, success=True), [], keeps=True),
        Order(bad, partial(Curation.mark, success=False), [], keeps=True),
    ]


def build_mending() -> Mending:
    """Lay out what can be done to the chosen episode."""
    with gr.Accordion("Mend this episode", open=False, elem_id="mend"):
        with gr.Row():
            task = gr.Textbox(label="its words", elem_id="edit-task", scale=3)
            retask = gr.Button("Say these", size="sm", elem_id="edit-retask", min_width=90)
        with gr.Row():
            tags = gr.Textbox(
                label="its tags", placeholder="slow, dropped once", elem_id="edit-tags", scale=3
            )
            tag = gr.Button("Tag", size="sm", elem_id="edit-tag", min_width=90)
        with gr.Row():
            head = _secs("off the start, s", "edit-start")
            tail = _secs("off the end, s", "edit-end")
            find = gr.Button("Find waiting", size="sm", elem_id="edit-find", min_width=90)
            trim = gr.Button("Trim", size="sm", elem_id="edit-trim", min_width=90)
        with gr.Row():
            at = _secs("a new episode from, s", "edit-at")
            cut = gr.Button("Split", size="sm", elem_id="edit-split", min_width=90)
            delete = gr.Button("Delete this episode", size="sm", elem_id="edit-delete")
    orders = [
        Order(retask, Curation.retask, [task], keeps=True),
        Order(tag, Curation.tag, [tags], keeps=True),
        Order(delete, Curation.delete, []),
        Order(trim, Curation.trim, [head, tail]),
        Order(cut, Curation.split, [at]),
    ]
    return Mending(task, tags, head, tail, find, orders)


def build_whole(where: gr.Textbox, show: gr.Dropdown) -> tuple[gr.Dropdown, list[Order]]:
    """Lay out what can be done to a whole dataset; return the others that there are, and orders."""
    with gr.Accordion("Merge, or copy what is listed", open=False, elem_id="whole"):
        with gr.Row():
            other = gr.Dropdown(
                [], value=None, label="add all of", elem_id="merge-other", filterable=False, scale=3
            )
            merge = gr.Button("Merge", size="sm", elem_id="edit-merge", min_width=90)
        with gr.Row():
            name = gr.Textbox(label="copy the listed ones to", elem_id="copy-name", scale=3)
            copy = gr.Button("Copy", size="sm", elem_id="edit-copy", min_width=90)
    return other, [
        Order(merge, Curation.merge, [other], keeps=True),
        Order(copy, Curation.copy, [where, show, name], keeps=True),
    ]


def build_taking_back() -> tuple[list[Any], list[Order]]:
    """Lay out trash, undo and redo, which are there only when there is something to take back."""
    with gr.Row(elem_classes="taking-back"):
        undo = gr.Button("Undo", size="sm", elem_id="edit-undo", visible=False)
        redo = gr.Button("Redo", size="sm", elem_id="edit-redo", visible=False)
    with gr.Row(elem_classes="taking-back"):
        trash = gr.Dropdown(
            [],
            value=None,
            label="deleted",
            elem_id="edit-trash",
            filterable=False,
            visible=False,
            scale=3,
        )
        restore = gr.Button("Take it back", size="sm", elem_id="edit-restore", visible=False)
    return [trash, restore, undo, redo], [
        Order(undo, Curation.undo, []),
        Order(redo, Curation.redo, []),
        Order(restore, Curation.restore, [trash]),
    ]


def _secs(label: str, name: str) -> gr.Number:
    return gr.Number(0, label=label, minimum=0, elem_id=name, min_width=120)


def bind(
    desk: Desk, looking: Looking, orders: list[Order], place: list[Any], shown: list[Any]
) -> None:
    """Let every button carry out its order; the lists are new afterwards."""
    for order in orders:
        order.button.click(_handler(desk, looking, order), [*place, *order.values], shown, **QUIET)


def _handler(desk: Desk, looking: Looking, order: Order) -> Handler:
    """Return what carries out an order: as an order, told of, and the lists are new.

    When it was refused, the chosen episode is still shown.
    """

    def on_click(
        request: gr.Request,
        name: str | None,
        where: str,
        show: str,
        chosen: Chosen,
        *values: object,
    ) -> Shown:
        number, version = chosen
        seen, before = looking.curation.as_seen(version), desk.episodes.version(name)
        done: list[str] = []
        desk.order(request, lambda: done.append(order.edit(seen, name, number, *values)))
        for words in done:
            desk.notices.add(words)
        if done and order.keeps and name:
            desk.station.history.follow(name, before, desk.episodes.version(name))
        film: Any = gr.skip()
        if done and order.keeps and number >= 0:
            chosen, film, *_ = looking.watch(name or "", number)
        elif done and not order.keeps:
            chosen, film = NOT_CHOSEN, ""
        datasets = gr.Dropdown(choices=desk.episodes.datasets(), value=name)
        return Shown(chosen, film, datasets, *looking.listed(name, where, show))

    return on_click
