"""A PostgreSQL server of the tests' own: Debian's program, a new cluster, a socket in a folder."""

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path

NOT_FOUND = "PostgreSQL's server is not installed (Debian: apt-get install postgresql)."


def programs():
    """Return the newest folder with PostgreSQL's programs; None if there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    on_path = shutil.which("postgres")
    found += [Path(on_path).parent] if on_path else []
    return max(found, key=lambda folder: (len(str(folder)), str(folder)), default=None)


class Server:
    def __init__(self, folder):
        self.folder = folder
        self.numbers = count()

    def new_database(self):
        """Make an empty database and return its URL for SQLAlchemy."""
        import psycopg

        name = f"catalogue{next(self.numbers)}"
        with psycopg.connect(
            host=str(self.folder), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"


@contextmanager
def server():
    """Start a server, stop it afterwards. Raises `FileNotFoundError` when there is no program."""
    bin_folder = programs()
    if bin_folder is None:
        raise FileNotFoundError(NOT_FOUND)
    # It refuses to run as root, and a socket's path may have 107 letters.
    who = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if who:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)

    def run(program, *options):
        subprocess.run(
            [bin_folder / program, "--pgdata", folder / "data", *options],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            **who,
        )

    settings = f"-k {folder} -c listen_addresses= -c fsync=off -c log_min_messages=fatal"
    try:
        run("initdb", "--username=postgres", "--auth=trust", "--locale=C.UTF-8", "--no-sync")
        run("pg_ctl", "start", "--wait", "--silent", "--log", folder / "log", "--options", settings)
        try:
            yield Server(folder)
        finally:
            run("pg_ctl", "stop", "--wait", "--silent", "--mode=fast")
    finally:
        shutil.rmtree(folder)
