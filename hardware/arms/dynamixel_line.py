"""How an arm of DYNAMIXEL servos is reached, recognised and brought into order. Gives no torque."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hardware.arms.dynamixel_joints import check_identity
from hardware.arms.interbotix import BAUD, ArmModel
from hardware.dynamixel.bus import ServoBus
from hardware.dynamixel.chain import MotorChain
from hardware.dynamixel.control_table import BUS_WATCHDOG, WATCHDOG_SECS, Register
from hardware.dynamixel.latency_timer import SYSFS, latency_problem
from hardware.dynamixel.motors import Fingerprint
from hardware.dynamixel.port import REPLY_SECS, SerialPort
from hardware.interfaces import HardwareError

SILENCE_SECS = 0.2
LONGEST_SILENCE_SECS = 127 * WATCHDOG_SECS


@dataclass(frozen=True, slots=True)
class Line:
    """How an arm is reached."""

    port: str
    baud: int = BAUD
    reply_secs: float | int = REPLY_SECS
    """What a reply may take beyond its bytes."""
    silence_secs: float | int = SILENCE_SECS
    """After this long without a word, the servos' own Bus Watchdog stops them."""
    sysfs: Path = SYSFS

    def __post_init__(self) -> None:
        if not WATCHDOG_SECS <= self.silence_secs <= LONGEST_SILENCE_SECS:
            raise ValueError(
                f"A bus watchdog waits {WATCHDOG_SECS} to {LONGEST_SILENCE_SECS} s, got "
                f"{self.silence_secs}."
            )


def motor_chain(model: ArmModel, line: Line, now: Callable[[], float]) -> MotorChain:
    """The motors of an arm behind a line; not opened yet."""
    names = {motor.id: motor.name for motor in model.motors}
    port = SerialPort(line.port, baud=line.baud, reply_secs=line.reply_secs)
    return MotorChain(ServoBus(port, names), model.motors, now=now)


def identify(
    chain: MotorChain, model: ArmModel, line: Line, known: Iterable[Fingerprint] = ()
) -> list[Fingerprint]:
    """Open the port and find out whether this is the arm, with motors fit to be used.

    Raises `HardwareError` saying what is wrong. Moves nothing.
    """
    chain.bus.open()
    if problem := latency_problem(line.port, sysfs=line.sysfs):
        raise HardwareError(problem)
    prints = chain.roll_call()
    check_identity(model, prints, known, line.port)
    chain.clear()
    chain.check_health(chain.ids)
    return prints


def bring_into_order(chain: MotorChain, wanted: Mapping[Register, Mapping[int, int]]) -> None:
    """Set what motors keep without power where it differs. Impossible for motors that hold."""
    holding = [id_ for id_, health in chain.health.items() if health.torque]
    for register, values in wanted.items():
        found = {id_: chain.bus.read(id_, register) for id_ in values}
        wrong = {id_: value for id_, value in values.items() if found[id_] != value}
        held = [chain.bus.name(id_) for id_ in wrong if id_ in holding]
        if held:
            raise HardwareError(
                f"The {register.name} of {', '.join(held)} must be changed, but these motors hold "
                f"the arm. Support it and switch its 12 V supply off and on."
            )
        chain.write_all(register, wrong)


def arm_watchdogs(chain: MotorChain, ids: Iterable[int], line: Line) -> None:
    """Let motors stop themselves after the line's silence."""
    period = round(line.silence_secs / WATCHDOG_SECS)
    chain.write_together(BUS_WATCHDOG, dict.fromkeys(ids, period))


def fingerprints(model: ArmModel, line: Line) -> list[Fingerprint]:
    """Read an arm's fingerprints for a set-up to store. Moves nothing.

    Raises `HardwareError` if it is not an arm of this model.
    """
    chain = motor_chain(model, line, lambda: 0.0)
    try:
        return identify(chain, model, line)
    finally:
        chain.bus.close()
