"""The card that a dataset has on a Hugging Face Hub: README.md, with the tags LeRobot looks for."""

import json
from pathlib import Path

from recordings import layout
from recordings.dataset import Dataset

CARD = "README.md"
MOST_TASKS = 20
"""Tasks that a card lists; more are counted."""


def write_card(folder: Path, name: str, licence: str | None) -> None:
    """Write the card of the dataset at `folder`, unless somebody has written one.

    `licence` is a Hub identifier such as apache-2.0; none is claimed if it is None.
    """
    path = folder / CARD
    if path.exists():
        return
    with Dataset(folder) as dataset:
        path.write_text(_front(licence) + _body(dataset, name))


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
