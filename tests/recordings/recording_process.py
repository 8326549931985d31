"""Records tiny episodes without end and says when each is saved, until it is killed."""

import sys
from pathlib import Path

from tiny_robot import StepClock, Wave, tiny_robot

from hardware.control_loop import ControlLoop
from recordings.recorder import Recorder

clock = StepClock()
with tiny_robot(clock) as robot:
    recorder = Recorder(robot.embodiment, realtime=False)
    loop = ControlLoop(robot, [recorder])
    loop.drive(Wave())
    recorder.open_dataset(Path(sys.argv[1]), fps=50)
    while True:
        recorder.start_episode(f"task {recorder.status().episode_index % 3}")
        for _ in range(6):
            loop.tick()
            clock.seconds += 0.02
        index = recorder.save_episode()
        sys.stdout.write(f"{index}\n")
        sys.stdout.flush()
