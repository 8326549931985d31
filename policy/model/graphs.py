"""Whole chunks as CUDA graphs: one launch for the backbone pass and all Euler steps.

At one robot a GPU spends most of a chunk waiting for the processor to name the next kernel. A
graph names them all at once. Shapes must stay, so there is one recording for each layout of
inputs (cameras and length of the prompt) and way of sampling.
"""

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from policy.model.layout import hidden_states
from policy.model.processor import Inputs
from policy.model.qwen_vla import QwenVLA
from policy.model.sampling import Previous, Sampling

logger = logging.getLogger(__name__)

KEPT = 8
"""Recordings kept at most; each holds the memory of its intermediate results."""


class Recording:
    """A function of tensors, recorded on a GPU and played back on new values of the same shapes."""

    def __init__(self, function: Callable[..., Tensor], examples: Sequence[Tensor]) -> None:
        """Raises `RuntimeError` when the function cannot be recorded."""
        self._function = function  # the graph reads tensors that only its closure holds
        self._inputs = [example.clone() for example in examples]
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):  # libraries allocate and choose kernels at first
                function(*self._inputs)
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._output = function(*self._inputs)

    def __call__(self, *values: Tensor) -> Tensor:
        """The function of `values`."""
        for kept, value in zip(self._inputs, values, strict=True):
            kept.copy_(value)
        self._graph.replay()
        return self._output.clone()


def tensors_of(
    inputs: Inputs, state: Tensor, mask: Tensor, noise: Tensor, previous: Previous | None
) -> list[Tensor]:
    """All that changes from chunk to chunk of one shape, in the order `chunk_function` takes."""
    pictures = [] if inputs.pixel_values is None else [inputs.pixel_values]
    old = [] if previous is None else [previous.actions]
    return [inputs.input_ids, inputs.attention_mask, state, mask, noise, *pictures, *old]


def chunk_function(
    model: QwenVLA, inputs: Inputs, sampling: Sampling, previous: Previous | None
) -> Callable[..., Tensor]:
    """`QwenVLA.predict` as a function of `tensors_of`, that never waits for the GPU.

    The layout of `inputs` and how many rows are `previous` are fixed in it.
    """
    layout = model.layouts.of(model.backbone.model, inputs)
    grid, kinds = inputs.image_grid_thw, inputs.mm_token_type_ids
    counts = None if previous is None else (previous.committed, previous.known)

    def chunk(
        ids: Tensor, real: Tensor, state: Tensor, mask: Tensor, noise: Tensor, *rest: Tensor
    ) -> Tensor:
        others = list(rest)
        pixels = None if grid is None else others.pop(0)
        old = None if counts is None else Previous(others.pop(0), *counts)
        given = Inputs(ids, real, kinds, pixels, grid)
        hidden = hidden_states(model.backbone.model, given, layout)
        context = model.context(hidden, layout.positions, given)
        return model.sample(context, state, mask, noise, sampling, old)

    return chunk


class Recorder:
    """Predicts as `QwenVLA.predict` does, from recordings where that is possible."""

    def __init__(self, model: QwenVLA) -> None:
        self._model = model
        self._kept: dict[tuple[object, ...], Recording] = {}
        self._working = model.backbone.config.model_type == "qwen3_5"

    @property
    def recordings(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def predict(
        self,
        inputs: Inputs,
        state: Tensor,
        mask: Tensor,
        noise: Tensor,
        *,
        sampling: Sampling | None = None,
        previous: Previous | None = None,
    ) -> Tensor:
        """As `QwenVLA.predict`. What cannot be recorded is computed the plain way, and logged."""
        sampling = sampling or Sampling(self._model.config.euler_steps)
        differentiates = previous is not None and sampling.continuation == "guide"
        if self._working and not differentiates and noise.device.type == "cuda":
            try:
                return self._play(inputs, state, mask, noise, sampling, previous)
            except RuntimeError as error:
                self._working = False
                self._kept.clear()
                logger.warning("No CUDA graph of a chunk, planning without: %s", error)
        return self._model.predict(inputs, state, mask, noise, sampling=sampling, previous=previous)

    @torch.no_grad()
    def _play(
        self,
        inputs: Inputs,
        state: Tensor,
        mask: Tensor,
        noise: Tensor,
        sampling: Sampling,
        previous: Previous | None,
    ) -> Tensor:
        values = tensors_of(inputs, state, mask, noise, previous)
        # What recorded ways of continuing look at ends with the committed rows.
        rows = None if previous is None else previous.committed
        key = (self._model.layouts.key(self._model.backbone.model, inputs), sampling, rows)
        recording = self._kept.pop(key, None)
        if recording is None:
            if len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            recording = Recording(chunk_function(self._model, inputs, sampling, previous), values)
        self._kept[key] = recording  # at the end: first goes what was not played for longest
        return recording(*values)
