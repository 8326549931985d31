"""What a Qwen-VLA is made of, in numbers. One description, presets from one code path."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class TimeLaw:
    """How the flow time of a training sample is drawn; 1 is noise, 0 is clean.

    The paper names the families (logit-normal for text-to-action, Beta otherwise) and not their
    numbers; Beta(1.5, 1) leaning to noise is the choice of openpi, StarVLA and Qwen-RobotManip.
    """

    __pydantic_config__ = STRICT
    family: Literal["beta", "logit_normal"] = "beta"
    a: float = 1.5
    b: float = 1.0
    """Beta parameters; with a > b the noisy end is denser."""
    mean: float = 0.0
    std: float = 1.0
    """Of the normal behind the logit-normal."""
    flip: bool = False
    """Lean to the clean end instead, the other reading of the paper."""


ContextForm = Literal["joint", "before", "read"]


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """The single-stream DiT (arXiv 2605.30280 section 2.2). Ours where the paper is silent."""

    __pydantic_config__ = STRICT
    width: int = 1536
    blocks: int = 16
    heads: int = 12
    feed_forward: int = 10240
    """Inner width of SwiGLU. 10240 makes 30 width**2 a block, the paper's 70.8 M at 1536."""
    time_features: int = 256
    """Width of the sinusoid of the flow time."""
    context: ContextForm = "joint"
    """Whether the context's tokens see the noisy actions and the flow time (joint, the paper's),
    are done with before them, as at flow time 0 (ours, for processors: once for all Euler steps and
    all noise draws of a sample), or are only read, as the backbone left them (ours)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Of the chunks of one body."""

    hz: float
    """Rows per second."""
    rows: int

    def __post_init__(self) -> None:
        if not 0 < self.hz < 1000 or self.rows < 1:
            raise ValueError(f"Chunks need a rate in Hz and a row, got {self.hz} Hz, {self.rows}.")


@dataclass(frozen=True, slots=True)
class QwenVLAConfig:
    """Everything needed to build the network, beside its weights."""

    __pydantic_config__ = STRICT
    preset: str
    backbone: dict[str, Any] = field(repr=False)
    """A `Qwen3_5Config` or `Qwen3VLConfig` as a dictionary (`policy.model.backbone`)."""
    decoder: DecoderConfig
    image_sizes: dict[str, tuple[int, int]]
    """Height and width each camera is resized to; cameras not named here are not looked at."""
    horizon: int = 16
    """Rows H of the action tensor; 16 is the paper's value at fine-tuning."""
    channels: int = 64
    """Columns K of the action tensor; 32 or 64 fit the paper's parameter table."""
    action_hz: float = 10.0
    """Rows per second, said in the prompt. Values between rows are interpolated."""
    paces: dict[str, Pace] = field(default_factory=dict)
    """Bodies, by name, whose chunks have a rate and a length of their own (paper, section 2.3)."""
    state: Literal["off", "text", "decoder"] = "decoder"
    """Whether the state is left out, said in the prompt in 256 bins, or one token of the decoder.
    Off in the paper, whose actions are relative; absolute joint targets need it."""
    action_convention: str = "as_body"
    """What the network predicts (`policy.model.conventions`): the body's own convention, or another
    one that the body's recorded targets can be turned into."""
    pointer: bool = False
    """Whether the decoder is told, with the state, at which place of the first picture the backbone
    points (ours, `policy.model.pointer`)."""
    prompt_convention: bool = False
    """Whether the prompt says that convention; the paper's template has no place for it."""
    stem: tuple[int, ...] = ()
    """Channels of convolutions in place of the vision tower's projection of patches (ours,
    `policy.model.stem`); none with a pretrained backbone."""
    first_picture_last: bool = False
    """Whether the first camera's picture comes after all others (ours): what a causal backbone
    makes of it, and where it points in it, then knows how things stood at the start."""
    prompt_grippers: bool = False
    """Whether the prompt says how far each gripper is open (ours): the backbone, which does not see
    the state, then knows whether something is held, and so what comes next."""
    time_law: TimeLaw = TimeLaw()
    euler_steps: int = 5
    longest_prefix: int = 0
    """Rows that training gave clean at most, as if committed already (training-time real-time
    chunking); 0 when it gave none, which rules that way of continuing a chunk out."""
    image_mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    image_std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Of the colours, in 0..1, as the backbone's own image processor has them."""
    think_block: bool = False
    """Whether an answer comes after an empty block of thoughts, as Qwen3.5 was trained to give
    answers without thinking."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the weights in a checkpoint. Training keeps float32 masters, whatever this says: a small
    step on a bfloat16 weight is rounded away."""

    def __post_init__(self) -> None:
        if not 0 < self.action_hz < math.inf:
            raise ValueError(f"action_hz must be above 0, got {self.action_hz}.")
        for name in ("horizon", "channels", "euler_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")

    @property
    def first_grid(self) -> tuple[int, int]:
        """Rows and columns of the tokens that show the first camera's picture.

        Raises `ValueError` for a network that looks at none.
        """
        if not self.image_sizes:
            raise ValueError("A network that points needs a camera, and image_sizes names none.")
        vision = self.backbone["vision_config"]
        cell = int(vision["patch_size"]) * int(vision["spatial_merge_size"])
        height, width = next(iter(self.image_sizes.values()))
        return height // cell, width // cell

    def pace(self, body: str) -> Pace:
        """The rate and the length of the chunks of the body of that name."""
        return self.paces.get(body, Pace(self.action_hz, self.horizon))

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "QwenVLAConfig":
        """Read JSON written by `save`. Raises `ValueError` naming the file and what is wrong."""
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except OSError as error:
            raise ValueError(f"Not a Qwen-VLA config: {error}.") from error
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, found['loc'])) or 'the file'}: {found['msg']}"
                for found in error.errors(include_url=False)
            )
            raise ValueError(f"Not a Qwen-VLA config: {wrong}. File: {path}") from error
