"""A robot at the kernel's mercy: rigs in simulation and on the emulated bus, drivers, faults.

Tests run them in lockstep; `measure_safety.py` runs the same ones against the clock.
"""

import re
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from servo_bus.arms import viperx
from servo_bus.clock import BenchClock
from servo_bus.servo import ROOM_TEMPERATURE

from hardware.aloha import START, aloha_embodiment
from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.dynamixel_line import SILENCE_SECS, Line
from hardware.arms.interbotix import ALOHA_2023_FOLLOWER
from hardware.arms.side_by_side import side_by_side
from hardware.clock import MonotonicClock
from hardware.control_loop import ControlLoop
from hardware.robot import Robot
from hardware.safety.aloha_limits import aloha_limits
from hardware.safety.gate import SafetyGate
from hardware.safety.limits import Patience
from hardware.safety.state import OPEN, GateState
from hardware.simulated_aloha import simulated_aloha

TICK = 0.02

IMPATIENT = Patience(agent_secs=0.6, browser_secs=0.6, insist_secs=0.2)
"""So that the tests are quick; `measure_safety.py` measures with what is shipped."""


@dataclass
class Rig:
    """A robot, its loop, and what a fault needs to get at."""

    robot: Robot
    loop: ControlLoop
    turn: Callable[[], None]
    """Lets one tick pass, or a moment where the loop runs by itself."""
    now: Callable[[], float]
    world: object = None
    buses: list = field(default_factory=list)
    lockstep: bool = True
    """Whether turns are made by `turn`; else the loop runs by itself."""
    silence_secs: float = SILENCE_SECS
    """After which the servos stop themselves."""

    @property
    def gate(self):
        return self.robot.gate

    def turns(self, number):
        for _ in range(number):
            self.turn()

    def secs(self, secs):
        end = self.now() + secs - 1e-9
        while self.now() < end:
            self.turn()

    def idle(self, secs):
        """The loop gets no turn for `secs`, and the next one begins as late."""
        if self.lockstep:
            self.robot.clock.wait_until(self.now() + secs)
            self.loop.tick(secs)
            return
        with self.loop._turn:
            time.sleep(secs)

    def until(self, condition, most_secs=30.0):
        """Seconds until `condition` holds."""
        began = self.now()
        while not condition():
            assert self.now() - began < most_secs, f"waited in vain: {self.gate.state}"
            self.turn()
        return self.now() - began

    def until_latched(self, most_secs=30.0):
        return self.until(lambda: self.gate.state not in OPEN, most_secs)

    def drive(self, agent):
        """Let `agent` in, and wait until it drives."""
        self.loop.drive(agent)
        self.until(lambda: self.gate.state is not GateState.RAMPING)
        assert self.gate.state is GateState.ACTIVE, self.gate.reason

    def begin(self):
        """Back to the start, nobody drives."""
        self.loop.drive(None)
        if self.world is not None:
            self.world.data.qfrc_applied[:] = 0
            self.world.reset(0)
            for arm in self.robot._arms:
                arm._connected = True
        for bus in self.buses:
            mend(bus)
        if self.buses:
            self.turns(10)  # each motor is asked for its health once in nine turns
        self.loop.reset()
        self.turns(2)


def mend(bus):
    """Take away whatever a fault has put there, and give its power back."""
    bus.faults.clear()
    for servo in bus.servos:
        servo.load, servo.degrees = 0.0, ROOM_TEMPERATURE
    if not bus._powered or not all(servo.peek("torque_enable") for servo in bus.servos):
        bus.restore_power()


@contextmanager
def simulated_rig(patience=None):
    """In lockstep: as fast as it computes."""
    cell = simulated_aloha(realtime=False, cameras=())
    if patience is not None:
        limits = replace(cell.robot.gate.limits, patience=patience)
        cell.robot.gate = SafetyGate(cell.robot.embodiment, limits)
    with cell:
        loop = ControlLoop(cell.robot)

        def turn():
            deadline = cell.world.now() + TICK
            loop.tick()
            cell.world.wait_until(deadline)

        yield Rig(cell.robot, loop, turn, cell.world.now, world=cell.world)


