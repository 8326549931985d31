"""The Workcell tab: what is plugged in, how it does, and what a person calibrates once."""

from collections.abc import Callable

import gradio as gr

from hardware.workcell.arm_frames import FRAMES
from studio.desk import Desk
from studio.pages.quiet import QUIET
from studio.pages.workcell_changes import build_changes
from studio.parts import heading, live_part
from studio.workcell_calibration import LENS


def build_workcell_tab(desk: Desk) -> None:
    """Lay out live values on the left, and beside them what is done once."""
    with gr.Row(elem_id="workcell"):
        with gr.Column(min_width=0):
            live_part("workcell")
        with gr.Column(min_width=0):
            if desk.workcell.running:
                _calibrate(desk)
                _cover(desk)
                if desk.workcell.can_be_loose:
                    _range(desk)
            else:
                _search(desk)
            build_changes(desk)


def _search(desk: Desk) -> None:
    with gr.Column(elem_classes="card", min_width=0):
        heading("Set a workcell up")
        gr.Markdown(
            "Plug arms and cameras in and switch the arms' supplies on. Nothing moves. Every USB "
            "serial port is asked for motors: unplug printers and the like."
        )
        search = gr.Button("Search", variant="primary", elem_id="workcell-search")
        name = gr.Textbox("aloha", label="name", elem_id="workcell-name")
        write = gr.Button("Write a workcell file", elem_id="workcell-write")

    def on_search(request: gr.Request) -> None:
        desk.order(request, lambda: desk.notices.watch(desk.workcell.search.begin(), "The search"))

    def on_write(wanted: str, request: gr.Request) -> None:
        _tell(desk, request, lambda: desk.workcell.search.write(wanted))

    search.click(on_search, **QUIET)
    write.click(on_write, name, **QUIET)


def _calibrate(desk: Desk) -> None:
    calibration = desk.workcell.calibration
    if calibration is None:
        return
    cameras = list(desk.station.robot.embodiment.camera_names)
    what = [("its lens", LENS), *((f"its place in {frame}", frame) for frame in FRAMES)]
    with gr.Column(elem_classes="card", min_width=0):
        heading("Calibrate a camera")
        gr.Markdown(
            "Print [the board](/workcell/board.png) on A4 at 100 %, glue it on something flat, and "
            "see that a square measures 30 mm. Lens: move the board into every corner, tilted. "
            "Place: a wrist camera looks at the lying board from many sides; a fixed camera looks "
            "at the board in the gripper."
        )
        with gr.Row(elem_classes="fields"):
            camera = gr.Dropdown(
                cameras, value=next(iter(cameras), None), label="camera", filterable=False
            )
            part = gr.Dropdown(what, value=LENS, label="what", filterable=False)
        with gr.Row(elem_classes="buttons"):
            begin = gr.Button("Begin", variant="primary", elem_id="calibrate-begin")
            undo = gr.Button("Undo", elem_id="calibrate-undo")
            finish = gr.Button("Save", elem_id="calibrate-finish")
            cancel = gr.Button("Cancel", elem_id="calibrate-cancel")

    def on_begin(name: str, wanted: str, request: gr.Request) -> None:
        desk.order(request, lambda: desk.workcell.begin_calibration(name, wanted))

    def on_finish(request: gr.Request) -> None:
        _tell(desk, request, calibration.finish)

    begin.click(on_begin, [camera, part], **QUIET)
    finish.click(on_finish, **QUIET)
    _press(desk, undo, calibration.undo)
    _press(desk, cancel, calibration.cancel)


def _cover(desk: Desk) -> None:
    cameras = list(desk.station.robot.embodiment.camera_names)
    with gr.Column(elem_classes="card", min_width=0):
        heading("Which camera is which")
        gr.Markdown(
            "Begin with no camera covered. Then cover one with a hand and check its name. When all "
            "are right and the arms rest, keep the views: you are warned when one changes."
        )
        covered = gr.Dropdown(
            cameras, value=next(iter(cameras), None), label="covered", filterable=False
        )
        with gr.Row(elem_classes="buttons"):
            begin = gr.Button("Begin", elem_id="cover-begin")
            check = gr.Button("Check", elem_id="cover-check")
            keep = gr.Button("Keep views", elem_id="views-keep")

    def on_begin(request: gr.Request) -> None:
        _tell(desk, request, desk.workcell.begin_cover)

    def on_check(camera: str, request: gr.Request) -> None:
        _tell(desk, request, lambda: desk.workcell.check_cover(camera))

    def on_keep(request: gr.Request) -> None:
        _tell(desk, request, desk.workcell.keep_views)

    keep.click(on_keep, **QUIET)
    begin.click(on_begin, **QUIET)
    check.click(on_check, covered, **QUIET)


def _range(desk: Desk) -> None:
    with gr.Column(elem_classes="card", min_width=0):
        heading("Range by hand")
        gr.Markdown("Loose arms are moved as far as they may go; that becomes their limits.")
        with gr.Row(elem_classes="buttons"):
            begin = gr.Button("Begin", elem_id="range-begin")
            save = gr.Button("Save range", elem_id="range-save")

    def on_begin(request: gr.Request) -> None:
        _tell(desk, request, desk.workcell.begin_range)

    def on_save(request: gr.Request) -> None:
        _tell(desk, request, desk.workcell.save_range)

    begin.click(on_begin, **QUIET)
    save.click(on_save, **QUIET)


def _press(desk: Desk, button: gr.Button, act: Callable[[], None]) -> None:
    def on_press(request: gr.Request) -> None:
        desk.order(request, act)

    button.click(on_press, **QUIET)


def _tell(desk: Desk, request: gr.Request, act: Callable[[], str]) -> None:
    """Carry out an order that answers in words."""
    desk.order(request, lambda: desk.notices.add(act()))
