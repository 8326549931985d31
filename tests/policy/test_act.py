from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

from hardware.aloha import aloha_embodiment
from hardware.interfaces import Frame, Observation
from hardware.simulation.standard.task import TRANSFER
from policy.baselines.act import CAMERA, PICTURE, Act, ActSize, Scale, images, window
from policy.baselines.act_data import Windows, learnt
from policy.baselines.act_server import ActServer
from policy.client import PolicyClient
from policy.data.left_out import MARKS, QUALITY
from policy.evaluation.environment import Ending, Start
from policy.evaluation.gym_aloha import GymAloha
from policy.evaluation.planner import PlanningDriver, Replanning
from policy.evaluation.request import Rules
from recordings.demonstration import Recipe
from recordings.generate import generate


class Brightness:
    """A planner that answers with the state, and with how bright its picture is as last value."""

    def plan(self, state, picture):
        seen = window(picture)
        return np.tile(np.append(state[:-1], np.float32(seen.mean() / 255)), (5, 1))


@contextmanager
def serving(planner):
    height, width = PICTURE
    described = {
        "embodiment": aloha_embodiment((CAMERA,), height=height, width=width).to_json(),
        "image_sizes": {CAMERA: list(PICTURE)},
        "action_hz": 25.0,
        "tasks": list(TRANSFER.wordings),
    }
    server = ActServer(planner, described).listen("127.0.0.1", 0)
    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(server.serve_forever)
        client = PolicyClient(f"ws://127.0.0.1:{server.socket.getsockname()[1]}")
        try:
            yield client
        finally:
            client.close()
            server.shutdown()
            served.result()


def seeing(level):
    image = np.full((480, 640, 3), level, np.uint8)
    return Observation(1.0, np.arange(14, dtype=np.float32), {CAMERA: Frame(image, 1.0)})


def test_a_served_planner_is_a_policy_like_any_other():
    with serving(Brightness()) as client:
        chunk = client.predict_action_chunk(seeing(51), TRANSFER.wordings[0])
        assert chunk.hz == 25.0
        assert chunk.observed_at == 1.0
        assert chunk.actions.shape == (5, 14)
        assert chunk.actions[0, :-1] == pytest.approx(np.arange(13))
        assert chunk.actions[0, -1] == pytest.approx(0.2)


def test_a_server_answers_what_it_cannot_take_in_words_and_goes_on():
    with serving(Brightness()) as client:
        client._told.image_sizes[CAMERA] = (120, 160)
        with pytest.raises(ValueError, match=r"pictures of \(240, 320\), got \(120, 160, 3\)"):
            client.predict_action_chunk(seeing(51), "hand it over")
        client._told.image_sizes[CAMERA] = PICTURE
        assert client.predict_action_chunk(seeing(0), "hand it over").actions[0, -1] == 0


def test_a_served_planner_is_evaluated_in_the_makers_environment():
    environment = GymAloha(Rules(limit_secs=0.6))
    with serving(Brightness()) as client:
        assert client.embodiment.differences(environment.embodiment) == []
        driver = PlanningDriver(client, client.cameras, Replanning(0.2), lambda briefing: None)
        assert environment.select(driver.tasks) == (TRANSFER.id,)
        result = environment.attempt(Start(TRANSFER.id, None, 500_000), driver, None)
    assert result.ending is Ending.TIME_OUT
    assert result.instruction in TRANSFER.wordings


def test_normalising_is_undone_and_a_still_channel_does_no_harm():
    import torch

    rng = np.random.default_rng(0)
    rows = rng.normal(3.0, 2.0, (100, 14)).astype(np.float32)
    rows[:, 5] = 0.7
    scale = Scale.of(rows, rows)
    normal = scale.action(rows)
    assert normal.dtype == torch.float32
    assert normal.mean(0).abs().max() < 1e-4
    assert normal[:, :5].std(0).numpy() == pytest.approx(np.ones(5), abs=0.02)
    assert np.allclose(scale.to_action(normal), rows, atol=1e-5)


def test_a_chunk_ends_with_its_episode():
    rows = np.arange(10, dtype=np.float32)[:, None].repeat(14, 1)
    ends = np.array([6] * 6 + [10] * 4)
    data = Windows(np.zeros((10, 1, 1, 3), np.uint8), rows, rows, ends, ("x",), np.arange(10))
    actions, padded = data.chunk(np.array([1, 4, 8]), ActSize(rows=3, hz=25.0))
    assert actions[..., 0].tolist() == [[1, 3, 5], [4, 5, 5], [8, 9, 9]]
    assert padded.tolist() == [[False] * 3, [False, True, True], [False, True, True]]


EPISODES = [
    {"dataset_from_index": 0, "dataset_to_index": 2, "tasks": ["lift"]},
    {"dataset_from_index": 2, "dataset_to_index": 5, "tasks": ["hand over"]},
    {"dataset_from_index": 5, "dataset_to_index": 9, "tasks": ["hand over"]},
]


