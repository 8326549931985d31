"""The Drive tab: see, tell, take over, record."""

import secrets

import gradio as gr

from studio.desk import Desk
from studio.parts import live_part
from studio.record_desk import DEFAULT_DATASET

NUM_SCENES = 500_000
"""Seeds a person draws scenes from; evaluations use higher ones."""


def build_drive_tab(desk: Desk) -> None:
    """Lay out the cameras, and beside them what an operator does."""
    with gr.Row(elem_id="drive"):
        with gr.Column(elem_id="seeing", min_width=0):
            live_part("wall")
        with gr.Column(elem_id="doing", min_width=0):
            instruction = _tell(desk)
            _hand(desk)
            _record(desk, instruction)
            with gr.Group(elem_classes="card"):
                gr.HTML("<h2>History</h2>")
                live_part("history")


def _tell(desk: Desk) -> gr.Textbox:
    with gr.Group(elem_classes="card"):
        gr.HTML("<h2>Tell the robot</h2>")
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
            lambda: desk.station.run_instruction(host.policy, text, host.status.name),
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


QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Orders answer at once, and show what came of them through the live connection."""


def _hand(desk: Desk) -> None:
    with gr.Group(elem_classes="card"):
        with gr.Row(elem_classes="heading"):
            gr.HTML("<h2>By hand</h2>")
            scene = gr.Button("New scene", size="sm", elem_id="new-scene")
            take = gr.Button("Take over", size="sm", elem_id="take-over")
            give = gr.Button("Let go", size="sm", elem_id="give-back")
        live_part("hand")

    def on_take(request: gr.Request) -> None:
        desk.order(request, desk.station.take_over)

    def on_give(request: gr.Request) -> None:
        desk.order(request, desk.station.give_back)

    def on_scene(request: gr.Request) -> None:
        desk.order(request, lambda: desk.station.new_scene(secrets.randbelow(NUM_SCENES)))

    take.click(on_take, **QUIET)
    give.click(on_give, **QUIET)
    scene.click(on_scene, **QUIET)


def _record(desk: Desk, instruction: gr.Textbox) -> None:
    with gr.Group(elem_classes="card"):
        gr.HTML("<h2>Record</h2>")
        with gr.Row(elem_classes="fields"):
            dataset = gr.Textbox(
                value=DEFAULT_DATASET,
                label="into dataset",
                elem_id="dataset-name",
                container=True,
            )
        live_part("recording")
        with gr.Row(elem_classes="buttons"):
            record = gr.Button("Record", elem_id="record")
            save = gr.Button("Save", variant="primary", elem_id="save")
            discard = gr.Button("Discard", elem_id="discard")

    def on_record(name: str, text: str, request: gr.Request) -> None:
        desk.order(
            request, lambda: desk.record.start(name, text or desk.station.status().instruction)
        )

    def on_save(request: gr.Request) -> None:
        desk.order(request, lambda: desk.notices.add(desk.record.save()))

    def on_discard(request: gr.Request) -> None:
        desk.order(request, desk.record.discard)

    record.click(on_record, [dataset, instruction], **QUIET)
    save.click(on_save, **QUIET)
    discard.click(on_discard, **QUIET)
