"""Setting motors up, once: find them, give them IDs and baud rates, align shadows. Gives no torque.

Every function changes what a motor keeps without power, so a person must ask for it.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hardware.arms.interbotix import ArmModel
from hardware.dynamixel import control_table as table
from hardware.dynamixel.bus import ServoBus
from hardware.dynamixel.motors import NO_SECONDARY_ID, REVERSE, Motor
from hardware.dynamixel.port import REPLY_SECS, SerialPort
from hardware.interfaces import HardwareError

USUAL_BAUDS = (1_000_000, 57_600)
"""An Interbotix arm's, and a new servo's."""

SETTLING_SECS = (0.02, 0.1, 0.4)
"""Until a servo has heard and stored a baud rate, which nothing confirms; longer at each try. The
port must not change its own before."""

MOST_OFFSET = 1024
"""Ticks of homing offset that a servo heeds in position mode."""


@dataclass(frozen=True, slots=True)
class FoundServo:
    """One servo on a port."""

    id: int
    model: str
    firmware: int
    baud: int


@contextmanager
def _bus(port: str, baud: int, reply_secs: float | int) -> Iterator[ServoBus]:
    bus = ServoBus(SerialPort(port, baud=baud, reply_secs=reply_secs))
    bus.open()
    try:
        yield bus
    finally:
        bus.close()


def find_servos(
    port: str, *, bauds: Iterable[int] = USUAL_BAUDS, reply_secs: float | int = REPLY_SECS
) -> list[FoundServo]:
    """Every servo that answers on `port`, at any of `bauds`. Takes most of a second for each."""
    found = []
    for baud in bauds:
        with _bus(port, baud, reply_secs) as bus:
            for each in bus.search():
                known = table.MODELS.get(each.model_number)
                name = known.name if known else f"model {each.model_number}"
                found.append(FoundServo(each.id, name, each.firmware, baud))
    return found


def set_up_servo(
    port: str,
    servo: FoundServo,
    *,
    new_id: int,
    new_baud: int = USUAL_BAUDS[0],
    motor: Motor | None = None,
    reply_secs: float | int = REPLY_SECS,
) -> None:
    """Give one servo its ID and baud rate. Connect no other servo with either ID meanwhile.

    With `motor`, it also gets the drive mode, secondary ID and position limits of this one.
    Raises `ValueError` for an ID or a baud rate that servos do not have, and `HardwareError` when
    the ID is taken or the servo does not answer by its new one.
    """
    if not 0 <= new_id <= 252:
        raise ValueError(f"A servo's ID is 0 to 252, got {new_id}.")
    if new_baud not in table.BAUD_RATES:
        raise ValueError(f"Servos have the baud rates {table.BAUD_RATES}, got {new_baud}.")
    with _bus(port, servo.baud, reply_secs) as bus:
        if new_id != servo.id and bus.ping(new_id) is not None:
            raise HardwareError(f"A servo with ID {new_id} is there already. Port: {port}")
        bus.write(servo.id, table.TORQUE_ENABLE, 0)
        # Unconfirmed: by which ID and at which speed the answer would come is not said anywhere.
        bus.sync_write(table.ID, {servo.id: new_id})
        if bus.ping(new_id) is None:
            raise HardwareError(f"Servo {servo.id} did not take ID {new_id}. Port: {port}")
    if not _takes_baud(port, new_id, (servo.baud, new_baud), reply_secs):
        raise HardwareError(
            f"The servo does not answer by ID {new_id} at {new_baud} baud. Switch its supply "
            f"off and on, then search again. Port: {port}"
        )
    with _bus(port, new_baud, reply_secs) as bus:
        for register, value in _settings(motor):
            bus.write(new_id, register, value)


def _takes_baud(port: str, id_: int, bauds: tuple[int, int], reply_secs: float | int) -> bool:
    """Have a servo go from one baud rate to another. It confirms by a ping at the new one only."""
    before, after = bauds
    for settling_secs in SETTLING_SECS:
        with _bus(port, before, reply_secs) as bus:
            bus.sync_write(table.BAUD_RATE, {id_: table.BAUD_RATES.index(after)})
            time.sleep(settling_secs)
        with _bus(port, after, reply_secs) as bus:
            if bus.ping(id_) is not None:
                return True
    return False


def _settings(motor: Motor | None) -> list[tuple[table.Register, int]]:
    """What a motor keeps without power of its place in the arm."""
    if motor is None:
        return []
    return [
        (table.DRIVE_MODE, REVERSE if motor.reverse else 0),
        (table.SECONDARY_ID, NO_SECONDARY_ID if motor.shadows is None else motor.shadows),
        (table.MIN_POSITION, motor.low),
        (table.MAX_POSITION, motor.high),
    ]


def align_shadows(
    model: ArmModel, port: str, *, baud: int = USUAL_BAUDS[0], reply_secs: float | int = REPLY_SECS
) -> dict[str, int]:
    """Have each shadow count as the motor that it follows does; return new homing offsets.

    By name of the shadow, in ticks. The arm must be loose: two motors on one joint stand where the
    joint stands, and what they count differently is the offset. Raises `HardwareError` if a motor
    has torque or the offset would be more than a servo heeds.
    """
    with _bus(port, baud, reply_secs) as bus:
        held = [each.id for each in model.motors if bus.read(each.id, table.TORQUE_ENABLE)]
        if held:
            raise HardwareError(f"Motors {held} have torque: make the arm loose. Port: {port}")
        aligned = {}
        for motor in model.motors:
            if motor.shadows is None:
                continue
            wanted = bus.read(motor.shadows, table.PRESENT_POSITION)
            counted = bus.read(motor.id, table.PRESENT_POSITION)
            offset = bus.read(motor.id, table.HOMING_OFFSET) + wanted - counted
            if abs(offset) > MOST_OFFSET:
                raise HardwareError(
                    f"{motor.name} would need a homing offset of {offset} ticks; {MOST_OFFSET} is "
                    f"the most. Mount its horn again. Port: {port}"
                )
            bus.write(motor.id, table.HOMING_OFFSET, offset)
            aligned[motor.name] = offset
        return aligned
