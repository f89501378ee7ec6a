"""No test passes or fails by the speed of the machine; one that takes `database_url` runs on both databases.

Without a PostgreSQL here its half is skipped, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from core.store import Store
from tests import postgres

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    if reason := postgres.reason_missing():
        pytest.skip(reason)
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: postgres.Server) -> str:
    """A database with the tables: copying it is faster than making them."""
    url = postgres_server.create()
    Store(url).close()
    return url.split("/lab_")[1].split("?")[0]


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'lab.db'}"
    server: postgres.Server = request.getfixturevalue("postgres_server")
    return server.create(template=f"lab_{request.getfixturevalue('postgres_template')}")


@pytest.fixture(params=KINDS)
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Without tables, too."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'lab.db'}"
    server: postgres.Server = request.getfixturevalue("postgres_server")
    return server.create()
