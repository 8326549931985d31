"""`python -m recordings.store push` and `pull`: datasets to and from any store of fsspec."""

import json
import shutil
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import tyro
from tqdm import tqdm

from recordings import layout
from recordings.checksums import LISTING, files_of, hidden, require_inside, sums_of
from recordings.disk import RecordingError, parse_object, try_lock
from recordings.hub_repository import TransferError
from recordings.inspection import written_problems
from recordings.new_dataset import appear, flush_all, require_new, require_room
from recordings.remote_folder import RemoteFolder
from recordings.snapshot import freeze

INFO = layout.INFO.as_posix()
"""Written after all others, as the listing is before them: where it lies, all lies."""

Listed = tuple[int, str]
"""Size in bytes and SHA-256 of a file."""
Wanted = tuple[int, str | None]
"""The same where nobody may have said the SHA-256."""
Listing = Mapping[str, Listed]


def push(
    folder: Path,
    store: RemoteFolder,
    *,
    replace: bool = False,
    verify: bool = False,
    progress: bool = False,
) -> int:
    """Make `store` hold the dataset at `folder`, as it was when this was called.

    `meta/info.json` comes last, so that nobody reads a part. Interrupted, this is called again:
    what arrived is not sent again. A file there is known by its size, or by all of its bytes if
    `verify`, which reads them back and mends what was damaged. Returns the number of files sent.
    Raises `ValueError` when the dataset has problems, or the store holds another one and `replace`
    is false, or what this program did not put there; `TransferError` when the store or the way to
    it fails.
    """
    staging = folder.absolute().with_name(f".{folder.name}.{uuid4().hex}.part")
    try:
        freeze(folder, staging)
        ours = _listing_of(staging)
        damaged = _damaged(store, ours, staging / ".back") if verify else set()
        arrived = _make_way(store, ours, damaged, replace=replace)
        left = [name for name in ours if name not in arrived and name != INFO]
        store.write(LISTING, _as_json(ours))
        for name in tqdm(left, unit="file", disable=not progress):
            store.put(staging / name, name)
        _require_sizes(store, {name: ours[name] for name in ours if name != INFO})
        if INFO not in arrived:
            store.put(staging / INFO, INFO)
            left.append(INFO)
        _require_sizes(store, ours)
        return len(left)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _damaged(store: RemoteFolder, ours: Listing, scratch: Path) -> set[str]:
    """Return which files there have the size of ours and other bytes; they pass by `scratch`."""
    found = set()
    for name, size in store.files().items():
        if name in ours and size == ours[name][0]:
            store.get(name, scratch)
            if _listed(scratch) != ours[name]:
                found.add(name)
    scratch.unlink(missing_ok=True)
    return found


def _make_way(
    store: RemoteFolder, ours: Listing, damaged: Collection[str], *, replace: bool
) -> set[str]:
    """Remove what must not stay, info.json first; return what is there as it shall be."""
    sizes = store.files()
    if sizes and LISTING not in sizes:
        raise ValueError(
            f"Expected an empty place, or one that this program filled, got {len(sizes)} other "
            f"files. Choose another. Store: {store.url}"
        )
    theirs = _read_listing(store) if sizes else {}
    right = {n for n in sizes if n in ours and theirs.get(n) == ours[n] and sizes[n] == ours[n][0]}
    right -= set(damaged)
    wrong = [name for name in sizes if name not in right and name != LISTING]
    if not replace:
        _require_this_one(store, sizes, theirs, ours)
    if INFO in sizes and right != set(ours):
        store.remove(INFO)
    for name in wrong:
        if name != INFO:
            store.remove(name)
    return right if right == set(ours) else right - {INFO}


def _require_this_one(
    store: RemoteFolder, sizes: Mapping[str, int], theirs: Listing, ours: Listing
) -> None:
    """Raise `ValueError` when another dataset is there, or this one went on there since."""
    if theirs not in ({}, ours):
        raise ValueError(
            "Another dataset, or another version of this one, is there. Nothing was changed. To "
            f"put this one in its place, say --replace. Store: {store.url}"
        )
    strange = [
        name
        for name, size in sizes.items()
        if name != LISTING and (name not in ours or (INFO in sizes and size != ours[name][0]))
    ]
    if strange:
        raise ValueError(
            f"{len(strange)} files there are not as this program left them, such as {strange[0]}: "
            "the dataset may have gone on there. Nothing was changed. To put this one in its "
            f"place, say --replace. Store: {store.url}"
        )


