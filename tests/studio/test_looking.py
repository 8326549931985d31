from contextlib import closing

import pytest

from recordings.catalogue import Catalogue
from recordings.recorder import Recorder
from studio.curation import Curation
from studio.episodes import Episodes
from studio.notices import Notices
from studio.pages.looking import Looking
from studio.record_desk import RecordDesk


@pytest.fixture
def looking(body, tmp_path):
    with closing(Catalogue.in_folder(tmp_path)) as catalogue:
        record = RecordDesk(Recorder(body), catalogue)
        record.hold("cubes")  # makes the dataset
        catalogue.note_dataset(tmp_path / "datasets/cubes")
        yield Looking(Episodes(catalogue), Curation(catalogue, record), Notices())
        record.close()


def test_a_condition_that_cannot_be_understood_is_told_of_once_and_not_at_every_refresh(looking):
    looking.listed("cubes", "secs<<2")
    (told,) = looking.notices.recent()
    assert told.text.startswith("The episodes cannot be listed: ")
    looking.look_again("cubes", "secs<<2")
    assert looking.notices.recent() == [told]
    assert looking.look_again("cubes", "secs<2").episodes == "[]"
