"""Any frame of any film, in any order and from any thread, is the one that a player shows."""

import os
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from recordings.dataset import Dataset
from recordings.film_index import index_film
from recordings.film_shelf import FilmShelf
from recordings.video_reader import VideoReader

FRAMES = 25
FILMS = {
    "ours": ("libx264", {"preset": "ultrafast", "g": "2", "bf": "0"}, {}),
    "LeRobot's": ("libsvtav1", {"preset": "12", "g": "2", "svtav1-params": "lp=1"}, {}),
    "with B frames": ("libx264", {"g": "8", "bf": "3"}, {}),
    "in fragments": (
        *("libx264", {"g": "5", "bf": "0"}),
        {"movflags": "frag_keyframe+empty_moov+default_base_moof"},
    ),
    "of one key frame": ("libx264", {"g": "250", "bf": "0"}, {}),
}


def picture(number, size=(48, 64)):
    image = np.full((*size, 3), (number * 9 % 200, 60, 200 - number * 5 % 150), np.uint8)
    image[number : number + 8, 2 * number : 2 * number + 6] = 250
    return image


def make_film(path, kind, *, frames=FRAMES, size=(48, 64)):
    codec, options, container = FILMS[kind]
    with av.open(str(path), "w", format="mp4", options=container) as film:
        stream = film.add_stream(codec, rate=30, options=options)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return path


def as_shown(path):
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    os.environ.setdefault("SVT_LOG", "1")
    made = [make_film(folder / f"{number}.mp4", kind) for number, kind in enumerate(FILMS)]
    return dict(zip(FILMS, made, strict=True))


@pytest.mark.parametrize("kind", FILMS)
def test_frames_in_any_order_are_those_that_a_player_shows(films, kind):
    shown = as_shown(films[kind])
    order = [*range(FRAMES), *np.random.default_rng(0).integers(0, FRAMES, 60), 0, 24, 23, 24, 24]
    with VideoReader(films[kind]) as film:
        assert (film.num_frames, film.size, film.fps) == (FRAMES, (48, 64), 30.0)
        for number in order:
            assert np.array_equal(film.read(int(number)), shown[number])
        for images in zip(film.read_many([7, 3, 7, 20]), (7, 3, 7, 20), strict=True):
            assert np.array_equal(images[0], shown[images[1]])


@pytest.mark.parametrize("number", [-1, FRAMES, 10**9])
def test_a_frame_that_is_not_there_is_refused_and_the_next_read_is_right(films, number):
    with VideoReader(films["ours"]) as film:
        film.read(4)
        with pytest.raises(ValueError, match=rf"no frame {number}: expected one of 25"):
            film.read(number)
        assert np.array_equal(film.read(5), as_shown(films["ours"])[5])


def test_only_the_frames_since_the_key_frame_are_decoded(films):
    with VideoReader(films["ours"]) as film:
        packets = []
        give = film._packet
        film._packet = lambda at: packets.append(at) or give(at)
        for number in (11, 12, 13, 20, 4):
            film.read(number)
    assert packets == [10, 11, 12, 13, 20, 4]


def test_an_index_read_before_is_used_until_the_film_is_another(films, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(films["ours"].read_bytes())
    index = index_film(path)
    with VideoReader(path, index) as film:
        assert film.index is index
    other = make_film(tmp_path / "other.mp4", "ours", frames=6)
    other.replace(path)
    with VideoReader(path, index) as film:
        assert film.num_frames == 6


def test_many_threads_read_the_same_films_at_once(films):
    shown = {kind: as_shown(path) for kind, path in films.items()}
    places = [
        (kind, int(number))
        for number in np.random.default_rng(1).integers(0, FRAMES, 60)
        for kind in films
    ]
    with FilmShelf(open_films=3) as shelf:

        def read(place):
            with shelf.reader(films[place[0]], place[1]) as film:
                return film.read(place[1])

        with ThreadPoolExecutor(8) as threads:
            read_back = list(threads.map(read, places))
        assert len(shelf._idle) <= 3
    for (kind, number), image in zip(places, read_back, strict=True):
        assert np.array_equal(image, shown[kind][number])


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_shelf_keeps_few_films_open_and_knows_more(films):
    before = open_files()
    with FilmShelf(open_films=2, known_films=4) as shelf:
        for path in films.values():
            with shelf.reader(path) as film:
                film.read(0)
        assert len(shelf._idle) == 2
        assert list(shelf._known) == list(films.values())[-4:]
        assert open_files() <= before + 2
    assert open_files() <= before


def test_two_who_read_a_film_in_order_do_not_disturb_each_other(films):
    with FilmShelf() as shelf:
        path = films["of one key frame"]
        lent = [shelf._take(path, 0), shelf._take(path, 0)]
        lent[0].read(3)
        lent[1].read(14)
        for reader in lent:
            shelf._put_back(reader)
        with shelf.reader(path, 4) as reader:
            assert reader is lent[0]


def test_a_dataset_is_read_by_many_threads(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=25)
    for number in range(4):
        bench.record(f"task {number}", ticks=20)
    with Dataset(tmp_path / "d") as dataset:
        places = [(e, c, n) for e in range(4) for c in dataset.cameras for n in range(10)]
        one_by_one = [dataset.frame(*place) for place in places]
        mixed = [places[i] for i in np.random.default_rng(2).permutation(len(places))]
        with ThreadPoolExecutor(4) as threads:
            rows = list(threads.map(lambda p: dataset.rows(p[0])["index"][p[2]], mixed))
            halves = list(threads.map(dataset.frames, (mixed[:40], mixed[40:])))
        assert rows == [dataset.first_row(e) + n for e, _, n in mixed]
        for place, image in zip(mixed, halves[0] + halves[1], strict=True):
            assert np.array_equal(image, one_by_one[places.index(place)])
        with pytest.raises(ValueError, match="read-only"):
            dataset.rows(0)["action"][0] = 0
