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


def choosing_part(name: str) -> gr.HTML:
    """Place a part like `live_part`, whose script tells what was chosen by the event `choose`."""
    return gr.HTML(
        html_template=(MARKUP / f"{name}.html").read_text(),
        js_on_load=(
            f"(window.vlaMounts ||= []).push(['{name}', element,"
            " (chosen) => trigger('choose', chosen)]);"
        ),
        elem_id=f"part-{name}",
        apply_default_css=False,
        padding=False,
    )


def heading(words: str) -> gr.HTML:
    """Place the heading of a card."""
    return gr.HTML(f"<h2>{words}</h2>", js_on_load=None, apply_default_css=False, padding=False)


def watching_part(name: str) -> gr.HTML:
    """Place a part that Python fills: its script is told whenever the value changes.

    The script tells what a person chose by the event `choose`, and by `stale` that the value may
    be old.
    """
    return gr.HTML(
        value="",
        html_template=(MARKUP / f"{name}.html").read_text(),
        js_on_load=(
            f"(window.vlaMounts ||= []).push(['{name}', element, () => props.value, watch,"
            " (chosen) => trigger('choose', chosen), () => trigger('stale', {})]);"
        ),
        elem_id=f"part-{name}",
        apply_default_css=False,
        padding=False,
    )
