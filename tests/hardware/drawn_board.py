"""A camera with a bent lens that photographs the printed board, as the truth has it."""

import cv2
import numpy as np

from hardware.calibration.board import Board
from hardware.calibration.intrinsics import Intrinsics
from hardware.calibration.transform import inverse, rotation_of, transform

BOARD = Board(columns=9, rows=6, square=0.030, marker=0.022)
LENS = Intrinsics(480, 640, 612.0, 608.0, 331.0, 236.0, (-0.12, 0.06, 0.0012, -0.0008, 0.0))
"""What a good webcam has; every figure off the middle on purpose."""

DOTS = 2400
"""Per metre of paper: about as fine as the pictures, so that sampling makes no false edges."""

MARGIN = 24
"""White paper around the board, dots."""


class DrawnCamera:
    """Draws the board as the lens bends it, then adds blur and noise."""

    def __init__(self, lens=LENS, board=BOARD, *, noise=4.0, seed=0):
        self.lens, self.noise = lens, noise
        self.rng = np.random.default_rng(seed)
        size = round(board.columns * board.square * DOTS), round(board.rows * board.square * DOTS)
        paper = cv2.resize(board.draw(), size, interpolation=cv2.INTER_AREA)
        self.paper = cv2.copyMakeBorder(paper, *[MARGIN] * 4, cv2.BORDER_CONSTANT, value=255)
        u, v = np.meshgrid(np.arange(lens.width), np.arange(lens.height))
        pixels = np.stack([u, v], -1).reshape(-1, 1, 2).astype(np.float64)
        rays = cv2.undistortPoints(pixels, lens.matrix, np.array(lens.distortion))
        self.rays = np.column_stack([rays.reshape(-1, 2), np.ones(len(pixels))]).astype(np.float32)

    def photograph(self, camera_from_board):
        """Return what is seen of a board at `camera_from_board` on a grey table."""
        turn, shift = camera_from_board[:3, :3], camera_from_board[:3, 3]
        normal = turn[:, 2]
        # A ray r meets the board where depth * r = shift + turn @ (x, y, 0).
        depth = np.float32(normal @ shift) / (self.rays @ np.float32(normal))
        on_board = depth[:, None] * (self.rays @ np.float32(turn[:, :2]))
        dots = (on_board - np.float32(shift @ turn[:, :2])) * DOTS + MARGIN - 0.5
        dots[depth <= 0] = -1
        maps = dots.reshape(self.lens.height, self.lens.width, 2)
        drawn = cv2.remap(self.paper, maps, None, cv2.INTER_LINEAR, borderValue=110)
        grey = cv2.GaussianBlur(drawn, (0, 0), 0.7) * np.float32(0.8) + 20
        noise = self.rng.standard_normal(grey.shape, np.float32) * np.float32(self.noise)
        return cv2.cvtColor(np.clip(grey + noise, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2RGB)


def looking_at(eye, target, roll=0.0):
    """Return world_from_camera of a camera at `eye` that sees `target` in its middle."""
    ahead = np.subtract(target, eye)
    ahead = ahead / np.linalg.norm(ahead)
    right = np.cross(ahead, [0.0, 0.0, 1.0] if abs(ahead[2]) < 0.95 else [0.0, 1.0, 0.0])
    right = right / np.linalg.norm(right)
    rotation = np.column_stack([right, np.cross(ahead, right), ahead])
    return transform(rotation @ rotation_of(np.array([0.0, 0.0, roll])), np.asarray(eye, float))


def views_around(world_from_board, count, rng, *, distance=(0.25, 0.45), tilt=0.6):
    """Return `count` poses world_from_camera that look at the board from all sides, in radians."""
    middle = BOARD.corners.mean(axis=0)
    poses = []
    for _ in range(count):
        slope, around = rng.uniform(0, tilt), rng.uniform(0, 2 * np.pi)
        away = np.array(
            [np.sin(slope) * np.cos(around), np.sin(slope) * np.sin(around), -np.cos(slope)]
        )
        target = middle + np.array([*rng.uniform(-0.05, 0.05, 2), 0.0])
        points = np.stack([target + away * rng.uniform(*distance), target])
        eye, aim = points @ world_from_board[:3, :3].T + world_from_board[:3, 3]
        poses.append(looking_at(eye, aim, rng.uniform(-0.5, 0.5)))
    return poses


def seen_from(world_from_camera, world_from_board):
    return inverse(world_from_camera) @ world_from_board
