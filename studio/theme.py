"""How the page looks: Gradio's theme, our style sheet, and the scripts in its head."""

from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).parent / "assets"

HEAD = (
    # Not through Gradio's css: it would fence the rules in, and the body carries the state.
    '<link rel="stylesheet" href="/studio/style.css">'
    '<script type="module" src="/studio/studio.js"></script>'
    '<link rel="icon" href="/studio/icon.svg" type="image/svg+xml">'
)

FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def theme() -> gr.themes.Base:
    """A quiet light theme, the same in dark mode: the room may be bright, the state must show."""
    values = {
        "body_background_fill": "#f4f4f1",
        "background_fill_primary": "#ffffff",
        "background_fill_secondary": "#fafaf8",
        "block_background_fill": "#ffffff",
        "block_label_background_fill": "#ffffff",
        "body_text_color": "#1d1f23",
        "body_text_color_subdued": "#6b6f76",
        "block_label_text_color": "#6b6f76",
        "block_title_text_color": "#6b6f76",
        "block_info_text_color": "#6b6f76",
        "border_color_primary": "#e2e2dc",
        "block_border_color": "#e2e2dc",
        "input_background_fill": "#ffffff",
        "input_border_color": "#d6d6cf",
        "input_border_color_focus": "#2b59c3",
        "input_placeholder_color": "#9a9da3",
        "button_primary_background_fill": "#2b59c3",
        "button_primary_background_fill_hover": "#244ca8",
        "button_primary_text_color": "#ffffff",
        "button_secondary_background_fill": "#ecece7",
        "button_secondary_background_fill_hover": "#e0e0d9",
        "button_secondary_text_color": "#1d1f23",
        "table_even_background_fill": "#ffffff",
        "table_odd_background_fill": "#fafaf8",
        "table_border_color": "#e2e2dc",
        "table_row_focus": "#eef2fc",
        "link_text_color": "#2b59c3",
        "slider_color": "#2b59c3",
    }
    both = values | {f"{name}_dark": value for name, value in values.items()}
    base = gr.themes.Base(font=list(FONT), font_mono=list(MONO), radius_size="md")
    return base.set(block_shadow="none", block_border_width="1px", **both)