def test_what_our_trainings_leave_out_is_left_out(tmp_path):
    (tmp_path / "meta").mkdir()
    (tmp_path / MARKS).write_text('{"episode_index": 0, "success": false}\n')
    (tmp_path / QUALITY).write_text('{"episode_index": 1, "verdict": "poor", "reason": "x"}\n')

    def numbers(**given):
        return [span.number for span in learnt(tmp_path, EPISODES, **given)]

    assert numbers(keep_all=False) == [2]
    assert numbers(keep_all=True) == [0, 1, 2]
    with (tmp_path / MARKS).open("a") as file:
        file.write('{"episode_index": 2, "success": false}\n')
    with pytest.raises(ValueError, match=r"All 3 episodes .* --keep-all"):
        numbers(keep_all=False)


def test_rows_of_what_is_kept_and_of_these_only_the_driven_are_learnt_from(tmp_path):
    (tmp_path / "meta").mkdir()
    (tmp_path / MARKS).write_text('{"episode_index": 1, "success": false}\n')
    spans = learnt(tmp_path, EPISODES, keep_all=False)
    rows = np.arange(9, dtype=np.float32)[:, None].repeat(14, 1)
    columns = {"observation.state": rows, "action": rows + 100}
    sent = np.array([1, 1, 1, 1, 1, 0, 1, 1, 1])[:, None]
    data = Windows.of(np.zeros((6, 1, 1, 3), np.uint8), {**columns, "sent": sent}, spans)
    assert data.states[:, 0].tolist() == [0, 1, 5, 6, 7, 8]
    assert data.actions[:, 0].tolist() == [100, 101, 105, 106, 107, 108]
    assert data.ends.tolist() == [2, 2, 6, 6, 6, 6]
    assert data.tasks == ("lift", "hand over")
    assert data.driven.tolist() == [0, 1, 3, 4, 5]
    everywhere = Windows.of(np.zeros((6, 1, 1, 3), np.uint8), columns, spans)
    assert everywhere.driven.tolist() == list(range(6))


def test_lerobot_reads_what_is_learnt_from(tmp_path):
    pytest.importorskip("lerobot", reason="its own environment: requirements-act.txt")
    recipe = Recipe(
        tasks=("pick_red_cube_left", "pick_blue_cube_right"),
        seed=1,
        fps=50,
        height=PICTURE[0],
        width=PICTURE[1],
        cameras=(CAMERA,),
        disturbed=0.0,
        wordings="canonical",
    )
    generate(tmp_path / "picks", recipe, 2, workers=0)
    every = Windows.read(tmp_path / "picks")
    (tmp_path / "picks" / MARKS).write_text('{"episode_index": 0, "success": false}\n')
    kept = Windows.read(tmp_path / "picks")
    first = every.ends[0]
    assert len(every.tasks) == 2 and kept.tasks == every.tasks[1:]
    assert np.array_equal(kept.states, every.states[first:])
    assert np.array_equal(kept.pictures, every.pictures[first:])
    assert len(Windows.read(tmp_path / "picks", keep_all=True)) == len(every)


def test_the_network_sees_the_middle_of_the_picture_about_zero():
    picture = np.zeros((*PICTURE, 3), np.uint8)
    picture[88:184, 80:240] = 255
    assert window(picture).min() == 255
    assert images(window(picture)[None]).shape == (1, 3, 96, 160)
    assert images(window(picture)[None]).min() == 1.0
    with pytest.raises(ValueError, match="got"):
        window(picture[:100])


def test_a_folder_without_a_checkpoint_is_named(tmp_path):
    with pytest.raises(ValueError, match=str(tmp_path)):
        Act.load(tmp_path)


def test_a_continued_training_is_the_same_one_and_other_options_are_refused(tmp_path, monkeypatch):
    pytest.importorskip("lerobot", reason="its own environment: requirements-act.txt")
    import torch

    from policy.baselines.act_train import Options, Training

    rng = np.random.default_rng(1)
    rows = rng.normal(size=(12, 14)).astype(np.float32)
    pictures = rng.integers(255, size=(12, *window(np.zeros((*PICTURE, 3), np.uint8)).shape))
    data = Windows(pictures.astype(np.uint8), rows, rows, np.full(12, 12), ("x",), np.arange(12))
    monkeypatch.setattr(Windows, "read", lambda folder, keep_all: data)

    def trained(name, steps, batch=2):
        Training(Options(tmp_path, tmp_path / name, steps, batch, save_every=1)).run()
        return torch.load(tmp_path / name / "training.pt", weights_only=True)["policy"]

    whole = trained("whole", 2)
    trained("parts", 1)
    torch.rand(3)
    for name, value in trained("parts", 2).items():
        assert torch.equal(value, whole[name]), name
    with pytest.raises(ValueError, match=r"begun with .*'batch': 2.*got .*'batch': 3"):
        trained("parts", 3, batch=3)


def test_lerobots_network_keeps_its_plan_through_saving(tmp_path):
    pytest.importorskip("lerobot", reason="its own environment: requirements-act.txt")
    from policy.baselines.act import build

    rows = np.random.default_rng(0).normal(size=(50, 14)).astype(np.float32)
    size = ActSize(rows=5, width=32, feedforward=64)
    act = Act(build(size), size, Scale.of(rows, rows), {"tasks": ["x"]})
    act.save(tmp_path)
    picture = np.zeros((*PICTURE, 3), np.uint8)
    plans = [each.plan(rows[0], picture) for each in (act, Act.load(tmp_path))]
    assert plans[0].shape == (5, 14)
    assert np.array_equal(*plans)
