import pytest

from policy.data.samples import load_samples
from recordings.catalogue import Catalogue
from recordings.disk import RecordingError
from recordings.jobs import JobQueue


def test_what_is_whole_can_be_trained_on_while_more_is_recorded(bench, tmp_path):
    catalogue = Catalogue.in_folder(tmp_path / "data")
    folder = catalogue.dataset_folder("cubes")
    bench.recorder.open_dataset(folder, fps=50)
    bench.record("pick red", ticks=10)
    bench.recorder.start_episode("pick blue")
    bench.turn(5)

    def loaded(cache):
        samples = load_samples(folder, {"cam_low": (16, 24)}, tmp_path / cache)
        return [(episode.task, episode.stop - episode.start) for episode in samples.episodes]

    assert JobQueue(catalogue).submit(folder, steps=5).dataset == str(folder)
    assert loaded("open") == [("pick red", 10)]

    obstacle = folder / "meta/.info.json.part"
    obstacle.mkdir()
    with pytest.raises(RecordingError):
        bench.recorder.save_episode()
    assert loaded("between the last two files of a save") == [("pick red", 10)]

    obstacle.rmdir()
    bench.recorder.save_episode()
    assert loaded("saved") == [("pick red", 10), ("pick blue", 5)]
    catalogue.close()
