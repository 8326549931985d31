"""A dataset's repository on a Hugging Face Hub, through its own client. Knows no dataset."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from httpx2 import HTTPError
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile

from recordings.checksums import Sums, require_inside

KIND = "dataset"
MAIN = "main"
NOT_OURS = (".gitattributes",)
"""Files that the Hub itself puts there."""
ADVICE = {
    401: "It does not know who asks. Run: hf auth login, or set HF_TOKEN.",
    403: "Who asks may not do that. Use a token that can write, or another name.",
    404: "There is no such repository, or who asks may not see it. Run: hf auth login",
    409: "Somebody else changed it at the same time. Try again.",
    413: "It takes no file as large as one of these.",
    429: "It was asked too often. Wait a while and try again.",
}


class TransferError(Exception):
    """The network or the other side failed. Trying again goes on where it ended."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file in a repository."""

    size: int
    sum: str
    """SHA-256 of what is stored as a large file, else SHA-1 as git has it."""

    def same(self, sums: Sums) -> bool:
        """Whether it is the file that sums up to `sums`."""
        return self.size == sums.size and self.sum in (sums.sha256, sums.git)


class Repository:
    """A repository of a dataset, NAME or USER/NAME."""

    def __init__(self, name: str, endpoint: str | None = None) -> None:
        """`endpoint` is the Hub's address; HF_ENDPOINT or huggingface.co if it is None.

        Who asks is known by HF_TOKEN or by `hf auth login`, never by an argument, which others
        could read. Raises `TransferError` when the Hub does not answer.
        """
        self._api = HfApi(endpoint=endpoint, library_name="vla-studio")
        with said(name):
            self.name = name if "/" in name else f"{self._api.whoami()['name']}/{name}"

    @property
    def url(self) -> str:
        """Where people see it."""
        return f"{self._api.endpoint}/datasets/{self.name}"

    def create(self, *, private: bool) -> None:
        """Make it, unless it is there."""
        with said(self.name):
            self._api.create_repo(self.name, repo_type=KIND, private=private, exist_ok=True)

    def revision(self, name: str) -> str | None:
        """Return the commit that a branch, tag or commit names; None when there is none.

        Raises `TransferError` when there is no such repository.
        """
        with said(self.name):
            try:
                return self._api.dataset_info(self.name, revision=name).sha
            except RevisionNotFoundError:
                return None

    def files(self, revision: str) -> dict[str, RemoteFile]:
        """Return the files of a revision by their names, without the Hub's own.

        Raises `ValueError` when a name leads out of the repository.
        """
        with said(self.name):
            entries = list(
                self._api.list_repo_tree(
                    self.name, recursive=True, revision=revision, repo_type=KIND
                )
            )
        found = {}
        for entry in entries:
            if isinstance(entry, RepoFile) and entry.path not in NOT_OURS:
                stored = entry.lfs.sha256 if entry.lfs is not None else entry.blob_id
                found[require_inside(entry.path)] = RemoteFile(entry.size, stored)
        return found

    def text(self, name: str, revision: str) -> str:
        """Return the words of a small file."""
        with said(self.name), TemporaryDirectory() as folder:
            path = self._api.hf_hub_download(
                self.name, name, repo_type=KIND, revision=revision, local_dir=folder
            )
            return Path(path).read_text()

    def upload(self, folder: Path, message: str, gone: list[str]) -> None:
        """Make the main branch hold the files of `folder`, and no longer those of `gone`.

        What the Hub has already is not sent again.
        """
        with said(self.name):
            self._api.upload_folder(
                repo_id=self.name,
                repo_type=KIND,
                folder_path=folder,
                commit_message=message,
                delete_patterns=[re.sub(r"([*?\[])", r"[\1]", name) for name in gone] or None,
            )

    def tag(self, name: str, commit: str) -> None:
        """Let the tag `name` mean `commit`, whatever it meant before.

        The Hub moves no tag: it is taken away and given anew, and given back if that is refused.
        """
        meant = self.revision(name)
        if meant == commit:
            return
        with said(self.name):
            if meant is not None:
                self._api.delete_tag(self.name, tag=name, repo_type=KIND)
            try:
                self._api.create_tag(self.name, tag=name, revision=commit, repo_type=KIND)
            except Exception:
                if meant is not None:
                    self._api.create_tag(self.name, tag=name, revision=meant, repo_type=KIND)
                raise

    def download(self, commit: str, folder: Path) -> None:
        """Put the files of `commit` into `folder`, but for those named with a dot.

        What is there of them already is kept.
        """
        with said(self.name):
            snapshot_download(
                self.name,
                repo_type=KIND,
                revision=commit,
                local_dir=folder,
                endpoint=self._api.endpoint,
                library_name="vla-studio",
                max_workers=4,
                ignore_patterns=[".*", "*/.*"],  # its own notes, and locks and open episodes
            )


@contextmanager
def said(name: str) -> Iterator[None]:
    """Raise what the client raises as `TransferError` in plain words, without secrets."""
    try:
        yield
    except HFValidationError as error:
        raise ValueError(
            f"Expected a repository such as user/my-dataset, got {name!r}: {error}"
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        advice = ADVICE.get(status, "Try again later; what was sent is not sent again.")
        gone = isinstance(error, RepositoryNotFoundError)
        raise TransferError(
            f"The Hub answered {status}{' (no such repository)' if gone else ''}. {advice} "
            f"Repository: {name}"
        ) from None
    except (HTTPError, OSError, RuntimeError) as error:
        raise TransferError(
            f"The Hub could not be reached, or the way to it broke: {_reasons(error)}. Try again: "
            f"it goes on where it ended. Repository: {name}"
        ) from None


def _reasons(error: BaseException) -> str:
    """Return what failed, and what that came from."""
    from_what = error.__cause__ or error.__context__
    words = plain(str(error) or type(error).__name__).rstrip(".")
    further = "" if from_what is None else _reasons(from_what)
    return words if further in words else f"{words}: {further}"


def plain(text: str) -> str:
    """Return `text` on one line without what may be a key in an address: `?key=`, `user:key@`."""
    unasked = re.sub(r"(\w://[^\s?'\"]+)\?[^\s'\"]*", r"\1", text)
    return " ".join(re.sub(r"(\w://)[^\s/@]+@", r"\1", unasked).split())


class WithoutKeys(logging.Filter):
    """Takes keys out of the addresses in what the client logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean one record; all are logged."""
        record.msg, record.args = plain(record.getMessage()), None
        return True


KEYLESS = WithoutKeys()
"""One for all handlers, which take the same one only once."""
