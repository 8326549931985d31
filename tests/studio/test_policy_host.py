from concurrent.futures import ThreadPoolExecutor

import pytest
from small_policy_server import policy_server
from small_robot import WAVE
from waiting import wait_for

from hardware.aloha import aloha_embodiment
from studio.notices import Notices
from studio.policy_host import HostState, PolicyHost, name_of


@pytest.fixture
def notices():
    return Notices()


@pytest.fixture
def host(body, notices, tmp_path):
    host = PolicyHost(body, notices, lambda: None, tmp_path / "log")
    yield host
    host.close()


def changed(host):
    wait_for(lambda: host.status.state not in (HostState.STARTING, HostState.NONE), 15)
    return host.status


def test_without_a_checkpoint_the_page_says_how_to_get_one(host):
    with pytest.raises(ValueError, match="make one in the Train tab"):
        _ = host.policy


def test_a_server_that_fits_is_ready_with_what_it_knows(host, body):
    with ThreadPoolExecutor() as executor, policy_server(body, executor) as url:
        host.use(url)
        status = changed(host)
        assert (status.state, status.tasks) == (HostState.READY, (WAVE,))
        assert host.policy.embodiment == body
        host.close()


def test_a_checkpoint_for_another_body_is_refused_naming_what_differs(host, notices):
    other = aloha_embodiment(("cam_high", "cam_low"))
    with ThreadPoolExecutor() as executor, policy_server(other, executor) as url:
        host.use(url)
        assert changed(host).state is HostState.FAILED
    assert "cameras lacking: ['cam_low']" in notices.recent()[-1].text
    with pytest.raises(ValueError, match="cannot drive this robot"):
        _ = host.policy


def test_a_folder_that_is_not_there_is_named(host, notices, tmp_path):
    host.use(str(tmp_path / "nothing"))
    assert changed(host).state is HostState.FAILED
    assert "There is no checkpoint folder" in notices.recent()[-1].text


def test_a_checkpoint_of_a_job_is_called_by_the_job():
    assert name_of("/data/jobs/0003-cubes/checkpoints/last") == "0003-cubes, last"
    assert name_of("policy/pretrained/nano") == "nano"
    assert name_of("ws://robot:8000") == "ws://robot:8000"
