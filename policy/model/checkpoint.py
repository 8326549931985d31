"""A trained policy on disk: one folder that says everything about itself.

model.safetensors (or shards of it)  config.json  norm_stats.json  embodiment.json  tasks.json
tokenizer.json ... README.md
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from hardware.embodiment import Embodiment
from policy.model.action_space import NormStats
from policy.model.config import QwenVLAConfig
from policy.model.qwen_vla import QwenVLA
from policy.model.weights import INDEX, WHOLE, load_network, save_weights

PARTS = (
    "config.json",
    "norm_stats.json",
    "embodiment.json",
    "tasks.json",
    "tokenizer.json",
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

    def save(self, folder: Path, card: str, weights: Mapping[str, Tensor] | None = None) -> None:
        """Write the folder, whole or not at all; one of that name is replaced.

        `weights` are written instead of the network's own: averaged or merged ones.
        """
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        state = self.model.state_dict() if weights is None else weights
        save_weights(state, self.model.config, partial)
        self.model.config.save(partial / "config.json")
        self.norm_stats.save(partial / "norm_stats.json")
        self.embodiment.save(partial / "embodiment.json")
        (partial / "tasks.json").write_text(json.dumps(self.tasks, indent=2) + "\n")
        self.tokenizer.save_pretrained(str(partial))
        (partial / "README.md").write_text(card)
        if folder.exists():
            replaced = folder.with_name(folder.name + ".replaced")
            shutil.rmtree(replaced, ignore_errors=True)
            folder.rename(replaced)
            partial.rename(folder)
            shutil.rmtree(replaced)
        else:
            partial.rename(folder)

    @classmethod
    def load(cls, folder: Path) -> "Checkpoint":
        """Read a folder. Raises `ValueError` naming what is missing, torn or does not fit."""
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
            tasks = tuple(json.loads((folder / "tasks.json").read_text()))
            tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder))
        except (SafetensorError, RuntimeError, OSError, ValueError) as error:
            raise ValueError(f"The checkpoint is torn: {error}. Folder: {folder}") from error
        return cls(
            model.eval(),
            tokenizer,
            NormStats.load(folder / "norm_stats.json"),
            Embodiment.load(folder / "embodiment.json"),
            tasks,
        )
