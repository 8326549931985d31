"""Makes the one servo on a port a motor of an arm: planned first, then done. Gives no torque."""

from dataclasses import dataclass

from hardware.arms.dynamixel_setup import USUAL_BAUDS, FoundServo, find_servos, set_up_servo
from hardware.arms.interbotix import BAUD
from hardware.dynamixel.control_table import BAUD_RATES
from hardware.dynamixel.motors import Motor
from hardware.dynamixel.port import REPLY_SECS
from hardware.workcell.motor_place import motor_for


@dataclass(frozen=True, slots=True)
class MotorPlan:
    """What a servo would become."""

    port: str
    servo: FoundServo
    new_id: int
    new_baud: int
    motor: Motor | None
    """The motor of an arm that has this ID; None beyond an arm's IDs."""
    arm: str
    """Whose motor that is; empty if nobody's."""
    reply_secs: float | int

    def __str__(self) -> str:
        found = self.servo
        words = (
            f"the {found.model} with ID {found.id} at {found.baud} baud on {self.port} gets ID "
            f"{self.new_id} and {self.new_baud} baud"
        )
        if self.motor is None:
            return words
        return (
            f"{words}, and direction, secondary ID and limits of {self.motor.name} of a {self.arm}"
        )


def plan_motor(
    port: str, new_id: int, *, new_baud: int = BAUD, reply_secs: float | int = REPLY_SECS
) -> MotorPlan:
    """Look at the one servo on `port`, at its usual baud rates and the new one. Changes nothing.

    Raises `ValueError` for an ID or a baud rate that servos do not have, when not exactly one servo
    answers, or when it cannot be that motor; `HardwareError` when the port does not open.
    """
    if not 0 <= new_id <= 252:
        raise ValueError(f"A servo's ID is 0 to 252, got {new_id}.")
    if new_baud not in BAUD_RATES:
        raise ValueError(f"Servos have the baud rates {BAUD_RATES}, got {new_baud}.")
    bauds = dict.fromkeys((*USUAL_BAUDS, new_baud))
    found = find_servos(port, bauds=bauds, reply_secs=reply_secs)
    if not found:
        raise ValueError(f"No servo answers on {port}: is its 12 V on, and its plug in?")
    if len(found) != 1:
        ids = [servo.id for servo in found]
        raise ValueError(f"Connect one servo alone; {len(found)} answer on {port}: {ids}.")
    motor, arm = motor_for(found[0], new_id) or (None, "")
    return MotorPlan(port, found[0], new_id, new_baud, motor, arm, reply_secs)


def carry_out(plan: MotorPlan) -> list[str]:
    """Set the servo up as planned; say so, and what is left to do.

    Raises `ValueError` if another servo is there by now, and `HardwareError` as `set_up_servo`.
    """
    port, reply_secs = plan.port, plan.reply_secs
    again = plan_motor(port, plan.new_id, new_baud=plan.new_baud, reply_secs=reply_secs)
    if again != plan:
        raise ValueError(f"Another servo is there now: {again}. Nothing was done.")
    set_up_servo(
        port,
        plan.servo,
        new_id=plan.new_id,
        new_baud=plan.new_baud,
        motor=plan.motor,
        reply_secs=reply_secs,
    )
    servo = plan.servo
    said = [f"The {servo.model} has ID {plan.new_id} now; before, {servo.id} at {servo.baud} baud."]
    if plan.new_baud != BAUD:
        said.append(
            f"It speaks at {plan.new_baud} baud: all motors of an arm must, and `baud` say."
        )
    if plan.motor is not None:
        said.append(
            f"It is set up as {plan.motor.name} of a {plan.arm}. Put it into the arm, then store "
            "the arm's motors anew: --remember; before that, if it is a second motor, --align ARM."
        )
    return said
