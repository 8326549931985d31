"""Every fault that the kernel must survive: how it is provoked, and what must come of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from safety_bench import INTO_TABLE, OUT_OF_BOX, TOGETHER, Falters, Goes, Rig, Sways, pose
from servo_bus.servo import OVERHEAT_ERROR

from hardware.aloha import START
from hardware.interfaces import HardwareError
from hardware.safety.state import Cause, GateState
from hardware.teleoperator import CartesianTeleoperator

ROUSED = (0.0, -1.74, 1.5, 0.0, 0.75, 0.0)
AWAKE = pose(left=ROUSED, right=ROUSED)
"""A little above the pose in which the emulated arms sleep."""


@dataclass(frozen=True)
class Fault:
    name: str
    where: str
    """`simulation` or `bus`."""
    cause: Cause
    within_secs: float
    """Until the state is reached, at most, beyond what the kernel waits."""
    provoke: Callable[[Rig], None]
    """Ends with the fault just done."""
    words: str = ""
    """What the reason must say, as a pattern."""
    state: GateState = GateState.HOLD
    waits: str | None = None
    """The kernel's patience that it takes, by name."""

    def deadline(self, patience) -> float:
        """Seconds within which the state must be reached."""
        return self.within_secs + (getattr(patience, self.waits) if self.waits else 0.0)


def falter(instead):
    def provoke(rig):
        driver = Falters(START)
        rig.drive(driver)
        rig.turns(10)
        driver.instead = instead

    return provoke


def raises(error):
    def instead(wish):
        raise error

    return instead


def not_a_number(wish):
    return np.where(np.arange(14) == 3, np.float32(np.nan), wish).astype(np.float32)


def push(target, left_room):
    """Go there, and begin to count where the kernel first refuses."""

    def provoke(rig):
        rig.loop.drive(Goes(target))
        rig.until(lambda: rig.gate.reason)
        assert left_room in rig.gate.reason

    return provoke


def teleport(rig):
    rig.drive(Sways())
    rig.turns(5)
    rig.world.place(pose(left=(1.2, -0.96, 1.16, 0, -0.3, 0)), {})


def obstruct(rig):
    rig.drive(Sways())
    rig.turns(5)
    shoulder = rig.world.model.joint("vx300s_left/shoulder").dofadr[0]
    rig.world.data.qfrc_applied[shoulder] = -150.0  # newton metres


def leave_the_browser(rig):
    driver = CartesianTeleoperator(rig.robot.embodiment, now=rig.now)
    rig.drive(driver)
    driver.heard()
    driver.move("left", [0, 0, -0.05])
    rig.turns(5)


def stop(rig):
    rig.drive(Sways())
    rig.turns(10)
    rig.gate.stop("A person pressed Stop.")


def cut_off(rig):
    """The simulated arm's device is gone."""
    rig.drive(Sways())
    rig.turns(5)
    rig.robot._arms[1]._connected = False


def on_bus(act, arm=1):
    def provoke(rig):
        rig.drive(Sways(AWAKE))
        rig.turns(10)
        act(rig.buses[arm])

    return provoke


def drop_three(bus):
    bus.faults.add("drop", times=3, id_=6)


def blink(bus):
    bus.cut_power()
    bus.restore_power()


def overload(bus):
    bus[7].load = 3000.0


def strain(bus):
    bus[2].load = 1300.0


def warm(bus):
    bus[4].degrees = 73


def overheat(bus):
    bus[2].fail(OVERHEAT_ERROR)


def leave_alone(rig):
    """The loop stands still for longer than the servos wait."""
    rig.drive(Sways(AWAKE))
    rig.turns(5)
    with rig.loop._turn:
        rig.robot.clock.wait_until(rig.now() + 1.5 * rig.silence_secs)


GONE = HardwareError("Leader arm on /dev/ttyDXL_left stopped answering.")

FAULTS = (
    Fault(
        "a person presses Stop", "simulation", Cause.PERSON, 0.0, stop, "pressed", GateState.STOPPED
    ),
    Fault(
        "the driver asks for NaN",
        "simulation",
        Cause.NOT_FINITE,
        0.04,
        falter(not_a_number),
        "left_forearm_roll",
    ),
    Fault(
        "the driver raises",
        "simulation",
        Cause.DRIVER_FAILED,
        0.04,
        falter(raises(GONE)),
        "stopped answering",
    ),
    Fault(
        "the policy's server is lost",
        "simulation",
        Cause.LOST_SERVER,
        0.04,
        falter(raises(ConnectionError("closed"))),
        "closed",
    ),
    Fault(
        "the driver falls silent",
        "simulation",
        Cause.STALE_AGENT,
        0.06,
        falter(lambda wish: None),
        "said nothing",
        waits="agent_secs",
    ),
    Fault(
        "the browser is lost",
        "simulation",
        Cause.LOST_BROWSER,
        0.06,
        leave_the_browser,
        "not heard of",
        waits="browser_secs",
    ),
    Fault(
        "towards the table",
        "simulation",
        Cause.CLEARANCE,
        0.06,
        push(INTO_TABLE, "table"),
        "finger",
        waits="insist_secs",
    ),
    Fault(
        "arm against arm",
        "simulation",
        Cause.CLEARANCE,
        0.06,
        push(TOGETHER, "one another"),
        "one another",
        waits="insist_secs",
    ),
    Fault(
        "out of the box",
        "simulation",
        Cause.WORKSPACE,
        0.06,
        push(OUT_OF_BOX, "box"),
        "left gripper",
        waits="insist_secs",
    ),
    Fault("an arm is torn away", "simulation", Cause.SPEED, 0.04, teleport, "left_waist"),
    Fault(
        "an arm is blocked",
        "simulation",
        Cause.CURRENT,
        0.2,
        obstruct,
        "left shoulder bears",
        waits="strain_secs",
    ),
    Fault(
        "a device disappears",
        "simulation",
        Cause.HARDWARE,
        0.04,
        cut_off,
        "right arm is not connected",
    ),
    Fault("three bad replies", "bus", Cause.HARDWARE, 0.04, on_bus(drop_three), "forearm_roll"),
    Fault(
        "12 V is gone",
        "bus",
        Cause.HARDWARE,
        0.04,
        on_bus(lambda bus: bus.cut_power()),
        "gave no good answer",
    ),
    Fault("12 V blinks", "bus", Cause.HARDWARE, 0.25, on_bus(blink), "no torque although"),
    Fault(
        "a motor is overloaded",
        "bus",
        Cause.HARDWARE,
        0.6,
        on_bus(overload),
        r"\(wrist_angle\) has let go: overload",
    ),
    Fault(
        "a motor overheats",
        "bus",
        Cause.HARDWARE,
        0.25,
        on_bus(overheat),
        r"\(shoulder\) has let go: overheating",
    ),
    Fault("a motor gets warm", "bus", Cause.TEMPERATURE, 0.25, on_bus(warm), "right elbow has 73"),
    Fault(
        "a motor bears too much",
        "bus",
        Cause.CURRENT,
        0.1,
        on_bus(strain),
        r"right shoulder draws 3\.5 A",
        waits="strain_secs",
    ),
    Fault(
        "the loop stands still",
        "bus",
        Cause.HARDWARE,
        0.04,
        leave_alone,
        "without a word|for too long",
    ),
    Fault(
        "the USB cable is pulled",
        "bus",
        Cause.HARDWARE,
        0.04,
        on_bus(lambda bus: bus.unplug()),
        "USB cable",
    ),
)
