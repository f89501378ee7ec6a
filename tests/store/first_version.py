"""Makes `tests/store/first_version/`: the folder of a lab as the first version of its database left it.

Run with that version's code: `python -m tests.store.first_version FOLDER`. The database is written as SQL, once for
each kind, with the statements by which that version made its tables.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Dialect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from core.errors import NotSignedInError
from core.exchange import Exchange
from core.live.intake import Arrived, Intake
from core.readings.sample import sample_community
from core.runs import RunPlan, Selection
from core.settings import Settings
from core.store import Store, metadata
from core.store.meters import Meters

PASSWORD = "correct horse battery"
DIALECTS: dict[str, Dialect] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}
SERIAL = ("runs", "seq"), ("sign_in_failures", "failure_id"), ("pending", "seq"), ("arrivals", "seq")


def main(target: Path) -> None:
    """Live in a temporary folder, then keep what is worth keeping."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        settings = Settings(
            data_dir=folder / "data",
            ledger_path=folder / "ledger.json",
            uploads_dir=folder / "uploads",
            proof_of_work=16,
            simulator=False,
            feed="off",
        )
        live(settings)
        store = Store(settings.resolved_database_url)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target, ignore=shutil.ignore_patterns("lab.db*", "index*", "mosquitto_pub"))
        for name, dialect in DIALECTS.items():
            (target / f"{name}.sql").write_text(";\n".join(statements(store, dialect)) + ";\n", encoding="utf-8")
        store.close()


def live(settings: Settings) -> None:
    """Some of everything that leaves a row."""
    lab = Exchange(settings)
    anna = lab.accounts.register("anna", PASSWORD, address="::1")
    lab.accounts.register("ben", PASSWORD, address="::1")
    lab.sessions.open(anna, browser="Firefox on Linux")
    lab.tokens.create(anna, name="meter script", scopes=["read"], days=365)
    with suppress(NotSignedInError):
        lab.accounts.check("anna", "a wrong guess", address="192.0.2.1")
    files = sample_community(1, 3, days=1).csv_files()
    street = lab.datasets.add(anna.user_id, files, name="Street").dataset
    assert street is not None
    lab.datasets.share(street.dataset_id, user_id=anna.user_id, everybody=True)
    plan = RunPlan((Selection("grid_only"), Selection("mid_market_rate")))
    lab.runs.start_workers()
    run_id = lab.runs.start(anna.user_id, street.dataset_id, plan=plan, name="First run", tags=["kept"])
    while lab.runs.state(run_id, user_id=anna.user_id).status in ("queued", "running"):
        time.sleep(0.1)
    lab.runs.stop_workers()
    lab.runs.create_link(run_id, user_id=anna.user_id)
    lab.runs.start(anna.user_id, street.dataset_id, plan=plan, name="Second run")
    intake = Intake(settings, lab.pool, quarantine=lab.quarantine, meters=Meters(lab.store))
    trade = {"buyer": "HH002", "seller": "HH001", "qty_kwh": 3.5, "price": 6.8, "publisher": "roof"}
    mined = [json.dumps({**trade, "id": "mined"}), json.dumps(trade), "neither trade nor reading"]
    intake.store([Arrived(settings.mqtt_topic, body.encode(), packet_id=n) for n, body in enumerate(mined, start=1)])
    reading = json.dumps({"load_kw": 1.5, "solar_kw": 0.25})
    intake.store([Arrived(f"{settings.mqtt_meters_topic}/HH001", reading.encode(), packet_id=8)])
    lab.mine()
    waiting = json.dumps({**trade, "id": "waiting"})
    intake.store([Arrived(settings.mqtt_topic, waiting.encode(), packet_id=9)])
    lab.stop()


def statements(store: Store, dialect: Dialect) -> list[str]:
    """The tables, their indexes and their rows."""
    written = []
    for table in metadata.sorted_tables:
        written.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        written += [str(CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=str)]
        with store.read() as connection:
            rows = connection.execute(select(table)).mappings().all()
        for row in rows:
            names = ", ".join(dialect.identifier_preparer.quote(name) for name in row)
            values = ", ".join(literal(value, dialect) for value in row.values())
            written.append(f"INSERT INTO {table.name} ({names}) VALUES ({values})")
        if dialect.name == "postgresql":
            for column in (column for name, column in SERIAL if name == table.name):
                last = f"SELECT coalesce(max({column}), 0) + 1 FROM {table.name}"
                written.append(f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column}'), ({last}), false)")
    return written


def literal(value: object, dialect: Dialect) -> str:
    """A value as the database reads it."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'" if dialect.name == "sqlite" else f"'\\x{value.hex()}'"
    if isinstance(value, bool):
        return str(value).lower() if dialect.name == "postgresql" else str(int(value))
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
