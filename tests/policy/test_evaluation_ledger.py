"""What is kept of an evaluation, whatever happens to it."""

import json

import pytest

from policy.evaluation.environment import Ending, Result, Start
from policy.evaluation.ledger import Ledger, result_from_json, result_to_json

OPTIONS = {"env": "aloha_sim", "episodes": 3}


def result(seed, ending=Ending.SUCCESS, **changed):
    fields = {"strict": True, "secs": 2.5} | changed
    return Result(Start("pick", None, seed), "pick_red_cube_left", "pick it", ending, **fields)


def test_a_result_survives_json():
    for each in (result(1), result(2, Ending.WRONG_ARM, strict=False, first_done=True)):
        assert result_from_json(json.loads(json.dumps(result_to_json(each)))) == each


def test_what_was_added_is_there_again(tmp_path):
    with Ledger(tmp_path / "out", OPTIONS) as ledger:
        ledger.add(result(1))
        ledger.add(result(2))
    with Ledger(tmp_path / "out", OPTIONS) as again:
        assert list(again.results.values()) == [result(1), result(2)]


def test_a_line_torn_by_a_crash_is_cut_off_and_the_next_one_is_whole(tmp_path):
    with Ledger(tmp_path, OPTIONS) as ledger:
        ledger.add(result(1))
        ledger.add(result(2))
    path = tmp_path / "episodes.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    with Ledger(tmp_path, OPTIONS) as again:
        assert list(again.results.values()) == [result(1)]
        again.add(result(3))
    with Ledger(tmp_path, OPTIONS) as after:
        assert list(after.results.values()) == [result(1), result(3)]


def test_other_options_are_refused_by_name(tmp_path):
    with Ledger(tmp_path, OPTIONS):
        pass
    with (
        pytest.raises(ValueError, match=r"episodes 3 \(now 4\).*choose a new folder"),
        Ledger(tmp_path, OPTIONS | {"episodes": 4}),
    ):
        pass


def test_two_evaluations_never_share_a_folder(tmp_path):
    with (
        Ledger(tmp_path, OPTIONS),
        pytest.raises(ValueError, match="Another evaluation"),
        Ledger(tmp_path, OPTIONS),
    ):
        pass
    with Ledger(tmp_path, OPTIONS):  # free again
        pass


def test_a_line_that_is_no_result_is_named(tmp_path):
    (tmp_path / "episodes.jsonl").write_text('{"start": 5}\n')
    with (
        pytest.raises(ValueError, match=r"Line 1 is no result.*episodes.jsonl"),
        Ledger(tmp_path, OPTIONS),
    ):
        pass
