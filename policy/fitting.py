"""Whether a network fits into this machine's memory, before it is built; and what would."""

import psutil
import torch

from policy.model.config import QwenVLAConfig
from policy.model.memory import running_memory
from policy.model.presets import PRESETS, preset


def check_memory(config: QwenVLAConfig, available: int, bytes_per_weight: int) -> None:
    """Raise `ValueError` saying what would fit, unless the network does."""
    need = running_memory(config, bytes_per_weight=bytes_per_weight).total
    if need <= available:
        return
    cameras = tuple(config.image_sizes)
    fitting = [
        name
        for name in PRESETS
        if running_memory(preset(name, cameras), bytes_per_weight=bytes_per_weight).total
        <= available
    ]
    advice = f"What would fit: --preset {fitting[-1]}." if fitting else "No preset fits."
    raise ValueError(
        f"{config.preset} needs about {need / 1e9:.1f} GB in weights of {bytes_per_weight} bytes, "
        f"there are {available / 1e9:.1f} GB. {advice}"
    )


def free_memory(device: torch.device) -> int:
    """Bytes not in use on `device`."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
