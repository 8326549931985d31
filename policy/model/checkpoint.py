"""A trained policy on disk: one folder that says everything about itself.

model.safetensors (or shards of it)  config.json  norm_stats.json  embodiment.json  tasks.json
tokenizer.json ... README.md  and, of further bodies, bodies/NAME/ with three of these;
where it was grounded, grounding.safetensors
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from hardware.embodiment import Embodiment
from policy.first_look import camera_of
from policy.model.action_space import NormStats
from policy.model.config import QwenVLAConfig
from policy.model.qwen_vla import QwenVLA
from policy.model.weights import INDEX, WHOLE, load_network, save_weights

BODIES = "bodies"
"""Folder of bodies beyond the first, one folder each."""

HEADS = "grounding.safetensors"
"""What grounding reads the hidden states with; only a training that grounds further needs it."""

PARTS = (
    "config.json",
    "norm_stats.json",
    "embodiment.json",
    "tasks.json",
    "tokenizer.json",
)


def _replaced(folder: Path) -> Path:
    """Where the old checkpoint is while a new one takes its name."""
    return folder.with_name(folder.name + ".replaced")


def _flush(path: Path) -> None:
    """Return once a file or folder is on the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Body:
    """One body that a network drives, and how its numbers are normalised."""

    embodiment: Embodiment
    norm_stats: NormStats
    tasks: tuple[str, ...]
    """Instructions that were trained on it."""

    def save(self, folder: Path) -> None:
        """Write three JSON files into an existing folder."""
        self.norm_stats.save(folder / "norm_stats.json")
        self.embodiment.save(folder / "embodiment.json")
        (folder / "tasks.json").write_text(json.dumps(self.tasks, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "Body":
        """Read what `save` wrote. Raises `ValueError` naming the file and what is wrong."""
        try:
            tasks = tuple(json.loads((folder / "tasks.json").read_text()))
        except (OSError, ValueError) as error:
            raise ValueError(f"The checkpoint is torn: {error}. Folder: {folder}") from error
        return cls(
            Embodiment.load(folder / "embodiment.json"),
            NormStats.load(folder / "norm_stats.json"),
            tasks,
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything a policy needs to run or to be trained further."""

    model: QwenVLA
    tokenizer: PreTrainedTokenizerFast
    norm_stats: NormStats
    embodiment: Embodiment
    tasks: tuple[str, ...]
    """Instructions it was trained on."""
    others: tuple[Body, ...] = ()
    """More bodies that the same weights drive."""

    @property
    def bodies(self) -> tuple[Body, ...]:
        """Every body, the one driven by default first."""
        return (Body(self.embodiment, self.norm_stats, self.tasks), *self.others)

    @property
    def image_sizes(self) -> dict[str, tuple[int, int]]:
        """Height and width of what is looked at: the network's cameras that this body has."""
        has = self.embodiment.camera_names
        sizes = self.model.config.image_sizes
        return {view: size for view, size in sizes.items() if camera_of(view) in has}

    def driving(self, name: str) -> "Checkpoint":
        """The same weights driving the body `name`. Raises `ValueError` listing the known."""
        named = {body.embodiment.name: body for body in self.bodies}
        if name not in named:
            raise ValueError(f"This checkpoint drives {', '.join(named)}, not {name!r}.")
        body = named.pop(name)
        return Checkpoint(
            *(self.model, self.tokenizer, body.norm_stats, body.embodiment, body.tasks),
            tuple(named.values()),
        )

    def save(
        self,
        folder: Path,
        card: str,
        weights: Mapping[str, Tensor] | None = None,
        heads: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Write the folder, whole or not at all; one of that name is replaced.

        Whenever the process is killed or the power fails, `load` finds the old one or the new.
        `weights` are written instead of the network's own: averaged or merged ones. `heads` are
        what a training that goes on from here needs beside the network.
        """
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        state = self.model.state_dict() if weights is None else weights
        save_weights(state, self.model.config, partial)
        if heads:
            save_file(dict(heads), partial / HEADS)
        self.model.config.save(partial / "config.json")
        self.bodies[0].save(partial)
        for body in self.others:
            folder_of = partial / BODIES / body.embodiment.name
            folder_of.mkdir(parents=True)
            body.save(folder_of)
        self.tokenizer.save_pretrained(str(partial))
        (partial / "README.md").write_text(card)
        for path in (*partial.rglob("*"), partial):
            _flush(path)
        replaced = _replaced(folder)
        if folder.exists():
            shutil.rmtree(replaced, ignore_errors=True)
            folder.rename(replaced)
        partial.rename(folder)
        _flush(folder.parent)
        shutil.rmtree(replaced, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path) -> "Checkpoint":
        """Read a folder. Raises `ValueError` naming what is missing, torn or does not fit.

        Where `save` was stopped before the new folder had its name, the old one is read.
        """
        if not folder.exists() and _replaced(folder).exists():
            folder = _replaced(folder)
        missing = [name for name in PARTS if not (folder / name).is_file()]
        if not any((folder / name).is_file() for name in (WHOLE, INDEX)):
            missing.append(WHOLE)
        if missing:
            raise ValueError(
                f"Not a checkpoint: {folder} lacks {', '.join(missing)}. "
                "A checkpoint is a folder that policy.train wrote."
            )
        config = QwenVLAConfig.load(folder / "config.json")
        try:
            model = load_network(config, folder)
            tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder))
        except (SafetensorError, RuntimeError, OSError, ValueError) as error:
            raise ValueError(f"The checkpoint is torn: {error}. Folder: {folder}") from error
        first, *others = (Body.load(f) for f in (folder, *sorted((folder / BODIES).glob("*"))))
        return cls(
            model.eval(),
            tokenizer,
            first.norm_stats,
            first.embodiment,
            first.tasks,
            tuple(others),
        )