@contextmanager
def bus_rig(clock=None, *, reply_secs=0.25, silence_secs=SILENCE_SECS, patience=None):
    """Two followers on emulated buses; without `clock`, one that only ticks move."""
    bench = clock or BenchClock()
    with ExitStack() as stack:
        buses = [stack.enter_context(viperx(clock=bench.now)) for _ in range(2)]
        arms = [
            DynamixelFollower(
                ALOHA_2023_FOLLOWER,
                Line(bus.path, reply_secs=reply_secs, silence_secs=silence_secs),
                clock=bench,
                farewell="hold",
            )
            for bus in buses
        ]
        body = aloha_embodiment(())
        limits = aloha_limits(body, ALOHA_2023_FOLLOWER.sleep)
        limits = limits if patience is None else replace(limits, patience=patience)
        robot = Robot(body, side_by_side(arms), {}, bench, limits)
        stack.enter_context(robot)
        loop = ControlLoop(robot)

        def turn():
            loop.tick()
            bench.wait_until(bench.now() + TICK)

        yield Rig(robot, loop, turn, bench.now, buses=buses, silence_secs=silence_secs)


@contextmanager
def running(rig, pool):
    """The loop runs by itself, against the machine's clock."""
    import threading

    stop = threading.Event()
    future = pool.submit(rig.loop.run, stop)
    rig.turn = lambda: time.sleep(0.0005)
    rig.now, rig.lockstep = MonotonicClock().now, False
    try:
        yield rig
    finally:
        stop.set()
        future.result()


class Goes:
    """Asks to go to `target`, (14,), in steps no longer than `step`; then stays there."""

    def __init__(self, target=START, step=0.01):
        self.target, self.step = np.float32(target), np.float32(step)
        self.command = None

    def reset(self):
        self.command = None

    def act(self, observation):
        if self.command is None:
            self.command = observation.state.copy()
        self.command = self.command + np.clip(self.target - self.command, -self.step, self.step)
        return self.command


class Sways(Goes):
    """Turns the left waist to and fro around `target`, without end."""

    def act(self, observation):
        super().act(observation)
        wish = self.command.copy()
        wish[0] += 0.2 * np.sin(observation.timestamp * 2)
        return wish


class Falters(Sways):
    """Sways until it is told to do something else."""

    def __init__(self, target=START):
        super().__init__(target)
        self.instead = None

    def act(self, observation):
        wish = super().act(observation)
        return wish if self.instead is None else self.instead(wish)


def pose(left=None, right=None):
    """START with six other angles of the left and the right arm."""
    found = START.copy()
    if left is not None:
        found[:6] = left
    if right is not None:
        found[7:13] = right
    return found


INTO_TABLE = pose(left=(0.0, 0.0, 1.0, 0.0, 0.3, 0.0))
OUT_OF_BOX = pose(left=(1.57, 0.0, 0.2, 0.0, 0.0, 0.0))
TOGETHER = pose(left=(0.0, 0.0, 0.2, 0.0, 0.0, 0.0), right=(0.0, 0.0, 0.2, 0.0, 0.0, 0.0))


def survives(rig, fault):
    """Provoke `fault`; check what it must lead to, and when; nobody drives from then on."""
    fault.provoke(rig)
    secs = rig.until_latched()
    assert (rig.gate.state, rig.gate.cause) == (fault.state, fault.cause)
    assert re.search(fault.words, rig.gate.reason), rig.gate.reason
    assert secs <= fault.deadline(rig.gate.limits.patience) + 1e-6
    assert rig.gate.events.recent()[-1].cause is fault.cause
    rig.loop.drive(Sways())
    assert rig.gate.state is fault.state
