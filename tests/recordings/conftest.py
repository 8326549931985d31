import pytest
from tiny_robot import StepClock, Wave, tiny_robot

from hardware.control_loop import ControlLoop
from recordings.recorder import Recorder


class Bench:
    """A driven robot on stepped time, its loop and its recorder."""

    def __init__(self, robot, clock, recorder):
        self.robot, self.clock, self.recorder, self.ticks = robot, clock, recorder, []
        self.loop = ControlLoop(robot, [recorder, self.ticks.append])

    def turn(self, count):
        for _ in range(count):
            self.loop.tick()
            self.clock.seconds += 1 / self.robot.embodiment.control_hz

    def record(self, task="pick up the cube", ticks=25):
        self.recorder.start_episode(task)
        self.turn(ticks)
        return self.recorder.save_episode()


@pytest.fixture
def make_bench():
    open_benches = []

    def make(camera_fps=50.0, body=None, *, drive=True, **options):
        clock = StepClock()
        robot = tiny_robot(clock, camera_fps, body).__enter__()
        bench = Bench(robot, clock, Recorder(robot.embodiment, **options))
        open_benches.append(bench)
        if drive:
            bench.loop.drive(Wave())
        return bench

    yield make
    for bench in open_benches:
        bench.recorder.close()
        bench.robot.__exit__()


@pytest.fixture
def bench(make_bench):
    return make_bench()
