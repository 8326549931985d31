"""Qwen-VLA: a vision-language backbone and the action decoder over its hidden states."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from policy.model.backbone import build_backbone
from policy.model.config import QwenVLAConfig
from policy.model.decoder import ActionDecoder
from policy.model.flow import interpolate, masked_loss, prefix_times
from policy.model.language import answer_loss, generate_answers
from policy.model.layout import Layouts, hidden_states, lay_out
from policy.model.pointer import POINTED, Pointer, first_picture
from policy.model.processor import Inputs
from policy.model.sampling import Previous, Sampling, StepVelocity, integrate
from policy.model.seen_pictures import SeenPictures
from policy.model.stem import use_stem


@dataclass(frozen=True, slots=True)
class Context:
    """What the backbone made of pictures and words."""

    hidden: Tensor
    """(B, L, hidden), the last hidden state."""
    positions: Tensor
    """(3, B, L) rotary positions: time, height, width."""
    attention_mask: Tensor
    """(B, L)."""
    pointed: Tensor | None = None
    """(B, POINTED), of a network with a pointer."""

    def take(self, rows: Tensor) -> "Context":
        """Only the samples `rows`, in that order."""
        return Context(
            self.hidden[rows],
            self.positions[:, rows],
            self.attention_mask[rows],
            None if self.pointed is None else self.pointed[rows],
        )

    def repeat(self, times: int) -> "Context":
        """Each sample `times` times in a row, for several noise draws from one backbone pass."""
        return Context(
            self.hidden.repeat_interleave(times, 0),
            self.positions.repeat_interleave(times, 1),
            self.attention_mask.repeat_interleave(times, 0),
            None if self.pointed is None else self.pointed.repeat_interleave(times, 0),
        )


class QwenVLA(nn.Module):
    """The whole network (arXiv 2605.30280): images, words and state to a chunk of actions."""

    def __init__(self, config: QwenVLAConfig, backbone: PreTrainedModel | None = None) -> None:
        """Without `backbone`, one of the config's sizes and random weights."""
        super().__init__()
        self.config = config
        self.layouts = Layouts()
        """Of the inputs met so far."""
        self.pictures: SeenPictures | None = None
        """Of a training whose vision tower does not learn."""
        self.backbone = build_backbone(config.backbone) if backbone is None else backbone
        if config.stem and backbone is None:
            use_stem(self.backbone.model.visual, config.stem)
        text = self.backbone.config.text_config
        rope = text.rope_parameters
        if config.pointer and config.state != "decoder":
            raise ValueError(f'A pointer goes with state "decoder", got {config.state!r}.')
        self.pointer = Pointer(text.hidden_size, config.first_grid) if config.pointer else None
        self.decoder = ActionDecoder(
            config.decoder,
            hidden=text.hidden_size,
            channels=config.channels,
            state=config.state == "decoder",
            pointed=POINTED if config.pointer else 0,
            sections=list(rope["mrope_section"]),
            theta=float(rope["rope_theta"]),
        )

    def see(self, inputs: Inputs) -> Context:
        """One backbone pass."""
        model = self.backbone.model
        if not torch.is_grad_enabled() and self.backbone.config.model_type == "qwen3_5":
            layout = self.layouts.of(model, inputs)
            hidden = hidden_states(model, inputs, layout)
            return self.context(hidden, layout.positions, inputs)
        if self.pictures is not None:
            layout = lay_out(model, inputs, see=False)
            hidden = hidden_states(model, inputs, layout, self.pictures)
            return self.context(hidden, layout.positions, inputs)
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
        return self.context(outputs.last_hidden_state, positions, inputs)

    def context(self, hidden: Tensor, positions: Tensor, inputs: Inputs) -> Context:
        """What the decoder is given of `hidden` (B, L, hidden) at `positions` (3, B, L)."""
        pointed = None
        if self.pointer is not None:
            tokens = math.prod(self.config.first_grid)
            last = self.config.first_picture_last
            picture = first_picture(inputs.mm_token_type_ids, tokens, last=last)
            pointed = self.pointer(hidden, picture)
        return Context(hidden, positions, inputs.attention_mask, pointed)

    def answer_loss(self, hidden: Tensor, labels: Tensor) -> Tensor:
        """Next-token loss (B,) of answers: `policy.model.language.answer_loss`."""
        return answer_loss(self.backbone.lm_head, hidden, labels)

    @torch.inference_mode()
    def answer(self, inputs: Inputs, limit: int, tokenizer: PreTrainedTokenizerBase) -> list[str]:
        """The likeliest answers to B questions, at most `limit` tokens each.

        Points and boxes are plain numbers of 0 to 1000 in the text.
        """
        return generate_answers(self.backbone, inputs, limit, tokenizer)

    def cast(self, dtype: torch.dtype) -> "QwenVLA":
        """Change the weights' dtype, and nothing else: rotary frequencies stay float32."""
        for parameter in self.parameters():
            parameter.data = parameter.data.to(dtype)
        return self

    def gradient_checkpointing(self, *, enabled: bool) -> None:
        """Keep only each layer's input in training and compute the rest again going backwards.

        About a third more time for a fraction of the memory; the gradients are the same.
        """
        if enabled:
            self.backbone.activation_checkpointing_enable({"use_reentrant": False})
        else:
            self.backbone.activation_checkpointing_disable()
        self.decoder.checkpointing = enabled

    def _shown(self, state: Tensor, context: Context) -> Tensor | None:
        if self.config.state != "decoder":
            return None
        told = [] if context.pointed is None else [context.pointed.to(state.dtype)]
        return torch.cat([state, *told], dim=-1)

    def velocity(
        self,
        context: Context,
        noisy: Tensor,
        tau: Tensor,
        state: Tensor,
        real_rows: Tensor | None = None,
    ) -> Tensor:
        """The decoder's velocity (B, H, K) of noisy actions (B, H, K) at flow times `tau`.

        `tau` is (B,) or, with rows given clean, (B, H): see `ActionDecoder.forward`.
        """
        velocity: Tensor = self.decoder(
            *(context.hidden, context.positions, context.attention_mask),
            *(noisy, tau, self._shown(state, context), real_rows),
        )
        return velocity

    def action_loss(  # noqa: PLR0913 - a batch's own parts, each once
        self,
        context: Context,
        state: Tensor,
        actions: Tensor,
        mask: Tensor,
        noise: Tensor,
        tau: Tensor,
        prefix: Tensor | None = None,
    ) -> Tensor:
        """The flow loss of each sample, (B,), the mean over its D noise draws.

        `state` (B, K), `actions` and `mask` (B, H, K), normalised and padded; `noise`
        (B, D, H, K) and flow times `tau` (B, D) come with the data. Padded rows are not seen. The
        first `prefix` (B, D) rows are given clean and not in the loss (`flow.prefix_times`).
        """
        batch, draws = tau.shape
        actions, mask = (x.repeat_interleave(draws, 0) for x in (actions, mask))
        if self.config.decoder.context == "joint":
            context, state = context.repeat(draws), state.repeat_interleave(draws, 0)
        noise, tau = noise.flatten(0, 1), tau.flatten()
        real_rows, active = mask.amax(dim=2) > 0, mask.amax(dim=1, keepdim=True)
        if prefix is not None and prefix.any():
            tau = prefix_times(tau, prefix.flatten(), actions.shape[1])
            mask = mask * (tau > 0)[..., None]
        noisy = interpolate(actions, noise, tau) * active
        predicted = self.velocity(context, noisy, tau, state, real_rows)
        return masked_loss(predicted.float(), noise - actions, mask).view(batch, draws).mean(1)

    @torch.no_grad()
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
        """Sample normalised actions (B, H, K) from `noise` (B, H, K).

        `state` (B, K); `mask` (B, H, K) of their channels. One backbone pass, then the Euler
        steps of `sampling`, by default the config's. With `previous` the chunk goes on from the
        one in play. Raises `ValueError` when that asks for more than was trained.
        """
        sampling = sampling or Sampling(self.config.euler_steps)
        # The guidance differentiates, which tensors of inference mode cannot do.
        with torch.inference_mode(previous is None or sampling.continuation != "guide"):
            return self.sample(self.see(inputs), state, mask, noise, sampling, previous)

    def sample(
        self,
        context: Context,
        state: Tensor,
        mask: Tensor,
        noise: Tensor,
        sampling: Sampling,
        previous: Previous | None = None,
    ) -> Tensor:
        """The Euler steps of `predict`, over a context already seen."""
        clean = 0
        if previous is not None and sampling.continuation == "trained":
            clean = previous.committed
            if clean > self.config.longest_prefix:
                raise ValueError(
                    f"This network was trained to be given at most {self.config.longest_prefix} "
                    f"rows of the chunk in play, got {clean}. Plan faster, or continue by 'guide'."
                )
        stream = self.decoder.stream(
            *(context.hidden, context.positions, context.attention_mask),
            *(self._shown(state, context), mask.amax(dim=2) > 0),
        )
        velocity = StepVelocity(self.decoder, stream, sampling, clean)
        return integrate(velocity, noise, mask, sampling, previous)
