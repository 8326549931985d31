"""The Cell tab: whether cameras, loop and machine keep up."""

from studio.parts import live_part


def build_cell_tab() -> None:
    """Lay out the figures that the live connection fills."""
    live_part("cell")
