"""Every body of the paper's Table 2 has a file that loads, by name."""

import dataclasses
import json
import math

import pytest

from hardware.bodies import FOLDER, body_named, body_names
from hardware.embodiment import Embodiment

TABLE_2 = {
    "widowx": ("WidowX", 1, False, False),
    "google_robot": ("Google Robot", 1, False, True),
    "franka": ("Franka", 1, False, False),
    "franka_joints": ("Franka", 1, False, False),
    "franka_dual": ("Franka", 2, False, False),
    "franka_dual_joints": ("Franka", 2, False, False),
    "arx5": ("ARX5", 2, False, False),
    "fourier_gr1": ("Fourier GR-1", 2, True, False),
    "mobile_aloha": ("Mobile ALOHA", 2, False, True),
    "mobile_aloha_joints": ("Mobile ALOHA", 2, False, True),
    "agibot_a2d": ("AgiBot A2-D", 2, True, True),
    "agibot_a2d_hands": ("AgiBot A2-D", 2, True, True),
    "galaxea_r1": ("Galaxea R1", 2, True, True),
    "airbot_mmk2": ("AIRBOT MMK2", 2, True, True),
    "tienkung": ("TienKung", 2, False, False),
    "tienkung_hands": ("TienKung", 2, False, False),
    "human": ("human", 2, False, False),
    "navigation": ("a wheeled navigation robot", 0, False, True),
}


def test_all_bodies_of_the_paper_are_there():
    assert set(body_names()) == set(TABLE_2)


@pytest.mark.parametrize("name", TABLE_2)
def test_a_body_is_what_its_file_is_called(name):
    body = body_named(name)
    assert body.name == name
    assert (body.robot_tag, body.arms, body.waist, body.mobile_base) == TABLE_2[name]


@pytest.mark.parametrize("name", TABLE_2)
def test_a_body_survives_the_disk(name, tmp_path):
    body = body_named(name)
    body.save(tmp_path / "embodiment.json")
    assert Embodiment.load(tmp_path / "embodiment.json") == body


@pytest.mark.parametrize("name", TABLE_2)
def test_a_body_has_ranges_and_speeds_to_be_held_to(name):
    body = body_named(name)
    assert (body.max_step > 0).all()
    assert (body.action_high > body.action_low).all()


def test_an_unknown_body_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'unicorn'.*widowx"):
        body_named("unicorn")


def test_a_name_cannot_lead_out_of_the_folder():
    assert (FOLDER.parent / "embodiment.py").exists()
    with pytest.raises(ValueError, match="No body is named"):
        body_named("../bodies/widowx")


def test_only_a_vehicle_may_have_no_arms():
    with pytest.raises(ValueError, match="none and a mobile base"):
        dataclasses.replace(body_named("widowx"), arms=0)


def test_two_channels_of_one_name_are_refused():
    body = body_named("widowx")
    with pytest.raises(ValueError, match=r"one name: \['x'\]"):
        dataclasses.replace(body, state_channels=(*body.state_channels, body.state_channels[0]))


def test_a_channel_that_cannot_move_is_refused_by_name():
    body = body_named("widowx")
    still = dataclasses.replace(body.action_channels[6], low=1.0, high=1.0)
    with pytest.raises(ValueError, match=r"'gripper' needs low < high"):
        dataclasses.replace(body, action_channels=(*body.action_channels[:6], still))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"max_rate": 0.0}, "finite max_rate above 0"),
        ({"max_rate": math.nan}, "finite max_rate above 0"),
        ({"max_rate": math.inf}, "finite max_rate above 0"),
        ({"high": math.inf}, "both finite"),
        ({"low": math.nan}, "both finite"),
    ],
)
def test_a_channel_without_bounds_is_refused_by_name(changed, words, tmp_path):
    fields = json.loads(json.dumps(body_named("widowx").to_json()))
    fields["action_channels"][6] |= changed
    path = tmp_path / "embodiment.json"
    path.write_text(json.dumps(fields))  # NaN is no JSON, and Python reads it
    with pytest.raises(ValueError, match=rf"'gripper' needs .*{words}"):
        Embodiment.load(path)


@pytest.mark.parametrize("hz", [0.0, -5.0, math.nan, math.inf])
def test_a_body_is_driven_at_some_rate(hz):
    with pytest.raises(ValueError, match="above 0 Hz"):
        dataclasses.replace(body_named("widowx"), control_hz=hz)


def test_a_policy_of_one_robot_does_not_drive_another():
    widowx = body_named("widowx")
    other = dataclasses.replace(widowx, robot_tag="Franka", arms=2)
    assert widowx.differences(widowx) == []
    assert widowx.differences(other) == [
        "robot: 'WidowX' expected, 'Franka' here",
        "number of arms: 1 expected, 2 here",
    ]
