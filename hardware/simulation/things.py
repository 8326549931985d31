"""What can stand on the simulated table: things by colour and shape, and what they look like."""

from dataclasses import dataclass

COLOURS = ("red", "green", "blue", "yellow")
"""Colours of training."""

UNSEEN_COLOURS = ("purple", "orange", "pink", "cyan")
"""Held out of training: the colour axis of an evaluation."""

RGBA = {
    "red": (0.86, 0.07, 0.09, 1.0),
    "green": (0.05, 0.62, 0.18, 1.0),
    "blue": (0.06, 0.22, 0.86, 1.0),
    "yellow": (1.0, 0.80, 0.02, 1.0),
    "purple": (0.45, 0.10, 0.62, 1.0),
    "orange": (1.0, 0.45, 0.02, 1.0),
    "pink": (1.0, 0.52, 0.72, 1.0),
    "cyan": (0.05, 0.75, 0.82, 1.0),
    "white": (0.93, 0.93, 0.91, 1.0),
    "dark": (0.20, 0.21, 0.24, 1.0),
}

SHAPES = ("cube", "cylinder", "ball")
"""Shapes of training that are picked up, put somewhere and pushed."""

UNSEEN_SHAPES = ("prism", "brick")
"""Held out of training: the instance axis of an evaluation."""

HALF_HEIGHTS = {
    "cube": 0.02,
    "cylinder": 0.025,
    "ball": 0.021,
    "prism": 0.02,
    "brick": 0.02,
    "peg": 0.04,
    "rod": 0.04,
}
"""Metres from the underside to the middle of everything that can be picked up."""

CONTAINERS = ("bowl", "tray")

FIXTURES = (*CONTAINERS, "socket", "drawer")
"""Shapes that stay where they are; of a drawer, the cabinet does."""


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """One thing on the table. No scene has two of the same colour and shape."""

    colour: str
    shape: str

    @property
    def name(self) -> str:
        """What people call it: "red cube"."""
        return f"{self.colour} {self.shape}"

    @property
    def movable(self) -> bool:
        """Whether it can be picked up."""
        return self.shape not in FIXTURES

    @property
    def slug(self) -> str:
        """Its name as part of a task's id: "red_cube"."""
        return self.name.replace(" ", "_")


CUBES = tuple(Thing(colour, "cube") for colour in COLOURS)
"""The four cubes of the `blocks` table."""
