"""Measures every fault against the clock: `python tests/hardware/measure_safety.py --help`.

The loop runs by itself at 50 Hz, in a thread, on the simulated robot and on two emulated arms. The
time is from the fault to the latched state, and includes what the kernel waits on purpose.
"""

import logging
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import tyro
from safety_bench import Rig, Sways, bus_rig, pose, running, simulated_rig
from safety_faults import FAULTS, Fault

from hardware.aloha import START, aloha_embodiment
from hardware.arms.dynamixel_line import SILENCE_SECS
from hardware.clock import MonotonicClock
from hardware.control_loop import ControlLoop
from hardware.safety.gate import SafetyGate
from hardware.simulated_aloha import simulated_aloha


@dataclass(frozen=True, slots=True)
class Options:
    """How often each fault is provoked."""

    times: int = 3
    silence_msec: float = SILENCE_SECS * 1e3
    """Until the emulated servos stop themselves; more on a machine that is busy with other things,
    since they and the loop share one process."""
    only: str = ""
    """Faults whose names contain this."""


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def once(fault: Fault, silence_msec: float) -> tuple[str, float, float]:
    """Provoke it on a fresh robot; return what came of it, seconds, and how many were waited."""
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        if fault.where == "bus":
            rig = stack.enter_context(
                bus_rig(MonotonicClock(), reply_secs=0.1, silence_secs=silence_msec / 1e3)
            )
        else:
            cell = stack.enter_context(simulated_aloha(realtime=True, cameras=()))
            rig = Rig(
                cell.robot, ControlLoop(cell.robot), lambda: None, time.monotonic, world=cell.world
            )
        stack.enter_context(running(rig, pool))
        rig.until(lambda: rig.loop._index > 5)
        fault.provoke(rig)
        began = rig.now()
        rig.until_latched()
        latched = rig.gate.events.recent()[-1]
        waited = getattr(rig.gate.limits.patience, fault.waits) if fault.waits else 0.0
        return f"{latched.after} | {latched.cause}", max(latched.monotonic - began, 0.0), waited


def faults(options: Options) -> None:
    say("| fault | provoked on | state | cause | waits (s) | median (ms) | longest (ms) |")
    say("|---|---|---|---|---:|---:|---:|")
    for fault in (each for each in FAULTS if options.only in each.name):
        found = [once(fault, options.silence_msec) for _ in range(options.times)]
        [(became, waited)] = {(became, waited) for became, _, waited in found}
        msec = [secs * 1e3 for _, secs, _ in found]
        say(
            f"| {fault.name} | {fault.where} | {became} | {waited:g} "
            f"| {statistics.median(msec):.0f} | {max(msec):.0f} |"
        )


def still(options: Options) -> None:
    """From Stop until the last goal was written, and until the simulated arm stands."""
    last, standing = [], []
    for _ in range(options.times * 3):
        with simulated_rig() as rig:
            rig.drive(Sways())
            rig.turns(40)
            rig.gate.stop("measured")
            goals = rig.world.data.ctrl.copy()
            rig.turns(1)
            last.append(float(np.abs(rig.world.data.ctrl - goals).max()))
            before, began = rig.world.state(), rig.now()
            while True:
                rig.turn()
                state = rig.world.state()
                if np.abs(state - before).max() < 2e-4:
                    break
                before = state
            standing.append((rig.now() - began) * 1e3)
    say(f"\nAfter Stop goals change by {max(last):g}; the arms stand {max(standing):.0f} ms later.")


def cost() -> None:
    """Of the gate for one tick."""
    near = pose(left=(0.0, -0.35, 0.6, 0, -0.2, 0), right=(0.0, -0.35, 0.6, 0, -0.2, 0))
    for name, action in (("apart", START), ("side by side", near)):
        gate = SafetyGate(aloha_embodiment(()))
        gate.arm()
        gate.engage()
        took = []
        for _ in range(2000):
            began = time.perf_counter()
            gate.admit(action, action)
            took.append((time.perf_counter() - began) * 1e6)
        p50, p99 = np.percentile(took, [50, 99])
        say(
            f"The gate's part of a tick, arms {name}: median {p50:.0f}, p99 {p99:.0f} microseconds."
        )


def main(options: Options) -> None:
    logging.disable(logging.CRITICAL)  # the faults are wanted
    faults(options)
    still(options)
    cost()


if __name__ == "__main__":
    main(tyro.cli(Options))
