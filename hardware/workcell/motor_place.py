"""Which motor of an arm a lone servo becomes by its ID. Data only; talks to nothing."""

from hardware.arms.dynamixel_setup import FoundServo
from hardware.arms.interbotix import ARM_MODELS
from hardware.dynamixel.motors import Motor

ARM_IDS = range(1, 10)


def motor_for(servo: FoundServo, id_: int) -> tuple[Motor, str] | None:
    """The motor that `servo` is with the ID `id_`, and the arm's name; None beyond an arm's IDs.

    A motor's kind tells the arm: what is an XM540 in one is an XM430 in the other. Raises
    `ValueError` if no arm has this kind there, or if arms want it set up in different ways.
    """
    if id_ not in ARM_IDS:
        return None
    fitting: dict[tuple[bool, int | None, int, int], tuple[Motor, str]] = {}
    usual: set[str] = set()
    for arm in ARM_MODELS.values():
        motor = next(each for each in arm.motors if each.id == id_)
        usual.update(model.name for model in motor.models)
        if servo.model in [model.name for model in motor.models]:
            settings = (motor.reverse, motor.shadows, motor.low, motor.high)
            fitting.setdefault(settings, (motor, arm.name))
    if not fitting:
        raise ValueError(f"Motor {id_} of an arm is one of {sorted(usual)}, got an {servo.model}.")
    if len(fitting) > 1:
        names = [name for _, name in fitting.values()]
        raise ValueError(f"Motor {id_} is set up differently in {names}; use the maker's tool.")
    return next(iter(fitting.values()))
