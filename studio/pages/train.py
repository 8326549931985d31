"""The Train tab: start a fine-tune, watch it, run what it made."""

import gradio as gr

from studio.desk import Desk
from studio.pages.quiet import QUIET
from studio.parts import heading, live_part

DEFAULT_STEPS = 400


def build_train_tab(desk: Desk, tab: gr.Tab) -> None:
    """Lay out the choices on the left and the jobs on the right."""
    with gr.Row(elem_id="train"):
        with gr.Column(elem_classes="card", elem_id="fine-tune", min_width=0):
            heading("Fine-tune")
            dataset = gr.Dropdown(
                [], value=None, label="on the dataset", elem_id="train-dataset", filterable=False
            )
            base = gr.Dropdown(
                [], value=None, label="starting from", elem_id="train-base", filterable=False
            )
            steps = gr.Number(
                DEFAULT_STEPS, label="steps", precision=0, minimum=1, elem_id="train-steps"
            )
            start = gr.Button("Start", variant="primary", elem_id="train-start")
        with gr.Column(min_width=0):
            live_part("training")

    def choices() -> tuple[gr.Dropdown, gr.Dropdown]:
        datasets, bases = desk.training.datasets(), desk.training.bases()
        return (
            gr.Dropdown(choices=datasets, value=datasets[0][1] if datasets else None),
            gr.Dropdown(choices=bases, value=bases[0][1]),
        )

    def on_start(name: str | None, folder: str | None, count: float, request: gr.Request) -> None:
        desk.order(
            request,
            lambda: desk.notices.add(desk.training.start(name or "", folder or "", int(count))),
        )

    tab.select(choices, outputs=[dataset, base], **QUIET)
    start.click(on_start, [dataset, base, steps], **QUIET)
