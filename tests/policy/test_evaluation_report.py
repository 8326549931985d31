"""What an evaluation comes to, and which starts it may use."""

import pytest

from policy.evaluation.environment import Ending, Result, Start
from policy.evaluation.interval import wilson
from policy.evaluation.report import rows, table, to_json
from policy.evaluation.seeds import seeds_of


def result(task, axis, seed, ending, **changed):
    fields = {"strict": ending is Ending.SUCCESS, "secs": 2.0 + seed} | changed
    swapped = fields.get("first_done") is not None
    return Result(Start(task, axis, seed, swapped), task, "do it", ending, **fields)


RESULTS = [
    result("pick", None, 1, Ending.SUCCESS),
    result("pick", None, 2, Ending.SUCCESS, strict=False),
    result("pick", None, 3, Ending.WRONG_OBJECT),
    result("stack", None, 1, Ending.TIME_OUT),
    result("pick", "colour", 1, Ending.WRONG_ARM),
]


def test_wilson_agrees_with_the_textbook():
    low, high = wilson(9, 10)  # Newcombe 1998's kind of example, by hand
    assert low == pytest.approx(0.5958, abs=1e-4) and high == pytest.approx(0.9821, abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 20)[0] == 0 and wilson(20, 20)[1] == 1


def test_each_task_and_each_axis_has_a_row_and_tasks_are_summed_up():
    found = rows(RESULTS)
    assert [(row.task, row.axis) for row in found] == [
        ("pick", "none"),
        ("stack", "none"),
        ("all", "none"),
        ("pick", "colour"),
    ]
    pick, _, every, colour = found
    assert (pick.episodes, pick.successes, pick.strict_successes) == (3, 2, 1)
    assert pick.success == pytest.approx(2 / 3) and pick.seconds == 3.5
    assert pick.wrong_object == pytest.approx(1 / 3) and colour.wrong_arm == 1
    assert every.episodes == 4 and colour.seconds is None


def test_the_table_is_read_by_people():
    lines = table(rows(RESULTS)).splitlines()
    assert lines[0].split()[:3] == ["task", "axis", "success"]
    assert "2 of 3" in lines[1] and "33.3 %" in lines[1] and "20.8 - 93.9" in lines[1]
    assert "first" not in lines[0]


def test_swapped_starts_say_which_of_the_two_was_done():
    swapped = [
        result("pick", None, 1, Ending.SUCCESS, first_done=False),
        result("pick", None, 2, Ending.WRONG_OBJECT, first_done=True),
    ]
    (row,) = rows(swapped)
    assert row.success == 0.5 and row.first_done == 0.5
    head, line = table([row]).splitlines()
    assert "told thing done" in head and "first thing done" in head and "50.0 %" in line


def test_what_an_environment_does_not_tell_is_no_zero():
    found = rows(RESULTS, tells_wrong=False)
    assert {(row.wrong_object, row.wrong_arm) for row in found} == {(None, None)}
    assert table(found[:1]).splitlines()[1].split()[-3:-1] == ["-", "-"]
    assert to_json({}, RESULTS, found, planned=5)["tasks"][0]["wrong_object"] is None


def test_the_json_says_whether_all_is_done():
    assert to_json({"env": "x"}, RESULTS, rows(RESULTS), planned=5)["complete"]
    written = to_json({"env": "x"}, RESULTS, rows(RESULTS), planned=6)
    assert not written["complete"] and written["options"]["env"] == "x"
    assert [each["success"] for each in written["episodes"]] == [True, True, False, False, False]


def test_the_seeds_of_a_split_stay_inside_it():
    assert seeds_of("test", None, 3) == range(600_000, 600_003)
    assert seeds_of("val", 599_999, 1) == range(599_999, 600_000)
    assert seeds_of("reserved", None, 1).start == 700_000


@pytest.mark.parametrize(
    ("split", "first", "count", "words"),
    [
        ("test", 3, 5, "Training uses those below 500000"),
        ("test", 500_000, 5, "test split are 600000 to 699999, got 500000.*val has 500000"),
        ("val", 599_990, 20, "got 599990 to 600009. No split has all"),
        ("test", 699_999, 2, "No split"),
        ("val", 700_000, 2, "reserved has 700000"),
        ("test", None, 0, "At least one"),
    ],
)
def test_seeds_of_another_range_are_refused_in_words(split, first, count, words):
    with pytest.raises(ValueError, match=words):
        seeds_of(split, first, count)
