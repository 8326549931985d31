"""The Workcell tab's cards for names, places and motors; what is asked for is confirmed first."""

from collections.abc import Callable
from typing import Any, cast

import gradio as gr

from hardware.arms.interbotix import BAUD
from hardware.dynamixel.control_table import BAUD_RATES
from hardware.workcell.renaming import Kind
from studio.desk import Desk
from studio.pages.quiet import QUIET
from studio.parts import heading

KINDS = [("arms", "arms"), ("cameras", "cameras")]


def build_changes(desk: Desk) -> None:
    """Lay out names and motors, and below them the two answers to what is asked."""
    _names(desk)
    _motor(desk)
    with gr.Column(elem_classes="card", elem_id="agreeing", min_width=0):
        heading("Confirm")
        gr.Markdown("Nothing waits to be confirmed.")
        with gr.Row(elem_classes="buttons"):
            agree = gr.Button("Do it", variant="primary", elem_id="change-agree")
            leave = gr.Button("Leave it", elem_id="change-leave")

    def on_agree(request: gr.Request) -> None:
        desk.order(request, lambda: desk.notices.add(desk.workcell.changes.agree()))

    def on_leave(request: gr.Request) -> None:
        desk.order(request, desk.workcell.changes.leave)

    agree.click(on_agree, **QUIET)
    leave.click(on_leave, **QUIET)


def _names(desk: Desk) -> None:
    with gr.Column(elem_classes="card", min_width=0):
        heading("Names and places")
        gr.Markdown(
            "The arms must be loose. Swapped arms exchange ports and motors, swapped cameras all "
            "that the file says of them; names hold from the next start on."
        )
        with gr.Row(elem_classes="fields"):
            kind = gr.Dropdown(KINDS, value="arms", label="of", filterable=False)
            one = gr.Dropdown([], label="this", elem_id="change-one", allow_custom_value=True)
        with gr.Row(elem_classes="fields"):
            new = gr.Textbox(label="is called", elem_id="change-name")
            other = gr.Dropdown(
                [], label="or swaps with", elem_id="change-other", allow_custom_value=True
            )
        with gr.Row(elem_classes="buttons"):
            name = gr.Button("Rename", elem_id="change-rename")
            swap = gr.Button("Swap", elem_id="change-swap")
        if desk.workcell.running:
            _remember(desk)

    def names(chosen: str) -> tuple[dict[str, Any], dict[str, Any]]:
        found = desk.workcell.changes.names(cast("Kind", chosen))
        return gr.update(choices=found), gr.update(choices=found)

    def on_rename(chosen: str, old: str, wanted: str, request: gr.Request) -> None:
        kind = cast("Kind", chosen)
        _ask(desk, request, lambda: desk.workcell.changes.propose_rename(kind, old or "", wanted))

    def on_swap(chosen: str, first: str, second: str, request: gr.Request) -> None:
        changes, kind = desk.workcell.changes, cast("Kind", chosen)
        _ask(desk, request, lambda: changes.propose_swap(kind, first or "", second or ""))

    gr.on([kind.change, one.focus, other.focus], names, kind, [one, other], **QUIET)
    name.click(on_rename, [kind, one, new], **QUIET)
    swap.click(on_swap, [kind, one, other], **QUIET)


def _remember(desk: Desk) -> None:
    store = gr.Button("Remember motors", elem_id="change-remember")

    def on_remember(request: gr.Request) -> None:
        _ask(desk, request, desk.workcell.changes.propose_remember)

    store.click(on_remember, **QUIET)


def _motor(desk: Desk) -> None:
    with gr.Column(elem_classes="card", min_width=0):
        heading("A new motor")
        gr.Markdown(
            "Connect it alone to an adapter that no arm of this studio uses, 12 V on. With the "
            "number that it has in the arm it gets that motor's direction and limits too."
        )
        with gr.Row(elem_classes="fields"):
            port = gr.Textbox(label="port", placeholder="/dev/ttyUSB0", elem_id="motor-port")
            new_id = gr.Number(1, label="ID", precision=0, minimum=0, maximum=252)
            baud = gr.Dropdown(list(BAUD_RATES), value=BAUD, label="baud", filterable=False)
        set_up = gr.Button("Look at it", elem_id="motor-look")

    def on_set_up(path: str, number: float | None, speed: int, request: gr.Request) -> None:
        changes = desk.workcell.changes

        def look() -> str:
            if number is None:
                raise ValueError("Say which ID the servo shall get: its number in the arm.")
            return changes.propose_motor(path.strip(), int(number), int(speed))

        _ask(desk, request, look)

    set_up.click(on_set_up, [port, new_id, baud], **QUIET)


def _ask(desk: Desk, request: gr.Request, propose: Callable[[], str]) -> None:
    """Ask about a change; what is asked is a notice too."""
    desk.order(request, lambda: desk.notices.add(propose()))
