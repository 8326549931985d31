import json
import logging
import os
import shutil
import subprocess
import sys

import hf_xet
import pytest
import tyro
from hub_requests import SIGNATURE, TOKEN
from hub_server import hub_server

from recordings import editing, hub
from recordings.check import check
from recordings.checksums import files_of, sums_of
from recordings.hub_repository import Repository, TransferError
from recordings.piece import trimmed

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
"""The client's own warning about how it sends a film."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    with hub_server() as server:
        yield server


@pytest.fixture
def repository(server):
    return Repository("ada/cubes", server.endpoint)


def contents_of(folder):
    return {name: path.read_bytes() for name, path in files_of(folder).items()}


def test_a_dataset_goes_to_the_hub_and_back_byte_by_byte(recorded, server, repository, tmp_path):
    before = contents_of(recorded)
    pushed = hub.push(recorded, repository, licence="apache-2.0")
    repo = server.repos["ada/cubes"]
    assert repo.private
    assert repo.tags == {"v3.0": pushed.commit}
    stored = {
        name: each for name, each in server.files("ada/cubes", "v3.0").items() if name[0] != "."
    }
    card = stored.pop("README.md").decode()
    assert stored == before
    assert "tags:\n- LeRobot" in card
    assert 'license: "apache-2.0"' in card
    pulled = hub.pull(repository, tmp_path / "back")
    assert (pulled.commit, pulled.version, pulled.problems) == (pushed.commit, "v3.0", [])
    back = contents_of(tmp_path / "back")
    assert back.pop("README.md").decode() == card
    assert back == before
    assert check(tmp_path / "back").problems == []
    assert [path.name for path in tmp_path.iterdir()] == ["back"]
    assert not list(recorded.parent.glob(".*"))
    assert contents_of(recorded) == before


def test_what_is_there_is_replaced_only_when_asked_to(recorded, server, repository, tmp_path):
    first = hub.push(recorded, repository)
    again = hub.push(recorded, repository)
    assert again.commit == first.commit
    shutil.copytree(recorded, tmp_path / "other")
    editing.edit(tmp_path / "other", "trim", lambda all_: trimmed(all_[:2], 1, 3, 2))
    with pytest.raises(ValueError, match="holds another dataset, or another version"):
        hub.push(tmp_path / "other", repository)
    assert server.repos["ada/cubes"].tags == {"v3.0": first.commit}
    second = hub.push(tmp_path / "other", repository, replace=True)
    assert server.repos["ada/cubes"].tags == {"v3.0": second.commit}
    hub.pull(repository, tmp_path / "newer")
    newer = contents_of(tmp_path / "newer")
    newer.pop("README.md")
    assert newer == contents_of(tmp_path / "other")
    hub.pull(repository, tmp_path / "older", revision=first.commit)
    older = contents_of(tmp_path / "older")
    older.pop("README.md")
    assert older == contents_of(recorded)


def test_the_card_tells_of_what_is_there_unless_somebody_wrote_their_own(
    recorded, server, repository, tmp_path
):
    hub.push(recorded, repository, licence="mit")
    assert "| Episodes | 5 |" in server.files("ada/cubes")["README.md"].decode()
    hub.pull(repository, tmp_path / "d")
    editing.edit(tmp_path / "d", "keep 2", lambda all_: all_[:2])
    hub.push(tmp_path / "d", repository, replace=True)
    card = server.files("ada/cubes")["README.md"].decode()
    assert "| Episodes | 2 |" in card
    assert 'license: "mit"' in card
    repo = server.repos["ada/cubes"]
    repo.add(repo.commits[repo.head] | {"README.md": b"Our cubes."})
    hub.push(tmp_path / "d", repository)
    assert server.files("ada/cubes")["README.md"] == b"Our cubes."
    (tmp_path / "d/README.md").write_text("My cubes.")
    hub.push(tmp_path / "d", repository)
    assert server.files("ada/cubes")["README.md"] == b"My cubes."


def killed_once(words, server, stall_at):
    """Run the command, kill it while the server keeps it waiting, and let the server go on."""
    environment = os.environ | {"HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-m", "recordings.hub", *map(str, words)]
    server.stall_at = stall_at
    child = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert server.stalled.wait(90), child.stderr.read()
    child.kill()
    child.communicate()
    server.stall_at = None
    server.asked.clear()


def test_a_killed_push_goes_on_where_it_ended(recorded, server, repository, tmp_path):
    last = sums_of(recorded / "videos/observation.images.cam_low/chunk-000/file-004.mp4").sha256
    words = ["push", recorded, "ada/cubes", "--endpoint", server.endpoint]
    killed_once(words, server, f"/lfs/{last}")
    arrived = set(server.blobs)
    assert arrived
    assert set(server.files("ada/cubes")) == {".gitattributes"}
    pushed = hub.push(recorded, repository)
    for blob in arrived:
        assert server.count("PUT", blob) == 0
    assert server.repos["ada/cubes"].tags == {"v3.0": pushed.commit}
    hub.pull(repository, tmp_path / "back")
    back = contents_of(tmp_path / "back")
    back.pop("README.md")
    assert back == contents_of(recorded)


def test_a_killed_pull_leaves_nothing_and_goes_on_where_it_ended(
    recorded, server, repository, tmp_path
):
    hub.push(recorded, repository)
    target, last = tmp_path / "back", "cam_low/chunk-000/file-004.mp4"
    words = ["pull", "ada/cubes", target, "--endpoint", server.endpoint]
    killed_once(words, server, last)
    assert not target.exists()
    staging = next(tmp_path.glob(".back.*.pull"))
    arrived = set(contents_of(staging))
    assert arrived
    hub.pull(repository, target)
    for name in arrived:
        assert server.count("GET", f"/resolve/{server.repos['ada/cubes'].head}/{name}") == 0
    back = contents_of(target)
    back.pop("README.md")
    assert back == contents_of(recorded)
    assert not staging.exists()


def test_large_files_go_by_xet(recorded, server, tmp_path):
    """hf_xet itself, with the store on a disk that it has for tests."""
    server.xet = tmp_path / "cas"
    server.xet.mkdir()
    large = [path for path in files_of(recorded).values() if path.suffix in (".mp4", ".parquet")]
    found = hf_xet.hash_files([str(path) for path in large])
    for path, told in zip(large, found, strict=True):
        server.xet_hashes[sums_of(path).sha256] = told.hash
    environment = os.environ | {"HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "home")}
    environment.pop("HF_HUB_DISABLE_XET", None)
    for words in ("push", recorded, "ada/cubes"), ("pull", "ada/cubes", tmp_path / "back"):
        command = [sys.executable, "-m", "recordings.hub", *words, "--endpoint", server.endpoint]
        done = subprocess.run(
            [str(word) for word in command], env=environment, capture_output=True, timeout=200
        )
        assert done.returncode == 0, done.stderr
    assert server.count("POST", "/lfs/objects/batch") == server.count("PUT", "/lfs/") == 0
    assert server.count("GET", "/xet-read-token/") >= 1
    assert list(server.xet.rglob("default.*"))
    back = contents_of(tmp_path / "back")
    back.pop("README.md")
    assert back == contents_of(recorded)


def test_a_file_that_did_not_arrive_right_is_fetched_again(recorded, server, repository, tmp_path):
    hub.push(recorded, repository)
    repo = server.repos["ada/cubes"]
    name = "data/chunk-000/file-001.parquet"
    blob = repo.commits[repo.head][name][0]
    whole = server.blobs[blob]
    server.wrong[blob] = bytes(len(whole))
    with pytest.raises(TransferError, match=f"1 files did not arrive .* such as {name}"):
        hub.pull(repository, tmp_path / "back")
    assert not (tmp_path / "back").exists()
    server.wrong.clear()
    server.asked.clear()
    hub.pull(repository, tmp_path / "back")
    assert server.count("GET", "/resolve/") == 1
    assert (tmp_path / "back" / name).read_bytes() == whole


def test_pulling_never_overwrites(recorded, server, repository, tmp_path):
    hub.push(recorded, repository)
    (tmp_path / "back").mkdir()
    (tmp_path / "back/precious").write_text("mine")
    with pytest.raises(ValueError, match="Expected a new folder"):
        hub.pull(repository, tmp_path / "back")
    assert (tmp_path / "back/precious").read_text() == "mine"
    with pytest.raises(ValueError, match="no branch, tag or commit 'v9'"):
        hub.pull(repository, tmp_path / "new", revision="v9")
    repo = server.repos["ada/cubes"]
    repo.add(repo.commits[repo.head] | {"../../etc/passwd": b"x"})
    with pytest.raises(ValueError, match="Expected the name of a file inside"):
        hub.pull(repository, tmp_path / "new", revision="main")
    assert not (tmp_path / "new").exists()


def test_a_dataset_of_v21_is_pulled_and_told_how_to_import(server, repository, tmp_path, capsys):
    repository.create(private=True)
    repo = server.repos["ada/cubes"]
    repo.add({"meta/info.json": json.dumps({"codebase_version": "v2.1"}).encode()})
    words = ["pull", "ada/cubes", str(tmp_path / "old"), "--endpoint", server.endpoint]
    assert tyro.cli(hub.main, args=words, config=hub.PLAIN) == 0
    assert "python -m recordings.import_v21" in capsys.readouterr().out


def test_a_dataset_that_somebody_writes_to_or_that_is_torn_is_not_sent(
    dataset, bench, server, repository, tmp_path
):
    bench.recorder.open_dataset(tmp_path / "open", fps=50)
    bench.record("wave", ticks=20)
    with pytest.raises(ValueError, match="Another program writes to this dataset"):
        hub.push(tmp_path / "open", repository)
    film = next((dataset / "videos").rglob("file-002.mp4"))
    film.rename(tmp_path / "away")
    with pytest.raises(ValueError, match="This dataset has problems"):
        hub.push(dataset, repository)
    (tmp_path / "away").rename(film)
    assert server.repos == {}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def run(capfd, *words):
    status = tyro.cli(hub.main, args=[str(word) for word in words], config=hub.PLAIN)
    out, err = capfd.readouterr()
    return status, out + err


def test_no_secret_is_ever_said(recorded, server, monkeypatch, tmp_path, capfd, caplog):
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _secs: None)
    caplog.set_level(logging.DEBUG, "recordings")
    said, at = "", ["--endpoint", server.endpoint]
    for part, status, words in (
        ("/repos/create", 401, "Run: hf auth login, or set HF_TOKEN"),
        ("/preupload/", 403, "Use a token that can write"),
        ("PUT /lfs/", 500, "The Hub answered 500|way to it broke"),
        ("/commit/", 409, "Somebody else changed it"),
    ):
        server.answers = {part: status}
        status, text = run(capfd, "push", recorded, "ada/cubes", *at)
        assert status == 1
        assert any(each in text for each in words.split("|")), text
        said += text
    server.answers = {}
    status, text = run(capfd, "push", recorded, "ada/cubes", *at)
    assert status == 0, text
    assert "tag v3.0" in text
    monkeypatch.setenv("HF_TOKEN", "hf_anotherverysecretone")
    status, text = run(capfd, "pull", "ada/cubes", tmp_path / "new", *at)
    assert (status, "The Hub answered 401" in text) == (1, True), text
    said += text + caplog.text
    assert "thrown while requesting PUT" in said
    for secret in (TOKEN, SIGNATURE, "verysecret", "hf_another"):
        assert secret not in said
    status, text = run(capfd, "push", recorded, "not a/name/at all", *at)
    assert (status, "Expected a repository such as" in text) == (1, True)
