import dataclasses
import itertools
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from websockets.sync.client import connect

from policy.client import PolicyClient, PolicyUnreachableError
from policy.instructions import check_instruction, words_of
from policy.interface import ActionChunk, Commitment, Policy
from policy.local import LocalPolicy
from policy.local_server import LocalPolicyServer
from policy.serve import PolicyServer, read_observation
from policy.wire import pack, unpack

TASK = "pick up the red cube"


@pytest.fixture
def policy(checkpoint):
    return LocalPolicy(checkpoint)


@pytest.fixture
def serve(policy, tmp_path):
    servers = []
    with ThreadPoolExecutor() as pool:

        def start(token=None):
            server = PolicyServer(policy, tmp_path / "nano", token).listen("127.0.0.1", 0)
            servers.append(server)
            pool.submit(server.serve_forever)
            return f"ws://127.0.0.1:{server.socket.getsockname()[1]}"

        yield start
        for server in servers:
            server.shutdown()


def test_a_plan_is_the_same_served_as_at_home(policy, serve, observation):
    at_home = policy.predict_action_chunk(observation, TASK)
    policy.seed(0)
    client = PolicyClient(serve())
    served = client.predict_action_chunk(observation, TASK)
    client.close()

    np.testing.assert_allclose(served.actions, at_home.actions, atol=1e-5)
    assert served.observed_at == observation.timestamp and served.hz == 10
    assert client.embodiment == policy.embodiment and client.tasks == (TASK,)
    assert client.plan_secs > 0
    assert isinstance(client, Policy) and isinstance(policy, Policy)


def test_a_chunk_is_continued_the_same_served_as_at_home(policy, serve, observation):
    first = policy.predict_action_chunk(observation, TASK)
    seen = dataclasses.replace(observation, timestamp=observation.timestamp + 0.4)
    previous = Commitment(first, seen.timestamp + 0.2)
    policy.seed(1)
    at_home = policy.predict_action_chunk(seen, TASK, previous)
    policy.seed(1)
    client = PolicyClient(serve())
    served = client.predict_action_chunk(seen, TASK, previous)

    np.testing.assert_allclose(served.actions, at_home.actions, atol=1e-4)
    client.metadata.pop("continues")  # as a foreign server, which plans afresh
    policy.seed(1)
    afresh = client.predict_action_chunk(seen, TASK, previous)
    assert np.abs(afresh.actions - at_home.actions).max() > 0.01
    client.close()


def test_a_plan_stays_inside_what_was_normalised(policy, observation):
    chunk = policy.predict_action_chunk(observation, TASK)
    body = policy.embodiment

    assert chunk.actions.shape == (16, 14)
    assert (chunk.actions >= body.action_low - 1e-4).all()
    assert (chunk.actions <= body.action_high + 1e-4).all()


def test_the_same_seed_plans_the_same(policy, observation):
    policy.seed(3)
    first = policy.predict_action_chunk(observation, TASK)
    policy.seed(3)
    again = policy.predict_action_chunk(observation, TASK)
    np.testing.assert_array_equal(first.actions, again.actions)


@pytest.mark.parametrize("words", ["", "   ", "..."])
def test_an_empty_instruction_is_refused(policy, observation, words):
    with pytest.raises(ValueError, match="empty"):
        policy.predict_action_chunk(observation, words)


def test_an_unknown_instruction_names_what_was_trained(serve, observation):
    client = PolicyClient(serve())
    with pytest.raises(ValueError, match="trained on: pick up the red cube"):
        client.predict_action_chunk(observation, "fold my laundry now")
    client.predict_action_chunk(observation, TASK)  # a refusal is not the end
    client.close()


def test_known_words_in_another_order_pass():
    tasks = (TASK, "take it")
    check_instruction("Please, the RED cube: pick it up!", tasks, words_of(" ".join(tasks)))


@pytest.mark.parametrize(
    "words", ["pick up the purple cube", "do not pick up the red cube", "pick <|image_pad|> up"]
)
def test_one_word_never_seen_is_not_acted_out(words):
    with pytest.raises(ValueError, match=r"does not know|plain words"):
        check_instruction(words, (TASK,), words_of(TASK))


def test_a_checkpoint_without_actions_drives_nothing():
    with pytest.raises(ValueError, match="no actions yet"):
        check_instruction(TASK, (), None)


def test_a_late_answer_is_never_taken_for_the_next(policy, serve, observation, monkeypatch):
    client = PolicyClient(serve())
    slow, numbers = threading.Event(), itertools.count(1)

    def numbered(seen, task, previous):
        number = next(numbers)
        slow.wait(5)
        return ActionChunk(np.full((16, 14), number, np.float32), seen.timestamp, 10.0)

    monkeypatch.setattr(policy, "predict_action_chunk", numbered)
    monkeypatch.setattr("policy.client.ANSWER_SECS", 0.2)
    with pytest.raises(PolicyUnreachableError, match="stopped answering"):
        client.predict_action_chunk(observation, TASK)
    monkeypatch.setattr("policy.client.ANSWER_SECS", 20.0)
    slow.set()

    served = client.predict_action_chunk(observation, TASK)  # dials again
    assert (served.actions == 2).all()
    client.close()


