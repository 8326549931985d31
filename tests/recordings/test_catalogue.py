import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import CreateTable

from recordings.catalogue import Catalogue
from recordings.job_folder import JobStatus
from recordings.tables import Base


@pytest.fixture
def catalogue(tmp_path):
    catalogue = Catalogue.in_folder(tmp_path / "data")
    yield catalogue
    catalogue.close()


def record_into(bench, catalogue, name, *tasks):
    folder = catalogue.dataset_folder(name)
    bench.recorder.open_dataset(folder, fps=25)
    for task in tasks:
        bench.record(task, ticks=10)
    catalogue.note_dataset(folder)
    return folder


def test_the_migrations_lead_to_the_tables_of_the_code(catalogue):
    with catalogue._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []


def test_sqlite_lets_readers_and_a_writer_work_at_once(catalogue):
    with catalogue._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000


def test_datasets_and_episodes_are_found(catalogue, bench):
    record_into(bench, catalogue, "cubes", "pick red", "pick blue", "pick red")

    (dataset,) = catalogue.datasets()
    assert (dataset.name, dataset.num_episodes, dataset.num_frames) == ("cubes", 3, 15)
    assert dataset.tasks == ("pick blue", "pick red")
    assert dataset.secs == pytest.approx(0.6)
    assert dataset.num_poor == 0
    assert [(e.index, e.task, e.verdict) for e in catalogue.episodes("cubes")] == [
        (0, "pick red", "good"),
        (1, "pick blue", "good"),
        (2, "pick red", "good"),
    ]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden"])
def test_a_dataset_name_cannot_leave_the_data_folder(catalogue, name):
    with pytest.raises(ValueError, match="Expected a folder name"):
        catalogue.dataset_folder(name)


def test_a_command_remembers_its_clip_and_outcome(catalogue):
    said = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    command = catalogue.add_command("pick red", who="ann", policy="nano", said_at=said)
    catalogue.end_command(command.key, outcome="done", clip=("cubes", 4))
    catalogue.add_command("pick blue", who="ben", policy="nano")

    newest, oldest = catalogue.commands()
    assert newest.instruction == "pick blue"
    assert (oldest.who, oldest.dataset, oldest.episode, oldest.outcome) == (
        "ann",
        "cubes",
        4,
        "done",
    )
    assert oldest.said_at == said
    assert [c.instruction for c in catalogue.commands(limit=1)] == ["pick blue"]


def test_a_deleted_database_comes_back_whole(catalogue, bench, tmp_path):
    record_into(bench, catalogue, "cubes", "pick red")
    command = catalogue.add_command("pick red", who="ann", policy="nano")
    catalogue.end_command(command.key, outcome="stopped")
    job = tmp_path / "data/jobs/0001-cubes"
    (job / "checkpoints/last").mkdir(parents=True)
    (job / "checkpoints/last/config.json").write_text("{}")
    (job / "request.json").write_text(json.dumps({"dataset": "x/cubes", "base": None, "steps": 9}))
    (job / "status.json").write_text(json.dumps({"status": "succeeded", "step": 9, "steps": 9}))
    catalogue.close()
    for path in (tmp_path / "data").glob("catalogue.db*"):
        path.unlink()

    again = Catalogue.in_folder(tmp_path / "data")
    assert [e.task for e in again.episodes("cubes")] == ["pick red"]
    assert [(c.key, c.outcome) for c in again.commands()] == [(command.key, "stopped")]
    assert [(j.name, j.status, j.step) for j in again.jobs()] == [
        ("0001-cubes", JobStatus.SUCCEEDED, 9)
    ]
    assert [c.folder for c in again.checkpoints()] == [str(job / "checkpoints/last")]
    again.close()


def test_what_other_programs_made_or_deleted_is_found_when_opened_again(catalogue, bench, tmp_path):
    gone = record_into(bench, catalogue, "gone", "pick red")
    folder = record_into(bench, catalogue, "cubes", "pick red")
    bench.record("pick blue", ticks=10)
    bench.recorder.close()
    shutil.rmtree(gone)
    job = tmp_path / "data/jobs/0007-cubes"
    job.mkdir(parents=True)
    (job / "request.json").write_text(json.dumps({"dataset": str(folder)}))

    again = Catalogue.in_folder(tmp_path / "data")
    assert [(d.name, d.num_episodes) for d in again.datasets()] == [("cubes", 2)]
    assert [job.name for job in again.jobs()] == ["0007-cubes"]
    shutil.rmtree(job)
    assert again.catch_up() == []
    assert again.jobs() == []
    again.close()


