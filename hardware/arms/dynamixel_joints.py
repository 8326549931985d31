"""From an arm's motors to its joints and gripper, and back. Checks that it is the right arm."""

from collections.abc import Iterable

import numpy as np

from hardware.arms.interbotix import ARM_MODELS, ArmModel
from hardware.dynamixel.chain import Motion
from hardware.dynamixel.control_table import CENTRE, RADIANS_PER_TICK
from hardware.dynamixel.motors import Fingerprint, changes, misfits
from hardware.interfaces import HardwareError, JointMotion, JointPositions

NEARBY = 1e-3
"""Radians over which the slope of a gripper's opening is taken."""

SHADOW_TICKS = 40
"""Ticks (3.5 degrees) by which two motors on one joint may differ before they fight each other."""


class JointMap:
    """Turns ticks of an arm's motors into radians and gripper opening. Holds no state."""

    def __init__(self, model: ArmModel) -> None:
        self.model = model
        ids = [motor.id for motor in model.motors]
        self._rows = [ids.index(id_) for id_ in model.joints]
        self._pairs = [
            (ids.index(motor.shadows), ids.index(motor.id))
            for motor in model.motors
            if motor.shadows is not None
        ]
        self._limits = [
            (motor.low, motor.high)
            for id_ in model.joints
            for motor in model.motors
            if motor.id == id_
        ]

    def positions(self, motion: Motion) -> JointPositions:
        """Radians of the joints and opening of the gripper, shape (joints,)."""
        ticks = motion.positions[self._rows]
        values = (ticks - CENTRE) * RADIANS_PER_TICK
        values[-1] = self.model.gripper.opening(float(values[-1]))
        return np.asarray(values, np.float32)

    def motion(self, motion: Motion) -> JointMotion:
        """Speeds of the joints, and what the motors that lead them bear, shape (joints,) each.

        As ALOHA's own recordings have it, a motor that shadows another is not counted.
        """
        velocity, effort = motion.velocities[self._rows], motion.currents[self._rows]
        gripper = self.model.gripper
        angle = float(motion.positions[self._rows[-1]] - CENTRE) * RADIANS_PER_TICK
        ahead, behind = (gripper.opening(angle + step) for step in (NEARBY, -NEARBY))
        velocity = np.append(velocity[:-1], velocity[-1] * (ahead - behind) / (2 * NEARBY))
        return JointMotion(np.asarray(velocity, np.float32), np.asarray(effort, np.float32))

    def ticks(self, positions: JointPositions) -> dict[int, int]:
        """Goal of each motor that leads a joint, by ID, within the motor's limits.

        Raises `ValueError` when the shape is wrong or a number is not finite.
        """
        if positions.shape != (len(self.model.joints),) or not np.isfinite(positions).all():
            raise ValueError(
                f"A {self.model.name} takes {len(self.model.joints)} finite positions, got "
                f"{positions}."
            )
        angles = positions.astype(np.float64)
        angles[-1] = self.model.gripper.angle(float(angles[-1]))
        return {
            id_: int(np.clip(round(CENTRE + angle / RADIANS_PER_TICK), *limits))
            for id_, angle, limits in zip(self.model.joints, angles, self._limits, strict=True)
        }

    def check_shadows(self, motion: Motion) -> None:
        """Raise `HardwareError` if two motors on one joint disagree about where it is."""
        for lead, shadow in self._pairs:
            gap = int(abs(motion.positions[lead] - motion.positions[shadow]))
            if gap > SHADOW_TICKS:
                names = [self.model.motors[row].name for row in (lead, shadow)]
                raise HardwareError(
                    f"{names[0]} and {names[1]} turn one joint but stand {gap} ticks "
                    f"({np.degrees(gap * RADIANS_PER_TICK):.1f} degrees) apart; at most "
                    f"{SHADOW_TICKS} are fine. Calibrate the homing offset of {names[1]}."
                )


def check_identity(
    model: ArmModel, prints: list[Fingerprint], known: Iterable[Fingerprint], port: str
) -> None:
    """Raise `HardwareError` unless these motors are an arm of this model, the one set up here.

    `known` are the fingerprints of the set-up; empty if it was never done.
    """
    wrong = misfits(model.motors, prints)
    if wrong:
        others = [other.name for other in ARM_MODELS.values() if not misfits(other.motors, prints)]
        guess = f" It looks like a {others[0]}: are two cables swapped?" if others else ""
        raise HardwareError(
            f"This is no {model.name}.{guess} " + "; ".join(wrong) + f". Port: {port}"
        )
    kept = list(known)
    different = changes(kept, prints) if kept else []
    if different:
        raise HardwareError(
            f"This {model.name} is not the one that was set up here: " + "; ".join(different) + ". "
            "Are two cables swapped? If it is the arm, aligned or with another motor or firmware, "
            f"store it anew: `python -m hardware.check FILE --remember`. Port: {port}"
        )
