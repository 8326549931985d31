"""Where the films of an edited dataset go: linked under their numbers, never encoded again."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from recordings import layout
from recordings.disk import flush
from recordings.episode_table import Row
from recordings.piece import Piece, Pieces
from recordings.source import Source


class FilmPlaces:
    """Gives every film that `pieces` show a number in the edited dataset.

    Films of `base` keep theirs, and those of other datasets get numbers that `base` has not, so
    that whoever reads the dataset by a table from just before the edit is shown no other film.
    Later edits and recordings may give the numbers of deleted films again.
    """

    def __init__(self, base: Source, pieces: Pieces) -> None:
        self._numbers: dict[tuple[str, Path], int] = {}
        for key in base.film_keys:
            ours = [piece for piece in pieces if piece.source is base]
            for piece in ours:
                film = piece.source.film(key, piece.episode)
                self._numbers[key, film] = base.film_number(key, piece.episode)
            held = (base.film_number(key, episode) for episode in range(len(base.entries)))
            following = 1 + max(held, default=-1)
            for piece in pieces:
                film = piece.source.film(key, piece.episode)
                if (key, film) not in self._numbers:
                    self._numbers[key, film] = following
                    following += 1

    def place(self, target: Path) -> None:
        """Put every film under its number into the folder `target`."""
        for (key, film), number in self._numbers.items():
            link(film, target / layout.video_file(key, number))

    def columns(self, piece: Piece) -> Row:
        """Return what the episode table says of the films of `piece`.

        Its span begins at a whole frame of the film, so that LeRobot, which reads frame i at
        from_timestamp + i / fps, finds exactly the pictures of its rows.
        """
        return dict(self._columns(piece))

    def _columns(self, piece: Piece) -> Iterator[tuple[str, int | float]]:
        source = piece.source
        for key in source.film_keys:
            number = self._numbers[key, source.film(key, piece.episode)]
            for name, value in layout.place(number).items():
                yield f"videos/{key}/{name}", value
            first = source.first_frame(key, piece.episode) + piece.start
            yield f"videos/{key}/from_timestamp", first / source.fps
            yield f"videos/{key}/to_timestamp", (first + len(piece)) / source.fps


def link(file: Path, target: Path) -> None:
    """Make `file` appear as `target` too; a copy where the disk has no links to files.

    Of a symbolic link it is the file behind it, as in the cache of the Hugging Face Hub. Raises
    `ValueError` when there is none.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file.resolve(strict=True), target)
    except FileNotFoundError as error:
        raise ValueError(f"A file of the dataset is lacking. File: {file}") from error
    except OSError:  # another disk, or one without links
        shutil.copy2(file, target)
        flush(target)
