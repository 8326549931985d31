"""Measures every fault against the clock.

Run: PYTHONPATH=. python tests/hardware/measure_safety.py --help

The loop runs by itself at 50 Hz, in a thread, on the simulated robot and on two emulated arms. The
time is from the fault to the latched state, and includes what the kernel waits on purpose.
"""

import logging
import os
import signal
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import numpy as np
import tyro
import uvicorn
from fastapi import FastAPI
from safety_bench import Rig, Sways, bus_rig, pose, running, simulated_rig
from safety_faults import FAULTS, Fault
from safety_faults_elsewhere import ELSEWHERE

from hardware.aloha import START, aloha_embodiment
from hardware.arms.dynamixel_line import SILENCE_SECS
from hardware.arms.sim import SimArm
from hardware.clock import MonotonicClock
from hardware.control_loop import ControlLoop
from hardware.safety.gate import SafetyGate
from hardware.safety.state import Cause, GateState
from hardware.simulated_aloha import simulated_aloha
from studio.history import History
from studio.notices import Notices
from studio.safety_routes import add_safety_routes
from studio.seat import Seat
from studio.station import Station
from studio.stop_signal import StopSignal


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
    columns = ("waits (s)", "median (ms)", "least (ms)", "longest (ms)")
    say(f"| fault | provoked on | state | cause | {' | '.join(columns)} |")
    say("|---|---|---|---|---:|---:|---:|---:|")
    rows = sorted((*FAULTS, *ELSEWHERE), key=lambda fault: fault.where != "simulation")
    kernels = [each for each in rows if each.cause is not Cause.PERSON]
    for fault in (each for each in kernels if options.only in each.name):
        found = [once(fault, options.silence_msec) for _ in range(options.times)]
        [(became, waited)] = {(became, waited) for became, _, waited in found}
        msec = [secs * 1e3 for _, secs, _ in found]
        say(
            f"| {fault.name} | {fault.where} | {became} | {waited:g} "
            f"| {statistics.median(msec):.0f} | {min(msec):.0f} | {max(msec):.0f} |"
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


class Written:
    """An arm whose last command is timed."""

    def __init__(self, arm: SimArm) -> None:
        self.at = 0.0
        self._write = arm.write_positions
        arm.write_positions = self

    def __call__(self, positions: np.ndarray) -> None:
        self._write(positions)
        self.at = time.monotonic()


@contextmanager
def served(station: Station) -> Iterator[str]:
    """The address of a server that stops `station`."""
    app, listener = FastAPI(), socket.create_server(("127.0.0.1", 0))
    add_safety_routes(app, station, Seat())
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.run, [listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            running.result()


def presses(options: Options) -> None:
    """From a person's deed, by both ways, until stopped, and until the last command was written."""
    cell = simulated_aloha(realtime=True, cameras=())
    arms = [Written(arm) for arm in cell.robot._arms]
    station = Station(cell.robot, Sways(), Notices(), History())
    by_signal = StopSignal(lambda: station.stop("A signal asked for Stop."))
    with station, served(station) as address, by_signal, httpx.Client() as client:
        ways = {
            "POST /stop": lambda: client.post(f"{address}/stop"),
            "kill -USR1": lambda: os.kill(os.getpid(), signal.SIGUSR1),
        }
        for name, press in ways.items():
            stopped, written = [], []
            for number in range(options.times * 4):
                station.reset()
                station.take_over()
                time.sleep(0.5 + 0.0071 * (number % 3))  # anywhere within a turn
                pressed = time.monotonic()
                press()
                time.sleep(0.3)
                event = station.robot.gate.events.recent()[-1]
                assert event.after is GateState.STOPPED
                stopped.append((event.monotonic - pressed) * 1e3)
                written.append((max(arm.at for arm in arms) - pressed) * 1e3)
            say(
                f"{name}: stopped {statistics.median(stopped):.1f} ms later (longest "
                f"{max(stopped):.1f}), the last command written {max(written):.1f} ms later or "
                "before."
            )


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
    presses(options)
    still(options)
    cost()


if __name__ == "__main__":
    main(tyro.cli(Options))
