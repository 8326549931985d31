"""The words a body and a task become: the sole interface between robots (paper, section 2.3)."""

import numpy as np
from jaxtyping import Float32

from hardware.embodiment import Embodiment
from policy.model.config import QwenVLAConfig
from policy.model.conventions import convention_name
from policy.model.rotations import NAMES

SAID = {
    "absolute_joints": "absolute joint positions",
    "absolute_end_effector": "absolute end-effector poses",
    "chunk_relative_end_effector": "end-effector displacements relative to the first frame",
    "waypoints": (
        "planar waypoints (dx, dy, dyaw) in metres and radians relative to the first frame"
    ),
}
"""Action conventions in words (ours: the paper gives none)."""

BINS = 256
"""Of the state in words, as in the paper's ablation."""

LEVELS = 10
"""Of a gripper in words, a digit each."""


def clean_instruction(instruction: str) -> str:
    """One line in small letters, no final full stop, the same in training and in use.

    Raises `ValueError` when nothing is left, or for marks that only the tokenizer may write.
    """
    if "<|" in instruction:
        raise ValueError(f"An instruction is plain words, without '<|'. Got: {instruction!r}")
    cleaned = " ".join(instruction.lower().split()).rstrip(".! ")
    if not cleaned:
        raise ValueError("The instruction is empty. Type what the robot should do.")
    return cleaned


def embodiment_prompt(
    body: Embodiment,
    *,
    hz: int | float,
    horizon: int,
    instruction: str,
    convention: str | None = None,
) -> str:
    """The paper's template, verbatim; with `convention`, one sentence more (ours).

    The paper gives bodies in two action conventions and no field to tell them apart. Of
    navigation it says that the prompt states the convention and the horizon of waypoints, not in
    which words: those are ours.
    """
    rows = "control actions"
    if body.action_convention == "waypoints":
        rows, convention = "waypoints", "waypoints"
    said = f" The actions are {said_convention(convention)}." if convention else ""
    return (
        f"The robot is {body.robot_tag} with {_shape(body)}.{said} The control frequency is "
        f"{hz:g} Hz. Please predict the next {horizon} {rows} to execute the following task: "
        f"{clean_instruction(instruction)}."
    )


def _shape(body: Embodiment) -> str:
    """Arms, waist and base in the template's words; a body without arms is its base."""
    if not body.arms:
        return "mobile base"
    shape = "dual arms" if body.arms == 2 else "single arm"
    return (
        shape
        + (", waist" if body.waist else "")
        + (", and mobile base" if body.mobile_base else "")
    )


def said_convention(name: str) -> str:
    """An action convention in words, with the options of its name."""
    kind, *options = name.split(":")
    turned = [f"rotation as {option.replace('_', '-')}" for option in options if option in NAMES]
    framed = [f"in the {option} frame" for option in options if option not in NAMES]
    return ", ".join([SAID[kind], *turned, *framed])


def state_words(state: Float32[np.ndarray, "channels"]) -> str:
    """A state normalised to [-1, 1] as text, 256 bins: `state: [34, 128, ...]` (paper, ablation).

    Bin n holds n / 128 - 1 up to the next; where its edges lie is inferred.
    """
    bins = np.clip(np.floor((state + 1) * (BINS / 2)), 0, BINS - 1).astype(int)
    return f"state: [{', '.join(str(number) for number in bins)}]"


def gripper_words(body: Embodiment, state: Float32[np.ndarray, "channels"]) -> str:
    """How far each gripper of a normalised state is open, 0 to 9: ` gripper 9 3`.

    Nothing for a body without channels that are called a gripper.
    """
    named = [n for n, each in enumerate(body.state_channels) if each.name.endswith("gripper")]
    if not named:
        return ""
    levels = np.clip(np.floor((state[named] + 1) * (LEVELS / 2)), 0, LEVELS - 1).astype(int)
    return f" gripper {' '.join(str(level) for level in levels)}"


def action_prompt(
    config: QwenVLAConfig,
    body: Embodiment,
    instruction: str,
    state: Float32[np.ndarray, "channels"],
    *,
    hz: int | float | None = None,
    horizon: int | None = None,
) -> str:
    """All that a network is told before it acts, the same in training and in use.

    `state` is normalised, and said only if the config has it as text, its grippers if it says
    those. `hz` and `horizon` are those of the body's chunks unless given.
    """
    pace = config.pace(body.name)
    convention = convention_name(config.action_convention, body)
    prompt = embodiment_prompt(
        body,
        hz=pace.hz if hz is None else hz,
        horizon=pace.rows if horizon is None else horizon,
        instruction=instruction,
        convention=convention if config.prompt_convention else None,
    )
    if config.prompt_grippers:
        prompt += gripper_words(body, state)
    return f"{prompt} {state_words(state)}" if config.state == "text" else prompt


def camera_tag(name: str) -> tuple[str, str]:
    """The words around a camera's picture: `<|cam_high_start|>` and `<|cam_high_end|>`."""
    return f"<|{name}_start|>", f"<|{name}_end|>"
