import pytest
from waiting import wait_for

from recordings.catalogue import Catalogue
from recordings.recorder import Recorder
from studio.history import History
from studio.notices import Notices
from studio.record_desk import RecordDesk
from studio.station import Station


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
