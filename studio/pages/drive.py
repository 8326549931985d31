"""The Drive tab: see, tell, take over, record."""

import secrets
from typing import Any

import gradio as gr
from gradio_rerun import Rerun

from hardware.simulation.layout import TABLES
from hardware.simulation.seeds import VALIDATION_SEED
from recordings.drives import LONGEST_NAME
from studio.desk import Desk
from studio.pages.quiet import QUIET
from studio.parts import choosing_part, heading, live_part
from studio.record_desk import DEFAULT_DATASET

TABLE_WORDS = {
    "blocks": "four cubes",
    "containers": "containers",
    "drawer": "drawer",
    "pegs": "pegs",
}
"""What people read for each of `TABLES`: short, for a narrow column."""


def build_drive_tab(desk: Desk) -> gr.HTML:
    """Lay out the cameras, and beside them what an operator does; return the history."""
    with gr.Row(elem_id="drive"):
        with gr.Column(elem_id="seeing", min_width=0):
            live_part("wall")
            _three_d(desk)
        with gr.Column(elem_id="doing", min_width=0):
            instruction = _tell(desk)
            _scene(desk)
            _hand(desk)
            _record(desk, instruction)
            with gr.Column(elem_classes="card", min_width=0):
                heading("History")
                history = choosing_part("history")
            with gr.Column(elem_classes="card", min_width=0):
                heading("Stops and holds")
                live_part("events")
    return history


def _three_d(desk: Desk) -> None:
    with gr.Row(elem_classes="heading", elem_id="three-d-bar"):
        show = gr.Button("Show 3-D view and joint curves", size="sm", elem_id="show-3d")
        hide = gr.Button("Hide 3-D view", size="sm", elem_id="hide-3d", visible=False)
    scene = Rerun(
        visible=False,
        height=460,
        container=False,
        elem_id="rerun",
        panel_states={"blueprint": "hidden", "selection": "hidden", "top": "hidden"},
    )

    def on_show(request: gr.Request) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        with desk.notices.reporting("The 3-D view"):
            desk.viewer.open()
            address = f"rerun+http://{request.headers['host']}/proxy"
            return (
                gr.update(value=address, visible=True),
                gr.update(visible=False),
                gr.update(visible=True),
            )
        return gr.update(), gr.update(), gr.update()

    def on_hide() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        return gr.update(visible=False), gr.update(visible=True), gr.update(visible=False)

    show.click(on_show, outputs=[scene, show, hide], **QUIET)
    hide.click(on_hide, outputs=[scene, show, hide], **QUIET)


def _tell(desk: Desk) -> gr.Textbox:
    with gr.Column(elem_classes="card", min_width=0):
        heading("Tell the robot")
        instruction = gr.Textbox(
            placeholder="pick up the red cube with the left arm",
            show_label=False,
            container=False,
            max_lines=2,
            elem_id="instruction",
        )
        live_part("suggestions")
        with gr.Row(elem_classes="buttons"):
            run = gr.Button("Run", variant="primary", elem_id="run")
            pause = gr.Button("Pause", elem_id="pause")
            resume = gr.Button("Resume", elem_id="resume")
            preview = gr.Button("Preview", elem_id="preview")
        live_part("now")

    def on_run(text: str, request: gr.Request) -> None:
        host = desk.host
        desk.order(
            request,
            lambda: desk.station.run_instruction(
                host.policy, text, host.status.name, desk.who(request)
            ),
        )

    def on_preview(text: str, request: gr.Request) -> None:
        desk.order(request, lambda: desk.station.preview(desk.host.policy, text))

    def on_pause(request: gr.Request) -> None:
        desk.order(request, desk.station.pause)

    def on_resume(request: gr.Request) -> None:
        desk.order(request, desk.station.resume)

    gr.on([run.click, instruction.submit], on_run, instruction, **QUIET)
    preview.click(on_preview, instruction, **QUIET)
    pause.click(on_pause, **QUIET)
    resume.click(on_resume, **QUIET)
    return instruction


def _scene(desk: Desk) -> None:
    """Choose what is on the simulated table; hidden on a real robot."""
    with (
        gr.Column(elem_classes="card", elem_id="scene", min_width=0),
        gr.Row(elem_classes="heading"),
    ):
        heading("Table")
        table = gr.Dropdown(
            choices=[(words, name) for name, words in TABLE_WORDS.items()],
            value=TABLES[0],
            show_label=False,
            container=False,
            min_width=0,
            elem_id="table",
        )
        scene = gr.Button("New scene", size="sm", elem_id="new-scene")

    def new_scene(name: str) -> None:
        desk.record.refuse_while_recording("A new scene")
        desk.station.new_scene(secrets.randbelow(VALIDATION_SEED), name)

    def on_scene(name: str, request: gr.Request) -> None:
        desk.order(request, lambda: new_scene(name))

    scene.click(on_scene, table, **QUIET)


