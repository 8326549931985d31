"""A station on a robot of five-line parts."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from small_robot import Eye, Joints, Waver

from hardware.aloha import aloha_embodiment
from hardware.clock import MonotonicClock
from hardware.robot import Robot
from hardware.teleoperator import CartesianTeleoperator
from recordings.catalogue import Catalogue
from studio.history import History
from studio.notices import Notices
from studio.station import Station


@pytest.fixture
def body():
    return aloha_embodiment(("cam_high", "cam_left_wrist"), height=48, width=64)


@pytest.fixture
def arms():
    return [Joints(), Joints()]


@pytest.fixture
def robot(body, arms):
    clock = MonotonicClock()
    return Robot(body, arms, {name: Eye(clock) for name in body.camera_names}, clock)


@pytest.fixture
def patient_robot(robot):
    """A robot for tests of something else than whether a busy computer keeps time."""
    patience = replace(robot.gate.limits.patience, late_secs=30, picture_secs=30, agent_secs=60)
    robot.gate.limits = replace(robot.gate.limits, patience=patience)
    return robot


@pytest.fixture
def policy(body):
    return Waver(body)


@pytest.fixture
def teleoperator(body):
    return CartesianTeleoperator(body)


@pytest.fixture
def station(robot, teleoperator) -> Iterator[Station]:
    with Station(robot, teleoperator, Notices(), History()) as station:
        yield station


@pytest.fixture(scope="session")
def empty_catalogue(tmp_path_factory):
    catalogue = Catalogue.in_folder(tmp_path_factory.mktemp("data"))
    yield catalogue
    catalogue.close()
