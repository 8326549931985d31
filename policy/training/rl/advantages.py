"""How much better a chunk turned out than was expected of it."""

from jaxtyping import Float32
from numpy import float32, ndarray, zeros_like


def advantages(
    values: Float32[ndarray, "chunks"],
    reward: int | float,
    *,
    gamma: float,
    gae_lambda: float,
) -> Float32[ndarray, "chunks"]:
    """Generalised advantage estimates (arXiv 1506.02438) of the chunks of one episode.

    `values` were expected before each; `reward` is for the last. An episode ends with its last
    chunk for good, also when its time is up (ours: being late is failing, as evaluation counts
    it, so nothing is expected after). Add `values` for what the critic should have said.
    """
    found, later, following = zeros_like(values), 0.0, 0.0
    for number in range(len(values) - 1, -1, -1):
        gained = float(reward) if number == len(values) - 1 else 0.0
        surprise = gained + gamma * following - float(values[number])
        later = surprise + gamma * gae_lambda * later
        found[number] = float32(later)
        following = float(values[number])
    return found
