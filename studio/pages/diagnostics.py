"""The Diagnostics tab: whether cameras, loop and machine keep up, and what was said so far."""

import gradio as gr

from studio.parts import heading, live_part


def build_diagnostics_tab() -> None:
    """Lay out the figures and the log that the live connection fills."""
    with gr.Row(elem_id="diagnostics"):
        with gr.Column(elem_classes="card", min_width=0):
            heading("Timeliness")
            live_part("cell")
        with gr.Column(elem_classes="card", min_width=0):
            heading("Notices")
            live_part("log")
        with gr.Column(elem_classes="card", elem_id="safety-journal", min_width=0):
            heading("Safety events; those of earlier days are in safety.jsonl in the data folder")
            live_part("journal")
