"""Four emulated arms in a process of their own, so that only the driver's time is measured."""

import multiprocessing
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Any

from servo_bus.arms import viperx, widowx
from servo_bus.bus import ServoBus

ARMS = ("left_leader", "right_leader", "left_follower", "right_follower")


class Bench:
    """Starts the process; `do` has it act on one of `ARMS`."""

    def __init__(self, *, wire: bool, usb_secs: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._near, far = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(far, usb_secs if wire else None), daemon=True
        )
        self._process.start()
        self.paths: dict[str, str] = self._near.recv()

    def do(self, arm: str, what: str, *args: Any) -> Any:
        """Call an action of `_ACTIONS`."""
        self._near.send((arm, what, args))
        return self._near.recv()

    def close(self) -> None:
        """End the process."""
        self._near.send(None)
        self._process.join(10)


def _serve(pipe: Connection, usb_secs: float | None) -> None:
    makers = (widowx, widowx, viperx, viperx)
    with ExitStack() as stack:
        buses = {
            name: stack.enter_context(maker(wire=usb_secs is not None, usb_secs=usb_secs or 0.0))
            for name, maker in zip(ARMS, makers, strict=True)
        }
        pipe.send({name: bus.path for name, bus in buses.items()})
        while (request := pipe.recv()) is not None:
            arm, what, args = request
            pipe.send(_ACTIONS[what](buses[arm], *args))


def _spoil(bus: ServoBus, kind: str, times: int, id_: int, secs: float) -> None:
    bus.faults.add(kind, times=times, id_=id_, secs=secs)


def _clear(bus: ServoBus) -> None:
    bus.faults.clear()


def _fail(bus: ServoBus, id_: int, error: int) -> None:
    bus[id_].fail(error)


def _cut(bus: ServoBus) -> None:
    bus.cut_power()


def _blink(bus: ServoBus) -> None:
    bus.cut_power()
    bus.restore_power()


def _restore(bus: ServoBus) -> None:
    bus.restore_power()


def _unplug(bus: ServoBus) -> None:
    bus.unplug()


def _stopped_after(bus: ServoBus, id_: int) -> float:
    """Seconds until a moving servo stands still by its watchdog; nobody may speak to it."""
    began = time.monotonic()
    while bus[id_].peek("bus_watchdog") != 255 and time.monotonic() - began < 5:
        bus[id_].advance()
        time.sleep(0.001)
    return time.monotonic() - began


def _cpu(bus: ServoBus) -> float:
    return bus.thread_secs


_ACTIONS = {
    "spoil": _spoil,
    "clear": _clear,
    "fail": _fail,
    "cut": _cut,
    "blink": _blink,
    "restore": _restore,
    "unplug": _unplug,
    "stopped_after": _stopped_after,
    "cpu": _cpu,
}
