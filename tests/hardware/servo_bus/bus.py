"""Servos on one half-duplex line: who obeys an instruction, and who answers what."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable

from servo_bus.faults import Fault, Faults, spoiled
from servo_bus.packets import BROADCAST, Error, Instruction, Packet, Reader, fast_status, status
from servo_bus.servo import Servo
from servo_bus.wire import BAUD_RATES, Reply, Wire

PING_ALWAYS, READS, ALL = 0, 1, 2
"""Values of Status Return Level."""


class ServoBus:
    """A chain of servos behind one serial port, `path`.

    With `wire`, replies take as long as their bytes do at the servos' baud rate, plus the return
    delay and `usb_secs` for the adapter.
    """

    def __init__(
        self, servos: Iterable[Servo], *, wire: bool = False, usb_secs: float = 0.0
    ) -> None:
        self.servos = list(servos)
        self.faults = Faults()
        self.heard: Counter[tuple[int, bytes]] = Counter()
        """How often each instruction came, by its number and its first four parameters."""
        self._timed, self._usb_secs = wire, usb_secs
        self._powered = True
        self._lock = threading.RLock()
        self._replies: list[Reply] = []
        self._handlers: dict[int, Callable[[Packet], None]] = {
            Instruction.PING: self._ping,
            Instruction.READ: self._read,
            Instruction.WRITE: self._write,
            Instruction.REG_WRITE: self._reg_write,
            Instruction.ACTION: self._action,
            Instruction.FACTORY_RESET: self._factory_reset,
            Instruction.REBOOT: self._reboot,
            Instruction.CLEAR: self._clear,
            Instruction.SYNC_READ: self._sync_read,
            Instruction.FAST_SYNC_READ: self._fast_sync_read,
            Instruction.SYNC_WRITE: self._sync_write,
            Instruction.BULK_READ: self._bulk_read,
            Instruction.FAST_BULK_READ: self._fast_bulk_read,
            Instruction.BULK_WRITE: self._bulk_write,
        }

    def __enter__(self) -> "ServoBus":
        self._wire = Wire(self._hear, Reader())
        return self

    def __exit__(self, *_exception: object) -> None:
        self._wire.unplug()

    # What a person does to it.

    def __getitem__(self, id_: int) -> Servo:
        return next(servo for servo in self.servos if servo.id == id_)

    def cut_power(self) -> None:
        """The 12 V supply is gone: no servo answers, all RAM is lost."""
        with self._lock:
            self._powered = False

    def restore_power(self) -> None:
        """The supply is back: every servo starts anew, torque off."""
        with self._lock:
            self._powered = True
            for servo in self.servos:
                servo.start()

    def unplug(self) -> None:
        """The USB cable is pulled: the port's other end is gone."""
        self._wire.unplug()

    @property
    def path(self) -> str:
        """The serial port that leads to the servos."""
        return self._wire.path

    @property
    def thread_secs(self) -> float:
        """Processor time that the emulation took."""
        return self._wire.thread_secs

    # The wire.

    def _hear(self, packet: Packet) -> list[Reply]:
        with self._lock:
            self.heard[packet.instruction, packet.params[:4]] += 1
            self._replies = []
            if self._powered and packet.crc_right and packet.instruction != Instruction.STATUS:
                self._handlers.get(packet.instruction, self._unknown)(packet)
            return self._replies

    def _unknown(self, packet: Packet) -> None:
        for servo in self._addressed(packet.id):
            if packet.id != BROADCAST:
                self._answer(servo, Error.INSTRUCTION, level=ALL)

    def _listening(self) -> list[Servo]:
        speed = self._wire.baud
        return [
            servo
            for servo in self.servos
            if servo.powered and BAUD_RATES[servo.peek("baud_rate")] == speed
        ]

    def _addressed(self, id_: int) -> list[Servo]:
        """Servos with this ID as first ID, or all for broadcasts."""
        found = [servo for servo in self._listening() if id_ in (servo.id, BROADCAST)]
        for servo in found:
            servo.hear()
        return found

    def _shadows(self, id_: int) -> list[Servo]:
        """Servos that obey this ID only as their second one, and stay silent."""
        found = [
            servo
            for servo in self._listening()
            if servo.id != id_ and servo.peek("secondary_id") == id_ <= 252
        ]
        for servo in found:
            servo.hear()
        return found

    def _answer(
        self, servo: Servo, error: int, data: bytes = b"", *, level: int, id_: int | None = None
    ) -> None:
        if servo.peek("status_return_level") < level:
            return
        id_ = servo.id if id_ is None else id_
        fault = self.faults.take(id_)
        if fault is not None and fault.kind == "wrong_id":
            id_ = (id_ + 1) % 252
        self._queue(status(id_, error | servo.alert, data), fault, servo)

    def _queue(self, reply: bytes, fault: Fault | None, servo: Servo) -> None:
        delay = 0.0
        if self._timed:
            baud = BAUD_RATES[servo.peek("baud_rate")]
            delay = len(reply) * 10 / baud + servo.peek("return_delay_time") * 2e-6
            delay += 0.0 if self._replies else self._usb_secs
        if fault is not None:
            reply = spoiled(reply, fault, self.faults)
            delay += fault.secs
        if reply:
            self._replies.append((reply, delay))

    # One instruction each.

    def _ping(self, packet: Packet) -> None:
        for servo in sorted(self._addressed(packet.id), key=lambda servo: servo.id):
            data = servo.peek("model_number").to_bytes(2, "little")
            data += bytes([servo.peek("firmware_version")])
            self._answer(servo, Error.NONE, data, level=PING_ALWAYS)

    def _read(self, packet: Packet) -> None:
        if packet.id == BROADCAST or len(packet.params) != 4:
            return
        for servo in self._addressed(packet.id):
            self._answer(servo, *servo.read(*_span(packet.params)), level=READS)

    def _write(self, packet: Packet) -> None:
        address, data = _split(packet.params)
        for servo in self._addressed(packet.id):
            error = servo.write(address, data)
            if packet.id != BROADCAST:
                self._answer(servo, error, level=ALL, id_=packet.id)
        for servo in self._shadows(packet.id):
            servo.write(address, data, by_own_id=False)

    def _reg_write(self, packet: Packet) -> None:
        address, data = _split(packet.params)
        for servo in self._addressed(packet.id):
            error = servo.register(address, data)
            if packet.id != BROADCAST:
                self._answer(servo, error, level=ALL)

    def _action(self, packet: Packet) -> None:
        for servo in self._addressed(packet.id):
            error = servo.act()
            if packet.id != BROADCAST:
                self._answer(servo, error, level=ALL)

    def _factory_reset(self, packet: Packet) -> None:
        # The emulator refuses: nothing of the product may ever ask for it.
        for servo in self._addressed(packet.id):
            if packet.id != BROADCAST:
                self._answer(servo, Error.RESULT_FAIL, level=ALL)

    def _reboot(self, packet: Packet) -> None:
        for servo in self._addressed(packet.id):
            if packet.id != BROADCAST:
                self._answer(servo, Error.NONE, level=ALL)
            servo.start()

    def _clear(self, packet: Packet) -> None:
        for servo in self._addressed(packet.id):
            right = packet.params == b"\x01\x44\x58\x4c\x22"
            error = servo.clear_turns() if right else Error.RESULT_FAIL
            if packet.id != BROADCAST:
                self._answer(servo, error, level=ALL)

    def _sync_read(self, packet: Packet) -> None:
        span = _span(packet.params)
        self._read_in_turn([(id_, span) for id_ in packet.params[4:]])

    def _bulk_read(self, packet: Packet) -> None:
        parts = [packet.params[at : at + 5] for at in range(0, len(packet.params), 5)]
        self._read_in_turn([(part[0], _span(part[1:])) for part in parts])

    def _read_in_turn(self, asked: list[tuple[int, tuple[int, int]]]) -> None:
        for id_, span in asked:
            servos = self._addressed(id_)
            if not servos:
                return  # the next one in line waits for this one's packet, in vain
            for servo in servos:
                self._answer(servo, *servo.read(*span), level=READS)

    def _fast_sync_read(self, packet: Packet) -> None:
        span = _span(packet.params)
        self._read_as_one([(id_, span) for id_ in packet.params[4:]])

    def _fast_bulk_read(self, packet: Packet) -> None:
        parts = [packet.params[at : at + 5] for at in range(0, len(packet.params), 5)]
        self._read_as_one([(part[0], _span(part[1:])) for part in parts])

    def _read_as_one(self, asked: list[tuple[int, tuple[int, int]]]) -> None:
        segments: list[bytes] = []
        fault = None
        last = None
        for id_, span in asked:
            servos = [servo for servo in self._addressed(id_) if servo.answers_fast_reads]
            if not servos:
                break
            last = servos[0]
            error, data = last.read(*span)
            found = self.faults.take(id_)
            fault = fault or found
            if found is not None and found.kind == "wrong_id":
                id_ = (id_ + 1) % 252
            segments.append(bytes([error | last.alert, id_]) + data)
        if last is not None:
            expected = sum(length + 4 for _, (_, length) in asked)
            self._queue(fast_status(segments, expected), fault, last)

    def _sync_write(self, packet: Packet) -> None:
        address, length = _span(packet.params)
        rest = packet.params[4:]
        for at in range(0, len(rest), length + 1):
            self._write_silently(rest[at], address, rest[at + 1 : at + 1 + length])

    def _bulk_write(self, packet: Packet) -> None:
        rest = packet.params
        while rest:
            address, length = _span(rest[1:])
            self._write_silently(rest[0], address, rest[5 : 5 + length])
            rest = rest[5 + length :]

    def _write_silently(self, id_: int, address: int, data: bytes) -> None:
        for servo in self._addressed(id_):
            servo.write(address, data)
        for servo in self._shadows(id_):
            servo.write(address, data, by_own_id=False)


def _span(params: bytes) -> tuple[int, int]:
    return int.from_bytes(params[:2], "little"), int.from_bytes(params[2:4], "little")


def _split(params: bytes) -> tuple[int, bytes]:
    return int.from_bytes(params[:2], "little"), params[2:]
