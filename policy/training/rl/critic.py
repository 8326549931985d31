"""The value head: what success is expected, from what the backbone sees."""

from torch import Tensor, nn

from policy.model.qwen_vla import Context


class Critic(nn.Module):
    """The mean of all hidden states of the backbone, then one linear layer (paper, stated).

    No gradient goes on into the backbone. It begins by expecting nothing (ours).
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.value = nn.Linear(hidden, 1)
        nn.init.zeros_(self.value.weight)
        nn.init.zeros_(self.value.bias)

    def forward(self, context: Context) -> Tensor:
        """The expected discounted reward (B,)."""
        real = context.attention_mask[..., None].float()
        pooled = (context.hidden.detach().float() * real).sum(dim=1) / real.sum(dim=1)
        value: Tensor = self.value(pooled)
        return value[:, 0]
