"""A folder in any store that fsspec reaches: s3://, gs://, sftp://, file:// and so on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs

from recordings.checksums import require_inside
from recordings.hub_repository import TransferError, plain

MADE_BY = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
"""Packages that bring the stores most used; fsspec names those of others."""
WITHOUT_FOLDERS = {*MADE_BY, "s3a", "abfss", "adl", "oss", "oci"}
"""Stores of objects. Asked for a folder they would make a bucket, whatever its name was meant."""


class RemoteFolder:
    """A folder of a store, by the address of it. What goes wrong there is a `TransferError`."""

    def __init__(self, url: str) -> None:
        """Credentials are found as that store's package finds them, never in the address.

        Raises `ValueError` when `url` names no store that is installed.
        """
        scheme = url.partition("://")[0] if "://" in url else "file"
        self.url = plain(url)
        try:
            self._fs: Any
            self._fs, root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            package = MADE_BY.get(scheme)
            install = f"Run: pip install {package}" if package else str(error)
            raise ValueError(
                f"Expected an address such as s3://bucket/folder, got {self.url}. No store of "
                f"{scheme!r} is installed. {install}"
            ) from error
        self._root = str(root).rstrip("/")
        self._makes_folders = scheme not in WITHOUT_FOLDERS

    def files(self) -> dict[str, int]:
        """Return the size in bytes of every file in it, by its name in it; none if there is none.

        Raises `ValueError` when a name leads out of it.
        """
        with self._said():
            self._fs.invalidate_cache()
            if not self._fs.exists(self._root):
                return {}
            found = self._fs.find(self._root, detail=True)
        return {
            require_inside(path.removeprefix(self._root).lstrip("/")): int(info["size"])
            for path, info in found.items()
        }

    def read(self, name: str) -> bytes:
        """Return what is in a file."""
        with self._said():
            content: bytes = self._fs.cat_file(self._path(name))
            return content

    def write(self, name: str, content: bytes) -> None:
        """Make a file hold `content`."""
        with self._said():
            self._make_room(name)
            self._fs.pipe_file(self._path(name), content)

    def put(self, file: Path, name: str) -> None:
        """Copy `file` there."""
        with self._said():
            self._make_room(name)
            self._fs.put_file(str(file), self._path(name))

    def get(self, name: str, file: Path) -> None:
        """Copy a file from there to `file`."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with self._said():
            self._fs.get_file(self._path(name), str(file))

    def remove(self, name: str) -> None:
        """Remove a file."""
        with self._said():
            self._fs.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _make_room(self, name: str) -> None:
        """Make the folders above a file, where a store has folders."""
        if self._makes_folders:
            self._fs.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - each store's package raises its own
            raise TransferError(
                f"The store refused, or the way to it broke: {type(error).__name__}: "
                f"{plain(str(error))} Try again: it goes on where it ended. Store: {self.url}"
            ) from None
