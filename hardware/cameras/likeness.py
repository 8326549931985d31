"""Whether a camera still sees what its reference picture shows: the right one, and not knocked."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from hardware.interfaces import Image

EDGES_WIDTH, POINTS_WIDTH = 160, 320
"""Pixels across at which edges and points are compared."""

EDGE_STRENGTH = 30.0
"""Gradient, by Sobel's mask on 0..255, at which an edge counts half."""

SAME_EDGES = 0.66
"""Views of the simulated cell with other things on the table, in other light, reach 0.74 to 0.96;
with the camera moved by 2 cm 0.60 at most, of another camera 0.1."""

SAME_POINTS = 0.35
"""Share of matched points that agree, from which they are believed."""

MOVED = 0.007
"""Of the picture's width. Moving a simulated camera by 2 cm moves the points by 0.008 or more,
other things and other light by 0.001 at most."""

OTHER_VIEW = 0.22
"""Agreement of points up to which a view shows another place: other cameras reach 0.19."""

FEWEST = 12
"""Matches below this number tell nothing."""

Grey: TypeAlias = UInt8[np.ndarray, "rows columns"]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a view compares with its reference."""

    edges: float
    """Correlation of edges where they are, -1 to 1."""
    agreeing: float
    """Share of matched points that agree on one motion of the picture, 0 to 1."""
    shift: float
    """How far that motion takes the picture's points, as a share of its width."""
    warning: str
    """What is wrong, in a sentence; empty if the view looks like its reference."""


class ReferenceView:
    """A picture that a camera should go on resembling, whatever lies on the table.

    Either of two witnesses is enough to say that all is well. Edges lie where they lay, by the
    correlation of gradient directions: strict on bare tables and in other light. Points that look
    alike (ORB, Rublee et al. 2011) agree that the picture has not moved (RANSAC): good where much
    has changed before a rich background. Two cameras that see mirror images of one place, such as
    the wrists of two arms at rest, can look alike: cover one to tell them apart.
    """

    def __init__(self, image: Image) -> None:
        self._aspect = image.shape[0] / image.shape[1]
        self._orb = cv2.ORB.create(nfeatures=600, fastThreshold=8, edgeThreshold=15, patchSize=25)
        self._matcher = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
        self._edges = _edges(self._grey(image, EDGES_WIDTH))
        self._points, self._marks = self._find_points(image)

    def compare(self, image: Image) -> Likeness:
        """Compare a view, of any size, with the reference."""
        edges = _correlation(self._edges, _edges(self._grey(image, EDGES_WIDTH)))
        agreeing, shift = self._motion(*self._find_points(image))
        return Likeness(edges, agreeing, shift, _warning(edges, agreeing, shift))

    def _grey(self, image: Image, width: int) -> Grey:
        size = width, round(width * self._aspect)
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)

    def _find_points(self, image: Image) -> tuple[Float32[np.ndarray, "n 2"], Any]:
        even = cv2.createCLAHE(2.0, (4, 4)).apply(self._grey(image, POINTS_WIDTH))
        points, marks = self._orb.detectAndCompute(even, None)
        return np.array([point.pt for point in points], np.float32).reshape(-1, 2), marks

    def _motion(
        self, points: Float32[np.ndarray, "n 2"], marks: UInt8[np.ndarray, "n 32"] | None
    ) -> tuple[float, float]:
        """Return which share of points agree on one motion, and how far that goes."""
        if marks is None or self._marks is None:
            return 0.0, 0.0
        matches = self._matcher.match(self._marks, marks)
        if len(matches) < FEWEST:
            return 0.0, 0.0
        motion, agreeing = cv2.estimateAffinePartial2D(
            self._points[[match.queryIdx for match in matches]],
            points[[match.trainIdx for match in matches]],
            method=cv2.RANSAC,
            ransacReprojThreshold=2.0,
        )
        if motion is None:
            return 0.0, 0.0
        shares = np.array([(0.5, 0.5), (0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)])
        probes = shares * (POINTS_WIDTH, POINTS_WIDTH * self._aspect)
        moved = probes @ motion[:, :2].T + motion[:, 2] - probes
        shift = float(np.linalg.norm(moved, axis=1).mean()) / POINTS_WIDTH
        return float(np.mean(agreeing)), shift


def _warning(edges: float, agreeing: float, shift: float) -> str:
    if edges >= SAME_EDGES or (agreeing >= SAME_POINTS and shift <= MOVED):
        return ""
    if agreeing > OTHER_VIEW and shift > MOVED:
        return (
            f"Things lie {shift:.1%} of the picture's width from where they were: the camera was "
            "moved or knocked. Put it back, or calibrate and record anew."
        )
    return (
        "It does not show what it showed then. Is it another camera, covered, or moved away? "
        "Compare the pictures, and cover it with a hand to be sure which one it is."
    )


def _edges(grey: Grey) -> Float32[np.ndarray, "2 rows columns"]:
    """Return gradient directions, as long as the gradient is strong: 0 to 1."""
    gradient = np.stack([cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)])
    square = np.sum(gradient**2, axis=0)
    return np.asarray(gradient * np.sqrt(square) / (square + EDGE_STRENGTH**2), np.float32)


def _correlation(
    one: Float32[np.ndarray, "2 rows columns"], other: Float32[np.ndarray, "2 rows columns"]
) -> float:
    size = float(np.sqrt(np.sum(one**2) * np.sum(other**2)))
    return float(np.sum(one * other)) / size if size > 0 else 0.0
