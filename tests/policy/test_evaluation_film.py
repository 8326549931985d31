"""Films of failures."""

import av
import numpy as np
import pytest

from policy.evaluation.film import Film


def test_a_film_has_the_pictures_that_were_due(tmp_path):
    film = Film(fps=10, height=48, width=64)
    for tick in range(50):
        if film.due(tick * 0.02):
            film.add(np.full((48, 64, 3), 4 * tick, np.uint8))
    film.save(tmp_path / "films" / "one.mp4")
    with av.open(str(tmp_path / "films" / "one.mp4")) as written:
        frames = [frame.to_ndarray(format="rgb24") for frame in written.decode(video=0)]
    assert len(frames) == len(film) == 10
    assert frames[0].mean() < 20 < 150 < frames[-1].mean()


def test_pictures_of_another_size_and_empty_films_are_refused(tmp_path):
    film = Film(height=48, width=64)
    with pytest.raises(ValueError, match="48x64"):
        film.add(np.zeros((64, 48, 3), np.uint8))
    with pytest.raises(ValueError, match="Nothing was filmed"):
        film.save(tmp_path / "none.mp4")
