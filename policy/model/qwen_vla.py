"""Qwen-VLA: a vision-language backbone and the action decoder over its hidden states."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import Qwen3_5Config, Qwen3_5ForConditionalGeneration

from policy.model.attention import use_quick_attention
from policy.model.config import QwenVLAConfig
from policy.model.decoder import ActionDecoder
from policy.model.flow import draw_times, interpolate, masked_loss, sample
from policy.model.processor import Inputs


@dataclass(frozen=True, slots=True)
class Context:
    """What the backbone made of pictures and words."""

    hidden: Tensor
    """(B, L, hidden), the last hidden state."""
    positions: Tensor
    """(3, B, L) rotary positions: time, height, width."""
    attention_mask: Tensor
    """(B, L)."""

    def repeat(self, times: int) -> "Context":
        """Each sample `times` times in a row, for several noise draws from one backbone pass."""
        return Context(
            self.hidden.repeat_interleave(times, 0),
            self.positions.repeat_interleave(times, 1),
            self.attention_mask.repeat_interleave(times, 0),
        )


class QwenVLA(nn.Module):
    """The whole network (arXiv 2605.30280): images, words and state to a chunk of actions."""

    def __init__(self, config: QwenVLAConfig) -> None:
        super().__init__()
        self.config = config
        backbone = Qwen3_5Config(**config.backbone)
        self.backbone = Qwen3_5ForConditionalGeneration(backbone)
        use_quick_attention(self.backbone)
        rope = backbone.text_config.rope_parameters
        self.decoder = ActionDecoder(
            config.decoder,
            hidden=backbone.text_config.hidden_size,
            channels=config.channels,
            sections=list(rope["mrope_section"]),
            theta=float(rope["rope_theta"]),
        )

    def see(self, inputs: Inputs) -> Context:
        """One backbone pass."""
        model = self.backbone.model
        positions, _ = model.get_rope_index(
            inputs.input_ids,
            inputs.mm_token_type_ids,
            image_grid_thw=inputs.image_grid_thw,
            attention_mask=inputs.attention_mask,
        )
        outputs = model(
            input_ids=inputs.input_ids,
            attention_mask=inputs.attention_mask,
            position_ids=positions,
            pixel_values=inputs.pixel_values,
            image_grid_thw=inputs.image_grid_thw,
            mm_token_type_ids=inputs.mm_token_type_ids,
            use_cache=False,
        )
        return Context(outputs.last_hidden_state, positions, inputs.attention_mask)

    def _velocity(self, context: Context, noisy: Tensor, tau: Tensor, state: Tensor) -> Tensor:
        shown = state if self.config.state == "decoder" else None
        velocity: Tensor = self.decoder(
            context.hidden, context.positions, context.attention_mask, noisy, tau, shown
        )
        return velocity

    def action_loss(
        self, context: Context, state: Tensor, actions: Tensor, mask: Tensor, draws: int
    ) -> Tensor:
        """The flow loss, (B * draws,), with `draws` noise draws of each sample.

        `state` (B, K), `actions` and `mask` (B, H, K), normalised and padded.
        """
        context = context.repeat(draws)
        state = state.repeat_interleave(draws, 0)
        actions = actions.repeat_interleave(draws, 0)
        mask = mask.repeat_interleave(draws, 0)
        noise = torch.randn_like(actions)
        tau = draw_times(self.config.time_law, len(actions), actions.device)
        active = (mask.sum(dim=1, keepdim=True) > 0).to(actions.dtype)
        noisy = interpolate(actions, noise, tau) * active
        predicted = self._velocity(context, noisy, tau, state)
        return masked_loss(predicted.float(), noise - actions, mask)

    @torch.inference_mode()
    def predict(
        self, inputs: Inputs, state: Tensor, mask: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """Sample normalised actions (B, H, K) from noise of `generator`; `mask` is their channels.

        `state` (B, K), `mask` (B, H, K).
        """
        context = self.see(inputs)
        noise = torch.randn(mask.shape, generator=generator, device=mask.device)
        return sample(
            lambda noisy, tau: self._velocity(context, noisy, tau, state).float(),
            noise,
            mask,
            self.config.euler_steps,
        )
