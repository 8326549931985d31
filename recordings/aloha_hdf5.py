"""One episode in ALOHA's HDF5, tonyzhaozh's or Interbotix's: read, and written. Knows no dataset.

The layout is that of the authors' own recording programs: /observations/{qpos,qvel,effort} and
/action of a row per step (float32 unless somebody chose otherwise), /base_action of mobile ones,
/observations/images/CAMERA as (steps, height, width, 3) bytes or, with the attribute `compress`,
as JPEG files padded to one length, whose true lengths are in /compress_len.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import cv2
import h5py
import numpy as np

from hardware.interfaces import Image
from recordings.closing import Closing
from recordings.disk import replaced
from recordings.features import ACTION, STATE

VECTORS = {
    STATE: "/observations/qpos",
    ACTION: "/action",
    "velocity": "/observations/qvel",
    "effort": "/observations/effort",
    "base_action": "/base_action",
}
"""Our columns, and where they lie. Only the first two have to be there."""

IMAGES = "/observations/images"

Colours = Literal["rgb", "bgr"]


class AlohaFile(Closing):
    """An open file. Raises `ValueError` naming what is lacking or does not fit together."""

    def __init__(self, path: Path, colours: Colours = "rgb") -> None:
        """`colours` is the order of the three in the pictures: it is not said in the file."""
        self.path = path
        self._colours = colours
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise ValueError(f"Cannot read an HDF5 file: {error}. File: {path}") from error
        try:
            self._require_whole()
        except BaseException:
            self._file.close()
            raise

    @property
    def length(self) -> int:
        """Steps."""
        return int(self._file[VECTORS[ACTION]].shape[0])

    @property
    def cameras(self) -> list[str]:
        """Names of the cameras."""
        return sorted(self._file[IMAGES]) if IMAGES in self._file else []

    @property
    def simulated(self) -> bool:
        """Whether it was recorded in simulation."""
        return bool(self._file.attrs.get("sim", False))

    @property
    def task(self) -> str | None:
        """What was done, in words, if the file says; ours do."""
        words = self._file.attrs.get("task")
        return None if words is None else str(words)

    def columns(self) -> dict[str, np.ndarray]:
        """Return the vectors by our names, (steps, width), in the file's own precision."""
        return {name: self._file[path][()] for name, path in VECTORS.items() if path in self._file}

    def pictures(self, camera: str) -> Iterator[Image]:
        """Yield the pictures of a camera: RGB, (height, width, 3)."""
        stored = self._file[f"{IMAGES}/{camera}"]
        for step in range(self.length):
            picture = stored[step] if stored.ndim == 4 else self._unpacked(stored[step], camera)
            yield picture if self._colours == "rgb" else np.ascontiguousarray(picture[..., ::-1])

    def size(self, camera: str) -> tuple[int, int]:
        """Return height and width of a camera's pictures."""
        height, width, _ = next(self.pictures(camera)).shape
        return height, width

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._file.close()

    def _unpacked(self, jpeg: np.ndarray, camera: str) -> Image:
        picture = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError(f"A picture of {camera} is no JPEG. File: {self.path}")
        return np.asarray(picture, np.uint8)

    def _require_whole(self) -> None:
        lacking = [VECTORS[name] for name in (STATE, ACTION) if VECTORS[name] not in self._file]
        if lacking:
            raise ValueError(f"Not an episode of ALOHA: {lacking} is lacking. File: {self.path}")
        paths = [path for path in VECTORS.values() if path in self._file]
        paths += [f"{IMAGES}/{camera}" for camera in self.cameras]
        lengths = {path: self._file[path].shape[0] for path in paths}
        if len(set(lengths.values())) != 1 or not self.length:
            raise ValueError(
                f"Expected the same number of steps, above 0, of everything, got {lengths}. "
                f"File: {self.path}"
            )


def write_aloha_file(
    path: Path,
    columns: Mapping[str, np.ndarray],
    pictures: Mapping[str, Iterator[Image]],
    attributes: Mapping[str, object],
    *,
    jpeg_quality: int | None = None,
) -> None:
    """Write an episode; the file appears at `path` whole or not at all.

    `columns` are by our names, `pictures` RGB by camera, one per row. They are stored as they
    are, or with `jpeg_quality` (1 to 100) as Interbotix does.
    """
    length = len(columns[ACTION])
    with replaced(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(attributes)
        file.attrs["compress"] = jpeg_quality is not None
        for name, values in columns.items():
            file.create_dataset(VECTORS[name], data=values)
        file.create_group(IMAGES)
        lengths = []
        for camera, images in pictures.items():
            if jpeg_quality is None:
                _write_pictures(file, camera, images, length)
            else:
                lengths.append(_write_jpegs(file, camera, images, jpeg_quality))
        if lengths:
            file.create_dataset("/compress_len", data=np.array(lengths, np.float32))


def _write_pictures(file: h5py.File, camera: str, images: Iterator[Image], length: int) -> None:
    stored = None
    for step, image in enumerate(images):
        if stored is None:
            stored = file.create_dataset(
                f"{IMAGES}/{camera}", (length, *image.shape), np.uint8, chunks=(1, *image.shape)
            )
        stored[step] = image


def _write_jpegs(file: h5py.File, camera: str, images: Iterator[Image], quality: int) -> list[int]:
    """Write padded files and return their true lengths."""
    option = [int(cv2.IMWRITE_JPEG_QUALITY), quality]
    jpegs = [cv2.imencode(".jpg", image, option)[1].reshape(-1) for image in images]
    lengths = [len(jpeg) for jpeg in jpegs]
    padded = np.zeros((len(jpegs), max(lengths)), np.uint8)
    for row, jpeg in zip(padded, jpegs, strict=True):
        row[: len(jpeg)] = jpeg
    file.create_dataset(f"{IMAGES}/{camera}", data=padded, chunks=(1, padded.shape[1]))
    return lengths
