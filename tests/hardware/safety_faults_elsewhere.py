"""The same faults where `safety_faults` does not provoke them, and spoiled replies of every kind.

A driver that fails does so on real arms as well; a loop that stands still does so in simulation. A
simulated arm has no wire and no motors that get hot: all that the kernel sees of a spoiled wire is
an arm that cannot be read, and of an overload one that presses, which `safety_faults` provokes.
"""

from dataclasses import replace

from safety_bench import INTO_TABLE, OUT_OF_BOX, TOGETHER, Falters, Goes, Sways
from safety_faults import AWAKE, FAULTS, Fault, leave_the_browser, not_a_number, on_bus

from hardware.safety.state import Cause

STRIDE = 0.03
"""Radians a tick: half of full speed, since ticks on the bus take time."""


def falter_awake(instead):
    def provoke(rig):
        driver = Falters(AWAKE)
        rig.drive(driver)
        rig.turns(10)
        driver.instead = instead

    return provoke


def push_awake(target, words):
    def provoke(rig):
        rig.drive(Goes(AWAKE, STRIDE))
        rig.loop.drive(Goes(target, STRIDE))
        rig.until(lambda: rig.gate.reason)
        assert words in rig.gate.reason

    return provoke


def raising(error):
    def instead(wish):
        raise error

    return falter_awake(instead)


def press_stop(rig):
    rig.drive(Sways(AWAKE))
    rig.turns(10)
    rig.gate.stop("A person pressed Stop.")


def tear(rig):
    rig.drive(Sways(AWAKE))
    rig.turns(10)
    rig.buses[0][1].position += 800


def tire(rig):
    """Nobody drives any more as far as the browser is concerned; the arms stand awake."""
    rig.drive(Goes(AWAKE, STRIDE))
    rig.turns(5)
    leave_the_browser(rig)


def spoil(kind):
    """Three bad replies of one motor in a row."""

    def act(bus):
        bus.faults.add(kind, times=3, id_=6, secs=LATE_SECS if kind == "delay" else 0.0)

    return on_bus(act)


LATE_SECS = 0.4
"""A reply that comes after the driver's patience."""

ON_THE_BUS_INSTEAD = {
    "a person presses Stop": press_stop,
    "the driver asks for NaN": falter_awake(not_a_number),
    "the driver raises": raising(RuntimeError("Leader arm stopped answering.")),
    "the policy's server is lost": raising(ConnectionError("closed")),
    "the driver falls silent": falter_awake(lambda wish: None),
    "the browser is lost": tire,
    "towards the table": push_awake(INTO_TABLE, "table"),
    "arm against arm": push_awake(TOGETHER, "one another"),
    "out of the box": push_awake(OUT_OF_BOX, "box"),
    "an arm is torn away": tear,
}

ALSO_ON_THE_BUS = tuple(
    replace(fault, where="bus", provoke=ON_THE_BUS_INSTEAD[fault.name])
    for fault in FAULTS
    if fault.where == "simulation" and fault.name in ON_THE_BUS_INSTEAD
)


def stand_still(rig):
    """The loop gets no turn for longer than the kernel bears."""
    rig.drive(Sways())
    rig.turns(5)
    rig.idle(1.2 * rig.gate.limits.patience.late_secs)


ALSO_IN_SIMULATION = (
    Fault(
        "the loop stands still",
        "simulation",
        Cause.MISSED_TICKS,
        0.04,
        stand_still,
        "The loop was .* s late",
    ),
)

SPOILED = {
    "drop": "three replies are lost",
    "corrupt": "three replies are damaged",
    "truncate": "three replies break off",
    "wrong_id": "three replies bear a wrong ID",
    "delay": "three replies come too late",
}
"""Kinds of spoiled replies, as the figures name them. Noise before a reply is no fault: it is read
through."""

ON_THE_WIRE = tuple(
    Fault(words, "bus", Cause.HARDWARE, 0.06, spoil(kind), "forearm_roll|gave no good answer")
    for kind, words in SPOILED.items()
)

ELSEWHERE = (*ALSO_ON_THE_BUS, *ALSO_IN_SIMULATION, *ON_THE_WIRE)
