"""The catalogue says the same from SQLite and from a real PostgreSQL server."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from alembic import command as alembic
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from bench import Bench
from postgres import NOT_FOUND, programs, server
from sqlalchemy import inspect

from recordings import editing
from recordings.catalogue import Catalogue
from recordings.database import migrations, open_database
from recordings.dataset import EpisodeSummary
from recordings.drives import Span, keep_drives
from recordings.episode_notes import note_episodes
from recordings.episode_search import FIELDS, Search
from recordings.job_folder import JobStatus
from recordings.marks import Marks, mark
from recordings.selection import select
from recordings.source import Source
from recordings.tables import Base

TASKS = ("Pick the red cube", "ärgere dich nicht", "50% of_it", "pick the blue cube", "Ärmel hoch")


ADDED = {"success", "tags", "figures", "operator", "policy"}
"""Columns that the first revision has not."""


@pytest.fixture(scope="module")
def postgres():
    if programs() is None:
        pytest.skip(NOT_FOUND)
    with server() as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def new_url(request, tmp_path_factory):
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path_factory.mktemp('database') / 'c.db'}"
    return request.getfixturevalue("postgres").new_database


@pytest.fixture
def catalogue(new_url, tmp_path):
    catalogue = Catalogue.in_folder(tmp_path / "data", new_url())
    yield catalogue
    catalogue.close()


@pytest.fixture(scope="module")
def recorded_cubes(tmp_path_factory):
    """Five episodes; two are marked, and one of them is poor."""
    folder = tmp_path_factory.mktemp("data") / "datasets/cubes"
    with Bench() as bench:
        bench.recorder.open_dataset(folder, fps=25)
        for number, task in enumerate(TASKS):
            bench.record(task, ticks=20 + 10 * (number % 3))
    mark(folder, 1, Marks(success=True, tags=("Slow", "left")))
    keep_drives(folder, 0, [Span(0.0, "person")], [], "Änne Lee")
    driven = [Span(0.0, "policy", "pick", "nano"), Span(0.1, "person")]
    keep_drives(folder, 4, [*driven, Span(0.2, "policy", "pick", "run 2, last")], [])
    mark(folder, 3, Marks(success=False, tags=("slower",)))
    lines = (folder / "meta/quality.jsonl").read_text().splitlines()
    poor = json.loads(lines[2]) | {"verdict": "poor", "reason": "7 ticks were missed."}
    poor["missed_ticks"] = 7
    (folder / "meta/quality.jsonl").write_text("\n".join([*lines, json.dumps(poor)]) + "\n")
    return folder


@pytest.fixture(scope="module")
def found(recorded_cubes, new_url):
    """A catalogue that knows the cubes; only looked into."""
    catalogue = Catalogue.in_folder(recorded_cubes.parents[1], new_url())
    yield catalogue
    catalogue.close()


@pytest.fixture
def cubes(recorded_cubes, catalogue):
    """The same, to be changed."""
    folder = catalogue.dataset_folder("cubes")
    shutil.copytree(recorded_cubes, folder)
    catalogue.note_dataset(folder)
    return folder


def test_every_migration_goes_up_and_down_again(new_url):
    engine, is_new = open_database(new_url())
    assert is_new

    def tables():
        return set(inspect(engine).get_table_names()) - {"alembic_version"}

    def columns():
        return {column["name"] for column in inspect(engine).get_columns("episodes")}

    up, down = alembic.upgrade, alembic.downgrade
    for move, revision, expected in (
        *((down, "0001", False), (down, "base", None)),
        *((up, "0001", False), (up, "head", True)),
    ):
        with engine.begin() as connection:
            move(migrations(connection), revision)
        assert tables() == (set() if expected is None else set(Base.metadata.tables))
        assert expected is None or (columns() >= ADDED) == expected
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_an_older_catalogue_is_filled_anew_after_its_migration(cubes, catalogue, tmp_path):
    catalogue.add_command("pick red", who="ann", policy="nano")
    with catalogue._engine.begin() as connection:
        alembic.downgrade(migrations(connection), "0001")
    catalogue.close()

    url = catalogue._engine.url.render_as_string(hide_password=False)
    again = Catalogue.in_folder(tmp_path / "data", url)
    assert [line.success for line in again.episodes("cubes")] == [
        *("unknown", "yes", "unknown", "no", "unknown")
    ]
    assert [c.instruction for c in again.commands()] == ["pick red"]
    again.close()


@pytest.mark.parametrize(
    "conditions",
    [
        *(["secs<0.5"], ["secs>=0.6"], ["num_frames=15"], ["num_frames!=15"], ["index>1"]),
        *(["task~CUBE"], ["task~ÄR"], ["task~%"], ["task~f_i"], ["task=pick the RED cube"]),
        *(["task!=pick the red cube"], ["verdict=poor"], ["verdict!=poor"], ["reason~missed"]),
        *(["success=yes"], ["success!=no"], ["tags=slow"], ["tags~slow"], ["tags!=left"]),
        *(["missed_ticks>=7"], ["missed_ticks!=7"], ["dropped=0"], ["rate_hz>1e300"]),
        *(["operator=änne lee"], ["operator~lee"], ["operator="], ["operator!=Ann"]),
        *(["policy~nano"], ["policy=nano; run 2, last"], ["policy!=nano"]),
        *(["task>3"], ["secs<1", "task~pick", "success!=no"], ["index<1e300"]),
    ],
    ids=" and ".join,
)
def test_conditions_mean_what_they_mean_without_a_catalogue(found, recorded_cubes, conditions):
    lines = found.search(Search("cubes", conditions))
    assert [line.index for line in lines] == select(Source(recorded_cubes), conditions)


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        (["nonsense"], "Expected a condition"),
        (["colour=red"], "There is no field 'colour'"),
        (["secs<much"], "Expected a number after secs, got 'much'"),
        (["secs~1"], "secs is a number"),
    ],
)
def test_a_condition_that_cannot_be_understood_is_told(found, conditions, said):
    with pytest.raises(ValueError, match=said):
        found.search(Search("cubes", conditions))
    with pytest.raises(ValueError, match="There is no field 'colour'"):
        found.search(Search("cubes", sort="colour"))


def test_episodes_are_sorted_by_every_field_alike(found):
    def order(field, **options):
        return [line.index for line in found.search(Search("cubes", sort=field, **options))]

    assert order("task") == sorted(range(5), key=lambda i: TASKS[i])
    assert order("task", descending=True) == sorted(range(5), key=lambda i: TASKS[i])[::-1]
    assert order("secs") == [0, 3, 1, 4, 2]
    assert order("secs", descending=True) == [2, 1, 4, 0, 3]
    assert order("missed_ticks", descending=True) == [2, 0, 1, 3, 4]
    assert order("secs", first=1, limit=2) == [3, 1]
    for field in FIELDS:
        assert sorted(order(field)) == list(range(5))


def test_an_edit_is_noted_and_only_what_changed_is_written(cubes, catalogue):
    def keys():
        query = "SELECT id FROM episodes ORDER BY id"
        with catalogue._engine.connect() as connection:
            return list(connection.exec_driver_sql(query).scalars())

    before = keys()
    mark(cubes, 0, Marks(tags=("new",)))
    catalogue.note_dataset(cubes)
    assert len(set(before) & set(keys())) == 4
    assert catalogue.episodes("cubes")[0].tags == ("new",)
    editing.edit(cubes, "delete 4", lambda pieces: pieces[:4])
    catalogue.note_dataset(cubes)
    assert [line.task for line in catalogue.episodes("cubes")] == list(TASKS[:4])


def test_many_changes_at_once_are_noted_too(catalogue):
    def note(words, count):
        episodes = [
            EpisodeSummary(n, words, 10, 0.4, None, Marks(tags=("a b\nc",))) for n in range(count)
        ]
        with catalogue._session.begin() as session:
            note_episodes(session, "many", episodes)
        return [(line.task, line.tags, line.verdict) for line in catalogue.episodes("many")]

    assert note("first", 700) == [("first", ("a b c",), None)] * 700
    assert note("second", 600) == [("second", ("a b c",), None)] * 600
    assert note("second", 3) == [("second", ("a b c",), None)] * 3


def test_commands_and_jobs_come_back(catalogue, tmp_path):
    said = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    command = catalogue.add_command("pick red", who="ann", policy="nano", said_at=said)
    catalogue.end_command(command.key, outcome="done", clip=("cubes", 4))
    job = tmp_path / "data/jobs/0001-cubes"
    (job / "checkpoints/last").mkdir(parents=True)
    (job / "checkpoints/last/config.json").write_text("{}")
    (job / "request.json").write_text(json.dumps({"dataset": "x/cubes", "steps": 9}))
    (job / "status.json").write_text(json.dumps({"status": "succeeded", "step": 9, "steps": 9}))
    for _ in range(2):
        assert catalogue.rebuild() == []
        (again,) = catalogue.commands()
        assert (again.said_at, again.outcome, again.dataset, again.episode) == (
            *(said, "done", "cubes", 4),
        )
        assert [(j.status, j.step) for j in catalogue.jobs()] == [(JobStatus.SUCCEEDED, 9)]
        assert len(catalogue.checkpoints()) == 1
    catalogue.forget_job("0001-cubes")
    assert (catalogue.jobs(), catalogue.checkpoints()) == ([], [])


def rewrite_table(folder, column, value):
    path = next((folder / "meta/episodes").glob("*/*.parquet"))
    table = pq.read_table(path)
    at = table.schema.get_field_index(column)
    values = [value, *table[column].to_pylist()[1:]]
    pq.write_table(table.set_column(at, column, pa.array(values, table[column].type)), path)


def test_hostile_datasets_keep_no_other_out_of_the_catalogue(cubes, catalogue):
    long, odd = cubes.with_name("a" * 201), cubes.with_name("odd")
    for folder in (long, odd, cubes.with_name("half\udc80"), cubes.with_name("vast")):
        shutil.copytree(cubes, folder)
    rewrite_table(cubes.with_name("vast"), "length", 2**40)
    rewrite_table(odd, "tasks", ["pick\0red"])
    with (odd / "meta/marks.jsonl").open("a") as lines:
        lines.write(json.dumps({"episode_index": 0, "tags": ["a\0b", "half\ud83d"]}) + "\n")
    card = json.loads((odd / "meta/quality.jsonl").read_text().splitlines()[0])
    card |= {"verdict": "x" * 40, "reason": "why\0", "missed_ticks": 10**400}
    with (odd / "meta/quality.jsonl").open("a") as lines:
        lines.write(json.dumps(card) + "\n")

    for problems in (catalogue.catch_up(), catalogue.rebuild()):
        assert [problem[:4] for problem in problems] == ["aaaa", "half", "vast"]
        assert "Expected a name of at most 200 letters" in problems[0]
        assert "expected 0 to 2.14748e+09 in length" in problems[2]
        assert [found.name for found in catalogue.datasets()] == ["cubes", "odd"]
        line = catalogue.episodes("odd")[0]
        assert (line.task, line.tags) == ("pick?red", ("a?b", "half?"))
        assert (line.verdict, line.reason) == ("x" * 16, "why?")


def test_many_threads_note_the_same_dataset_at_once(cubes, catalogue):
    url = catalogue._engine.url.render_as_string(hide_password=False)
    other = Catalogue(url, catalogue.data_dir)
    catalogue.rebuild()
    with catalogue._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM episodes")
    with ThreadPoolExecutor(8) as threads:
        note = lambda i: (catalogue, other)[i % 2].note_dataset(cubes)  # noqa: E731
        list(threads.map(note, range(16)))
    assert [line.index for line in catalogue.episodes("cubes")] == list(range(5))
    other.close()


def test_many_threads_write_at_once(catalogue):
    with ThreadPoolExecutor(8) as threads:
        give = lambda i: catalogue.add_command(f"do {i}", who="ann", policy="nano")  # noqa: E731
        list(threads.map(give, range(24)))
    assert len(catalogue.commands()) == 24
