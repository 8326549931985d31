"""What goes wrong on an emulated wire, on demand: each fault spoils a number of replies."""

import random
import threading
from dataclasses import dataclass, field


@dataclass(slots=True)
class Fault:
    """Spoils `left` replies of the servo `id`, or of any servo if None."""

    kind: str
    left: int
    id: int | None = None
    secs: float = 0.0


KINDS = ("noise", "drop", "delay", "wrong_id", "corrupt", "truncate")


@dataclass(slots=True)
class Faults:
    """The faults that are due. Safe to add to from any thread."""

    _due: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _random: random.Random = field(default_factory=lambda: random.Random(7))

    def add(
        self, kind: str, *, times: int = 1, id_: int | None = None, secs: float | int = 0.0
    ) -> None:
        """Spoil the next `times` replies: one of `KINDS`; `secs` is the length of a delay."""
        if kind not in KINDS:
            raise ValueError(f"A fault is one of {KINDS}, got {kind!r}.")
        with self._lock:
            self._due.append(Fault(kind, times, id_, float(secs)))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._due.clear()

    def take(self, id_: int) -> Fault | None:
        """The fault for a reply of servo `id_`, if one is due."""
        with self._lock:
            for fault in self._due:
                if fault.id in (None, id_):
                    fault.left -= 1
                    if fault.left <= 0:
                        self._due.remove(fault)
                    return fault
        return None

    def noise(self) -> bytes:
        """A few bytes that no servo sent."""
        return bytes(self._random.randrange(256) for _ in range(self._random.randint(1, 6)))


def spoiled(reply: bytes, fault: Fault, faults: Faults) -> bytes:
    """What arrives instead of `reply`. A delay arrives whole; the wire waits for it."""
    if fault.kind == "drop":
        return b""
    if fault.kind == "noise":
        return faults.noise() + reply
    if fault.kind == "corrupt":
        middle = len(reply) - 3
        return reply[:middle] + bytes([reply[middle] ^ 0x40]) + reply[middle + 1 :]
    if fault.kind == "truncate":
        return reply[: len(reply) // 2]
    return reply
