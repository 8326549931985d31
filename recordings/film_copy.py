"""A span of a film as a film of its own: linked if it is all of it, else encoded again."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from recordings.codec import DEPTH, H264
from recordings.film_places import link
from recordings.video import VideoWriter
from recordings.video_reader import VideoReader


def copy_span(
    film: Path,
    span: tuple[int, int],
    target: Path,
    fps: int,
    *,
    whole: bool = True,
    depth: bool = False,
) -> bool:
    """Make `target` show `span`, first frame and number of frames, of `film`, at `fps`.

    Returns whether it is the film itself, frame by frame the same. A part of a film is encoded
    again, which costs a little quality; all of it too unless a `whole` one may be linked. A part
    of a film of `depth` is the same to the last bit. Raises `ValueError` when it has no such
    frames, or is to be encoded and holds depth otherwise than we do.
    """
    first, count = span
    with VideoReader(film) as reader:
        if whole and first == 0 and count == reader.num_frames:
            link(film, target)
            return True
        height, width = reader.size
        target.parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(1, thread_name_prefix="encode") as encoder:
            shape = (height, width, 1 if depth else 3)
            writer = VideoWriter(target, fps, shape, encoder, DEPTH if depth else H264)
            read = reader.read_depth if depth else reader.read
            for row in range(count):
                writer.add(row, read(first + row), wait=True)
            writer.finish(count).result()
    return False
