"""A file that several threads change: nothing is lost, and a failure leaves it as it was."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from hardware.durable_file import change_text, replace_file


def test_what_many_threads_add_at_once_is_all_there(tmp_path):
    path = tmp_path / "cell.toml"

    def add(number):
        change_text(path, lambda text: f"{text}{number}\n")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    assert sorted(map(int, path.read_text().split())) == list(range(24))


def test_a_change_that_fails_leaves_the_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "cell.toml"
    path.write_text("as it was")

    def fail(text):
        raise ValueError(text)

    with pytest.raises(ValueError, match="as it was"):
        change_text(path, fail)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        replace_file(tmp_path / "folder", b"new")
    assert path.read_text() == "as it was"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cell.toml", "folder"]


def test_links_and_permissions_stay(tmp_path):
    kept, link = tmp_path / "kept.toml", tmp_path / "cell.toml"
    kept.write_text("old")
    kept.chmod(0o640)
    link.symlink_to(kept)
    replace_file(link, b"new")
    assert link.is_symlink() and kept.read_text() == "new"
    assert kept.stat().st_mode & 0o777 == 0o640
