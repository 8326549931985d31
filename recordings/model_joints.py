"""Where each joint of a MuJoCo model lies in its state, told by the model's XML alone.

No mesh is needed for that. Facts of MuJoCo: joints stand in qpos and qvel in the order in which a
walk through the tree of bodies, depth first, meets them; a free joint takes 7 and 6 places, a ball
joint 4 and 3, any other one each.
"""

from dataclasses import dataclass
from xml.etree import ElementTree

PLACES = {"free": (7, 6), "ball": (4, 3), "slide": (1, 1), "hinge": (1, 1)}


@dataclass(frozen=True, slots=True)
class Joint:
    """A joint, and its places in qpos and qvel."""

    name: str
    qpos: range
    qvel: range

    @property
    def single(self) -> bool:
        """Whether one number says where it is."""
        return len(self.qpos) == 1

    def names(self, places: range) -> list[str]:
        """Return a name for each of its `places`."""
        return [self.name] if self.single else [f"{self.name}[{i}]" for i in range(len(places))]


def joints_of(xml: str) -> list[Joint]:
    """Return the joints of a model in their order. Raises `ValueError` when `xml` is no model."""
    try:
        model = ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise ValueError(f"Expected the XML of a MuJoCo model: {error}.") from error
    if model.tag != "mujoco":
        raise ValueError(f"Expected the XML of a MuJoCo model, got <{model.tag}>.")
    found: list[Joint] = []
    qpos = qvel = 0
    for body in model.iter("body"):
        for element in body:
            if element.tag not in ("joint", "freejoint"):
                continue
            kind = "free" if element.tag == "freejoint" else element.get("type", "hinge")
            if kind not in PLACES:
                raise ValueError(f"Expected a joint of {sorted(PLACES)}, got {kind!r}.")
            name = element.get("name") or f"joint_{len(found)}"
            lengths = PLACES[kind]
            places = range(qpos, qpos + lengths[0]), range(qvel, qvel + lengths[1])
            found.append(Joint(name, *places))
            qpos, qvel = qpos + lengths[0], qvel + lengths[1]
    return found
