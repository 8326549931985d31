"""A driven tiny robot on stepped time, its loop and its recorder."""

from tiny_robot import Arm, StepClock, Wave, tiny_robot

from hardware.control_loop import ControlLoop
from recordings.recorder import Recorder


class Bench:
    def __init__(self, camera_fps=50.0, body=None, *, drive=True, arm=Arm, **options):
        self.clock = StepClock()
        self.robot = tiny_robot(self.clock, camera_fps, body, arm)
        self.recorder = Recorder(self.robot.embodiment, **options)
        self.ticks = []
        self.loop = ControlLoop(self.robot, [self.recorder, self.ticks.append])
        self.drive = drive

    def __enter__(self):
        self.robot.__enter__()
        if self.drive:
            self.loop.drive(Wave())
        return self

    def __exit__(self, *_exception):
        self.recorder.close()
        self.robot.__exit__()

    def turn(self, count):
        for _ in range(count):
            self.loop.tick()
            self.clock.seconds += 1 / self.robot.embodiment.control_hz

    def record(self, task="pick up the cube", ticks=25):
        self.recorder.start_episode(task)
        self.turn(ticks)
        return self.recorder.save_episode()
