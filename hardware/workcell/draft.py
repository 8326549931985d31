"""A first workcell file from what was found; what motors cannot tell is for a person to mend."""

from collections.abc import Sequence

from hardware.aloha import CAMERAS
from hardware.arms.interbotix import ARM_MODELS
from hardware.dynamixel.port import REPLY_SECS
from hardware.workcell.arm_search import FoundArm
from hardware.workcell.camera_search import FoundCameras
from hardware.workcell.entries import ROLES, SIDES, ArmEntry, Role, Workcell

KITS = ("aloha_2023", "interbotix")
"""Makes of grippers: the names of `ARM_MODELS` begin so."""


def draft_workcell(
    arms: Sequence[FoundArm],
    cameras: FoundCameras,
    *,
    name: str = "aloha",
    kit: str | None = None,
    reply_secs: float | int = REPLY_SECS,
) -> tuple[Workcell, list[str]]:
    """Return a workcell and what a person must look at in it, in sentences.

    `kit` is one of `KITS`; without it the leaders tell (the two kits fit them with different
    motors), else it is the ALOHA of 2023. Sides go by the order of the ports.
    """
    known = [arm for arm in arms if arm.models]
    chosen = kit or _kit_of(known)
    entries: list[ArmEntry] = []
    left_out: list[str] = []
    for role in reversed(ROLES):  # followers first, as a person would write them
        fitting = [arm for arm in known if any(model.endswith(role) for model in arm.models)]
        entries += _entries(role, fitting[: len(SIDES)], chosen, reply_secs)
        left_out += [_left_out(role, arm) for arm in fitting[len(SIDES) :]]
    seen = cameras.entries(CAMERAS)
    remarks = [
        f"Grippers are taken for those of {chosen}: motors cannot tell. Other grippers: --kit.",
        *left_out,
    ]
    if len(entries) > 1:
        remarks.append(
            "Left and right go by the order of the ports. Put them right with "
            "`python -m hardware.check FILE --sides`."
        )
    if len(seen) > 1:
        remarks.append("Cameras are named in the order found: compare names and pictures.")
    return Workcell(name, tuple(entries), seen), remarks


def _kit_of(arms: Sequence[FoundArm]) -> str:
    for arm in arms:
        kits = {model.rsplit("_", 1)[0] for model in arm.models}
        if len(kits) == 1:
            return kits.pop()
    return KITS[0]


def _left_out(role: Role, arm: FoundArm) -> str:
    return (
        f"The {role} at {arm.device.port} is left out: a workcell has {len(SIDES)} {role}s, and as "
        "many come before it. Unplug what belongs to another workcell, and write the file anew."
    )


def _entries(
    role: Role, arms: Sequence[FoundArm], kit: str, reply_secs: float | int
) -> list[ArmEntry]:
    entries = []
    for side, arm in zip(SIDES, arms, strict=False):
        model = f"{kit}_{role}"
        if model not in arm.models:
            model = next(each for each in arm.models if each in ARM_MODELS and each.endswith(role))
        entries.append(
            ArmEntry(
                f"{side}_{role}",
                model,
                role,
                side,
                arm.device.port,
                reply_secs=reply_secs,
                fingerprints=arm.fingerprints,
            )
        )
    return entries
