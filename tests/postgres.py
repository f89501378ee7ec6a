"""A PostgreSQL server of the tests' own, in a temporary folder; each test gets a database of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from itertools import count
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

OTHER_USER = "postgres"
"""PostgreSQL refuses to run as root; Debian's package brings this user."""


def program(name: str) -> str | None:
    """Where a program of PostgreSQL is; Debian keeps them off the path."""
    found = sorted(glob(f"/usr/lib/postgresql/*/bin/{name}"))
    return found[-1] if found else shutil.which(name)


def reason_missing() -> str:
    """Why there can be no server here; empty if there can."""
    if program("initdb") is None or program("postgres") is None:
        return "no PostgreSQL here: install Debian's package postgresql"
    if os.name == "posix" and os.geteuid() == 0 and not (shutil.which("runuser") and _has_user(OTHER_USER)):
        return f"PostgreSQL does not run as root, and there is no user {OTHER_USER} to run it as"
    return ""


class Server:
    """The server; `url` is that of its first database. It can be stopped and started again."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._fsync = "on" if durable else "off"
        self._numbers = count(1)
        self._data, self._socket = folder / "data", folder / "s"
        self._as = ["runuser", "-u", OTHER_USER, "--"] if os.geteuid() == 0 else []
        self._socket.mkdir()
        if self._as:
            for path in (folder, self._socket):
                shutil.chown(path, OTHER_USER)
        self._run("initdb", "-D", self._data, "-U", "lab", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()

    def start(self) -> None:
        """Serve on a socket in the folder alone."""
        options = f"-k {self._socket} -c listen_addresses='' -c fsync={self._fsync} -c max_connections=100"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self._data / "log", "-o", options, "start")

    def stop(self) -> None:
        """End every connection and the server."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "fast", "stop")

    def url(self, database: str = "postgres") -> str:
        """What DATABASE_URL would say."""
        return f"postgresql://lab@/{database}?host={quote(str(self._socket))}"

    def create(self, *, template: str = "template0") -> str:
        """The URL of a new database."""
        name = f"lab_{next(self._numbers)}"
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        engine.dispose()
        return self.url(name)

    def _run(self, name: str, *arguments: object) -> None:
        found = program(name)
        assert found, f"no {name}"
        command = [*self._as, found, *map(str, arguments)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._socket, timeout=120)


@contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """A server that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        server = Server(folder, durable=durable)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def emptied(url: str) -> None:
    """Take every table of the database away, whichever kind it is."""
    if not url.startswith("postgresql"):
        Path(str(make_url(url).database)).unlink()
        return
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


def _has_user(name: str) -> bool:
    import pwd

    return any(entry.pw_name == name for entry in pwd.getpwall())
