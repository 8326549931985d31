"""How long something takes on this device, and the least it could take there.

The floor is the longer of two times: reading the weights once a pass at the memory's measured
rate, and the matrix products at the measured peak.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from hardware.interfaces import Frame, Observation
from policy.local import LocalPolicy
from policy.model.block import ContextReadBlock, Layers
from policy.model.decoder import ActionDecoder
from policy.model.graphs import Recording

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rates:
    """What this device can do at best, measured."""

    bytes_per_sec: float
    """Read and written by a large copy."""
    operations_per_sec: float
    """Of a large matrix product in the dtype of the weights; a multiply-add is two."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one part of a chunk takes."""

    median_ms: float
    low_ms: float
    """A tenth of the repeats is quicker."""
    high_ms: float
    """A tenth is slower."""
    floor_ms: float
    gigabytes: float
    """Of weights, each read once a pass."""
    gigaoperations: float
    """In matrix products, counted while they run."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long `LocalPolicy.predict_action_chunk` takes, with the checkpoint's own cameras."""

    views: int
    median_ms: float
    low_ms: float
    high_ms: float


Passes = tuple[tuple[int, nn.Module | Tensor], ...]
"""How many times the weights of each module, or some rows of one weight, are read."""


@dataclass(frozen=True, slots=True)
class Work:
    """A function of tensors, and what it must read and compute at least."""

    function: Callable[..., Tensor]
    values: list[Tensor]
    passes: Passes

    def bytes(self) -> int:
        """Of weights, each read once a pass."""
        return sum(
            times * sum(p.numel() * p.element_size() for p in _weights(part))
            for times, part in self.passes
        )

    def operations(self) -> int:
        """In matrix products."""
        with FlopCounterMode(display=False) as counter:
            self.function(*self.values)
        return int(counter.get_total_flops())


def wait(device: torch.device) -> None:
    """Until everything asked of a GPU is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def clock(function: Callable[[], object], repeats: int, device: torch.device) -> np.ndarray:
    """Seconds (repeats,) that each call takes, after three that are not counted."""
    took = []
    for _ in range(3 + repeats):
        wait(device)
        begun = time.perf_counter()
        function()
        wait(device)
        took.append(time.perf_counter() - begun)
    return np.array(took[3:])


def measure_rates(device: torch.device, dtype: torch.dtype) -> Rates:
    """The best of a few large copies and matrix products."""
    large = device.type == "cuda"
    source = torch.ones(2**28 if large else 2**25, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    copied = clock(lambda: target.copy_(source), 10, device).min()
    side = 8192 if large else 1024
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    multiplied = clock(lambda: a @ b, 10, device).min()
    return Rates(2 * source.nbytes / copied, 2 * side**3 / multiplied)


def measure(work: Work, rates: Rates, repeats: int, *, graphs: bool) -> Timing:
    """Time one part."""
    operations, size = work.operations(), work.bytes()
    device = work.values[0].device
    function = work.function
    if graphs and device.type == "cuda":
        try:
            function = Recording(work.function, work.values)
        except RuntimeError as error:
            logger.warning("No CUDA graph, timed without: %s", error)
    took = 1e3 * clock(lambda: function(*work.values), repeats, device)
    floor = max(size / rates.bytes_per_sec, operations / rates.operations_per_sec)
    low, median, high = (float(np.percentile(took, at)) for at in (10, 50, 90))
    return Timing(median, low, high, 1e3 * floor, size / 1e9, operations / 1e9)


def decoder_passes(decoder: ActionDecoder, steps: int) -> Passes:
    """How many times a chunk reads each part of the decoder (`policy.model.sampling`).

    The context and the flow times, with all they modulate, are worked out once for all steps; a
    context apart from the actions has a flow time of its own.
    """
    apart = decoder.config.context != "joint"
    blocks = cast(list[Layers], list(decoder.blocks))
    passes: list[tuple[int, nn.Module | Tensor]] = [(1, decoder.from_backbone)]
    passes += [(1 + apart, part) for part in (decoder.time, *(b.modulation for b in blocks))]
    passes.append((1, decoder.modulation))
    if hasattr(decoder, "state_in"):
        passes.append((1, decoder.state_in))
    passes += [(steps, part) for part in (decoder.actions_in, decoder.actions_out)]
    for block in blocks:
        passes += [(steps, part) for part in _inside(block)]
        if apart:
            passes += [(1, part) for part in _for_context(block, last=block is blocks[-1])]
    return tuple(passes)


def _inside(block: Layers) -> list[nn.Module]:
    return [block.qkv, block.out, block.gate_up, block.down]


def _for_context(block: Layers, *, last: bool) -> Sequence[nn.Module | Tensor]:
    """What a context apart from the actions reads: all, or only what makes keys and values."""
    if last or isinstance(block, ContextReadBlock):
        return [block.qkv.weight[block.qkv.in_features :]]
    return _inside(block)


def _weights(part: nn.Module | Tensor) -> list[Tensor]:
    return [part] if isinstance(part, Tensor) else list(part.parameters())


def measure_plan(policy: LocalPolicy, repeats: int) -> Plan:
    """Time what a robot waits for: pictures resized, words to tokens, a chunk, and back."""
    checkpoint = policy.checkpoint
    body, usual = checkpoint.embodiment, checkpoint.norm_stats.state
    grey = {c.name: np.full((c.height, c.width, 3), 128, np.uint8) for c in body.cameras}
    seen = Observation(
        0.0,
        np.asarray((usual.q01 + usual.q99) / 2, np.float32),
        {name: Frame(picture, 0.0) for name, picture in grey.items()},
    )
    device = next(checkpoint.model.parameters()).device
    task = checkpoint.tasks[0]
    took = clock(lambda: policy.predict_action_chunk(seen, task), repeats, device)
    low, median, high = (float(np.percentile(1e3 * took, at)) for at in (10, 50, 90))
    return Plan(len(policy.image_sizes), median, low, high)
