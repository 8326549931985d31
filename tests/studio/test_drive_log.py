import json

import numpy as np
import pytest
from small_robot import WAVE
from waiting import wait_for

from recordings.catalogue import Catalogue
from recordings.dataset import Dataset
from recordings.drives import read_drives, read_plans
from recordings.episode_search import Search
from recordings.marks import read_marks
from recordings.recorder import Recorder
from studio.curation import Curation
from studio.desk import Desk
from studio.drive_log import DriveLog
from studio.episodes import Episodes
from studio.history import History, Outcome
from studio.notices import Notices
from studio.pages.history import _judge
from studio.record_desk import RecordDesk
from studio.station import Station
from studio.status import Driver


@pytest.fixture
def desk(patient_robot, body, teleoperator, tmp_path):
    """A station with everything that is told of a tick, as the studio has it."""
    recorder, catalogue, history = Recorder(body), Catalogue.in_folder(tmp_path), History()
    drives = DriveLog(recorder, history)
    record = RecordDesk(recorder, catalogue, drives)
    with Station(
        patient_robot, teleoperator, Notices(), history, listeners=(recorder, drives)
    ) as station:
        wait_for(lambda: station.tick)
        yield station, record, Curation(catalogue, record), Episodes(catalogue)
    record.close()
    catalogue.close()


def rows_more(record, count):
    frames = record.recorder.status().frames
    wait_for(lambda: record.recorder.status().frames >= frames + count)


def intervened(station, record, policy):
    """Record a policy's run in which a person took over and gave back."""
    station.run_instruction(policy, WAVE, "waver")
    record.start("cubes", WAVE)
    rows_more(record, 8)
    station.take_over()
    rows_more(record, 6)
    station.give_back()
    station.resume()
    wait_for(lambda: station.status().driver is Driver.POLICY)
    rows_more(record, 6)
    record.save()


def test_rows_tell_where_a_person_intervened_and_the_log_who_drove_when(desk, policy, tmp_path):
    station, record, _, episodes = desk
    intervened(station, record, policy)
    folder = tmp_path / "datasets/cubes"
    with Dataset(folder) as dataset:
        flags, times = dataset.rows(0)["intervention"], dataset.rows(0)["time"]
        quality = dataset.episodes()[0].quality
    assert set(flags) == {0.0, 1.0}
    assert quality.intervened_share == pytest.approx(flags.mean())
    drove = read_drives(folder)[0].spans
    kinds = [span.driver for span in drove if span.driver != "nobody"]
    assert kinds == ["policy", "person", "policy"]
    assert (drove[0].words, drove[0].policy) == (WAVE, "waver")
    by_hand = next(n for n, span in enumerate(drove) if span.driver == "person")
    taken, given = drove[by_hand].from_secs, drove[by_hand + 1].from_secs
    assert ((flags == 1) == ((times >= taken - 1e-6) & (times < given - 1e-6))).all()
    view = json.loads(episodes.to_watch("cubes", 0))
    assert [span["driver"] for span in view["spans"]] == [span.driver for span in drove]
    assert ("by intervention", f"{flags.mean():.0%}") in [
        (each["name"], each["value"]) for each in view["card"]["figures"]
    ]


def test_what_a_policy_planned_is_kept_and_stays_with_a_part_of_the_episode(desk, policy, tmp_path):
    station, record, curation, episodes = desk
    intervened(station, record, policy)
    folder = tmp_path / "datasets/cubes"
    before = read_plans(folder, read_drives(folder)[0], 60.0)
    assert len(before) >= 2
    assert all(plan.actions.shape == (16, 14) and plan.hz == 10 for plan in before)
    assert all(plan.observed_secs <= plan.taken_secs for plan in before)

    curation.split("cubes", 0, 1.0)
    with Dataset(folder) as dataset:
        cut = 1.0 / dataset.fps * dataset.fps
        lengths = [each.num_frames for each in dataset.episodes()]
    records = read_drives(folder)
    assert lengths[0] == round(cut * 10)
    after = read_plans(folder, records[1], 60.0)
    begins = records[1].begins_secs
    assert begins == pytest.approx(1.0, abs=0.2)
    np.testing.assert_array_equal(after[-1].actions, before[-1].actions)
    assert after[-1].observed_secs == pytest.approx(before[-1].observed_secs - begins)
    assert len(list((folder / "meta/plans").iterdir())) == 1
    assert records[1].spans_shown(9.0)[0].from_secs == 0.0

    curation.delete("cubes", 0)
    assert json.loads(episodes.to_watch("cubes", 0))["plans"]
    curation.undo("cubes")
    assert len(read_drives(folder)) == 2


def test_who_recorded_an_episode_is_kept_and_asked_for(desk, policy, tmp_path):
    station, record, curation, episodes = desk
    station.run_instruction(policy, WAVE, "waver")
    record.start("cubes", WAVE, " Ann \n Lee ")
    rows_more(record, 3)
    record.save()
    record.hold("cubes")
    wait_for(lambda: (record.recorder.status().held_secs or 0) >= 0.5)
    record.keep(WAVE, "Bo")
    record.hold_nothing()
    record.start("cubes", WAVE)
    rows_more(record, 3)
    record.save()
    kept = read_drives(tmp_path / "datasets/cubes")
    assert [kept[episode].operator for episode in range(3)] == ["Ann Lee", "Bo", ""]
    asked = Search("cubes", ["operator=ann lee", "policy=waver"])
    assert [line.index for line in episodes._catalogue.search(asked)] == [0]
    assert json.loads(episodes.to_watch("cubes", 1))["operator"] == "Bo"
    curation.delete("cubes", 0)
    assert json.loads(episodes.to_watch("cubes", 0))["operator"] == "Bo"


