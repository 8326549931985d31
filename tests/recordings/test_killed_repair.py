import shutil
from pathlib import Path

import pytest
from plain_reading import contents
from test_repair import deleted_film, torn_info

from recordings import repair
from recordings.check import check
from recordings.repaired import Repaired


class PowerCut(BaseException):
    """Not an error that anything may handle."""


def cut_power_at_flush(number, monkeypatch):
    """Let `number` more files and folders reach the disk, then nothing."""
    left = [number]

    def flush(_path):
        if left[0] == 0:
            raise PowerCut
        left[0] -= 1

    for module in ("disk", "repair", "repaired", "exchange", "film_places"):
        monkeypatch.setattr(f"recordings.{module}.flush", flush)


EVERY = 7
"""Of the flushes of a repair, how many are tried."""


@pytest.mark.parametrize("damage", [deleted_film, torn_info])
def test_power_cut_at_any_flush_of_a_repair_is_mended_by_the_next(
    recorded, tmp_path, monkeypatch, damage
):
    torn = Path(shutil.copytree(recorded, tmp_path / "torn"))
    damage(torn)
    calm = Path(shutil.copytree(torn, tmp_path / "calm"))
    repair.repair(calm)
    expected, flushes, cut = contents(calm), 0, True
    while cut:
        folder = Path(shutil.copytree(torn, tmp_path / f"{flushes}" / "d"))
        try:
            with monkeypatch.context() as patch:
                cut_power_at_flush(flushes, patch)
                repair.repair(folder)
            cut = False
        except PowerCut:
            flushes += EVERY
            repair.repair(folder)
        assert contents(folder) == expected
        films = {path.read_bytes() for path in folder.parent.rglob("*.mp4")}
        assert films >= {path.read_bytes() for path in torn.rglob("*.mp4")}
    assert flushes > 10


def test_a_repair_that_was_cut_short_after_the_exchange_still_gives_the_backup_its_name(
    recorded, tmp_path, monkeypatch
):
    folder = Path(shutil.copytree(recorded, tmp_path / "d"))
    deleted_film(folder)

    def cut(_self):
        raise PowerCut

    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(Repaired, "_finish", cut)
        repair.repair(folder)
    assert check(folder).problems == []

    assert repair.repair(folder).backup is None
    (backup,) = tmp_path.glob("d.backup-*")
    assert check(backup).problems != []
    assert not (tmp_path / ".d.repairing").exists()
    assert not (folder / ".repairing").exists()
