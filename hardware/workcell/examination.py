"""The doctor: looks every arm and camera of a workcell over and times it. Gives no torque."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hardware.arms.dynamixel_joints import JointMap
from hardware.arms.dynamixel_line import identify, motor_chain
from hardware.arms.interbotix import ARM_MODELS
from hardware.cameras.streaming import StreamingCamera
from hardware.clock import MonotonicClock
from hardware.dynamixel.chain import MotorChain
from hardware.dynamixel.motors import Fingerprint
from hardware.interfaces import Clock, HardwareError
from hardware.workcell.entries import SO101, ArmEntry, CameraEntry, Workcell
from hardware.workcell.machine import Machine
from hardware.workcell.parts import line_of, make_arm, make_source
from hardware.workcell.problem import Problem
from hardware.workcell.serial_devices import device_at, port_problems

READINGS = 25
"""Of an arm, to time it."""

SLOWEST_SECS = 0.010
"""A reading that takes longer leaves too little of a tick of 20 ms."""

WATCHING_SECS = 1.5
"""Of a camera, to count its pictures."""

LOW_VOLTS = 11.0
HOT_CELSIUS = 60.0


@dataclass(frozen=True, slots=True)
class ArmReport:
    """What was found out of one arm."""

    name: str
    problems: tuple[Problem, ...]
    fingerprints: tuple[Fingerprint, ...] = ()
    read_secs: float | None = None
    """Median of a reading of all motors; None if it was not read."""
    usable: bool = True
    """Whether the arm can be driven, whatever else is to be put right."""
    volts: float | None = None
    celsius: float | None = None
    """Of the hottest motor."""

    def __str__(self) -> str:
        if self.read_secs is None:
            return f"{self.name}: " + ("its port is there" if self.usable else "not usable")
        words = f"{self.name}: read in {1e3 * self.read_secs:.1f} ms"
        if self.volts is not None:
            words += f", {self.volts:.1f} V, up to {self.celsius:.0f} C"
        if self.fingerprints:
            words += f", firmware {sorted({each.firmware for each in self.fingerprints})}"
        return words


@dataclass(frozen=True, slots=True)
class CameraReport:
    """What was found out of one camera."""

    name: str
    problems: tuple[Problem, ...]
    fps: float | None = None
    """Pictures per second that came; None if none did."""

    def __str__(self) -> str:
        if self.fps is None:
            return f"{self.name}: no picture"
        return f"{self.name}: {self.fps:.1f} pictures per second"


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found out of a whole workcell."""

    arms: tuple[ArmReport, ...]
    cameras: tuple[CameraReport, ...] = ()

    @property
    def problems(self) -> list[Problem]:
        """All of them, arms first."""
        of_arms = [problem for report in self.arms for problem in report.problems]
        return of_arms + [problem for report in self.cameras for problem in report.problems]


def examine(
    workcell: Workcell,
    machine: Machine | None = None,
    *,
    clock: Clock | None = None,
    watching_secs: float | int = WATCHING_SECS,
) -> Examination:
    """Open and time every device, all arms at once, then all cameras at once. Moves nothing."""
    here, now = (machine or Machine()).opened_once(), clock or MonotonicClock()
    arms, cameras = workcell.arms, workcell.cameras
    with ThreadPoolExecutor(max(len(arms), len(cameras), 1)) as pool:
        looked = list(pool.map(lambda arm: examine_arm(arm, here, now), arms))
        watched = pool.map(lambda each: examine_camera(each, here, now, watching_secs), cameras)
        return Examination(tuple(looked), tuple(watched))


def examine_arms(workcell: Workcell, machine: Machine | None = None) -> Examination:
    """As `examine`, but leave the cameras alone: they take their time to open."""
    here, clock = machine or Machine(), MonotonicClock()
    with ThreadPoolExecutor(len(workcell.arms)) as pool:
        looked = pool.map(lambda arm: examine_arm(arm, here, clock), workcell.arms)
        return Examination(tuple(looked))


def examine_arm(entry: ArmEntry, machine: Machine, clock: Clock) -> ArmReport:
    """Find out whether the right arm is at its port and fit to be used."""
    if not Path(entry.port).exists():
        fix = "Plug its USB cable in. `python -m hardware.check` lists the ports there are."
        words = f"there is nothing at {entry.port}."
        return _unusable(entry, [], Problem(entry.name, words, fix))
    problems = [
        Problem(entry.name, each.what, each.fix)
        for each in port_problems(machine, device_at(machine, entry.port))
        if "holds replies back" not in each.what  # `identify` says it too
    ]
    if entry.model == SO101:
        return _examine_so101(entry, machine, clock, problems)
    chain = motor_chain(ARM_MODELS[entry.model], line_of(entry, machine), clock.now)
    try:
        prints = identify(
            chain, ARM_MODELS[entry.model], line_of(entry, machine), entry.fingerprints
        )
        secs = _time(chain.read_motion)
        chain.check_health(chain.ids)
    except HardwareError as error:
        return _unusable(entry, problems, Problem(entry.name, str(error)))
    finally:
        chain.bus.close()
    problems += _condition(entry, chain, prints, secs)
    health = chain.health.values()
    volts, celsius = min(each.volts for each in health), max(each.celsius for each in health)
    return ArmReport(entry.name, tuple(problems), tuple(prints), secs, volts=volts, celsius=celsius)


