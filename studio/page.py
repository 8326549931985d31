"""The page: a bar that is always there, and five quiet tabs."""

import gradio as gr

from studio.desk import Desk
from studio.pages.data import build_data_tab
from studio.pages.diagnostics import build_diagnostics_tab
from studio.pages.drive import build_drive_tab
from studio.pages.history import wire_history
from studio.pages.train import build_train_tab
from studio.pages.workcell import build_workcell_tab
from studio.parts import live_part


def build_page(desk: Desk) -> gr.Blocks:
    """Lay the page out. Every handler works on `desk`; nothing is kept in Gradio."""
    with gr.Blocks(title="VLA Studio", fill_width=True, analytics_enabled=False) as page:
        live_part("header")
        live_part("notices")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Drive", id="drive"):
                history = build_drive_tab(desk)
            with gr.Tab("Data", id="data") as data_tab:
                data = build_data_tab(desk, data_tab)
            with gr.Tab("Train", id="train") as train_tab:
                build_train_tab(desk, train_tab)
            with gr.Tab("Workcell", id="workcell"):
                build_workcell_tab(desk)
            with gr.Tab("Diagnostics", id="diagnostics"):
                build_diagnostics_tab()
        wire_history(desk, history, tabs, data)
    return page
