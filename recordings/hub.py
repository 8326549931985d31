"""`python -m recordings.hub push` and `pull`: datasets to and from a Hugging Face Hub."""

import logging
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import tyro
from huggingface_hub.utils.tqdm import disable_progress_bars

from recordings import layout
from recordings.checksums import Sums, hidden, sums_of, sums_of_files
from recordings.disk import RecordingError, parse_object, try_lock
from recordings.hub_card import CARD, write_card
from recordings.hub_repository import (
    KEYLESS,
    MAIN,
    RemoteFile,
    Repository,
    TransferError,
)
from recordings.inspection import written_problems
from recordings.new_dataset import appear, flush_all, require_new, require_room
from recordings.snapshot import freeze

Files = Mapping[str, RemoteFile]


@dataclass(frozen=True, slots=True)
class Pushed:
    """A dataset that is on a Hub now."""

    url: str
    commit: str
    files: int


@dataclass(frozen=True, slots=True)
class Pulled:
    """A dataset that came from a Hub."""

    commit: str
    version: str
    """Of its format, such as v3.0."""
    problems: list[str]
    """What is wrong with it, if it is of v3.0."""


def push(
    folder: Path,
    repository: Repository,
    *,
    replace: bool = False,
    private: bool = True,
    licence: str | None = None,
) -> Pushed:
    """Make `repository` hold the dataset at `folder`, and let the tag v3.0 mean it.

    It is sent as it was when this was called. Whoever reads by the tag, as LeRobot does, sees the
    dataset of before or all of this one. Interrupted, it is called again: what arrived is not
    sent again. Raises `ValueError` when the dataset has problems, or when the repository holds
    another one and `replace` is false; `TransferError` when the Hub or the way to it fails.
    """
    staging = folder.absolute().with_name(f".{folder.name}.{uuid4().hex}.part")
    try:
        freeze(folder, staging)
        repository.create(private=private)
        there = repository.files(MAIN)
        card = repository.text(CARD, MAIN) if CARD in there else None
        write_card(staging, repository.name.partition("/")[2], licence, card)
        ours = sums_of_files(staging)
        others = _others(there, ours)
        if others and not replace:
            raise ValueError(
                f"{repository.url} holds another dataset, or another version of this one "
                f"({len(others)} files, such as {others[0]}). Nothing was changed. To put this one "
                "in its place, say --replace; the other stays in the repository's history."
            )
        gone = [name for name in others if name not in ours]
        repository.upload(staging, _message(staging), gone)
        return _tagged(repository, ours)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _others(there: Files, ours: Mapping[str, Sums]) -> list[str]:
    """Return the files of a repository that this dataset does not have, or has otherwise."""
    return [
        name
        for name, file in there.items()
        if name != CARD and not (name in ours and file.same(ours[name]))
    ]


def _message(folder: Path) -> str:
    info = layout.read_info(folder)
    return f"{info['total_episodes']} episodes, {info['total_frames']} rows"


def _tagged(repository: Repository, ours: Mapping[str, Sums]) -> Pushed:
    """Look at what arrived, file by file, and let the tag mean it."""
    commit = repository.revision(MAIN)
    there = repository.files(commit) if commit else {}
    lacking = [name for name, sums in ours.items() if name not in there]
    wrong = [name for name in _others(there, ours) if name not in lacking]
    if commit is None or lacking or wrong:
        raise TransferError(
            f"Not all arrived as it was sent ({len(lacking)} files are lacking, {len(wrong)} are "
            f"others), maybe because somebody else wrote there. Nothing was tagged. Try again. "
            f"Repository: {repository.name}"
        )
    repository.tag(layout.CODEBASE_VERSION, commit)
    return Pushed(repository.url, commit, len(ours))


