"""One thing to learn, and what gives such things: the words all data is spoken of in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int64, UInt8

Kind = Literal["actions", "trajectories", "questions", "grounding"]
"""What is learnt: a chunk from pictures, a whole trajectory from words alone (T2A), an answer in
words, or where things are."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are in one scene, in the tokens that the network sees it by."""

    cells: Int64[np.ndarray, "tokens"]
    """What each image token shows: 0 nothing, 1 + object number; none where that is not known."""
    cell: int
    """The token of the first camera that holds the named object, or where a hand acts next; -100
    when unseen."""
    centre: Float32[np.ndarray, "2"]
    """Where the first camera sees that, x and y in 0..1."""
    arm: int
    """Number of the arm that goes there; -100 when nothing is to be done there."""
    first: int
    """How many of the leading tokens are the first camera's."""
    middles: Float32[np.ndarray, "tokens 2"] = field(
        default_factory=lambda: np.zeros((0, 2), np.float32)
    )
    """Of what each token shows, from the token's own middle to that thing's, right and down in
    sides of a token; none where that is not known."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to learn: what is said and seen, and what should come of it."""

    kind: Kind
    prompt: str
    """What is said; the processor adds placeholders of pictures and, to questions, chat marks."""
    pictures: Mapping[str, UInt8[np.ndarray, "_ _ 3"]]
    """By camera, sides multiples of the network's cell; may be empty."""
    answer: str | None = None
    """Of a question: learnt word by word."""
    state: Float32[np.ndarray, "state_channels"] | None = None
    """Normalised to [-1, 1]."""
    actions: Float32[np.ndarray, "rows channels"] | None = None
    """Normalised to [-1, 1], in the network's action convention."""
    place: Place | None = None


@runtime_checkable
class Source(Protocol):
    """Something that items are drawn from, by number."""

    name: str
    """Said in the log and in errors."""

    def __len__(self) -> int:
        """How many items there are."""

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Item `index`. Everything random about it comes from `rng`."""
