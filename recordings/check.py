"""`python -m recordings.check DATASET`: verify a dataset and print its quality card."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from tqdm import tqdm

from recordings.dataset import Dataset, EpisodeSummary
from recordings.inspection import problems_of


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a dataset."""

    folder: Path
    problems: list[str]
    episodes: list[EpisodeSummary]
    """Empty when the dataset does not open."""

    @property
    def num_poor(self) -> int:
        """Episodes whose recording was poor."""
        return sum(e.quality is not None and e.quality.verdict == "poor" for e in self.episodes)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {
            "dataset": str(self.folder),
            "whole": not self.problems,
            "problems": self.problems,
            "num_poor": self.num_poor,
            "episodes": [
                {
                    "index": episode.index,
                    "task": episode.task,
                    "num_frames": episode.num_frames,
                    "secs": episode.secs,
                    "quality": episode.quality.to_json() if episode.quality else None,
                }
                for episode in self.episodes
            ],
        }


def check(folder: Path, *, progress: bool = False) -> Report:
    """Decode all of the dataset at `folder` and report on it."""
    episodes: list[EpisodeSummary] = []
    try:
        with Dataset(folder) as dataset:
            episodes = dataset.episodes()
    except ValueError as error:
        return Report(folder, [str(error)], [])
    with tqdm(total=len(episodes), unit="episode", disable=not progress, leave=False) as bar:
        return Report(folder, problems_of(folder, bar.update), episodes)


def card(report: Report) -> str:
    """Return the report for people."""
    lines = [f"{report.folder}"]
    for episode in report.episodes:
        quality = episode.quality
        words = "no quality card" if quality is None else f"{quality.verdict}  {quality.reason}"
        figures = (
            ""
            if quality is None
            else f"  {quality.rate_hz:6.1f} Hz  p99 late {quality.late_p99_secs * 1e3:5.1f} ms"
            f"  missed {quality.missed_ticks:3d}  dropped {sum(quality.dropped.values()):3d}"
        )
        lines.append(
            f"{episode.index:6d}  {episode.num_frames:6d} rows  {episode.secs:6.1f} s{figures}"
            f"  {words.strip()}  {episode.task}"
        )
    frames = sum(episode.num_frames for episode in report.episodes)
    lines.append(
        f"{len(report.episodes)} episodes, {frames} rows, {report.num_poor} of poor quality."
    )
    if report.problems:
        lines += [f"Problem: {problem}" for problem in report.problems]
        lines.append(
            f"{len(report.problems)} problems. python -m recordings.repair keeps the rest."
        )
    else:
        lines.append("Whole: every row and every picture is there.")
    return "\n".join(lines)


def main(
    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")],
    /,
    *,
    json_: Annotated[bool, tyro.conf.arg(name="json"), tyro.conf.FlagCreatePairsOff] = False,
) -> int:
    """Verify a dataset by decoding all of it, and print how well each episode was recorded.

    Ends with 0 when the dataset is whole, 1 when it has problems.

    Args:
        dataset: Folder of a LeRobotDataset v3.0, ours or another tool's.
        json_: Print JSON for programs instead of a card for people.
    """
    report = check(dataset, progress=sys.stderr.isatty())
    text = json.dumps(report.to_json(), indent=2) if json_ else card(report)
    sys.stdout.write(text + "\n")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m recordings.check"))
