"""Reads and writes the registers of the servos on one bus, with retries. Knows no arm.

The packets are made and checked by the makers' own SDK (`dynamixel-sdk`), over `SerialPort`.
"""

import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hardware.dynamixel.control_table import ALERT, Register, packet_error
from hardware.dynamixel.port import SerialPort
from hardware.dynamixel.sdk import load_sdk, packet_handler
from hardware.interfaces import HardwareError

logger = logging.getLogger(__name__)

TRIES = 3
"""A reply that is bad this often in a row is an error."""

FAST_HEADER = 10
"""Bytes of a fast reply before the first servo's data, and its last CRC."""


class BusError(HardwareError):
    """A servo did not answer, or refused. `ids` are the servos to blame, empty for all."""

    def __init__(self, message: str, ids: Iterable[int] = ()) -> None:
        super().__init__(message)
        self.ids = tuple(ids)


@dataclass(frozen=True, slots=True)
class Reply:
    """What one servo answered."""

    data: bytes
    alert: bool
    """Whether its hardware error status is not 0."""


@dataclass(frozen=True, slots=True)
class Found:
    """One servo that answered a search."""

    id: int
    model_number: int
    firmware: int


class ServoBus:
    """The servos on one serial port. Not thread-safe: one owner at a time.

    `names` says what each ID is, for messages.
    """

    def __init__(self, port: SerialPort, names: Mapping[int, str] | None = None) -> None:
        self.port = port
        self.retries = 0
        """Exchanges that had to be repeated, since the bus was opened."""
        self._names = dict(names or {})
        self._sdk: Any = None
        self._handler: Any = None

    def open(self) -> None:
        """Open the port."""
        if self._handler is None:
            self._sdk = load_sdk()
            self._handler = packet_handler(self._sdk)
        self.port.open()

    def close(self) -> None:
        """Close the port. Safe to call twice."""
        self.port.close()

    @property
    def _packets(self) -> Any:  # noqa: ANN401 - the SDK has no types
        if self._handler is None:
            raise HardwareError(f"The arm is not connected. Port: {self.port.path}")
        return self._handler

    def name(self, id_: int) -> str:
        """What servo `id_` is called in messages."""
        return f"motor {id_} ({self._names[id_]})" if id_ in self._names else f"motor {id_}"

    def search(self) -> list[Found]:
        """Every servo that answers, by ID. Takes most of a second."""
        self.port.is_using = False
        answers, result = self._packets.broadcastPing(self.port)
        if result not in (self._sdk.COMM_SUCCESS, self._sdk.COMM_RX_TIMEOUT):
            logger.info("A search found damaged replies: %s", self._words(result))
        return [Found(id_, model, firmware) for id_, (model, firmware) in sorted(answers.items())]

    def ping(self, id_: int, *, tries: int = TRIES) -> int | None:
        """The model number of servo `id_`, or None if it is silent."""
        for _ in range(tries):
            self.port.is_using = False
            number, result, _ = self._packets.ping(self.port, id_)
            if result == self._sdk.COMM_SUCCESS:
                return int(number)
        return None

    def read(self, id_: int, register: Register) -> int:
        """One register of one servo."""
        return register.decode(self.read_span(id_, register.address, register.size).data)

    def read_span(self, id_: int, address: int, length: int) -> Reply:
        """`length` neighbouring bytes of one servo."""
        result, error = 0, 0
        for attempt in range(TRIES):
            self.retries += attempt > 0
            self.port.is_using = False
            result = self._packets.readTx(self.port, id_, address, length)
            if result == self._sdk.COMM_SUCCESS:
                data, result, error = self._packets.readRx(self.port, id_, length)
                self._check(id_, error)
                if len(data) == length:
                    return Reply(bytes(data), bool(error & ALERT))
        raise self._failure(id_, result)

    def write(self, id_: int, register: Register, value: int) -> None:
        """Set one register of one servo and wait for its word that it did."""
        data = list(register.encode(value))
        result = 0
        for attempt in range(TRIES):
            self.retries += attempt > 0
            self.port.is_using = False
            result, error = self._packets.writeTxRx(
                self.port, id_, register.address, register.size, data
            )
            if result == self._sdk.COMM_SUCCESS:
                if said := packet_error(error):
                    raise BusError(
                        f"{self.name(id_)} {said}: {register.name} = {value}. Port: "
                        f"{self.port.path}",
                        [id_],
                    )
                return
        raise self._failure(id_, result)

    def sync_read(
        self, ids: Sequence[int], address: int, length: int, *, fast: bool = False
    ) -> dict[int, Reply]:
        """The same `length` bytes of many servos, in one exchange.

        With `fast`, all servos answer in one packet; a damaged one is asked for again the plain
        way, which can tell whose reply is bad. Raises `BusError` after `TRIES` bad replies in a
        row, naming the servo.
        """
        result, silent = 0, ids[0]
        for attempt in range(TRIES):
            self.retries += attempt > 0
            self.port.is_using = False
            single = fast and attempt == 0
            result = self._packets.syncReadTx(
                self.port, address, length, list(ids), len(ids), single
            )
            if result != self._sdk.COMM_SUCCESS:
                continue
            if single:
                replies = self._receive_fast(ids, length)
            else:
                replies, silent, result = self._receive_each(ids, length)
            if len(replies) == len(ids):
                return replies
        raise self._failure(silent, result)

    def sync_write(self, register: Register, values: Mapping[int, int]) -> None:
        """Set one register of many servos at once. Nobody confirms it: read back what matters."""
        self.sync_write_span(
            register.address, {id_: register.encode(value) for id_, value in values.items()}
        )

    def sync_write_span(self, address: int, data: Mapping[int, bytes]) -> None:
        """Set the same neighbouring bytes of many servos at once, unconfirmed."""
        lengths = {len(part) for part in data.values()}
        if len(lengths) != 1:
            raise ValueError(f"A sync write sends each servo as much, got lengths {lengths}.")
        params = list(itertools.chain.from_iterable((id_, *part) for id_, part in data.items()))
        self.port.is_using = False
        self._packets.syncWriteTxOnly(self.port, address, lengths.pop(), params, len(params))

    def reboot(self, id_: int) -> None:
        """Restart one servo: its torque goes off and its errors are forgotten."""
        self.port.is_using = False
        result, _ = self._packets.reboot(self.port, id_)
        if result != self._sdk.COMM_SUCCESS:
            raise self._failure(id_, result)

    def _receive_each(self, ids: Sequence[int], length: int) -> tuple[dict[int, Reply], int, int]:
        """Replies one after the other: what came, the first that did not, and why."""
        replies: dict[int, Reply] = {}
        for id_ in ids:
            data, result, error = self._packets.readRx(self.port, id_, length)
            self._check(id_, error)
            if result != self._sdk.COMM_SUCCESS or len(data) != length:
                return replies, id_, result
            replies[id_] = Reply(bytes(data), bool(error & ALERT))
        return replies, ids[0], self._sdk.COMM_SUCCESS

    def _receive_fast(self, ids: Sequence[int], length: int) -> dict[int, Reply]:
        """Replies in one packet; none if it is damaged or not as long as asked."""
        self.port.setPacketTimeout(FAST_HEADER + (length + 4) * len(ids))
        raw, result, _ = self._packets.fastSyncReadRx(
            self.port, self._sdk.BROADCAST_ID, (length + 4) * len(ids)
        )
        if result != self._sdk.COMM_SUCCESS or len(raw) != (length + 4) * len(ids):
            return {}
        replies: dict[int, Reply] = {}
        for at, id_ in zip(range(0, len(raw), length + 4), ids, strict=True):
            error, answered = raw[at], raw[at + 1]
            if answered != id_:
                return {}
            self._check(id_, error)
            replies[id_] = Reply(bytes(raw[at + 2 : at + 2 + length]), bool(error & ALERT))
        return replies

    def _check(self, id_: int, error: int) -> None:
        if said := packet_error(error):
            raise BusError(f"{self.name(id_)} {said}. Port: {self.port.path}", [id_])

    def _failure(self, id_: int, result: int) -> BusError:
        return BusError(
            f"{self.name(id_)} gave no good answer {TRIES} times in a row: {self._words(result)}. "
            f"Check its plug, then the one before it. Port: {self.port.path}",
            [id_],
        )

    def _words(self, result: int) -> str:
        sdk = self._sdk
        return {
            sdk.COMM_SUCCESS: "its reply was too short",
            sdk.COMM_RX_TIMEOUT: "it is silent",
            sdk.COMM_RX_CORRUPT: "its reply came damaged",
            sdk.COMM_TX_FAIL: "the port did not take all bytes",
        }.get(result, f"the SDK reports {result}")