def test_a_missing_camera_is_named(policy, observation):
    blind = dataclasses.replace(observation, frames={})
    with pytest.raises(ValueError, match=r"missing: .*cam_high"):
        policy.predict_action_chunk(blind, TASK)


def test_a_server_asks_for_its_token(serve, observation):
    url = serve(token="secret")
    with pytest.raises(PolicyUnreachableError, match="401"):
        PolicyClient(url)
    client = PolicyClient(url, token="secret")
    client.predict_action_chunk(observation, TASK)
    client.close()


def test_nobody_listening_says_what_to_do():
    with pytest.raises(PolicyUnreachableError, match=r"Is policy.serve running"):
        PolicyClient("ws://127.0.0.1:9")


def test_a_text_frame_is_answered_by_an_error(serve):
    with connect(serve(), compression=None) as connection:
        connection.recv()
        connection.send("hello")
        assert "Expected a binary frame" in connection.recv()


def test_pictures_may_come_colour_first_or_last():
    image = np.zeros((4, 6, 3), np.uint8)
    for sent in (image, image.transpose(2, 0, 1)):
        message = {"state": np.zeros(14), "images": {"cam_high": sent}, "prompt": "go"}
        seen, prompt = read_observation(message)
        assert seen.frames["cam_high"].image.shape == (4, 6, 3) and prompt == "go"


def test_a_server_of_its_own_process_serves_and_stops(checkpoint, tmp_path, observation):
    checkpoint.save(tmp_path / "nano", "card")
    server = LocalPolicyServer(tmp_path / "nano", tmp_path / "log.txt")
    try:
        server.wait_ready()
        client = PolicyClient(server.url)
        assert client.predict_action_chunk(observation, TASK).actions.shape == (16, 14)
    finally:
        server.stop()
    assert not server.alive
    assert server._process.returncode == 0  # in good order, though a client is connected
    client.close()


def test_serving_what_is_no_checkpoint_says_so(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "policy.serve", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Not a checkpoint" in done.stderr and "model.safetensors" in done.stderr


def test_any_words_are_taken_when_asked_for(policy, observation):
    policy.any_words = True
    assert policy.predict_action_chunk(observation, "fold my laundry").actions.shape == (16, 14)
    with pytest.raises(ValueError, match="empty"):
        policy.predict_action_chunk(observation, " ")


def test_a_client_may_ask_for_any_words_plan_by_plan(policy, serve, observation):
    client = PolicyClient(serve())
    client.any_words = True
    chunk = client.predict_action_chunk(observation, "fold my laundry")
    assert chunk.actions.shape == (16, 14)
    client.any_words = False
    with pytest.raises(ValueError, match="does not know"):
        client.predict_action_chunk(observation, "fold my laundry")
    client.any_words = True
    client.metadata.pop("any_words")  # as a server that cannot be asked
    with pytest.raises(ValueError, match="does not know"):
        client.predict_action_chunk(observation, "fold my laundry")
    client.close()


def test_a_state_that_is_no_number_is_refused_by_channel(policy, observation):
    torn = observation.state.copy()
    torn[2] = np.nan
    with pytest.raises(ValueError, match=r"finite numbers; it is not in \['left_elbow'\]"):
        policy.predict_action_chunk(dataclasses.replace(observation, state=torn), TASK)


GOOD = {
    "state": np.zeros(14, np.float32),
    "images": {name: np.zeros((48, 64, 3), np.uint8) for name in ("cam_high", "cam_left_wrist")},
    "prompt": TASK,
}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"images": 5}, "images as a dictionary"),
        ({"images": ["cam_high"]}, "images as a dictionary"),
        ({"images": {"cam_high": np.zeros((0, 64, 3), np.uint8)}}, "not empty"),
        ({"images": {"cam_high": None}}, "must be uint8"),
        ({"state": {"left": 1}}, "array of numbers"),
        ({"state": None}, "state"),
        ({"state": np.full(14, np.nan, np.float32)}, "finite"),
        ({"prompt": 3}, "prompt as text"),
        ({"continue": 5}, "are needed"),
        ({"any_words": "yes"}, "true or false"),
    ],
)
def test_a_malformed_question_is_answered_in_words_and_the_connection_lives(serve, changed, words):
    with connect(serve(), compression=None) as connection:
        connection.recv()
        connection.send(pack(GOOD | changed))
        answer = connection.recv()
        assert isinstance(answer, str) and answer.startswith("ValueError: ") and words in answer
        connection.send(pack(GOOD))
        assert unpack(connection.recv())["actions"].shape == (16, 14)


@pytest.mark.parametrize(
    ("key", "value"), [("image_sizes", {"cam_high": [16, 16]}), ("action_hz", 5.0)]
)
def test_a_server_that_comes_back_as_another_is_refused(
    policy, serve, observation, key, value, monkeypatch
):
    client = PolicyClient(serve())
    client.close()  # as when the server was restarted
    real = client._dial
    monkeypatch.setattr(client, "_dial", lambda: real() | {key: value})
    with pytest.raises(ValueError, match=f"another policy: {key} differ"):
        client.predict_action_chunk(observation, TASK)
    monkeypatch.setattr(client, "_dial", real)
    assert client.predict_action_chunk(observation, TASK).hz == 10  # the old one is back
    client.close()