def pull(repository: Repository, target: Path, *, revision: str | None = None) -> Pulled:
    """Make the new folder `target` of the dataset in `repository`; it appears whole.

    `revision` is a branch, tag or commit; the tag v3.0 if it is None, or the main branch where
    there is no such tag. Every file is held against the Hub's checksum. Interrupted, it is called
    again and goes on. Raises `ValueError` when `target` is there or another program pulls into
    it, `TransferError` when the Hub or the way to it fails.
    """
    require_new(target)
    commit = _meant(repository, revision)
    files = {name: f for name, f in repository.files(commit).items() if not hidden(name)}
    if layout.INFO.as_posix() not in files:
        raise ValueError(f"Not a dataset: {layout.INFO} is not in {repository.url}.")
    staging = target.absolute().with_name(f".{target.name}.{commit[:12]}.pull")
    lacking = (file.size for name, file in files.items() if not (staging / name).exists())
    require_room(target, sum(lacking))
    staging.mkdir(parents=True, exist_ok=True)
    lock = try_lock(staging / layout.LOCK)
    if lock is None:
        raise ValueError(f"Another program pulls this dataset already. Folder: {target}")
    with lock:
        repository.download(commit, staging)
        _require_same(staging, files, repository)
        pulled = _looked_at(staging, commit)
        shutil.rmtree(staging / ".cache", ignore_errors=True)  # of the client
        (staging / layout.LOCK).unlink()
        flush_all(staging)
        require_new(target)
        appear(staging, target)
    return pulled


def _meant(repository: Repository, revision: str | None) -> str:
    names = [layout.CODEBASE_VERSION, MAIN] if revision is None else [revision]
    for name in names:
        commit = repository.revision(name)
        if commit is not None:
            return commit
    raise ValueError(f"{repository.url} has no branch, tag or commit {names[-1]!r}.")


def _require_same(staging: Path, files: Files, repository: Repository) -> None:
    """Raise `TransferError`, and forget them, when files are not as the Hub has them."""
    wrong = []
    for name, file in files.items():
        path = staging / name
        if not path.is_file() or not file.same(sums_of(path)):
            path.unlink(missing_ok=True)
            wrong.append(name)
    if wrong:
        raise TransferError(
            f"{len(wrong)} files did not arrive as the Hub has them, such as {wrong[0]}. Try "
            f"again: only they are fetched again. Repository: {repository.name}"
        )


def _looked_at(staging: Path, commit: str) -> Pulled:
    version = str(parse_object((staging / layout.INFO).read_bytes()).get("codebase_version"))
    known = version == layout.CODEBASE_VERSION
    return Pulled(commit, version, written_problems(staging) if known else [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Send a dataset to a Hub. The tag v3.0, by which LeRobot reads, changes last."""

    dataset: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="DATASET")]]
    """Folder of a LeRobotDataset v3.0, ours or another tool's."""
    repository: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="REPOSITORY")]]
    """USER/NAME, or NAME for one of one's own."""
    replace: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Let it take the place of what is there; that stays in the repository's history."""
    public: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Show a new repository to everybody. One that is there stays as it is."""
    license: str | None = None
    """Licence on the card, such as apache-2.0; none is claimed if left out."""
    endpoint: str | None = None
    """Address of another Hub; HF_ENDPOINT, or huggingface.co, if left out."""

    def run(self) -> str:
        """Do it."""
        done = push(
            self.dataset,
            Repository(self.repository, self.endpoint),
            replace=self.replace,
            private=not self.public,
            licence=self.license,
        )
        return f"{done.files} files in {done.url}, commit {done.commit[:12]}, tag v3.0."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """Fetch a dataset from a Hub into a new folder. Every file is checked."""

    repository: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="REPOSITORY")]]
    """USER/NAME."""
    folder: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FOLDER")]]
    """The new folder."""
    revision: str | None = None
    """Branch, tag or commit; the tag v3.0, or main where there is none, if left out."""
    endpoint: str | None = None
    """Address of another Hub; HF_ENDPOINT, or huggingface.co, if left out."""

    def run(self) -> str:
        """Do it."""
        repository = Repository(self.repository, self.endpoint)
        done = pull(repository, self.folder, revision=self.revision)
        text = f"{done.version} in {self.folder}, commit {done.commit[:12]}."
        if done.version != layout.CODEBASE_VERSION:
            return f"{text} To use it here: python -m recordings.import_v21 {self.folder} --to NEW"
        if done.problems:
            return f"{text} It has problems. Look: python -m recordings.check {self.folder}"
        return text


def main(what: Push | Pull) -> int:
    """Send datasets to a Hugging Face Hub, and fetch them.

    Args:
        what: What to do.
    """
    if not sys.stderr.isatty():
        disable_progress_bars()
    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.addFilter(KEYLESS)
    try:
        text = what.run()
    except (ValueError, OSError, RecordingError, TransferError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{text}\n")
    return 0


PLAIN = (tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes)
"""Options are named as they are, not by what they belong to."""

if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m recordings.hub", config=PLAIN))
