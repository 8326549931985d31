"""Which arms hang on which serial ports: motors, models, firmware, fingerprints. Gives no torque.

Interbotix arms are known by their motors. Grippers of different makes cannot be told apart, nor
left from right: a person says which.
"""

from dataclasses import dataclass

from hardware.arms.dynamixel_line import Line, motor_chain
from hardware.arms.dynamixel_setup import FoundServo, find_servos
from hardware.arms.interbotix import ARM_MODELS, BAUD
from hardware.arms.so101 import IDS
from hardware.dynamixel.control_table import XC430_W150, XL430_W250
from hardware.dynamixel.motors import Fingerprint, misfits
from hardware.dynamixel.port import REPLY_SECS
from hardware.interfaces import HardwareError
from hardware.workcell.feetech_search import find_feetech
from hardware.workcell.machine import Machine
from hardware.workcell.problem import Problem
from hardware.workcell.serial_devices import SerialDevice, find_serial_devices, port_problems

FACTORY_BAUD = 57_600

ONE_BY_ONE = "connect each alone and run `python -m hardware.check --new-id PORT ID`"
"""How a motor becomes that of an arm."""

LEADER_GRIPPERS = {XL430_W250.number: "aloha_2023", XC430_W150.number: "interbotix"}
"""Kits by the motor of their leaders' grippers; the later one turns more smoothly."""


@dataclass(frozen=True, slots=True)
class FoundArm:
    """What answered on one serial port."""

    device: SerialDevice
    servos: tuple[FoundServo, ...]
    fingerprints: tuple[Fingerprint, ...]
    """Of all nine motors; empty if they are not all there."""
    models: tuple[str, ...]
    """Names of `ARM_MODELS` that these motors can be; empty if it is no such arm."""
    problems: tuple[Problem, ...]


def search_arms(
    machine: Machine, *, reply_secs: float | int = REPLY_SECS
) -> tuple[list[FoundArm], list[Problem]]:
    """Look at every serial port, a second each. Returns what is wrong with them, too."""
    devices = find_serial_devices(machine)
    if not devices:
        fix = "Plug the arms' USB cables in; `lsusb` shows the adapters (FTDI, 0403:6014)."
        return [], [Problem("serial ports", "no USB serial port is there.", fix)]
    found = [_look(machine, device, reply_secs) for device in devices]
    return found, [problem for arm in found for problem in arm.problems]


def _look(machine: Machine, device: SerialDevice, reply_secs: float | int) -> FoundArm:
    problems = port_problems(machine, device)
    servos: list[FoundServo] = []
    prints: list[Fingerprint] = []
    try:
        servos = find_servos(device.port, bauds=(BAUD,), reply_secs=reply_secs) or find_servos(
            device.port, bauds=(FACTORY_BAUD,), reply_secs=reply_secs
        )
        feetech = [] if servos else find_feetech(device.port, reply_secs=reply_secs)
        if feetech:
            return FoundArm(device, (), (), (), (*problems, _so101(device, feetech)))
        problems += _servo_problems(device, servos)
        if {servo.id for servo in servos if servo.baud == BAUD} >= set(range(1, 10)):
            prints = _fingerprints(device, reply_secs)
    except HardwareError as error:
        problems.append(Problem(device.port, str(error)))
    wrong = {name: misfits(model.motors, prints) for name, model in ARM_MODELS.items()}
    models = _likeliest([name for name, misfit in wrong.items() if not misfit], prints)
    if prints and not models:
        nearest = min(wrong, key=lambda name: len(wrong[name]))
        fix = f"If they are the right motors: {ONE_BY_ONE}. Or add the arm's model as data."
        words = f"it is nearly a {ARM_MODELS[nearest].name}: {'; '.join(wrong[nearest])}."
        problems.append(Problem(device.port, words, fix))
    return FoundArm(device, tuple(servos), tuple(prints), models, tuple(problems))


def _so101(device: SerialDevice, ids: list[int]) -> Problem:
    """An SO-101 needs ranges that LeRobot measured, so a person writes it into the file."""
    fix = (
        'Write it into the workcell file with model = "so101" and the calibration that LeRobot '
        "made (docs/workcell.md)."
    )
    if len(ids) < len(IDS):
        fix = f"Servos {sorted(set(IDS) - set(ids))} of an SO-101 are silent: check their plugs."
    return Problem(device.port, f"Feetech servos {ids} answer: an SO-101, not written.", fix)


def _likeliest(models: list[str], prints: list[Fingerprint]) -> tuple[str, ...]:
    """Of a leader's models, those whose kit has this motor in the gripper."""
    fitted = {each.id: each.model_number for each in prints}
    kit = LEADER_GRIPPERS.get(fitted.get(9, 0), "")
    return tuple(name for name in models if name.startswith(kit))


def _servo_problems(device: SerialDevice, servos: list[FoundServo]) -> list[Problem]:
    if not servos:
        fix = (
            "Switch the arm's 12 V supply on and release its emergency stop. If this port is no "
            "arm's, let it be."
        )
        return [Problem(device.port, "no DYNAMIXEL motor answers.", fix)]
    if any(servo.baud != BAUD for servo in servos):
        words = f"motors {[servo.id for servo in servos]} speak at {FACTORY_BAUD} baud."
        fix = f"Motors of an arm speak at {BAUD}. {ONE_BY_ONE[0].upper()}{ONE_BY_ONE[1:]}."
        return [Problem(device.port, words, fix)]
    silent = sorted(set(range(1, 10)) - {servo.id for servo in servos})
    if silent:
        fix = f"Check the plug of the first of them, then its ID. If it is new: {ONE_BY_ONE}."
        return [Problem(device.port, f"motors {silent} are silent.", fix)]
    return []


def _fingerprints(device: SerialDevice, reply_secs: float | int) -> list[Fingerprint]:
    # All Interbotix arms have the same nine IDs and names; which arm it is comes out of the prints.
    model = next(iter(ARM_MODELS.values()))
    chain = motor_chain(model, Line(device.port, reply_secs=reply_secs), lambda: 0.0)
    chain.bus.open()
    try:
        return chain.roll_call()
    finally:
        chain.bus.close()
