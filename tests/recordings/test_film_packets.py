from fractions import Fraction

import av
import numpy as np
import pytest

from recordings.film_packets import packets_of

FRAMES, SIZE = 12, 64


def write_film(path, codec, **options):
    """A film of which every frame is another shade, in 25 frames a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(FRAMES):
            shade = np.full((SIZE, SIZE, 3), 20 + 15 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(shade, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def shades(packets, decoder):
    """What a player of streams shows of frames that came one by one."""
    context = av.CodecContext.create(decoder, "r")
    frames = [av.Packet(each) for each in packets.frames]
    shown = [frame for each in [*frames, None] for frame in context.decode(each)]
    return [round((frame.to_ndarray(format="rgb24").mean() - 20) / 15) for frame in shown]


@pytest.mark.parametrize(
    ("encoder", "codec", "options"),
    [
        ("libx264", "h264", {"g": "2", "bf": "0"}),
        ("libx265", "h265", {"x265-params": "keyint=2:bframes=0:log-level=none"}),
        ("libsvtav1", "av1", {"g": "2", "crf": "30", "preset": "12"}),
    ],
)
def test_frames_stand_by_themselves_from_a_key_frame_on(encoder, codec, options, tmp_path):
    film = write_film(tmp_path / "film.mp4", encoder, **options)
    whole = packets_of(film, (0, FRAMES))
    assert (whole.codec, len(whole.frames)) == (codec, FRAMES)
    decoder = {"h265": "hevc", "av1": "libdav1d"}.get(codec, codec)
    assert shades(whole, decoder) == list(range(FRAMES))
    assert shades(packets_of(film, (4, 5)), decoder) == [4, 5, 6, 7, 8]
    assert packets_of(film, (3, 4)) is None


def test_frames_in_another_order_than_they_are_shown_do_not(tmp_path):
    film = write_film(tmp_path / "film.mp4", "libx264", bf="2", g="12")
    assert packets_of(film, (0, FRAMES)) is None


def test_a_film_that_lacks_frames_is_refused(tmp_path):
    film = write_film(tmp_path / "film.mp4", "libx264", g="2", bf="0")
    with pytest.raises(ValueError, match="Expected frames 10 to 13, got 2 of them"):
        packets_of(film, (10, 4))
    film.write_bytes(b"no film")
    with pytest.raises(ValueError, match="Cannot read a film"):
        packets_of(film, (0, 1))
