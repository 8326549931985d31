"""Text files that are replaced as a whole."""

from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Replace `path`, so that a reader sees the old text or the new, never half."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)
