"""The catalogue's database, opened and brought to the tables of this version. Queries nothing."""

import sqlite3
from pathlib import Path

from alembic import command as alembic
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.exc import SQLAlchemyError

from recordings.tables import Base


def open_database(url: str) -> tuple[Engine, bool]:
    """Return the database at an SQLAlchemy URL, with every table, and whether it had none before.

    Raises `ValueError` when it does not open.
    """
    try:
        engine = create_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _set_up_sqlite)
        is_new = not set(inspect(engine).get_table_names()) & set(Base.metadata.tables)
        with engine.begin() as connection:
            alembic.upgrade(migrations(connection), "head")
    except (SQLAlchemyError, CommandError, ImportError) as error:
        raise ValueError(
            f"The catalogue's database does not open ({error}). Expected an SQLAlchemy URL of "
            "one that runs, with its driver installed. A database can be given up: a new one is "
            "filled from the data folder."
        ) from error
    return engine, is_new


def migrations(connection: Connection) -> Config:
    """Return what Alembic's commands need to change the tables of the database connected to."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    for setting in ("journal_mode=WAL", "busy_timeout=5000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(words: str | None) -> str | None:
    """Of all alphabets; SQLite's own knows a to z."""
    return None if words is None else words.lower()
