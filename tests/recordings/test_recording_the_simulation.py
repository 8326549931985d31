import numpy as np

from hardware.control_loop import ControlLoop
from hardware.simulated_aloha import simulated_aloha
from recordings.check import check
from recordings.dataset import Dataset
from recordings.recorder import Recorder


class Sway:
    """Moves both arms a little, as a smooth function of time."""

    def reset(self):
        self.start = None

    def act(self, observation):
        if self.start is None:
            self.start = observation.timestamp, observation.state
        began, pose = self.start
        return pose + np.float32(0.1 * np.sin(3 * (observation.timestamp - began)))


def test_the_simulated_aloha_is_recorded_as_it_moved_and_looked(tmp_path):
    cameras = ("cam_high", "cam_left_wrist")
    with simulated_aloha(realtime=False, cameras=cameras, height=64, width=64, fps=10) as cell:
        recorder, ticks = Recorder(cell.robot.embodiment, realtime=False), []
        loop = ControlLoop(cell.robot, [recorder, ticks.append])
        loop.drive(Sway())
        recorder.open_dataset(tmp_path / "d", fps=10)
        recorder.start_episode("sway")
        for _ in range(50):
            loop.tick()
            cell.robot.clock.wait_until(ticks[-1].observation.timestamp + 0.02)
        recorder.save_episode()
        recorder.close()

    assert check(tmp_path / "d").problems == []
    with Dataset(tmp_path / "d") as dataset:
        assert dataset.embodiment == cell.robot.embodiment
        rows = dataset.rows(0)
        np.testing.assert_array_equal(rows["action"], [tick.action for tick in ticks[::5]])
        np.testing.assert_allclose(rows["time"], rows["timestamp"], atol=1e-4)
        np.testing.assert_allclose(rows["capture_time.cam_high"], rows["time"], atol=0.021)
        for number, tick in enumerate(ticks[::5]):
            shown = dataset.frame(0, "cam_left_wrist", number).astype(int)
            seen = tick.observation.frames["cam_left_wrist"].image
            assert np.abs(shown - seen).mean() < 6
