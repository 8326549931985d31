"""The kinds of things that simulated scenes of training show, and the numbers that labels have."""

import numpy as np

from hardware.simulation.things import (
    COLOURS,
    CONTAINERS,
    SHAPES,
    UNSEEN_COLOURS,
    UNSEEN_SHAPES,
    Thing,
)

DRAWER = Thing("white", "drawer")

PAINTS = (*COLOURS, *UNSEEN_COLOURS)
"""Colours that questions ask about. Scenes show those that demonstrations lack as well: they stand
for what the paper's network has seen in its vision-language pretraining."""

KINDS = (
    *(
        Thing(colour, shape)
        for shape in (*SHAPES, *UNSEEN_SHAPES, "peg", "rod", *CONTAINERS, "socket")
        for colour in PAINTS
    ),
    DRAWER,
)
"""Every colour and shape of a scene; a scene has at most one thing of a kind."""

NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
"""Of each kind in `KINDS`."""

SHAPES_SHOWN = tuple(dict.fromkeys(kind.shape for kind in KINDS))
COLOURS_SHOWN = tuple(dict.fromkeys(kind.colour for kind in KINDS))

LABELS = (
    (0, *(1 + COLOURS_SHOWN.index(kind.colour) for kind in KINDS)),
    (0, *(1 + SHAPES_SHOWN.index(kind.shape) for kind in KINDS)),
)
"""Of what a cell shows (0 nothing, 1 + number of the kind), the class of its colour and that of its
shape. Two heads learn these apart: each class has several times the examples that a kind has, and
a pair never seen together still has its two classes."""

MOVABLE = np.array([kind.movable for kind in KINDS])
"""Which kinds can be picked up."""