def test_plans_that_are_lost_are_told_of_and_the_rest_is_shown(desk, policy, tmp_path):
    station, record, _, episodes = desk
    intervened(station, record, policy)
    next((tmp_path / "datasets/cubes/meta/plans").iterdir()).unlink()
    view = json.loads(episodes.to_watch("cubes", 0))
    assert "plans of this episode cannot be read" in view["trouble"]
    assert view["plans"] == [] and view["spans"]


def test_an_instruction_is_linked_to_its_clip_and_judged_by_hand(desk, policy):
    station, record, curation, episodes = desk
    station.run_instruction(policy, WAVE, "waver")
    record.start("cubes", WAVE)
    rows_more(record, 3)
    record.save()
    (told,) = station.history.newest_first()
    assert (told.outcome, told.clip) == (Outcome.RUNNING, ("cubes", 0))

    judged = station.judge(told.number, success=True)
    assert judged.outcome is Outcome.DONE
    assert station.status().driver is Driver.NOBODY
    assert station.judge(told.number, success=False).outcome is Outcome.FAILED
    with pytest.raises(ValueError, match="not among the last"):
        station.judge(99, success=True)

    curation.mark("cubes", 0, success=False)
    version = episodes.version("cubes")
    station.history.follow("cubes", told.clip_version, version)
    assert station.history.told(told.number).clip_version == version


def test_an_instruction_judged_before_its_clip_is_saved_marks_the_clip(desk, policy, tmp_path):
    station, record, _, _ = desk
    station.run_instruction(policy, WAVE, "waver")
    record.start("cubes", WAVE)
    rows_more(record, 3)
    station.judge(station.history.newest_first()[0].number, success=False)
    record.save()
    assert read_marks(tmp_path / "datasets/cubes")[0].success is False


def test_what_just_happened_is_kept_with_who_drove_and_its_instruction(desk, policy, tmp_path):
    station, record, _, _ = desk
    record.hold("cubes")
    station.run_instruction(policy, WAVE, "waver")
    wait_for(lambda: (record.recorder.status().held_secs or 0) >= 1.0)
    station.take_over()
    held = record.recorder.status().held_secs
    wait_for(lambda: record.recorder.status().held_secs >= held + 0.5)
    record.keep("wave, and a hand that helped")
    (span, *later) = read_drives(tmp_path / "datasets/cubes")[0].spans
    assert span.from_secs == 0.0
    assert {span.driver, *(each.driver for each in later)} >= {"policy", "person"}
    assert read_plans(tmp_path / "datasets/cubes", read_drives(tmp_path / "datasets/cubes")[0], 9.0)
    assert station.history.newest_first()[0].clip == ("cubes", 0)


def test_a_verdict_reaches_the_clip_while_more_is_recorded_into_the_same_dataset(
    desk, policy, tmp_path
):
    station, record, curation, episodes = desk
    page = object.__new__(Desk)  # the parts behind the page that a verdict needs
    parts = {"station": station, "record": record, "episodes": episodes}
    for name, part in (parts | {"catalogue": episodes._catalogue}).items():
        object.__setattr__(page, name, part)
    station.run_instruction(policy, WAVE, "waver")
    record.start("cubes", WAVE)
    rows_more(record, 3)
    record.save()
    station.stand_by()
    record.start("cubes", WAVE)
    _judge(page, 1, success=True)
    assert read_marks(tmp_path / "datasets/cubes")[0].success is True
    assert record.recorder.recording
    record.discard()
    curation.tag("cubes", 0, "slow")
    with pytest.raises(ValueError, match="its recording is not: 'cubes' was edited since"):
        _judge(page, 1, success=False)


def test_what_began_after_the_last_row_is_not_of_the_episode(desk, policy, tmp_path):
    station, record, _, _ = desk
    station.run_instruction(policy, WAVE, "waver")
    record.start("cubes", WAVE)
    rows_more(record, 3)
    index = record.recorder.save_episode()
    first, last = record.recorder.saved_span
    station.take_over()
    station.run_instruction(policy, WAVE, "waver")
    wait_for(lambda: station.status().driver is Driver.POLICY and station.status().num_chunks)
    record._note(index, "")  # as when the disk took its time
    later, told = station.history.newest_first()
    assert (told.clip, later.clip) == (("cubes", 0), None)
    drove = read_drives(tmp_path / "datasets/cubes")[0]
    assert {span.driver for span in drove.spans} == {"policy"}
    plans = read_plans(tmp_path / "datasets/cubes", drove, 60.0)
    assert all(plan.taken_secs <= last - first for plan in plans)


def test_a_demonstration_by_hand_is_no_intervention_and_has_no_plans(desk, policy, tmp_path):
    station, record, _, _ = desk
    station.run_instruction(policy, WAVE, "waver")
    wait_for(lambda: station.status().num_chunks)
    station.stand_by()
    station.take_over()
    record.start("cubes", "wave by hand")
    rows_more(record, 4)
    record.save()
    with Dataset(tmp_path / "datasets/cubes") as dataset:
        assert not dataset.rows(0)["intervention"].any()
    drove = read_drives(tmp_path / "datasets/cubes")[0]
    assert {span.driver for span in drove.spans} == {"person"}
    assert drove.plans == ""
