import json
import shutil
from uuid import uuid4

import pytest
import tyro
from fsspec.implementations.memory import MemoryFileSystem

from recordings import editing, store
from recordings.check import check
from recordings.checksums import files_of
from recordings.hub_repository import TransferError
from recordings.piece import trimmed
from recordings.remote_folder import RemoteFolder


class CutError(Exception):
    """The wire is cut."""


class CutOff(RemoteFolder):
    """A store of which the wire is cut before a file."""

    def __init__(self, url, at):
        super().__init__(url)
        self.at, self.moved = at, []

    def _move(self, name):
        if self.at is not None and self.at in name:
            raise CutError(name)
        self.moved.append(name)

    def put(self, file, name):
        self._move(name)
        super().put(file, name)

    def get(self, name, file):
        self._move(name)
        super().get(name, file)


@pytest.fixture
def memory_url():
    return f"memory://{uuid4().hex}/of mine"


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path, memory_url):
    return memory_url if request.param == "memory" else f"file://{tmp_path}/store/of mine"


def contents_of(folder):
    return {name: path.read_bytes() for name, path in files_of(folder).items()}


def test_a_dataset_goes_to_a_store_and_back_byte_by_byte(dataset, url, tmp_path):
    before = contents_of(dataset)
    assert store.push(dataset, RemoteFolder(url)) == len(before)
    assert store.push(dataset, RemoteFolder(url)) == 0
    assert store.pull(RemoteFolder(url), tmp_path / "back") == []
    assert contents_of(tmp_path / "back") == before
    assert check(tmp_path / "back").problems == []
    assert contents_of(dataset) == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_what_was_interrupted_goes_on_and_nobody_reads_a_part(dataset, url, tmp_path):
    cut = CutOff(url, "cam_low/chunk-000/file-003")
    with pytest.raises(CutError):
        store.push(dataset, cut)
    assert len(cut.moved) > 5
    with pytest.raises(ValueError, match=r"No whole dataset is there: meta/info\.json"):
        store.pull(RemoteFolder(url), tmp_path / "back")
    on = CutOff(url, None)
    store.push(dataset, on)
    assert not set(on.moved) & set(cut.moved)
    assert on.moved[-1] == "meta/info.json"
    cut = CutOff(url, "meta/tasks")
    with pytest.raises(CutError):
        store.pull(cut, tmp_path / "back")
    assert not (tmp_path / "back").exists()
    on = CutOff(url, None)
    store.pull(on, tmp_path / "back")
    assert not set(on.moved) & set(cut.moved)
    assert contents_of(tmp_path / "back") == contents_of(dataset)


def test_what_is_there_is_replaced_only_when_asked_to(dataset, memory_url, tmp_path):
    url = memory_url
    store.push(dataset, RemoteFolder(url))
    other = shutil.copytree(dataset, tmp_path / "other")
    editing.edit(other, "trim", lambda all_: trimmed(all_[:2], 1, 3, 2))
    with pytest.raises(ValueError, match="Another dataset, or another version"):
        store.push(other, RemoteFolder(url))
    store.pull(RemoteFolder(url), tmp_path / "still")
    assert contents_of(tmp_path / "still") == contents_of(dataset)
    cut = CutOff(url, "data/")
    with pytest.raises(CutError):
        store.push(other, cut, replace=True)
    with pytest.raises(ValueError, match="No whole dataset is there"):
        store.pull(RemoteFolder(url), tmp_path / "newer")
    store.push(other, RemoteFolder(url), replace=True)
    store.pull(RemoteFolder(url), tmp_path / "newer")
    assert contents_of(tmp_path / "newer") == contents_of(other)
    with pytest.raises(ValueError, match="Expected a new folder"):
        store.pull(RemoteFolder(url), tmp_path / "newer")


