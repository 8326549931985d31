"""The calibration board on a sheet of A4 paper, as a PNG that prints in its true size."""

import struct
import zlib

import cv2
import numpy as np

from hardware.calibration.board import Board

DOTS_PER_INCH = 300
A4_METRES = (0.297, 0.210)
"""Landscape: width and height."""

IHDR_END = 8 + 4 + 4 + 13 + 4
"""Signature and first chunk of a PNG; what tells the size on paper comes right after."""


def board_sheet(board: Board | None = None) -> bytes:
    """Return the sheet as PNG, with its dots per metre written into it (chunk pHYs).

    Raises `ValueError` for a board that does not fit on the paper.
    """
    drawn = (board or Board()).draw(DOTS_PER_INCH)
    width, height = (round(metres / 0.0254 * DOTS_PER_INCH) for metres in A4_METRES)
    top, left = (height - drawn.shape[0]) // 2, (width - drawn.shape[1]) // 2
    if min(top, left) < 0:
        raise ValueError(f"A board of {drawn.shape[::-1]} dots does not fit on A4 paper.")
    sheet = np.full((height, width), 255, np.uint8)
    sheet[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    png = bytes(cv2.imencode(".png", sheet)[1])
    dots_per_metre = round(DOTS_PER_INCH / 0.0254)
    return (
        png[:IHDR_END]
        + _chunk(b"pHYs", struct.pack(">IIB", *[dots_per_metre] * 2, 1))
        + png[IHDR_END:]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
