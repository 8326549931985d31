"""Measures four emulated arms and each bus fault.

Run: PYTHONPATH=. python tests/hardware/measure_bus.py --help

With `--wire`, replies take the time of their bytes at 1 Mbit/s, and each exchange `--usb-msec`.
"""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import tyro
from servo_bus.bench import ARMS, Bench
from servo_bus.servo import OVERHEAT_ERROR, OVERLOAD_ERROR

from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.dynamixel_line import SILENCE_SECS, Line
from hardware.arms.interbotix import ALOHA_2023_FOLLOWER, ALOHA_2023_LEADER
from hardware.arms.leader import DynamixelLeader
from hardware.arms.side_by_side import side_by_side
from hardware.clock import MonotonicClock
from hardware.dynamixel.port import REPLY_SECS
from hardware.interfaces import Arm, HardwareError

FOLLOWER = ARMS[2]


@dataclass(frozen=True, slots=True)
class Patience:
    """What the driver allows."""

    reply_msec: float = REPLY_SECS * 1000
    """For a reply beyond its bytes."""
    silence_msec: float = SILENCE_SECS * 1000
    """Until the watchdogs stop the arm."""


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Pace:
    """How one run went."""

    rate: float
    cpu: float
    late_p50_msec: float
    late_p99_msec: float
    missed: int


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def make(bench: Bench, name: str, patience: Patience) -> DynamixelFollower | DynamixelLeader:
    line = Line(
        bench.paths[name],
        reply_secs=patience.reply_msec / 1000,
        silence_secs=patience.silence_msec / 1000,
    )
    if "leader" in name:
        return DynamixelLeader(ALOHA_2023_LEADER, line)
    return DynamixelFollower(ALOHA_2023_FOLLOWER, line, farewell="hold")


def tick(arms: Sequence[Arm]) -> None:
    """Read all four; send each follower where its leader is, as teleoperation does."""
    positions = [arm.read_positions() for arm in arms]
    for arm, goal in zip(arms[2:], positions[2:], strict=True):
        arm.write_positions(goal)


def free(arms: Sequence[Arm], secs: float) -> Pace:
    """As many ticks as possible."""
    began, cpu, ticks = time.monotonic(), time.process_time(), 0
    while time.monotonic() - began < secs:
        tick(arms)
        ticks += 1
    elapsed = time.monotonic() - began
    return Pace(ticks / elapsed, (time.process_time() - cpu) / elapsed, 0.0, 0.0, 0)


def paced(arms: Sequence[Arm], hertz: float, secs: float) -> Pace:
    """Ticks at a steady rate, on absolute deadlines."""
    clock, late, missed = MonotonicClock(), [], 0
    began = deadline = clock.now()
    cpu = time.process_time()
    while clock.now() - began < secs:
        lateness = max(clock.now() - deadline, 0.0)
        missed += int(lateness * hertz)
        deadline += int(lateness * hertz) / hertz
        late.append(lateness)
        tick(arms)
        deadline += 1 / hertz
        clock.wait_until(deadline)
    elapsed = clock.now() - began
    p50, p99 = np.percentile(late, [50, 99]) * 1000
    share = (time.process_time() - cpu) / elapsed
    return Pace(len(late) / elapsed, share, float(p50), float(p99), missed)


def show(what: str, pace: Pace) -> None:
    say(
        f"{what:34s} {pace.rate:7.1f} ticks/s  cpu {pace.cpu:4.0%}  late p50 "
        f"{pace.late_p50_msec:5.2f} p99 {pace.late_p99_msec:6.2f} ms  missed {pace.missed}"
    )


def measure_pace(bench: Bench, secs: float, patience: Patience) -> None:
    for way, group in (("in turn", list), ("side by side", side_by_side)):
        arms = group([make(bench, name, patience) for name in ARMS])
        for arm in arms:
            arm.connect()
        try:
            show(f"4 arms {way}, as fast as it goes", free(arms, secs))
            for hertz in (50.0, 100.0):
                show(f"4 arms {way}, {hertz:.0f} Hz", paced(arms, hertz, secs))
        except HardwareError as error:
            say(f"4 arms {way}: {error}")
        for arm in arms:
            arm.disconnect()


def timed(act: Callable[[], object]) -> tuple[float, str]:
    """Milliseconds, and what was raised."""
    began = time.monotonic()
    try:
        act()
    except HardwareError as error:
        return (time.monotonic() - began) * 1000, str(error)
    return (time.monotonic() - began) * 1000, ""


def until_raised(act: Callable[[], object], secs: float = 3.0) -> tuple[float, str]:
    """Milliseconds of repeating `act` at 50 Hz until it raises, and what."""
    began = time.monotonic()
    while time.monotonic() - began < secs:
        _, said = timed(act)
        if said:
            return (time.monotonic() - began) * 1000, said
        time.sleep(0.02)
    return secs * 1000, "NOT NOTICED"


