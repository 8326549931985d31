"""Pieces of the page that the live connection fills: their markup, and their hook to the script."""

from pathlib import Path

import gradio as gr

MARKUP = Path(__file__).parent / "assets" / "parts"


def live_part(name: str) -> gr.HTML:
    """Place the markup `assets/parts/NAME.html`; `assets/studio.js` brings it to life."""
    return gr.HTML(
        html_template=(MARKUP / f"{name}.html").read_text(),
        js_on_load=f"(window.vlaMounts ||= []).push(['{name}', element]);",
        elem_id=f"part-{name}",
        apply_default_css=False,
        padding=False,
    )
