"""The card that a dataset has on a Hugging Face Hub: README.md, with the tags LeRobot looks for."""

import json
import re
from pathlib import Path

from recordings import layout
from recordings.dataset import Dataset

CARD = "README.md"
MARK = "<!-- Written anew at every push. Take this line out to keep words of your own. -->"
"""In the cards that we write."""
MOST_TASKS = 20
"""Tasks that a card lists; more are counted."""


def write_card(folder: Path, name: str, licence: str | None, there: str | None) -> None:
    """Write the card of the dataset at `folder`, unless somebody has written one of their own.

    `there` is the card that its repository has, which stays if it is somebody's own and the
    dataset brings none. `licence` is a Hub identifier such as apache-2.0; if it is None, what a
    card of ours said of it stays.
    """
    path = folder / CARD
    ours = path.read_text() if path.exists() else None
    if ours is not None and MARK not in ours:
        return
    if there is not None and MARK not in there:
        path.unlink(missing_ok=True)
        return
    licence = licence or _licence_of(there) or _licence_of(ours)
    with Dataset(folder) as dataset:
        path.write_text(_front(licence) + _body(dataset, name))


def _licence_of(card: str | None) -> str | None:
    found = re.search(r'^license: "([^"]+)"$', card or "", re.MULTILINE)
    return found[1] if found else None


def _front(licence: str | None) -> str:
    lines = ["---"]
    if licence is not None:
        lines.append(f"license: {json.dumps(licence)}")
    lines += [
        "task_categories:",
        "- robotics",
        "tags:",
        "- LeRobot",
        "configs:",
        "- config_name: default",
        "  data_files: data/*/*.parquet",
        "---",
        "",
    ]
    return "\n".join(lines)


def _body(dataset: Dataset, name: str) -> str:
    info = dataset.info
    rows = [
        ("Robot", str(info.get("robot_type"))),
        ("Episodes", str(len(dataset))),
        ("Rows", str(dataset.num_frames)),
        ("Rows a second", str(dataset.fps)),
        ("Cameras", ", ".join(dataset.cameras) or "none"),
    ]
    table = "\n".join(f"| {what} | {value} |" for what, value in rows)
    tasks = "\n".join(f"- {task}" for task in dataset.tasks[:MOST_TASKS])
    more = len(dataset.tasks) - MOST_TASKS
    features = {
        key: {kind: feature.get(kind) for kind in ("dtype", "shape", "names")}
        for key, feature in info["features"].items()
    }
    return f"""
{MARK}

# {name}

A [LeRobot](https://github.com/huggingface/lerobot) dataset, {layout.CODEBASE_VERSION}.

| | |
|---|---|
{table}

## Tasks

{tasks}{f"{chr(10)}- and {more} more" if more > 0 else ""}

## Features

```json
{json.dumps(features, indent=1, ensure_ascii=False)}
```
"""
