"""A dataset as it is at one moment, to be sent away while others go on editing it."""

import shutil
from pathlib import Path

from recordings import layout
from recordings.checksums import files_of
from recordings.disk import flush
from recordings.film_places import link
from recordings.history import History
from recordings.inspection import written_problems
from recordings.opening import claim


def freeze(folder: Path, target: Path) -> None:
    """Put the files of the dataset at `folder` into the new folder `target`, as they are now.

    Films, which nobody changes once they are saved, are linked; the rest, which is small, is
    copied. Other writers are kept out for that moment only. Raises `ValueError` when there is no
    dataset, another program has it open to record into or edit, or it has problems.
    """
    if not folder.exists():
        History(folder).settle()  # a killed edit may have left it beside its place
    layout.read_info(folder)
    with claim(folder):
        for name, path in files_of(folder).items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".mp4":
                link(path, target / name)
            else:
                shutil.copy2(path, target / name)
    flush(target)
    problems = written_problems(target)
    if problems:
        raise ValueError(
            f"This dataset has problems: {' '.join(problems[:3])} Nothing was sent. Look at: "
            f"python -m recordings.check {folder}"
        )
