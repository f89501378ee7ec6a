"""How long `GET /api/dashboard-data` takes as the chain grows; prints one JSON object, ratios within one run.

    python -m benchmarks.dashboard [--transactions 1000000] [--requests 400]

Each ledger gets a lab of its own, asked over one keep-alive connection with an API token. `me` is the cheapest route
that a token opens, asked on the same connection: what the server takes for any answer.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from core.accounts import Accounts, Tokens
from core.settings import Settings
from core.store import Store
from tests.running import PASSWORD, App, generate_ledger, start_app

SMALL = 1_000
BLOCK_TRANSACTIONS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=400)
    chosen = parser.parse_args()
    found = {}
    for transactions in (SMALL, chosen.transactions):
        with tempfile.TemporaryDirectory() as place:
            found[transactions] = measured(Path(place), transactions, requests=chosen.requests)
    small, large = found.values()
    growth = large["dashboard_p95_ms"] / small["dashboard_p95_ms"]
    print(json.dumps({"by_transactions": found, "p95_large_to_small": round(growth, 2)}, indent=2))


def measured(folder: Path, transactions: int, *, requests: int) -> dict[str, float]:
    """Percentiles in milliseconds for one length of the chain."""
    blocks = max(1, transactions // BLOCK_TRANSACTIONS)
    generate_ledger(folder / "data" / "ledger.json", transactions=transactions, blocks=blocks)
    app = start_app(
        folder,
        LEDGER_PATH=str(folder / "data" / "ledger.json"),
        ADMIN_PASSWORD=PASSWORD,
        SIMULATOR="off",
        BLOCK_INTERVAL_S="3600",
    )
    try:
        headers = {"authorization": f"Bearer {token(app)}"}
        with httpx.Client(base_url=app.url, headers=headers, timeout=60) as client:
            answer = client.get("/api/dashboard-data").json()
            assert answer["chain"]["transactions"] >= transactions
            settle(client)
            me, dashboard = [], []
            for _ in range(requests):
                me.append(timed(client, "/api/me"))
                dashboard.append(timed(client, "/api/dashboard-data"))
    finally:
        app.stop()
    return {
        "dashboard_p50_ms": round(statistics.median(dashboard), 2),
        "dashboard_p95_ms": round(statistics.quantiles(dashboard, n=20)[-1], 2),
        "me_p95_ms": round(statistics.quantiles(me, n=20)[-1], 2),
    }


def token(app: App) -> str:
    """A token of the app's admin, made in its database."""
    store = Store(f"sqlite:///{app.folder / 'data' / 'lab.db'}")

    def unchained(_: object, *, action: str, actor: str, subject: str) -> None:
        return None

    admin = Accounts(store, Settings(), audit=unchained).everybody()[0]
    secret, _ = Tokens(store, audit=unchained).create(admin, name="benchmark", scopes=["read"], days=1)
    store.close()
    return secret


def settle(client: httpx.Client) -> None:
    """Wait for what the start does in the background: the index and the first verification."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        status = client.get("/api/status").json()
        if status["verified_height"] is not None and client.get("/api/transactions?limit=1").status_code == 200:
            return
        time.sleep(0.5)


def timed(client: httpx.Client, path: str) -> float:
    begun = time.perf_counter()
    answer = client.get(path)
    took = time.perf_counter() - begun
    assert answer.status_code == 200, answer.text
    return took * 1000


if __name__ == "__main__":
    main()
