import shutil

import pytest
from waiting import wait_for

from recordings.catalogue import Catalogue
from recordings.marks import read_marks
from recordings.recorder import Recorder
from studio.history import History
from studio.notices import Notices
from studio.record_desk import RecordDesk
from studio.station import Station
from studio.unsaved import UnsavedEpisodes


@pytest.fixture
def desk(robot, body, teleoperator, tmp_path):
    recorder, catalogue = Recorder(body), Catalogue.in_folder(tmp_path)
    desk = RecordDesk(recorder, catalogue)
    with Station(robot, teleoperator, Notices(), History(), listeners=(recorder,)):
        yield desk
    recorder.close()
    catalogue.close()


def test_a_saved_episode_is_in_the_catalogue(desk, tmp_path):
    desk.start("cubes", "hold still")
    wait_for(lambda: desk.recorder.status().frames >= 3)
    assert desk.save() == "Episode 0 is saved in cubes."
    catalogue = Catalogue.in_folder(tmp_path)
    assert [episode.task for episode in catalogue.episodes("cubes")] == ["hold still"]
    catalogue.close()


def test_the_world_is_not_rearranged_under_an_open_episode(desk):
    desk.refuse_while_recording("A new scene")
    desk.start("cubes", "hold still")
    with pytest.raises(ValueError, match="Save or discard it first"):
        desk.refuse_while_recording("A new scene")
    desk.discard()
    desk.refuse_while_recording("A new scene")


def test_a_discarded_episode_leaves_nothing(desk, tmp_path):
    desk.start("cubes", "hold still")
    desk.discard()
    catalogue = Catalogue.in_folder(tmp_path)
    assert catalogue.datasets() == []
    catalogue.close()


def test_an_episode_open_at_the_end_is_kept(desk, tmp_path):
    desk.start("cubes", "hold still")
    wait_for(lambda: desk.recorder.status().frames >= 3)
    desk.close()
    catalogue = Catalogue.in_folder(tmp_path)
    assert len(catalogue.episodes("cubes")) == 1
    catalogue.close()


def test_recording_needs_words_and_a_plain_name(desk):
    with pytest.raises(ValueError, match="Say what is being demonstrated"):
        desk.start("cubes", "  ")
    with pytest.raises(ValueError, match="letters, digits"):
        desk.start("../elsewhere", "hold still")


def test_what_just_happened_can_be_kept(desk, tmp_path):
    with pytest.raises(ValueError, match="Say what just happened"):
        desk.keep("")
    desk.hold("cubes")
    wait_for(lambda: (desk.recorder.status().held_secs or 0) >= 0.3)
    assert desk.keep("dropped it") == "What just happened is episode 0 of cubes."
    desk.hold_nothing()
    assert desk.recorder.status().held_secs is None
    catalogue = Catalogue.in_folder(tmp_path)
    assert [episode.task for episode in catalogue.episodes("cubes")] == ["dropped it"]
    catalogue.close()


def test_an_edit_does_not_throw_away_what_is_held_and_a_verdict_needs_no_edit(desk, tmp_path):
    folder = tmp_path / "datasets/cubes"
    desk.start("cubes", "hold still")
    wait_for(lambda: desk.recorder.status().frames >= 3)
    desk.save()
    desk.hold("cubes")
    wait_for(lambda: (desk.recorder.status().held_secs or 0) >= 0.3)
    with pytest.raises(ValueError, match=r"held for this dataset.*Hold no more"):
        desk.let_go(folder)
    assert desk.works_in("cubes") and not desk.works_in("spheres")
    assert desk.judge("cubes", 0, success=False) == "Episode 0 of cubes is marked: it failed."
    assert read_marks(folder)[0].success is False
    assert desk.recorder.status().held_secs >= 0.3
    desk.hold_nothing()
    desk.let_go(folder)
    assert desk.recorder.dataset is None and not desk.works_in("cubes")


def test_what_recording_takes_is_told_before_it_is_asked_for(desk):
    before = desk.room()
    assert 0 < before["mb_per_min"] < 10
    assert before["minutes_left"] > 1
    desk.start("cubes", "hold still")
    assert desk.room()["mb_per_min"] == before["mb_per_min"]
    desk.discard()


@pytest.fixture
def left_behind(body, robot, teleoperator, tmp_path):
    """A studio's data folder after it was killed in its first episode."""
    recorder, catalogue = Recorder(body), Catalogue.in_folder(tmp_path)
    first = RecordDesk(recorder, catalogue)
    with Station(robot, teleoperator, Notices(), History(), listeners=(recorder,)):
        first.start("cubes", "stack them")
        wait_for(lambda: recorder.status().frames >= 25)
        journal = tmp_path / "datasets/cubes/.open/1"
        wait_for(lambda: (journal / "rows.f32").exists())
        kept = tmp_path / "kept"
        shutil.copytree(journal, kept)
        first.discard()
    recorder.close()
    catalogue.close()
    shutil.copytree(kept, journal)
    return tmp_path


def test_an_episode_that_a_killed_studio_left_is_offered_and_rescued(left_behind, body):
    recorder, catalogue = Recorder(body), Catalogue.in_folder(left_behind)
    desk = RecordDesk(recorder, catalogue)
    assert str(desk.unsaved.first).startswith("Never saved: 'stack them', ")
    assert desk.unsaved.rescue() == "'stack them' is saved as episode 0 of cubes."
    assert desk.unsaved.first is None
    assert [episode.task for episode in catalogue.episodes("cubes")] == ["stack them"]
    with pytest.raises(ValueError, match="No episode waits"):
        desk.unsaved.rescue()
    desk.close()
    catalogue.close()


def test_one_that_cannot_be_rescued_keeps_no_other_from_it_and_can_be_thrown_away(
    left_behind, body
):
    datasets = left_behind / "datasets"
    shutil.copytree(datasets / "cubes", datasets / "another")
    shutil.copytree(datasets / "cubes", datasets / "gone")
    (datasets / "another/meta/embodiment.json").unlink()  # as of another tool
    recorder, catalogue = Recorder(body), Catalogue.in_folder(left_behind)
    desk = RecordDesk(recorder, catalogue)
    with pytest.raises(ValueError, match="another tool recorded it"):
        desk.unsaved.rescue()
    assert desk.unsaved.rescue() == "'stack them' is saved as episode 0 of cubes."
    shutil.rmtree(datasets / "gone")
    with pytest.raises(ValueError, match="It is gone"):
        desk.unsaved.rescue()
    assert desk.unsaved.throw_away() == "'stack them' of another is thrown away."
    assert recorder.dataset == datasets / "cubes"
    assert desk.unsaved.first is None
    desk.close()
    catalogue.close()


def test_an_episode_that_a_killed_studio_left_can_be_thrown_away(left_behind, body):
    recorder, catalogue = Recorder(body), Catalogue.in_folder(left_behind)
    desk = RecordDesk(recorder, catalogue)
    assert desk.unsaved.throw_away() == "'stack them' of cubes is thrown away."
    assert desk.unsaved.first is None
    desk.close()
    assert UnsavedEpisodes(recorder, catalogue).first is None
    catalogue.close()
