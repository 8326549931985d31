"""Measures four emulated arms and each bus fault: `python tests/hardware/measure_bus.py --help`.

With `--wire`, replies take the time of their bytes at 1 Mbit/s, and each exchange `--usb-msec`.
"""

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


def measure_stop(arm: DynamixelFollower, turns: int = 100) -> None:
    positions = arm.read_positions()
    times = []
    for _ in range(turns):
        began = time.monotonic()
        arm.write_positions(positions)
        times.append((time.monotonic() - began) * 1000)
        arm.read_positions()
    say(f"a stop (goals sent to an arm): p50 {np.median(times):.2f} ms, max {max(times):.2f} ms")


def measure_faults(bench: Bench, patience: Patience) -> None:
    arm = make(bench, FOLLOWER, patience)
    arm.connect()
    usual = [timed(arm.read_positions)[0] for _ in range(50)]
    say(f"a read without faults: p50 {np.median(usual):.2f} ms, max {max(usual):.2f} ms")
    measure_stop(arm)
    for kind in ("noise", "drop", "corrupt", "wrong_id", "truncate", "delay"):
        late = patience.reply_msec * 2e-3 if kind == "delay" else 0.0
        bench.do(FOLLOWER, "spoil", kind, 1, 4, late)
        msec, said = timed(arm.read_positions)
        say(f"one {kind:9s} {msec:7.1f} ms  {said or 'survived'}")
    for kind in ("drop", "corrupt", "wrong_id", "truncate"):
        bench.do(FOLLOWER, "spoil", kind, 3, 4, 0.0)
        msec, said = timed(arm.read_positions)
        say(f"three {kind:9s} {msec:7.1f} ms  {said[:70]}")
        bench.do(FOLLOWER, "clear")
        arm.resume()
    for name, error in (("overload", OVERLOAD_ERROR), ("overheating", OVERHEAT_ERROR)):
        bench.do(FOLLOWER, "fail", 7, error)
        msec, said = until_raised(arm.read_positions)
        say(f"{name:15s} {msec:7.1f} ms  {said[:70]}")
        arm.reboot("wrist_angle")
        arm.resume()
    measure_loss(bench, arm)


def measure_loss(bench: Bench, arm: DynamixelFollower) -> None:
    bench.do(FOLLOWER, "blink")
    msec, said = until_raised(arm.read_positions)
    say(f"{'power blinks':15s} {msec:7.1f} ms  {said[:70]}")
    arm.disconnect()
    arm.connect()
    bench.do(FOLLOWER, "cut")
    msec, said = until_raised(arm.read_positions)
    say(f"{'power lost':15s} {msec:7.1f} ms  {said[:70]}")
    bench.do(FOLLOWER, "restore")
    arm.disconnect()
    arm.connect()
    with ThreadPoolExecutor(1) as pool:
        silence = pool.submit(bench.do, FOLLOWER, "stopped_after", 1).result()
    say(f"{'program silent':15s} {silence * 1000:7.1f} ms  until the bus watchdog stopped motor 1")
    arm.resume()
    bench.do(FOLLOWER, "unplug")
    msec, said = until_raised(arm.read_positions)
    say(f"{'unplugged':15s} {msec:7.1f} ms  {said[:70]}")
    arm.disconnect()


def main(
    *,
    secs: float = 10.0,
    wire: bool = False,
    usb_msec: float = 1.0,
    patience: Patience = PATIENCE,
) -> None:
    """Measure pace, then faults, on arms emulated in another process.

    Args:
        secs: Seconds of each run.
        wire: Let replies take the time of their bytes at the servos' baud rate.
        usb_msec: With `wire`, what the USB adapter adds to each exchange.
        patience: What the driver allows. A machine too busy for the emulation to answer in time
            needs more, which the times of faults then show.
    """
    bench = Bench(wire=wire, usb_secs=usb_msec / 1000)
    say(f"wire time {'and USB latency emulated' if wire else 'not emulated'}")
    measure_pace(bench, secs, patience)
    measure_faults(bench, patience)
    bench.close()


if __name__ == "__main__":
    tyro.cli(main)
