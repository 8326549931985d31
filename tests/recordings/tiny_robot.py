"""The smallest body that can be recorded: two arms of two joints, two cameras, 50 Hz."""

import numpy as np

from hardware.clock import MonotonicClock
from hardware.embodiment import CameraView, Channel, Embodiment
from hardware.interfaces import Frame, JointMotion
from hardware.robot import Robot

HEIGHT, WIDTH = 32, 48


def tiny_body(
    cameras=("cam_high", "cam_low"), height=HEIGHT, control_hz=50.0, joints=4, width=WIDTH
):
    channels = tuple(Channel(chr(97 + i), "rad", -1.0, 1.0, 20.0) for i in range(joints))
    views = tuple(CameraView(name, height, width) for name in cameras)
    return Embodiment(
        name="tiny",
        robot_tag="TINY",
        arms=2,
        waist=False,
        mobile_base=False,
        state_channels=channels,
        action_channels=channels,
        action_convention="absolute_joints",
        cameras=views,
        control_hz=control_hz,
    )


class SimpleArm:
    def __init__(self):
        self.positions = np.zeros(2, np.float32)

    def connect(self): ...

    def disconnect(self): ...

    def read_positions(self):
        return self.positions

    def write_positions(self, positions):
        self.positions = np.asarray(positions, np.float32)


class Arm(SimpleArm):
    """An arm whose motors measure more than where they are."""

    @property
    def motion(self):
        return JointMotion(self.positions * 2, self.positions - 1)


class StepClock:
    """Time that stands still until the test moves it."""

    def __init__(self):
        self.seconds = 100.0

    def now(self):
        return self.seconds

    def wait_until(self, deadline):
        self.seconds = max(self.seconds, deadline)


class Camera:
    """Shows how many pictures it has taken as a shade of grey, at a rate of its own."""

    def __init__(self, clock, fps=50.0):
        self.clock, self.fps = clock, fps

    def connect(self): ...

    def disconnect(self): ...

    def read_latest(self):
        taken = int(self.clock.now() * self.fps + 1e-6)
        return Frame(picture(taken), taken / self.fps)


def picture(number):
    return np.full((HEIGHT, WIDTH, 3), 40 + number * 7 % 180, np.uint8)


def tiny_robot(clock=None, camera_fps=50.0, body=None, arm=Arm):
    body, clock = body or tiny_body(), clock or MonotonicClock()
    cameras = {name: Camera(clock, camera_fps) for name in body.camera_names}
    return Robot(body, [arm(), arm()], cameras, clock)


class Wave:
    """Asks for more than the body may do, so that what is sent differs from what is wanted."""

    def __init__(self):
        self.count = 0

    def reset(self): ...

    def act(self, observation):
        self.count += 1
        return np.full(4, 5 * np.sin(self.count / 10), np.float32)
