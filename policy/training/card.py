"""The model card of a checkpoint: what it is, what it learnt from, how to repeat it."""

import json

from policy.model.qwen_vla import QwenVLA
from policy.training.request import TrainRequest

LISTED = 60
"""Instructions a card names."""

TRAINED = "## How it was trained\n"


def training_history(card: str) -> str:
    """What a card says of how its checkpoint was trained; empty if it says nothing."""
    return card.partition(TRAINED)[2].strip()


def model_card(
    request: TrainRequest, model: QwenVLA, tasks: tuple[str, ...], earlier: str = ""
) -> str:
    """Write it in Markdown, from facts alone; `earlier` is the base's `training_history`."""
    total = sum(parameter.numel() for parameter in model.parameters())
    decoder = sum(parameter.numel() for parameter in model.decoder.parameters())
    known = (
        "\n".join(f"- {task}" for task in tasks[:LISTED])
        or "- none yet: only grounding was trained"
    )
    sizes = ", ".join(f"{n} {w} x {h}" for n, (h, w) in model.config.image_sizes.items())
    asked = json.dumps(request.changed(), indent=2)
    return f"""---
license: apache-2.0
tags: [robotics, vla, qwen-vla]
---
# Qwen-VLA, preset {model.config.preset}

An open implementation of Qwen-VLA (arXiv 2605.30280): a Qwen3.5 backbone and a single-stream DiT
action decoder, {total / 1e6:.2f} M parameters, {decoder / 1e6:.2f} M of them in the decoder. It
plans {model.config.horizon} rows at {model.config.action_hz:g} Hz and looks at {sizes}.

## Instructions it was trained on

{known}

{TRAINED}
{earlier}

`python -m policy.train FOLDER` with this `request.json`:

```json
{asked}
```
"""
