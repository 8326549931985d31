"""Which arm is which: a person moves one by hand, and the arm whose joints turn is the one."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from hardware.arms.dynamixel_joints import JointMap
from hardware.arms.dynamixel_line import identify, motor_chain
from hardware.arms.interbotix import ARM_MODELS
from hardware.dynamixel.chain import MotorChain
from hardware.interfaces import HardwareError, JointPositions
from hardware.workcell.entries import ROLES, ArmEntry, Workcell
from hardware.workcell.machine import Machine
from hardware.workcell.parts import line_of
from hardware.workcell.writing import swap_ports

MOVED_RADIANS = 0.15
"""An arm moved on purpose turns a joint by more than this."""

CLEARER = 3.0
"""So many times as much as any other arm must the moved one have moved."""


def put_sides_right(
    path: Path, workcell: Workcell, machine: Machine, ask: Callable[[str], None]
) -> list[str]:
    """Have a person move the left arm of each pair; swap ports in the file where it was the right.

    `ask` shows a sentence and returns when the person has done it. Arms must be loose. Returns what
    was found, in sentences. Raises `HardwareError` when nothing or more than one arm moved.
    """
    found = []
    for role in ROLES:
        pair = workcell.arms_of(role)
        if len(pair) < 2 or any(arm.model not in ARM_MODELS for arm in pair):
            continue
        with ExitStack() as opened:
            chains = {arm.name: _open(arm, machine, opened) for arm in pair}
            before = {name: _where(arm, chains) for arm in pair for name in [arm.name]}
            ask(f"Move the left {role} by hand, a good way, and leave it there. Then press Enter.")
            after = {name: _where(arm, chains) for arm in pair for name in [arm.name]}
        moved = moved_arm(before, after)
        left, right = pair
        if moved == left.name:
            found.append(f"The {role}s' sides are right.")
        else:
            swap_ports(path, left.name, right.name)
            found.append(f"The {role}s' sides were swapped; the file is put right.")
    return found


def moved_arm(before: Mapping[str, JointPositions], after: Mapping[str, JointPositions]) -> str:
    """The one arm that was moved between two readings, by name.

    Raises `HardwareError` when none was, or several were.
    """
    turned = {name: float(np.abs(after[name] - before[name])[:-1].max()) for name in before}
    first, *others = sorted(turned, key=lambda name: -turned[name])
    if turned[first] < MOVED_RADIANS:
        raise HardwareError(
            f"No arm moved: {_in_words(turned)}. Are they loose? Move one joint by 20 degrees."
        )
    if others and turned[first] < CLEARER * turned[others[0]]:
        raise HardwareError(f"More than one arm moved: {_in_words(turned)}. Move one alone.")
    return first


def _in_words(turned: Mapping[str, float]) -> str:
    return ", ".join(f"{name} by {np.degrees(angle):.0f} degrees" for name, angle in turned.items())


def _open(arm: ArmEntry, machine: Machine, opened: ExitStack) -> MotorChain:
    line = line_of(arm, machine)
    chain = motor_chain(ARM_MODELS[arm.model], line, lambda: 0.0)
    opened.callback(chain.bus.close)
    identify(chain, ARM_MODELS[arm.model], line)
    held = [id_ for id_, health in chain.health.items() if health.torque]
    if held:
        raise HardwareError(
            f"{arm.name} holds (motors {held} have torque). Support it and switch its 12 V supply "
            "off and on, or close the program that drives it."
        )
    return chain


def _where(arm: ArmEntry, chains: Mapping[str, MotorChain]) -> JointPositions:
    model = ARM_MODELS[arm.model]
    return JointMap(model).positions(chains[arm.name].read_motion())
