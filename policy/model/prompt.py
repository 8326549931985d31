"""The words a body and a task become: the sole interface between robots (paper, section 2.3)."""

from hardware.embodiment import Embodiment

CONVENTIONS = {
    "absolute_joints": "absolute joint positions",
    "chunk_relative_end_effector": "end-effector displacements relative to the first frame",
}


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
    body: Embodiment, *, hz: float, horizon: int, instruction: str, convention: bool = False
) -> str:
    """The paper's template, verbatim; with `convention`, one sentence more (ours).

    The paper gives bodies in two action conventions and no field to tell them apart.
    """
    shape = "dual arms" if body.arms == 2 else "single arm"
    shape += (", waist" if body.waist else "") + (", and mobile base" if body.mobile_base else "")
    said = f" The actions are {CONVENTIONS[body.action_convention]}." if convention else ""
    return (
        f"The robot is {body.robot_tag} with {shape}.{said} The control frequency is {hz:g} Hz. "
        f"Please predict the next {horizon} control actions to execute the following task: "
        f"{clean_instruction(instruction)}."
    )


def camera_tag(name: str) -> tuple[str, str]:
    """The words around a camera's picture: `<|cam_high_start|>` and `<|cam_high_end|>`."""
    return f"<|{name}_start|>", f"<|{name}_end|>"
