"""Episodes that were open when their program ended: found, and made whole. Saves none."""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from hardware.embodiment import Embodiment
from recordings import layout
from recordings.episode import FinishedEpisode, with_places
from recordings.features import CAPTURE_PREFIX
from recordings.journal import HEAD, SAVING, Head, read_head, read_rows, saved_as
from recordings.quality import QualityCount
from recordings.rejudging import rejudged
from recordings.statistics import PictureStatistics, Statistics
from recordings.torn_film import remux, whole_frames
from recordings.video import SAMPLES_PER_SEC
from recordings.video_reader import VideoReader

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unsaved:
    """An episode that was never saved, as far as it is on the disk."""

    folder: Path
    head: Head
    rows: int

    @property
    def number(self) -> int:
        """By which it is told from others of the dataset."""
        return int(self.folder.name)

    @property
    def secs(self) -> float:
        """How long it is."""
        return self.rows / self.head.fps

    def __str__(self) -> str:
        return f"{self.head.task!r}, {self.secs:.0f} s, begun {self.head.recorded_at}"


def unsaved_in(dataset: Path) -> list[Unsaved]:
    """Return the episodes of the dataset folder that wait for rescue, oldest first.

    One that a program is recording right now is among them. Raises `OSError` when a film of one
    cannot be opened.
    """
    found = []
    for folder in _folders(dataset):
        if (folder / HEAD).exists() and saved_as(folder) is None:
            head = read_head(folder)
            rows = _whole_rows(folder, head)
            if rows:
                found.append(Unsaved(folder, head, rows))
            else:
                logger.info("Nothing is whole of what was recorded in %s. It is left.", folder)
    return found


def forget_saved(dataset: Path, num_episodes: int) -> int:
    """Remove what is left of episodes that were saved, or of which nothing can be rescued.

    Says of the others that they were not saved. Returns the highest number that is in use. A film
    that cannot be read now is no reason to remove the rest: only a folder without any is.
    """
    highest = 0
    for folder in _folders(dataset):
        index = saved_as(folder)
        if index is not None and index >= num_episodes:
            (folder / SAVING).unlink()
    for folder in _folders(dataset):
        if saved_as(folder) is None and _holds_something(folder):
            highest = max(highest, int(folder.name))
        else:
            shutil.rmtree(folder)
    return highest


def rescued(unsaved: Unsaved, embodiment: Embodiment) -> FinishedEpisode:
    """Return the episode as far as it is on the disk, with whole films and a card anew.

    Raises `ValueError` when a film cannot be read after all.
    """
    head, rows = unsaved.head, unsaved.rows
    columns = {name: part[:rows] for name, part in read_rows(unsaved.folder, head).items()}
    films = {key: unsaved.folder / f"whole-{name}" for key, name in head.films.items()}
    for key, film in films.items():
        remux(unsaved.folder / head.films[key], film, head.fps, count=rows)
    cameras = [n.removeprefix(CAPTURE_PREFIX) for n in columns if n.startswith(CAPTURE_PREFIX)]
    count = QualityCount(embodiment.control_hz, duplicated=dict.fromkeys(cameras, 0))
    unjudged = count.card(dict.fromkeys(cameras, 0))
    return FinishedEpisode(
        task=head.task,
        rows=rows,
        columns=with_places(columns, head.fps),
        films=films,
        film_statistics={key: _statistics(film, head.fps, rows) for key, film in films.items()},
        quality=rejudged(unjudged, columns, embodiment, head.fps),
        journal=unsaved.folder,
    )


def _statistics(film: Path, fps: int, rows: int) -> Statistics:
    """Count every picture's brightness as often as the recorder does; decode all of them."""
    with VideoReader(film) as reader:
        reader.require_frames(0, rows)
        counted = PictureStatistics()
        for number in range(0, rows, max(1, fps // SAMPLES_PER_SEC)):
            counted.add(reader.read(number))
    return counted.result()


def _folders(dataset: Path) -> list[Path]:
    """Return the folders of open episodes, in the order in which they were begun."""
    folder = dataset / layout.OPEN
    found = [each for each in folder.glob("*") if each.name.isdecimal()] if folder.exists() else []
    return sorted(found, key=lambda each: int(each.name))


def _holds_something(folder: Path) -> bool:
    """Whether there are a head, rows and a film, whether they can be read now or not."""
    if not (folder / HEAD).exists():
        return False
    head = read_head(folder)
    films = [folder / name for name in head.films.values()]
    return _written_rows(folder, head) > 0 and (not films or any(map(Path.exists, films)))


def _written_rows(folder: Path, head: Head) -> int:
    return len(next(iter(read_rows(folder, head).values())))


def _whole_rows(folder: Path, head: Head) -> int:
    """Return how many rows have everything: numbers, and a picture of every camera."""
    rows = _written_rows(folder, head)
    return min([rows, *(whole_frames(folder / name, head.fps) for name in head.films.values())])
