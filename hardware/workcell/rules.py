"""What the entries of a workcell must keep to together. Reads no file, opens nothing."""

from collections import Counter
from collections.abc import Collection
from math import ceil
from pathlib import Path

from hardware.arms.interbotix import ARM_MODELS, BAUD
from hardware.arms.so101 import load_calibration
from hardware.cameras.realsense import RealSenseMode
from hardware.cameras.uvc import UvcMode
from hardware.dynamixel.control_table import BAUD_RATES
from hardware.embodiment import Channel
from hardware.workcell.body import arm_channels, resting_pose
from hardware.workcell.entries import SO101, ArmEntry, CameraEntry, ChannelLimit, Workcell
from hardware.workcell.problem import Problem

NEAR_REST = 0.05
"""Radians from its rest at which an arm may be let go."""

QUIET_TICKS = 3
"""A follower's watchdog waits at least so many turns of the loop."""


def broken_rules(workcell: Workcell, unread: Collection[str] = ()) -> list[Problem]:
    """Every rule that these entries break, each with its fix; empty if all is well.

    `unread` are names of arms whose model, role or side could not be read: limits are not compared
    with theirs.
    """
    found = [problem for arm in workcell.arms for problem in _of_arm(arm)]
    found += [problem for arm in workcell.arms for problem in _of_watchdog(arm, workcell)]
    found += [problem for camera in workcell.cameras for problem in _of_camera(camera)]
    found += _of_all_arms(workcell)
    found += _shared("ports", [(arm.name, arm.port) for arm in workcell.arms])
    found += _shared("cameras", [(each.name, each.bound_to) for each in workcell.cameras])
    return found + _of_limits(workcell, unread)


def _of_arm(arm: ArmEntry) -> list[Problem]:
    where = f"[arms.{arm.name}]"
    found = []
    model = ARM_MODELS.get(arm.model)
    if model is not None and (model.gripper_current is not None) != (arm.role == "follower"):
        right = "follower" if model.gripper_current is not None else "leader"
        fix = f'Write role = "{right}", or choose another model.'
        found.append(Problem(where, f"a {model.name} cannot be a {arm.role}.", fix))
    if arm.baud not in BAUD_RATES:
        fix = f"Write baud = {BAUD} or leave it out."
        words = f"servos speak at one of {list(BAUD_RATES)} baud, got {arm.baud}."
        found.append(Problem(where, words, fix))
    if arm.model == SO101 and arm.calibration:
        try:
            load_calibration(Path(arm.calibration))
        except ValueError as error:
            fix = "Calibrate the arm with LeRobot and name the file that it wrote."
            found.append(Problem(where, str(error), fix))
    return found


def _of_watchdog(arm: ArmEntry, workcell: Workcell) -> list[Problem]:
    """A follower that stops itself between two commands could never be driven."""
    least = QUIET_TICKS / workcell.control_hz
    if arm.role != "follower" or arm.model == SO101 or arm.silence_secs >= least:
        return []
    words = (
        f"its motors stop themselves after {arm.silence_secs:g} s without a word; at "
        f"{workcell.control_hz:g} Hz words are {1 / workcell.control_hz:g} s apart, and "
        f"{QUIET_TICKS} of them may be late."
    )
    fix = f"Write silence_secs = {ceil(100 * least) / 100:g} or more, or a higher control_hz."
    return [Problem(f"[arms.{arm.name}]", words, fix)]


def _of_camera(camera: CameraEntry) -> list[Problem]:
    where = f"[cameras.{camera.name}]"
    if camera.kind == "uvc" and bool(camera.serial) == bool(camera.path):
        fix = "Keep the path (USB port); serial only where the cameras' serial numbers differ."
        return [Problem(where, "a UVC camera is bound by path or by serial, one of them.", fix)]
    try:
        if camera.kind == "uvc":
            UvcMode(fourcc=camera.fourcc, controls=camera.options)
        elif camera.kind == "realsense":
            RealSenseMode(options=camera.options)
    except ValueError as error:
        return [Problem(where, str(error), "Mend or remove it.")]
    return []