def test_rebuilding_names_what_it_cannot_read_and_keeps_the_rest(catalogue, bench, tmp_path):
    record_into(bench, catalogue, "cubes", "pick red")
    torn = tmp_path / "data/datasets/torn/meta"
    torn.mkdir(parents=True)
    (torn / "info.json").write_text("{")

    (problem,) = catalogue.rebuild()
    assert problem.startswith("torn: meta/info.json is not JSON")
    assert len(catalogue.datasets()) == 1


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("datasets/odd/meta/info.json", '{"codebase_version": "v3.0"}', "lacks ['total_episodes'"),
        ("datasets/odd/meta/info.json", "[]", "Expected a JSON object"),
        ("datasets/odd/meta/info.json", None, "there is no meta/info.json to read"),
        ("jobs/odd/request.json", "[]", "Expected a JSON object"),
        ("jobs/odd/request.json", '{"steps": "many"}', "many"),
        ("jobs/odd/request.json", '{"steps": [1]}', "TypeError"),
        ("jobs/odd/request.json", None, "cannot be read"),
    ],
)
def test_one_odd_folder_keeps_nothing_else_out(catalogue, tmp_path, file, content, said):
    good = tmp_path / "data/jobs/0001-cubes"
    good.mkdir(parents=True)
    (good / "request.json").write_text(json.dumps({"dataset": "x/cubes"}))
    odd = tmp_path / "data" / file
    odd.parent.mkdir(parents=True)
    odd.mkdir() if content is None else odd.write_text(content)

    for problems in (catalogue.catch_up(), catalogue.rebuild()):
        (problem,) = problems
        assert problem.startswith("odd: ")
        assert said in problem
        assert [job.name for job in catalogue.jobs()] == ["0001-cubes"]


def test_a_job_that_only_grounds_has_no_dataset(catalogue, tmp_path):
    job = tmp_path / "data/jobs/0001-scenes"
    job.mkdir(parents=True)
    (job / "request.json").write_text(json.dumps({"scenes": 100, "steps": 5}))
    (job / "status.json").write_text("[]")
    (job / "metrics.jsonl").write_text("3\nnonsense\n")

    assert catalogue.rebuild() == []
    assert [(j.name, j.dataset, j.steps) for j in catalogue.jobs()] == [("0001-scenes", "", 5)]


def test_a_corrupt_line_of_commands_is_named_and_the_others_are_kept(catalogue, tmp_path):
    catalogue.add_command("pick red", who="ann", policy="nano")
    with (tmp_path / "data/commands.jsonl").open("a") as file:
        file.write('{"key": \n[]\n{"key": "k", "said_at": "noon"}\n{"surprise": 1}\n')
    catalogue.add_command("pick blue", who="ben", policy="nano")

    problems = catalogue.rebuild()
    assert [problem.partition(": ")[0] for problem in problems] == [
        f"commands.jsonl, line {number}" for number in (2, 3, 4, 5)
    ]
    assert [c.instruction for c in catalogue.commands()] == ["pick blue", "pick red"]


def test_checkpoints_are_whole_and_the_one_written_last_comes_first(catalogue, tmp_path):
    job = tmp_path / "data/jobs/0001-cubes"
    job.mkdir(parents=True)
    (job / "request.json").write_text(json.dumps({"dataset": "x/cubes"}))
    for number, name in enumerate(["last", "000100", "last.partial", "last.replaced"]):
        (job / "checkpoints" / name).mkdir(parents=True)
        (job / "checkpoints" / name / "config.json").write_text("{}")
        os.utime(job / "checkpoints" / name / "config.json", (1e9 + number, 1e9 + number))

    def offered():
        catalogue.note_job(job)
        return [Path(checkpoint.folder).name for checkpoint in catalogue.checkpoints()]

    assert offered() == ["000100", "last"]
    os.utime(job / "checkpoints/last/config.json", (1e9 + 9, 1e9 + 9))
    assert offered() == ["last", "000100"]


def test_a_data_folder_is_found_from_anywhere_and_after_a_move(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = tmp_path / "data/jobs/0001-cubes"
    (job / "checkpoints/last").mkdir(parents=True)
    (job / "checkpoints/last/config.json").write_text("{}")
    (job / "request.json").write_text(json.dumps({"dataset": "x/cubes"}))
    for name in ("data", "moved"):
        catalogue = Catalogue.in_folder(Path(name))
        assert [job.folder for job in catalogue.jobs()] == [
            str(tmp_path / name / "jobs/0001-cubes")
        ]
        (checkpoint,) = catalogue.checkpoints()
        assert checkpoint.folder == str(tmp_path / name / "jobs/0001-cubes/checkpoints/last")
        catalogue.close()
        if name == "data":
            (tmp_path / "data").rename(tmp_path / "moved")


def test_the_catalogue_can_be_in_another_database(tmp_path):
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    catalogue = Catalogue.in_folder(tmp_path / "data", url)
    catalogue.add_command("pick red", who="ann", policy="nano")
    catalogue.close()

    assert [path.name for path in (tmp_path / "data").iterdir()] == ["commands.jsonl"]
    for each in (url, f"sqlite:///{tmp_path / 'new.db'}"):
        again = Catalogue.in_folder(tmp_path / "data", each)
        assert [c.instruction for c in again.commands()] == ["pick red"]
        again.close()


@pytest.mark.parametrize("dialect", [mysql.dialect(), postgresql.dialect()])
def test_other_databases_could_make_the_tables(dialect):
    for table in Base.metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))


@pytest.mark.parametrize("url", ["nonsense", "nosuch://host/db", "sqlite:////no/such/folder/db"])
def test_a_database_that_does_not_open_is_told(tmp_path, url):
    with pytest.raises(ValueError, match="The catalogue's database does not open"):
        Catalogue.in_folder(tmp_path / "data", url)


def test_many_threads_can_keep_commands(catalogue):
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda i: catalogue.add_command(f"do {i}", who="ann", policy="nano"), range(40)
            )
        )

    assert len(catalogue.commands()) == 40
    catalogue.rebuild()
    assert len(catalogue.commands()) == 40
