"""How long a chunk takes on this machine, beside the least it could: `python -m policy.bench`.

Weights are random unless a checkpoint is given: they change no timing. What is timed, and the
floor: `policy.timing`.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import torch
import tyro
from torch import Tensor

from policy.fitting import check_memory, free_memory
from policy.local import LocalPolicy
from policy.model.checkpoint import Checkpoint
from policy.model.config import QwenVLAConfig
from policy.model.graphs import chunk_function, tensors_of
from policy.model.layout import hidden_states
from policy.model.memory import WORDS
from policy.model.presets import preset
from policy.model.processor import Inputs
from policy.model.qwen_vla import QwenVLA
from policy.model.sampling import Sampling
from policy.text_file import write_atomically
from policy.timing import (
    Plan,
    Rates,
    Timing,
    Work,
    decoder_passes,
    measure,
    measure_plan,
    measure_rates,
)

logger = logging.getLogger(__name__)


NANO_VOCABULARY = {
    "size": 512,
    "pad": 0,
    "end": 2,
    "image": 3,
    "video": 4,
    "vision_start": 5,
    "vision_end": 6,
}
"""Ids that a small tokenizer might have."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `python -m policy.bench` can be asked."""

    preset: Literal["nano", "0.8b", "2b", "4b"] = "nano"
    """Size of the network, with random weights."""
    checkpoint: Path | None = None
    """Folder that `policy.train` wrote, instead of a preset."""
    views: tuple[int, ...] = (1, 2, 3)
    """Numbers of cameras to try."""
    size: int | None = None
    """Height and width of every picture; by default the preset's (224 but for nano)."""
    steps: int | None = None
    """Euler steps; by default the preset's."""
    repeats: int = 30
    """Chunks timed of each."""
    threads: int = 1
    """Of the processor; only for what runs on it."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the weights: bfloat16 on a GPU and float32 on a processor, unless told."""
    graphs: bool = True
    """On a GPU, time CUDA graphs, as `policy.serve` uses them."""
    json: Path | None = None
    """Where to write the report."""


@dataclass(frozen=True, slots=True)
class Row:
    """One number of cameras."""

    views: int
    tokens: int
    """Of the backbone: pictures and prompt."""
    backbone: Timing
    decoder: Timing
    """All Euler steps."""
    chunk: Timing