def _unusable(entry: ArmEntry, problems: Sequence[Problem], last: Problem) -> ArmReport:
    return ArmReport(entry.name, (*problems, last), usable=False)


def _time(read: Callable[[], object]) -> float:
    """Median seconds of a reading."""
    spans = []
    for _ in range(READINGS):
        began = time.monotonic()
        read()
        spans.append(time.monotonic() - began)
    return float(np.median(spans))


def _condition(
    entry: ArmEntry, chain: MotorChain, prints: Sequence[Fingerprint], secs: float
) -> list[Problem]:
    """What is wrong with an arm that answers."""
    found = []
    if secs > SLOWEST_SECS:
        fix = "Use a USB port of its own, latency timer 1, and motors with firmware 45 or later."
        words = f"a reading takes {1e3 * secs:.1f} ms; {1e3 * SLOWEST_SECS:.0f} are fine."
        found.append(Problem(entry.name, words, fix))
    if chain.bus.retries:
        fix = "Check the cables between the motors, then the USB hub."
        words = f"{chain.bus.retries} of some hundred answers came damaged."
        found.append(Problem(entry.name, words, fix))
    if not entry.fingerprints:
        fix = f"Run `python -m hardware.check FILE --remember`. Motors: {len(prints)}."
        found.append(
            Problem(entry.name, "another arm of its kind at this port would not be noticed.", fix)
        )
    found += _health_problems(entry, chain)
    try:
        if chain.motion is not None:
            JointMap(ARM_MODELS[entry.model]).check_shadows(chain.motion)
    except HardwareError as error:
        fix = f"With the arm loose: `python -m hardware.check FILE --align {entry.name}`."
        found.append(Problem(entry.name, str(error), fix))
    return found


def _health_problems(entry: ArmEntry, chain: MotorChain) -> list[Problem]:
    found = []
    for id_, health in chain.health.items():
        who = f"{chain.bus.name(id_)} of {entry.name}"
        if health.errors:
            fix = "Remove the cause, support the arm, switch its 12 V supply off and on."
            found.append(Problem(entry.name, f"{who} reports {health.errors}.", fix))
        if health.volts < LOW_VOLTS:
            fix = "Check the 12 V supply and its plugs."
            found.append(Problem(entry.name, f"{who} gets {health.volts:.1f} V only.", fix))
        if health.celsius > HOT_CELSIUS:
            fix = "Let it cool; see what it holds against."
            found.append(Problem(entry.name, f"{who} is {health.celsius:.0f} C hot.", fix))
    return found


def _examine_so101(
    entry: ArmEntry, machine: Machine, clock: Clock, problems: list[Problem]
) -> ArmReport:
    """A leader is read; a follower is left alone: opening it would give or take torque."""
    if entry.role == "follower":
        return ArmReport(entry.name, tuple(problems))
    arm = make_arm(entry, clock, machine)
    try:
        arm.connect()
        secs = _time(arm.read_positions)
    except HardwareError as error:
        return _unusable(entry, problems, Problem(entry.name, str(error)))
    finally:
        arm.disconnect()
    return ArmReport(entry.name, tuple(problems), read_secs=secs)


def examine_camera(
    entry: CameraEntry, machine: Machine, clock: Clock, watching_secs: float | int
) -> CameraReport:
    """Open a camera, watch it for a moment, and compare what comes with what is written."""
    name = entry.name
    try:
        camera = StreamingCamera(name, make_source(entry, clock, machine), clock)
        camera.connect()
    except HardwareError as error:
        return CameraReport(name, (Problem(name, str(error)),))
    try:
        clock.wait_until(clock.now() + watching_secs)
        health, frame = camera.health(), camera.read_latest()
    finally:
        camera.disconnect()
    problems = []
    size = frame.image.shape[:2]
    if size != (entry.height, entry.width):
        fix = f"Write height = {size[0]} and width = {size[1]}."
        words = f"its pictures are {size[1]}x{size[0]}, expected {entry.width}x{entry.height}."
        problems.append(Problem(name, words, fix))
    if health.fps < 0.9 * entry.fps:
        fix = "More light (exposure), a USB 3 port of its own, or a lower fps."
        words = f"{health.fps:.1f} pictures per second come, expected {entry.fps:g}."
        problems.append(Problem(name, words, fix))
    return CameraReport(name, tuple(problems), health.fps)
