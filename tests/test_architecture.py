"""What no linter checks: files stay short, and the README's file map is the tree."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("hardware", "policy", "recordings", "studio")
SOURCES = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_read_in_one_sitting(path):
    assert len(path.read_text().splitlines()) <= 300


def test_the_readme_names_every_module():
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"[\w/]+\.py", readme))
    modules = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.name != "__init__.py" and "versions" not in path.parts
    }
    assert modules - named == set()
    assert {name for name in named if not (ROOT / name).exists()} == set()