def example(config: QwenVLAConfig, model: QwenVLA) -> tuple[Inputs, Tensor, Tensor, Tensor]:
    """Inputs, state, mask and noise for one chunk: a prompt, then every camera's picture."""
    device = next(model.parameters()).device
    backbone = config.backbone
    vision = backbone["vision_config"]
    patch, merge = int(vision["patch_size"]), int(vision["spatial_merge_size"])
    ids = [1] * WORDS
    grid = []
    for height, width in config.image_sizes.values():
        grid.append((1, height // patch, width // patch))
        tokens = [int(backbone["image_token_id"])] * (grid[-1][1] * grid[-1][2] // merge**2)
        ids += [
            int(backbone["vision_start_token_id"]), *tokens, int(backbone["vision_end_token_id"])
        ]  # fmt: skip
    words = torch.tensor([ids])
    pixels = torch.randn(
        sum(h * w for _, h, w in grid), 3 * int(vision["temporal_patch_size"]) * patch**2
    )
    kinds = (words == int(backbone["image_token_id"])).int()
    inputs = Inputs(words, torch.ones_like(words), kinds, pixels, torch.tensor(grid))
    mask = torch.ones(1, config.horizon, config.channels)
    state = torch.zeros(1, config.channels)
    noise = torch.randn_like(mask)
    return inputs.to(device), state.to(device), mask.to(device), noise.to(device)


@torch.no_grad()
def measure_views(model: QwenVLA, config: QwenVLAConfig, options: Options, rates: Rates) -> Row:
    """Time the parts of a chunk that looks at all cameras of `config`."""
    inputs, state, mask, noise = example(config, model)
    sampling = Sampling(options.steps or config.euler_steps)
    core = model.backbone.model
    layout = model.layouts.of(core, inputs)

    def see(ids: Tensor, pixels: Tensor) -> Tensor:
        seen = replace(inputs, input_ids=ids, pixel_values=pixels)
        return hidden_states(core, seen, layout)

    def decode(hidden: Tensor, noise: Tensor) -> Tensor:
        context = model.context(hidden, layout.positions, inputs)
        return model.sample(context, state, mask, noise, sampling)

    pixels = inputs.pixel_values if inputs.pixel_values is not None else noise
    seen_once = ((1, core.visual), (1, core.language_model.layers))
    blocks = decoder_passes(model.decoder, sampling.steps)
    parts = (
        Work(see, [inputs.input_ids, pixels], seen_once),
        Work(decode, [see(inputs.input_ids, pixels), noise], blocks),
        Work(
            chunk_function(model, inputs, sampling, None),
            tensors_of(inputs, state, mask, noise, None),
            (*seen_once, *blocks),
        ),
    )
    backbone, decoder, chunk = (
        measure(part, rates, options.repeats, graphs=options.graphs) for part in parts
    )
    floor = replace(chunk, floor_ms=backbone.floor_ms + decoder.floor_ms)
    views = len(config.image_sizes)
    return Row(views, inputs.input_ids.shape[1], backbone, decoder, floor)


def shown(config: QwenVLAConfig, views: int, size: int | None) -> QwenVLAConfig:
    """`config` with so many cameras, of its own sizes in turn or all of `size`."""
    own = list(config.image_sizes.values())
    sizes = {
        f"camera{i}": (size, size) if size else own[min(i, len(own) - 1)] for i in range(views)
    }
    vision = config.backbone["vision_config"]
    cell = int(vision["patch_size"]) * int(vision["spatial_merge_size"])
    if any(side % cell for pair in sizes.values() for side in pair):
        raise ValueError(f"Pictures must be multiples of {cell} for this backbone, got {size}.")
    return replace(config, image_sizes=sizes)


@contextmanager
def _made_as(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """New tensors are of `dtype` on `device`."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)


def build(options: Options, device: torch.device, dtype: torch.dtype) -> QwenVLA:
    """A network at random, on `device`. Raises `ValueError` when it does not fit."""
    cameras = tuple(f"camera{i}" for i in range(max(options.views)))
    config = preset(options.preset, cameras)
    if options.preset == "nano":  # a vocabulary of its own; only the ids must fit
        config = preset(options.preset, cameras, NANO_VOCABULARY)
    check_memory(config, free_memory(device), dtype.itemsize)
    with _made_as(device, dtype):
        return QwenVLA(config).eval()


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured, and on what."""

    preset: str
    parameters: int
    device: str
    dtype: str
    threads: int
    steps: int
    torch: str
    rates: Rates
    rows: tuple[Row, ...]
    plan: Plan | None
    """None without a checkpoint that has learnt actions."""


def _plan(checkpoint: Checkpoint, options: Options) -> Plan:
    policy = LocalPolicy(checkpoint, threads=options.threads)
    if options.graphs:
        policy.use_graphs()
    policy.sampling = Sampling(options.steps or policy.config.euler_steps)
    return measure_plan(policy, options.repeats)


def bench(options: Options) -> Report:
    """Measure everything asked. Raises `ValueError` for what cannot be."""
    if not options.views or min(options.views) < 1 or options.repeats < 1:
        raise ValueError(
            f"At least one view and one repeat are needed, got {options.views} views and "
            f"{options.repeats} repeats."
        )
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    usual = "bfloat16" if device.type == "cuda" else "float32"
    named = usual if options.dtype == "auto" else options.dtype
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[named]
    checkpoint = None if options.checkpoint is None else Checkpoint.load(options.checkpoint)
    if checkpoint is None:
        model = build(options, device, dtype)
    else:
        model = checkpoint.model.cast(dtype).to(device)
    configs = [shown(model.config, views, options.size) for views in options.views]
    rates = measure_rates(device, dtype)
    return Report(
        preset=model.config.preset,
        parameters=sum(p.numel() for p in model.parameters()),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "processor",
        dtype=named,
        threads=options.threads,
        steps=options.steps or model.config.euler_steps,
        torch=torch.__version__,
        rates=rates,
        rows=tuple(measure_views(model, config, options, rates) for config in configs),
        plan=_plan(checkpoint, options) if checkpoint and checkpoint.tasks else None,
    )


def log_report(report: Report) -> None:
    """Say it to a person."""
    rates = report.rates
    logger.info(
        "%s, %.1f M parameters in %s on %s (%d threads): %.0f GB/s, %.2f TFLOP/s measured",
        *(report.preset, report.parameters / 1e6, report.dtype, report.device, report.threads),
        *(rates.bytes_per_sec / 1e9, rates.operations_per_sec / 1e12),
    )
    logger.info("milliseconds: median (a tenth below - a tenth above), floor")
    for row in report.rows:
        logger.info("%d views, %d tokens", row.views, row.tokens)
        parts = (
            ("backbone", row.backbone),
            (f"{report.steps} steps", row.decoder),
            ("whole chunk", row.chunk),
        )
        for name, timing in parts:
            logger.info(
                "  %-12s %8.2f (%.2f - %.2f), floor %.2f, %.1f times it",
                *(name, timing.median_ms, timing.low_ms, timing.high_ms, timing.floor_ms),
                timing.median_ms / timing.floor_ms,
            )
    if report.plan is not None:
        plan = report.plan
        logger.info(
            "a plan from %d pictures to targets: %.2f (%.2f - %.2f)",
            *(plan.views, plan.median_ms, plan.low_ms, plan.high_ms),
        )


def main(options: Options) -> None:
    """Time backbone, decoder steps and whole chunk beside their floor."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        report = bench(options)
    except ValueError as error:
        raise SystemExit(f"Cannot measure: {error}") from error
    except torch.OutOfMemoryError as error:
        raise SystemExit(
            f"Cannot measure: out of memory. Take a smaller preset or fewer views. ({error})"
        ) from error
    log_report(report)
    if options.json is not None:
        write_atomically(options.json, json.dumps(asdict(report), indent=2) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
