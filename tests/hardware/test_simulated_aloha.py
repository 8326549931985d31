"""The simulated ALOHA is a robot like any other, in lockstep and in real time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hardware.aloha import START
from hardware.arms.sim import SimArm
from hardware.cameras.sim import SimCamera
from hardware.control_loop import ControlLoop
from hardware.interfaces import Agent, Arm, Camera, Clock, HardwareError
from hardware.simulated_aloha import simulated_aloha
from hardware.simulation.world import World


class Reaching:
    def reset(self):
        pass

    def act(self, observation):
        return START + np.float32(0.2)


def test_parts_obey_the_protocols_without_inheriting():
    with World() as world:
        assert isinstance(SimArm(world, "left"), Arm)
        assert isinstance(SimCamera(world, "cam_low", height=8, width=8, fps=10), Camera)
        assert isinstance(world, Clock)
        assert isinstance(Reaching(), Agent)


def test_a_closed_device_says_so():
    with World() as world:
        with pytest.raises(HardwareError, match="not connected"):
            SimArm(world, "left").read_positions()
        with pytest.raises(HardwareError, match="not connected"):
            SimCamera(world, "cam_low", height=8, width=8, fps=10).read_latest()


def test_an_unknown_arm_is_refused():
    with World() as world, pytest.raises(ValueError, match="left"):
        SimArm(world, "middle")


def test_lockstep_drives_through_the_gate_faster_than_real_time():
    with simulated_aloha(realtime=False, cameras=()) as cell:
        loop = ControlLoop(cell.robot)
        loop.drive(Reaching())
        started = time.monotonic()
        for tick in range(150):
            loop.tick()
            cell.robot.clock.wait_until((tick + 1) / 50)
        assert cell.world.now() == 3.0
        assert time.monotonic() - started < 3.0
        assert np.allclose(cell.world.state()[:6], START[:6] + 0.2, atol=0.03)


def test_a_lockstep_camera_draws_at_its_own_rate_from_the_first_moment():
    with simulated_aloha(realtime=False, cameras=["cam_high"], height=32, width=32, fps=10) as cell:
        captured = []
        for tick in range(21):
            frame = cell.robot.get_observation().frames["cam_high"]
            captured.append(round(frame.captured_at, 3))
            cell.world.wait_until((tick + 1) / 50)
        assert sorted(set(captured)) == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_a_reset_is_seen_at_once():
    with simulated_aloha(realtime=False, cameras=["cam_high"], height=32, width=32, fps=10) as cell:
        before = cell.robot.get_observation().frames["cam_high"].image
        cell.world.reset(77)
        after = cell.robot.get_observation().frames["cam_high"].image
        assert not np.array_equal(before, after)


def test_one_seed_gives_one_run_through_loop_and_cameras():
    runs = []
    for _ in range(2):
        seen = []
        with simulated_aloha(
            seed=5, realtime=False, cameras=["cam_low"], height=48, width=64, fps=10
        ) as cell:
            loop = ControlLoop(cell.robot, [seen.append])
            loop.drive(Reaching())
            for tick in range(20):
                loop.tick()
                cell.world.wait_until((tick + 1) / 50)
        runs.append(seen)
    for one, other in zip(*runs, strict=True):
        assert np.array_equal(one.observation.state, other.observation.state)
        assert np.array_equal(one.action, other.action)
        frames = [tick.observation.frames["cam_low"].image for tick in (one, other)]
        assert np.array_equal(*frames)


def test_in_real_time_physics_keeps_the_clock_and_every_camera_lives():
    with simulated_aloha(realtime=True, height=48, width=64, fps=10) as cell:
        loop = ControlLoop(cell.robot, [(seen := []).append])
        loop.drive(Reaching())
        stop = threading.Event()
        with ThreadPoolExecutor(1) as executor:
            running = executor.submit(loop.run, stop)
            begun, simulated = time.monotonic(), cell.world.now()
            time.sleep(1.5)
            passed, computed = time.monotonic() - begun, cell.world.now() - simulated
            stop.set()
            running.result()
        skipped = cell.live.skipped_ticks / 50
        assert abs(computed + skipped - passed) < 0.2
        for camera in cell.robot.embodiment.camera_names:
            assert len({tick.observation.frames[camera].captured_at for tick in seen}) >= 3
    with pytest.raises(HardwareError):
        cell.live.newest("cam_high")


def test_a_live_world_can_be_opened_again():
    cell = simulated_aloha(realtime=True, cameras=["cam_low"], height=32, width=32)
    for _ in range(2):
        with cell:
            assert cell.robot.get_observation().frames["cam_low"].image.shape == (32, 32, 3)


def test_a_dead_simulation_is_reported_not_hidden():
    with simulated_aloha(realtime=True, cameras=["cam_low"], height=32, width=32) as cell:

        def broken():
            raise RuntimeError("the table broke")

        cell.world.step_tick = broken
        with pytest.raises(HardwareError, match="the table broke"):
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                cell.robot.get_observation()
                time.sleep(0.01)
