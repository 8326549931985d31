import numpy as np
import pytest
from waiting import wait_for

from hardware.aloha import aloha_embodiment
from hardware.safety.limits import RAMP_SHARE
from hardware.safety.state import GateState
from studio.history import History
from studio.notices import Notices
from studio.replay import ReplayAgent, require_playable
from studio.station import Station
from studio.status import Driver


def swing(station, rows=25, joint=7, away=0.2):
    """An episode that begins a way off, and turns one joint there."""
    actions = np.repeat(station.tick.observation.state[None], rows, axis=0)
    actions[:, joint] += away + np.linspace(0, 0.1, rows, dtype=np.float32)
    return actions


def texts(station):
    return [notice.text for notice in station.notices.recent()]


def test_the_first_frame_is_gone_to_slowly_before_the_replay_begins_and_its_end_is_told(
    patient_robot, teleoperator, arms
):
    ticks = []
    with Station(
        patient_robot, teleoperator, Notices(), History(), listeners=(ticks.append,)
    ) as station:
        wait_for(lambda: station.tick)
        actions = swing(station)
        agent = ReplayAgent(actions, 50)
        station.replay(agent, "replay of cubes, episode 3")
        assert agent.chunk is None

        wait_for(lambda: agent.chunk is not None)
        assert abs(arms[1].positions[0] - actions[0, 7]) < 0.02  # and not somewhere in the middle
        wait_for(lambda: station.status().driver is Driver.NOBODY)
        assert abs(arms[1].positions[0] - actions[-1, 7]) < 2e-3
        assert "Over: replay of cubes, episode 3." in texts(station)
        assert station.status().gate is GateState.READY
    sent = np.array([tick.action for tick in ticks if tick.action is not None])
    way = sent[: int(np.argmax(sent[:, 7] >= actions[0, 7] - 2e-3))]
    slow = RAMP_SHARE * patient_robot.gate.limits.step
    assert len(way) > 5
    assert (np.abs(np.diff(way, axis=0)) <= slow + 1e-6).all()


def test_rows_a_hair_beyond_a_limit_are_played_on_it_to_the_end(station):
    wait_for(lambda: station.tick)
    limits, actions = station.robot.gate.limits, swing(station, rows=5, away=0.0)
    open_wide = limits.high[13]
    actions[0, 13] = actions[-1, 13] = open_wide + 5e-3
    station.replay(ReplayAgent(actions, 50), "replay")
    wait_for(lambda: "Over: replay." in texts(station))
    assert station.tick.observation.state[13] == pytest.approx(open_wide, abs=2e-3)


@pytest.mark.parametrize("begun", [False, True])
def test_stop_works_on_the_way_to_the_first_frame_and_in_the_middle(station, arms, begun):
    wait_for(lambda: station.tick)
    agent, before = ReplayAgent(swing(station, rows=200), 50), arms[1].positions[0]
    station.replay(agent, "replay")
    wait_for(lambda: arms[1].positions[0] != before and (agent.chunk is not None) is begun)
    station.stop("A person pressed Stop.")
    held = arms[1].positions.copy()
    wait_for(lambda: station.status().driver is Driver.NOBODY)
    np.testing.assert_array_equal(arms[1].positions, held)


def test_a_paused_replay_goes_on_from_where_it_was(station, arms):
    wait_for(lambda: station.tick)
    actions = swing(station, rows=100)
    agent = ReplayAgent(actions, 50)
    station.replay(agent, "replay")
    wait_for(lambda: agent.chunk is not None and agent.secs_left < 1.5)
    station.pause()
    station.resume()
    assert station.status().driver is Driver.REPLAY
    wait_for(lambda: agent.chunk is not None)
    assert agent.secs_left < 1.7


def test_an_episode_of_another_body_is_refused(body):
    actions = np.zeros((3, 14), np.float32)
    require_playable(actions, aloha_embodiment(("cam_low",), height=480, width=640), body)
    other = body.from_json(body.to_json() | {"robot_tag": "franka"})
    with pytest.raises(ValueError, match=r"another body.*franka.*Replay it on the body"):
        require_playable(actions, other, body)
    with pytest.raises(ValueError, match="no numbers"):
        require_playable(actions + np.nan, body, body)


def test_an_episode_that_leaves_the_limits_of_the_workcell_moves_nothing(station):
    wait_for(lambda: station.tick)
    with pytest.raises(ValueError, match=r"leaves the limits.*right_waist goes from"):
        station.replay(ReplayAgent(swing(station, away=9.0), 50), "replay")
    assert station.status().driver is Driver.NOBODY
