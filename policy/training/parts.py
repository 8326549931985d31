"""The parts of a network by name: which are trained, and how large they are."""

from collections.abc import Iterable, Iterator

from torch import nn

from policy.model.qwen_vla import QwenVLA

PARTS = ("vision", "language", "decoder", "pointer")
"""The vision tower, the language tower with its head, the action decoder, and the heads that point,
where a network has them."""


def part_of(name: str) -> str:
    """The part that the parameter `name` of a network belongs to."""
    for part in ("decoder", "pointer"):
        if name.startswith(f"{part}."):
            return part
    return "vision" if name.startswith("backbone.model.visual.") else "language"


def parameters_of(model: QwenVLA, part: str) -> Iterator[nn.Parameter]:
    """Every parameter of a part."""
    return (value for name, value in model.named_parameters() if part_of(name) == part)


def freeze(model: QwenVLA, parts: Iterable[str]) -> None:
    """Keep `parts` as they are; what else is trained stays trained.

    Raises `ValueError` for an unknown part, or when nothing is left to train.
    """
    frozen = set(parts)
    unknown = sorted(frozen - set(PARTS))
    if unknown:
        raise ValueError(f"The parts of a network are {', '.join(PARTS)}; unknown: {unknown}.")
    for name, parameter in model.named_parameters():
        if part_of(name) in frozen:
            parameter.requires_grad = False
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError(f"With {sorted(frozen)} frozen there is nothing left to train.")


def count(model: QwenVLA) -> dict[str, tuple[int, int]]:
    """Of each part, how many parameters are trained, and how many there are."""
    counted = {}
    for part in PARTS:
        sizes = [(p.numel(), p.requires_grad) for p in parameters_of(model, part)]
        counted[part] = (sum(n for n, trained in sizes if trained), sum(n for n, _ in sizes))
    return counted