def _hand(desk: Desk) -> None:
    with gr.Column(elem_classes="card", min_width=0):
        with gr.Row(elem_classes="heading"):
            heading("By hand")
            take = gr.Button("Take over", size="sm", elem_id="take-over")
            give = gr.Button("Let go", size="sm", elem_id="give-back")
        live_part("hand")

    def on_take(request: gr.Request) -> None:
        desk.order(request, desk.station.take_over)

    def on_give(request: gr.Request) -> None:
        desk.order(request, desk.station.give_back)

    take.click(on_take, **QUIET)
    give.click(on_give, **QUIET)


def _record(desk: Desk, instruction: gr.Textbox) -> None:
    with gr.Column(elem_classes="card", min_width=0):
        heading("Record")
        with gr.Row(elem_classes="fields"):
            dataset = gr.Textbox(
                value=DEFAULT_DATASET,
                label="into dataset",
                elem_id="dataset-name",
                container=True,
            )
        with gr.Row(elem_classes="fields"):
            operator = gr.Textbox(
                value="",
                max_length=LONGEST_NAME,
                label="operator",
                placeholder="your name",
                elem_id="operator",
                container=True,
            )
        live_part("recording")
        with gr.Row(elem_classes="buttons"):
            record = gr.Button("Record", elem_id="record")
            save = gr.Button("Save", variant="primary", elem_id="save")
            discard = gr.Button("Discard", elem_id="discard")
        _last_seconds(desk, dataset, operator, instruction)
        _unsaved(desk)

    def on_record(name: str, who: str, text: str, request: gr.Request) -> None:
        desk.order(
            request,
            lambda: desk.record.start(name, text or desk.station.status().instruction, who),
        )

    def on_save(request: gr.Request) -> None:
        desk.order(request, lambda: desk.notices.add(desk.record.save()))

    def on_discard(request: gr.Request) -> None:
        desk.order(request, desk.record.discard)

    record.click(on_record, [dataset, operator, instruction], **QUIET)
    save.click(on_save, **QUIET)
    discard.click(on_discard, **QUIET)


def _last_seconds(
    desk: Desk, dataset: gr.Textbox, operator: gr.Textbox, instruction: gr.Textbox
) -> None:
    """Hold what happens while nothing is recorded, and keep it if it was worth it."""
    with gr.Row(elem_classes="buttons", elem_id="holding"):
        hold = gr.Button("Hold the last 30 s", size="sm", elem_id="hold")
        keep = gr.Button("Keep the last 30 s", size="sm", elem_id="keep-last")
        hold_nothing = gr.Button("Hold no more", size="sm", elem_id="hold-nothing")

    def on_hold(name: str, request: gr.Request) -> None:
        desk.order(request, lambda: desk.record.hold(name))

    def on_keep(who: str, text: str, request: gr.Request) -> None:
        told = desk.station.status().instruction
        desk.order(request, lambda: desk.notices.add(desk.record.keep(text or told, who)))

    def on_hold_nothing(request: gr.Request) -> None:
        desk.order(request, desk.record.hold_nothing)

    hold.click(on_hold, dataset, **QUIET)
    keep.click(on_keep, [operator, instruction], **QUIET)
    hold_nothing.click(on_hold_nothing, **QUIET)


def _unsaved(desk: Desk) -> None:
    """Offer what an earlier studio recorded and never saved; hidden when there is nothing."""
    live_part("unsaved")
    with gr.Row(elem_classes="buttons", elem_id="unsaved-buttons"):
        rescue = gr.Button("Rescue", size="sm", elem_id="rescue")
        throw_away = gr.Button("Throw away", size="sm", elem_id="throw-away")

    def on_rescue(request: gr.Request) -> None:
        desk.order(request, lambda: desk.notices.add(desk.record.unsaved.rescue()))

    def on_throw_away(request: gr.Request) -> None:
        desk.order(request, lambda: desk.notices.add(desk.record.unsaved.throw_away()))

    rescue.click(on_rescue, **QUIET)
    throw_away.click(on_throw_away, **QUIET)
