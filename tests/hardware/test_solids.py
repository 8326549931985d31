"""What is on the table can be drawn as plain solids: fixtures, the open drawer and all."""

import numpy as np
import pytest

from hardware.aloha import START
from hardware.simulation.layout import TABLES, draw_layout
from hardware.simulation.solids import solids
from hardware.simulation.things import RGBA
from hardware.simulation.world import World


@pytest.fixture(scope="module")
def world():
    with World() as made:
        yield made


@pytest.mark.parametrize("table", TABLES)
def test_everything_set_out_is_there_in_its_colour_where_it_lies(world, table):
    world.reset(3, table)
    found = solids(world)
    assert {solid.thing for solid in found} == {thing.name for thing in world.things}
    for name, place in world.object_positions().items():
        (solid,) = [each for each in found if each.thing == name]
        np.testing.assert_allclose(solid.position, place, atol=1e-6)
        assert solid.colour == pytest.approx(RGBA[name.split()[0]][:3])


def test_forms_and_sizes_are_those_of_the_shapes(world):
    world.reset(1, "containers")
    forms = {solid.thing.split()[1]: solid for solid in solids(world)}
    assert {name: forms[name].form for name in ("cube", "cylinder", "ball") if name in forms} == {
        name: form
        for name, form in (("cube", "box"), ("cylinder", "cylinder"), ("ball", "ball"))
        if name in forms
    }
    for name, solid in forms.items():
        if name == "cylinder":
            np.testing.assert_allclose(solid.half_sizes, (0.02, 0.02, 0.025), atol=1e-9)


def test_a_drawer_comes_out_and_closes_again(world):
    def front():
        return min(solid.position[1] for solid in solids(world) if solid.thing == "white drawer")

    world.reset(0, "drawer")
    closed = front()
    world.place(START, {}, drawer=0.08)
    assert front() == pytest.approx(closed - 0.08)
    assert world.drawer_opening() == pytest.approx(0.08)
    world.place(START, {})  # what is not named stays
    assert world.drawer_opening() == pytest.approx(0.08)
    world.set_out(draw_layout("drawer", 0))
    assert front() == pytest.approx(closed)