class Figures:
    """Milliseconds by what was done, and what was said of it last."""

    def __init__(self) -> None:
        self._msec: dict[str, list[float]] = {}
        self._said: dict[str, str] = {}

    def add(self, what: str, found: tuple[float, str]) -> None:
        self._msec.setdefault(what, []).append(found[0])
        self._said[what] = found[1] or "survived"

    def show(self) -> None:
        say(f"{'fault':20s} {'median':>8s} {'least':>8s} {'most':>8s} ms")
        for what, msec in self._msec.items():
            middle, least, most = np.median(msec), min(msec), max(msec)
            words = self._said[what].split("\n")[0][:70]
            say(f"{what:20s} {middle:8.1f} {least:8.1f} {most:8.1f}     {words}")


def measure_usual(arm: DynamixelFollower, turns: int = 100) -> None:
    """Readings without faults, and a stop: goals sent to an arm."""
    positions = arm.read_positions()
    acts = {"a read": arm.read_positions, "goals sent": lambda: arm.write_positions(positions)}
    msec: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(turns):
        for name, act in acts.items():
            msec[name].append(timed(act)[0])
    for name, each in msec.items():
        p50, p95 = np.percentile(each, [50, 95])
        say(f"{name} without faults: p50 {p50:.2f} ms, p95 {p95:.2f}, max {max(each):.2f}")


def measure_faults(bench: Bench, patience: Patience, times: int) -> None:
    arm, figures = make(bench, FOLLOWER, patience), Figures()
    arm.connect()
    measure_usual(arm)
    for _ in range(times):
        measure_spoiled(bench, arm, patience, figures)
        for name, error in (("overload", OVERLOAD_ERROR), ("overheating", OVERHEAT_ERROR)):
            bench.do(FOLLOWER, "fail", 7, error)
            figures.add(name, until_raised(arm.read_positions))
            arm.reboot("wrist_angle")
            arm.resume()
        measure_loss(bench, arm, figures)
    bench.do(FOLLOWER, "unplug")
    figures.add("unplugged", until_raised(arm.read_positions))
    arm.disconnect()
    figures.show()


def measure_spoiled(
    bench: Bench, arm: DynamixelFollower, patience: Patience, figures: Figures
) -> None:
    for kind in ("noise", "drop", "corrupt", "wrong_id", "truncate", "delay"):
        late = patience.reply_msec * 2e-3 if kind == "delay" else 0.0
        bench.do(FOLLOWER, "spoil", kind, 1, 4, late)
        figures.add(f"one {kind}", timed(arm.read_positions))
    for kind in ("noise", "drop", "corrupt", "wrong_id", "truncate"):
        bench.do(FOLLOWER, "spoil", kind, 3, 4, 0.0)
        figures.add(f"three {kind}", timed(arm.read_positions))
        bench.do(FOLLOWER, "clear")
        arm.resume()


def measure_loss(bench: Bench, arm: DynamixelFollower, figures: Figures) -> None:
    bench.do(FOLLOWER, "blink")
    figures.add("power blinks", until_raised(arm.read_positions))
    arm.disconnect()
    arm.connect()
    bench.do(FOLLOWER, "cut")
    figures.add("power lost", until_raised(arm.read_positions))
    bench.do(FOLLOWER, "restore")
    arm.disconnect()
    arm.connect()
    with ThreadPoolExecutor(1) as pool:
        silence = pool.submit(bench.do, FOLLOWER, "stopped_after", 1).result()
    figures.add("program silent", (silence * 1000, "the bus watchdog stopped motor 1"))
    arm.resume()


def main(
    *,
    secs: float = 10.0,
    times: int = 3,
    wire: bool = False,
    usb_msec: float = 1.0,
    patience: Patience = PATIENCE,
) -> None:
    """Measure pace, then faults, on arms emulated in another process.

    Args:
        secs: Seconds of each run.
        times: How often each fault is provoked.
        wire: Let replies take the time of their bytes at the servos' baud rate.
        usb_msec: With `wire`, what the USB adapter adds to each exchange.
        patience: What the driver allows. A machine too busy for the emulation to answer in time
            needs more, which the times of faults then show.
    """
    logging.disable(logging.CRITICAL)  # the faults are wanted
    bench = Bench(wire=wire, usb_secs=usb_msec / 1000)
    say(f"wire time {'and USB latency emulated' if wire else 'not emulated'}")
    measure_pace(bench, secs, patience)
    measure_faults(bench, patience, times)
    bench.close()


if __name__ == "__main__":
    tyro.cli(main)
