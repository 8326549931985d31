"""The printed ChArUco board: what is on it, how to print it, and where a picture shows it."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from hardware.interfaces import Image

DICTIONARY = cv2.aruco.DICT_5X5_100
MIN_CORNERS = 8
"""Fewer corners of the board than this make no sighting."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """The corners of the board that one picture shows."""

    points: Float64[np.ndarray, "corners 3"]
    """Where the corners are on the board, metres."""
    pixels: Float32[np.ndarray, "corners 2"]
    """Where they are in the picture."""
    numbers: Int64[np.ndarray, "corners"]
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Board:
    """A ChArUco board. Its frame: x along the top edge, y down, z into the paper, from the corner.

    The default fits on A4 paper, landscape.
    """

    columns: int = 9
    rows: int = 6
    square: float = 0.030
    """Edge of a chessboard square in metres: measure it on the paper, printers scale."""
    marker: float = 0.022
    """Edge of a marker in metres."""

    def __post_init__(self) -> None:
        if min(self.columns, self.rows) < 3 or self.columns * self.rows > 200:
            raise ValueError(
                f"A board has 3x3 to 200 squares, got {self.columns}x{self.rows} of them."
            )
        if not 0 < self.marker < self.square:
            raise ValueError(
                f"A marker is smaller than its square; got {self.marker} and {self.square} m."
            )

    @property
    def corners(self) -> Float64[np.ndarray, "corners 3"]:
        """Every inner corner, metres, row by row."""
        return np.asarray(self._pattern().getChessboardCorners(), np.float64).reshape(-1, 3)

    def draw(self, dots_per_inch: int = 300) -> UInt8[np.ndarray, "height width"]:
        """Return the board in grey, to be printed without scaling; no margin."""
        dots = dots_per_inch / 0.0254
        size = round(self.columns * self.square * dots), round(self.rows * self.square * dots)
        return np.asarray(self._pattern().generateImage(size), np.uint8)

    def find(self, image: Image) -> Sighting | None:
        """Return where `image` shows the board, or None if it shows too little of it."""
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        pixels, numbers, _, _ = cv2.aruco.CharucoDetector(self._pattern()).detectBoard(grey)
        if numbers is None or len(numbers) < MIN_CORNERS:
            return None
        numbers = np.asarray(numbers, np.int64).ravel()
        points = self.corners[numbers]
        if np.linalg.matrix_rank(points[:, :2] - points[0, :2]) < 2:
            return None  # one row of corners fixes no pose
        height, width = grey.shape
        return Sighting(
            points, np.asarray(pixels, np.float32).reshape(-1, 2), numbers, height, width
        )

    def _pattern(self) -> "cv2.aruco.CharucoBoard":
        return cv2.aruco.CharucoBoard(
            (self.columns, self.rows),
            self.square,
            self.marker,
            cv2.aruco.getPredefinedDictionary(DICTIONARY),
        )
