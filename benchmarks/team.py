"""The pool of pending transactions on SQLite and on PostgreSQL, durable on commit: one JSON object."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from core.ledger.transaction import trade
from core.store import Store
from core.store.pool import Pool
from tests import postgres

BATCH, BATCHES = 500, 40


def transactions_per_s(url: str) -> float:
    """Batches of new trades, each committed before the next."""
    store = Store(url)
    pool = Pool(store)
    parties = {"buyer": "HH002", "seller": "HH001", "energy_wh": 3500, "price_micro_per_kwh": 6_800_000}
    batches = [
        [
            trade(**parties, received_at_ms=1_767_225_740_000, publisher="meter", message_id=f"{b}-{n}", sequence=None)
            for n in range(BATCH)
        ]
        for b in range(BATCHES)
    ]
    pool.submit(batches.pop())
    started = time.perf_counter()
    for batch in batches:
        assert pool.submit(batch) == ["new"] * BATCH
    took_s = time.perf_counter() - started
    store.close()
    return BATCH * len(batches) / took_s


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        sqlite = transactions_per_s(f"sqlite:///{Path(folder) / 'lab.db'}")
    found: dict[str, object] = {"batch": BATCH, "sqlite_per_s": sqlite}
    if reason := postgres.reason_missing():
        found["postgresql"] = reason
    else:
        with postgres.running(durable=True) as server:
            found["postgresql_per_s"] = transactions_per_s(server.create())
    print(json.dumps({name: round(value) if isinstance(value, float) else value for name, value in found.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