def pull(store: RemoteFolder, target: Path, *, progress: bool = False) -> list[str]:
    """Make the new folder `target` of the dataset in `store`; it appears whole.

    Every file is held against its checksum, or its size where another tool put the dataset there
    without a listing; what is named with a dot stays there. Interrupted, this is called again and
    goes on. Returns what is wrong with the dataset, if anything is. Raises `ValueError` when
    `target` is there, another program pulls into it, or no whole dataset is in the store;
    `TransferError` when the store or the way to it fails, or what is there changed meanwhile.
    """
    require_new(target)
    sizes = store.files()
    if INFO not in sizes:
        raise ValueError(
            f"No whole dataset is there: {INFO}, which is written last, is lacking. Push it again, "
            f"or look at the address. Store: {store.url}"
        )
    listing = _read_listing(store) if LISTING in sizes else None
    names = [name for name in listing or sizes if not hidden(name)]
    version: object = listing or sorted((name, sizes[name]) for name in names)
    called = sha256(f"{store.url}{version}".encode()).hexdigest()[:12]
    staging = target.absolute().with_name(f".{target.name}.{called}.pull")
    lacking = [name for name in names if not (staging / name).exists()]
    require_room(target, sum(sizes.get(name, 0) for name in lacking))
    staging.mkdir(parents=True, exist_ok=True)
    lock = try_lock(staging / layout.LOCK)
    if lock is None:
        raise ValueError(f"Another program pulls this dataset already. Folder: {target}")
    with lock:
        for name in tqdm(sorted(names), unit="file", disable=not progress):
            _fetch(store, staging, name, listing[name] if listing else (sizes[name], None))
        if listing is not None and _read_listing(store) != listing:
            raise TransferError(f"Somebody replaced it meanwhile. Try again. Store: {store.url}")
        problems = written_problems(staging)
        (staging / layout.LOCK).unlink()
        flush_all(staging)
        require_new(target)
        appear(staging, target)
    return problems


def _fetch(store: RemoteFolder, staging: Path, name: str, wanted: Wanted) -> None:
    """Fetch one file, unless it is there and right."""
    path, part = staging / name, staging / f"{name}.part"
    if path.exists() and _is(path, wanted):
        return
    store.get(name, part)
    if not _is(part, wanted):
        part.unlink()
        raise TransferError(
            f"A file did not arrive as it was sent. Try again; if it stays so, push the dataset "
            f"again with --verify. File: {name} Store: {store.url}"
        )
    part.replace(path)


def _is(path: Path, wanted: Wanted) -> bool:
    size, digest = wanted
    return path.stat().st_size == size and (digest is None or sums_of(path).sha256 == digest)


def _listing_of(folder: Path) -> dict[str, Listed]:
    return {name: _listed(path) for name, path in files_of(folder).items()}


def _listed(path: Path) -> Listed:
    sums = sums_of(path)
    return sums.size, sums.sha256


def _as_json(listing: Listing) -> bytes:
    files = {name: {"size": size, "sha256": digest} for name, (size, digest) in listing.items()}
    return json.dumps({"files": files}, indent=1).encode()


def _read_listing(store: RemoteFolder) -> dict[str, Listed]:
    try:
        files = parse_object(store.read(LISTING))["files"]
        return {
            require_inside(name): (int(f["size"]), str(f["sha256"])) for name, f in files.items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{LISTING} cannot be read: {error} Store: {store.url}") from error


def _require_sizes(store: RemoteFolder, ours: Listing) -> None:
    sizes = store.files()
    wrong = [name for name, (size, _) in ours.items() if sizes.get(name) != size]
    if wrong:
        raise TransferError(
            f"{len(wrong)} files did not arrive whole, such as {wrong[0]}. Try again: only they "
            f"are sent again. Store: {store.url}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Send a dataset to a store. info.json comes last, so that nobody reads a part."""

    dataset: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="DATASET")]]
    """Folder of a LeRobotDataset v3.0, ours or another tool's."""
    url: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="URL")]]
    """Folder in the store, such as s3://bucket/cubes or /media/disk/cubes."""
    replace: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Let it take the place of the dataset that is there, which is gone then."""
    verify: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Read back what is there already, all of it, and send again what was damaged."""

    def run(self) -> str:
        """Do it."""
        store, shown = RemoteFolder(self.url), sys.stderr.isatty()
        count = push(
            *(self.dataset, store), replace=self.replace, verify=self.verify, progress=shown
        )
        return f"{count} files sent to {store.url}; all of it is there."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """Fetch a dataset from a store into a new folder.

    Every file is held against its SHA-256, or its size where .checksums.json is not there.
    """

    url: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="URL")]]
    """Folder in the store."""
    folder: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FOLDER")]]
    """The new folder."""

    def run(self) -> str:
        """Do it."""
        problems = pull(RemoteFolder(self.url), self.folder, progress=sys.stderr.isatty())
        if problems:
            look = f"python -m recordings.check {self.folder}"
            return f"It is in {self.folder}, and has problems. Look: {look}"
        return f"It is in {self.folder}."


def main(what: Push | Pull) -> int:
    """Send datasets to any store that fsspec reaches, and fetch them.

    Args:
        what: What to do.
    """
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
    sys.exit(tyro.cli(main, prog="python -m recordings.store", config=PLAIN))