def _of_all_arms(workcell: Workcell) -> list[Problem]:
    followers, leaders = workcell.arms_of("follower"), workcell.arms_of("leader")
    if not followers:
        fix = 'Add [arms.left_follower] with role = "follower".'
        return [Problem("the file", "there is no follower, so nothing that could move.", fix)]
    found = []
    for role, arms in (("follower", followers), ("leader", leaders)):
        for side, count in Counter(arm.side for arm in arms).items():
            if count > 1:
                names = [arm.name for arm in arms if arm.side == side]
                fix = "Give one of them the other side."
                found.append(Problem("the file", f"{names} are all the {side} {role}.", fix))
    sides = {arm.side for arm in followers}
    if leaders and {arm.side for arm in leaders} != sides:
        fix = "Each follower needs a leader of its own side, or none has one."
        words = f"followers are {sorted(sides)}, leaders {sorted({arm.side for arm in leaders})}."
        found.append(Problem("the file", words, fix))
    if len({arm.model == SO101 for arm in workcell.arms}) > 1:
        fix = "Use one workcell file a family."
        found.append(Problem("the file", "SO-101 and Interbotix arms differ in joints.", fix))
    return found


def _shared(what: str, bindings: list[tuple[str, str]]) -> list[Problem]:
    counts = Counter(bound for _, bound in bindings)
    return [
        Problem("the file", f"{[n for n, b in bindings if b == bound]} share {bound}.", fix)
        for bound, count in counts.items()
        if count > 1 and bound.strip()
        for fix in [f"Give each its own; `python -m hardware.check` lists the {what} there are."]
    ]


def _of_limits(workcell: Workcell, unread: Collection[str]) -> list[Problem]:
    """Limits against the arms' own; what is not known of an arm is not held against its limits."""
    followers = workcell.arms_of("follower")
    known = [arm for arm in followers if arm.name not in unread and _has_channels(arm)]
    rests = {
        channel.name: rest
        for arm in known
        if arm.model in ARM_MODELS
        for channel, rest in zip(arm_channels(arm)[:-1], resting_pose(arm)[:-1], strict=True)
    }
    channels = {each.name: each for arm in known for each in arm_channels(arm)}
    complete = bool(channels) and len(known) == len(followers) and not unread
    found = []
    for name, limit in workcell.limits.items():
        if name in channels:
            found += _of_limit(limit, channels[name], rests.get(name))
        elif complete:
            fix = f"The channels are {', '.join(channels)}."
            found.append(Problem(f"[limits.{name}]", "there is no such channel.", fix))
    return found


def _has_channels(arm: ArmEntry) -> bool:
    """Whether its joints are known; if not, `_of_arm` or the file's reader says why."""
    try:
        return bool(arm_channels(arm))
    except ValueError:
        return False


def _of_limit(limit: ChannelLimit, own: Channel, rest: float | None) -> list[Problem]:
    where = f"[limits.{own.name}]"
    if words := _too_wide(limit, own.low, own.high, own.max_rate):
        return [Problem(where, words, "Limits only make an arm's own ones narrower.")]
    if rest is not None and not _reaches(limit, rest):
        words = f"the arm rests at {rest:g} and could not be lowered to it."
        return [Problem(where, words, "Let them include it.")]
    return []


def _reaches(limit: ChannelLimit, rest: float) -> bool:
    low = rest if limit.low is None else limit.low
    high = rest if limit.high is None else limit.high
    return low - NEAR_REST <= rest <= high + NEAR_REST


def _too_wide(limit: ChannelLimit, low: float, high: float, max_rate: float) -> str:
    own_low = low if limit.low is None else limit.low
    own_high = high if limit.high is None else limit.high
    if not low <= own_low < own_high <= high:
        return f"expected {low:g} <= low < high <= {high:g}, got {own_low:g} and {own_high:g}."
    if limit.max_rate is not None and not 0 < limit.max_rate <= max_rate:
        return f"expected a max_rate above 0 and up to {max_rate:g}, got {limit.max_rate:g}."
    return ""
