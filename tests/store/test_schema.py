"""A database of any earlier version opens and keeps everything, or a sentence says why it does not."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, String, create_engine, inspect, select, text
from sqlalchemy.engine import Engine, make_url

from core.errors import InputError, UnavailableError
from core.exchange import Exchange
from core.settings import Settings
from core.store import Store, metadata, schema
from core.store.schema import Step, add_column
from tests.postgres import emptied
from tests.store.first_version import PASSWORD

FIRST = Path(__file__).parent / "first_version"
KINDS = {"sqlite": "sqlite.sql", "postgresql": "postgresql.sql"}


def bare_engine(url: str) -> Engine:
    return create_engine(url)


def first_version(url: str) -> str:
    """The database as the first version left it, at `url`."""
    script = (FIRST / KINDS[make_url(url).get_backend_name()]).read_text(encoding="utf-8")
    engine = bare_engine(url)
    with engine.begin() as connection:
        for statement in script.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement.replace("%", "%%") if "postgresql" in url else statement)
    engine.dispose()
    return url


def rows(url: str, columns: dict[str, list[str]] | None = None) -> dict[str, list[str]]:
    """Every row of every table, by these columns or by all."""
    engine = bare_engine(url)
    with engine.connect() as connection:
        found = {}
        for name, kept in (columns or columns_of(engine)).items():
            listed = ", ".join(f'"{column}"' for column in kept)
            found[name] = sorted(map(repr, connection.exec_driver_sql(f"SELECT {listed} FROM {name}").all()))
    engine.dispose()
    return found


def columns_of(engine: Engine) -> dict[str, list[str]]:
    inspector = inspect(engine)
    names = set(inspector.get_table_names()) - {"schema_version"}
    return {name: sorted(column["name"] for column in inspector.get_columns(name)) for name in sorted(names)}


def shape(url: str) -> dict[str, Any]:
    """Columns and indexes of every table."""
    engine = bare_engine(url)
    inspector = inspect(engine)
    found: dict[str, Any] = {}
    for name in inspector.get_table_names():
        columns = {(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)}
        indexes = {(str(i["name"]), tuple(i["column_names"]), i["unique"]) for i in inspector.get_indexes(name)}
        found[name] = (columns, indexes, tuple(inspector.get_pk_constraint(name)["constrained_columns"]))
    engine.dispose()
    return found


def written_version(url: str) -> int:
    engine = bare_engine(url)
    with engine.connect() as connection:
        found = int(connection.execute(select(metadata.tables["schema_version"].c.version)).scalar_one())
    engine.dispose()
    return found


def test_a_database_of_the_first_version_keeps_every_row(bare_database_url: str) -> None:
    engine = bare_engine(first_version(bare_database_url))
    columns = columns_of(engine)
    engine.dispose()
    before = rows(bare_database_url, columns)
    assert sum(map(len, before.values())) >= 37
    Store(bare_database_url).close()
    assert rows(bare_database_url, columns) == before
    assert written_version(bare_database_url) == schema.version()


def test_an_older_database_ends_up_like_a_new_one(bare_database_url: str, tmp_path: Path) -> None:
    """A column or index that is declared without a step fails here."""
    Store(bare_database_url).close()
    new = shape(bare_database_url)
    emptied(bare_database_url)
    Store(first_version(bare_database_url)).close()
    assert shape(bare_database_url) == new


def test_the_whole_folder_of_the_first_version_opens(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    shutil.copytree(FIRST, folder)
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    settings = Settings(
        data_dir=folder / "data",
        ledger_path=folder / "ledger.json",
        uploads_dir=folder / "uploads",
        simulator=False,
        feed="off",
    )
    first_version(settings.resolved_database_url)
    lab = Exchange(settings)
    try:
        status = lab.chain.status()
        assert (status.writable, status.damage, status.height, status.pending) == (True, None, 1, 1)
        anna = lab.accounts.check("anna", PASSWORD, address="::1")
        assert [run.name for run in lab.runs.history(anna.user_id)] == ["Second run", "First run"]
        done = lab.runs.history(anna.user_id)[-1]
        assert lab.runs.result(done.run_id, user_id=anna.user_id).household_ids
        (street,) = lab.datasets.list(anna.user_id)
        assert (street.name, street.shared, street.households) == ("Street", True, 3)
        assert lab.datasets.community(street.dataset_id, user_id=anna.user_id).households == 3
        assert [token.name for token in lab.tokens.of(anna.user_id)] == ["meter script"]
        assert lab.mine().block is not None
    finally:
        lab.stop()


def _with_nickname(connection: Connection) -> None:
    add_column(connection, "users", Column("nickname", String(20), nullable=False, server_default="none"))


def _with_age(connection: Connection) -> None:
    add_column(connection, "users", Column("age", Integer))


TWO_STEPS = (Step(2, "people have nicknames", _with_nickname), Step(3, "and ages", _with_age))


def test_steps_are_taken_once_and_in_order_after_a_copy(
    bare_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(first_version(bare_database_url)).close()
    before = rows(bare_database_url)["users"]
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, *_after(schema.version())))
    opened = Store(bare_database_url)
    with opened.read() as connection:
        names = connection.execute(text("SELECT nickname, age FROM users")).all()
    place = schema.copy_of(opened.engine, schema.version() - 2)
    opened.close()
    assert {tuple(row) for row in names} == {("none", None)}
    assert _copied_users(bare_database_url, place) == len(before)
    assert written_version(bare_database_url) == schema.version()
    Store(bare_database_url).close()


def _after(version: int) -> tuple[Step, ...]:
    return tuple(Step(version + n, step.says, step.apply) for n, step in enumerate(TWO_STEPS, start=1))


def _copied_users(url: str, place: str) -> int:
    if "postgresql" in url:
        engine = bare_engine(url)
        with engine.connect() as connection:
            count = connection.execute(text(f"SELECT count(*) FROM {place}.users")).scalar_one()
        engine.dispose()
        return int(count)
    assert Path(place).stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(place) as copy:
        (count,) = copy.execute("SELECT count(*) FROM users").fetchone()
    copy.close()
    return int(count)


def test_a_step_that_fails_changes_nothing_and_is_said(bare_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(first_version(bare_database_url)).close()
    before, looked = rows(bare_database_url), shape(bare_database_url)
    first = _after(schema.version())[0]
    broken = Step(first.version + 1, "nothing", lambda c: c.execute(text("UPDATE nowhere SET x = 1")))  # type: ignore[arg-type,return-value]
    with monkeypatch.context() as later:
        later.setattr(schema, "STEPS", (*schema.STEPS, first, broken))
        with pytest.raises(UnavailableError, match=r"nowhere"):
            Store(bare_database_url)
    assert (rows(bare_database_url), shape(bare_database_url)) == (before, looked)
    Store(bare_database_url).close()


def test_a_newer_database_is_left_alone_and_said(bare_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr(schema, "STEPS", (*schema.STEPS, *_after(schema.version())))
        newest = schema.version()
        Store(first_version(bare_database_url)).close()
    with pytest.raises(UnavailableError, match=f"has version {newest}; this program knows versions up to"):
        Store(bare_database_url)
    assert written_version(bare_database_url) == newest


def test_a_database_that_lacks_a_column_is_said(bare_database_url: str) -> None:
    first_version(bare_database_url)
    engine = bare_engine(bare_database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN message")
    engine.dispose()
    with pytest.raises(UnavailableError, match="The table runs of the database lacks message"):
        Store(bare_database_url)


def test_an_up_to_date_database_is_opened_without_writing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'lab.db'}"
    Store(url).close()
    busy = sqlite3.connect(tmp_path / "lab.db", isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")  # somebody writes for a while
    Store(url).close()
    busy.close()


@pytest.mark.parametrize("content", [b"not a database at all" * 100, None])
def test_a_damaged_database_and_a_folder_in_its_place_are_said(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "lab.db"
    path.write_bytes(content) if content else path.mkdir()
    with pytest.raises(UnavailableError, match=r"lab\.db cannot be used"):
        Store(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["nonsense", "mysql://lab/x", "foo://x", "oracle://a"])
def test_a_url_of_no_database_of_ours_is_said_without_showing_it(url: str) -> None:
    with pytest.raises(InputError, match=r"DATABASE_URL (is not|begins with).*postgresql://user"):
        Store(url)


def test_a_database_that_does_not_answer_is_said_without_its_password() -> None:
    with pytest.raises(UnavailableError, match="cannot be used") as refusal:
        Store("postgresql://lab:secret-word@127.0.0.1:1/lab?connect_timeout=2")
    assert "secret-word" not in str(refusal.value)
