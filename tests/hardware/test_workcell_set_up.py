"""Setting arms up with `python -m hardware.check`, on emulated motors: storing, aligning, IDs."""

import pytest
from emulated_lab import REPLY_SECS, emulated_lab, workcell_text

from hardware import check
from hardware.workcell.examination import examine_arms
from hardware.workcell.file import load_workcell

ONE_ARM = ("left_follower",)


@pytest.fixture
def lab(tmp_path):
    with emulated_lab(tmp_path, ONE_ARM) as lab:
        (tmp_path / "bench.toml").write_text(workcell_text(lab))
        yield lab


def run(lab, capsys, **options):
    options = {"reply_ms": 1e3 * REPLY_SECS} | options
    status = check.main(check.Options(**options), lab.machine)
    said = capsys.readouterr()
    return status, said.out + said.err


def test_an_arm_that_was_aligned_is_stored_anew_and_usable_again(lab, capsys):
    path = lab.root / "bench.toml"
    assert run(lab, capsys, workcell=path, remember=True)[0] == 0
    lab.buses["left_follower"][3].position += 30
    status, said = run(lab, capsys, workcell=path, align="left_follower")
    assert status == 0 and "--remember" in said
    (refused,) = examine_arms(load_workcell(path), lab.machine).arms
    assert not refused.usable
    assert "store it anew: `python -m hardware.check FILE --remember`" in str(refused.problems)
    status, said = run(lab, capsys, workcell=path, remember=True)
    assert status == 0 and "motor 3: homing offset was 0, is -30" in said
    (report,) = examine_arms(load_workcell(path), lab.machine).arms
    assert report.usable and not report.problems