def test_a_file_that_changed_there_is_noticed(dataset, memory_url, tmp_path):
    url = memory_url
    there = RemoteFolder(url)
    store.push(dataset, there)
    name = "data/chunk-000/file-001.parquet"
    there.write(name, bytes(len((dataset / name).read_bytes())))
    with pytest.raises(TransferError, match="did not arrive as it was sent"):
        store.pull(RemoteFolder(url), tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert store.push(dataset, RemoteFolder(url)) == 0
    assert store.push(dataset, RemoteFolder(url), verify=True) == 2
    assert store.push(dataset, RemoteFolder(url), verify=True) == 0
    store.pull(RemoteFolder(url), tmp_path / "back")
    there.remove(name)
    mending = CutOff(url, None)
    assert store.push(dataset, mending) == 2
    assert mending.moved == [name, "meta/info.json"]
    there.write(".checksums.json", json.dumps({"files": {"../../evil": {}}}).encode())
    with pytest.raises(ValueError, match=r"\.checksums\.json cannot be read: Expected the name"):
        store.pull(RemoteFolder(url), tmp_path / "new")


def test_what_went_on_there_is_left_alone_unless_it_is_to_be_replaced(dataset, url, tmp_path):
    """Somebody recorded into the copy, or cut a file: the listing there still says the old."""
    there = RemoteFolder(url)
    for number, (name, content) in enumerate(
        (("data/chunk-000/file-009.parquet", b"newer"), ("meta/stats.json", b"{}"))
    ):
        store.push(dataset, there, replace=True)
        there.write(name, content)
        with pytest.raises(ValueError, match=f"are not as this program left them, such as {name}"):
            store.push(dataset, RemoteFolder(url), verify=True)
        assert there.read(name) == content
        store.push(dataset, RemoteFolder(url), replace=True)
        store.pull(RemoteFolder(url), tmp_path / f"back {number}")
        assert contents_of(tmp_path / f"back {number}") == contents_of(dataset)


def test_the_listing_of_a_store_does_not_follow_into_what_is_made_of_it(dataset, tmp_path):
    store.push(dataset, RemoteFolder(str(tmp_path / "store")))
    assert (tmp_path / "store/.checksums.json").exists()
    editing.copy(tmp_path / "store", [0, 1], tmp_path / "copy")
    assert not (tmp_path / "copy/.checksums.json").exists()


def test_what_another_tool_put_there_is_pulled_too(dataset, memory_url, tmp_path):
    there = RemoteFolder(memory_url)
    for name, path in files_of(dataset).items():
        there.put(path, name)
    there.write(".open/1/saving.json", b"{}")
    there.write("data/.lock", b"")
    store.pull(RemoteFolder(memory_url), tmp_path / "back")
    assert contents_of(tmp_path / "back") == contents_of(dataset)
    assert not list((tmp_path / "back").rglob(".*"))
    with pytest.raises(ValueError, match="Expected an empty place, or one that this program"):
        store.push(dataset, there, replace=True)


def run(capsys, *words):
    status = tyro.cli(store.main, args=[str(word) for word in words], config=store.PLAIN)
    out, err = capsys.readouterr()
    return status, out + err


def test_the_commands_say_what_is_wrong(dataset, tmp_path, capsys, monkeypatch):
    place = tmp_path / "place"
    place.mkdir()
    (place / "precious").write_text("mine")
    for words, told in [
        (("push", dataset, "s3://bucket/cubes"), "Run: pip install s3fs"),
        (("push", dataset, "nowhere://bucket"), "No store of 'nowhere' is installed"),
        (("push", dataset, place), "Expected an empty place"),
        (("pull", place, tmp_path / "new"), "No whole dataset is there"),
        (("push", tmp_path / "absent", tmp_path / "there"), "Not a dataset"),
    ]:
        status, text = run(capsys, *words)
        assert (status, told in text) == (1, True), text
    status, text = run(capsys, "push", dataset, tmp_path / "there")
    assert (status, "all of it is there" in text) == (0, True)
    with monkeypatch.context() as patch:
        patch.setattr("recordings.new_dataset.free_bytes", lambda _folder: 1000)
        status, text = run(capsys, "pull", tmp_path / "there", tmp_path / "new")
        assert (status, "of free disk space" in text) == (1, True)
    assert run(capsys, "pull", tmp_path / "there", tmp_path / "new")[0] == 0
    with monkeypatch.context() as patch:
        refuse = "Access denied: https://s3/x?X-Amz-Signature=verysecret"
        patch.setattr(
            MemoryFileSystem, "pipe_file", lambda *_a, **_k: (_ for _ in ()).throw(OSError(refuse))
        )
        status, text = run(capsys, "push", dataset, f"memory://{uuid4().hex}")
    assert (status, "The store refused" in text, "verysecret" in text) == (1, True, False)
