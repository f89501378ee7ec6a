"""A lab in which everything has happened: what an empty one cannot show to a test of its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette

from core.accounts import User
from core.exchange import Exchange, install
from core.live.intake import Arrived, Intake
from core.readings.sample import sample_community
from core.runs import Dataset, RunPlan, Scenario, Selection
from core.store.meters import Meters
from core.store.runs import RunRows, Status
from core.web.app import middleware, routes
from tests.web.conftest import House, settings_in

PLAN = RunPlan((Selection("grid_only"), Selection("mid_market_rate")), (Scenario("<b>Tariff</b>"),))
ENDED: tuple[Status, ...] = ("failed", "cancelled", "interrupted")


@dataclass
class Full:
    """Names of what is there. runs: by their status; link: a token that opens the finished run."""

    anna: User
    dataset_id: str
    shared_id: str
    runs: dict[str, str]
    link: str
    tx_hash: str


def fill(exchange: Exchange, anna: User, ben: User) -> Full:
    """Trades mined and pending, refused messages, datasets, runs in every state, and shares."""
    dataset = exchange.datasets.sample(anna.user_id)
    shared = street(exchange, ben)
    exchange.datasets.share(shared.dataset_id, user_id=ben.user_id, everybody=True)
    runs = {"done": _done(exchange, anna, shared.dataset_id)}
    rows = RunRows(exchange.store)
    for status in (*ENDED, "queued", "running"):
        runs[status] = exchange.runs.start(anna.user_id, dataset.dataset_id, plan=PLAN, tags=["<i>"])
        moved = {"started_at_ms": 1} if status == "running" else {"ended_at_ms": 2, "message": "It ended."}
        if status != "queued":
            rows.move(runs[status], expected=("queued",), status=status, **moved)  # type: ignore[arg-type]
    link = exchange.runs.create_link(runs["done"], user_id=anna.user_id).token
    live_trades(exchange)
    block = exchange.mine().block
    assert block is not None
    live_trades(exchange, first=10)
    return Full(anna, dataset.dataset_id, shared.dataset_id, runs, link, block.tx_hashes[-1])


def street(exchange: Exchange, owner: User) -> Dataset:
    """Three households for a day."""
    files = sample_community(2, 3, days=1).csv_files()
    made = exchange.datasets.add(owner.user_id, files, name="=Street, [x](javascript:alert(1))").dataset
    assert made is not None
    return made


def _done(exchange: Exchange, anna: User, dataset_id: str) -> str:
    exchange.runs.start_workers()
    run_id = exchange.runs.start(anna.user_id, dataset_id, plan=PLAN, name="=Done")
    ended = exchange.runs.wait(run_id, user_id=anna.user_id, timeout_s=120)
    assert ended.status == "done", ended
    exchange.runs.stop_workers()
    return run_id


def live_trades(exchange: Exchange, *, first: int = 1) -> None:
    """Messages as the broker brings them: trades, one of them twice, a skipped number, readings, and refused ones."""
    topic, meters = exchange.settings.mqtt_topic, exchange.settings.mqtt_meters_topic
    trade = {"buyer": "HH002", "seller": "HH001", "qty_kwh": 3.5, "price": 6.8, "publisher": "roof"}
    payloads = [json.dumps({**trade, "id": f"t-{n}", "seq": n}) for n in (first, first + 1, first + 1, first + 4)]
    payloads += [json.dumps({**trade, "price": -first}), f"no JSON \x00 at all {first}", json.dumps({"buyer": "<b>"})]
    messages = [(topic, payload) for payload in payloads]
    messages += [
        (f"{meters}/HH001", json.dumps({"load_kw": 1.5, "solar_kw": 0.25, "timestamp": "2026-01-05T10:07:30Z"}))
    ]
    arrived = [Arrived(to, body.encode(), packet_id=n) for n, (to, body) in enumerate(messages, start=first)]
    intake = Intake(exchange.settings, exchange.pool, quarantine=exchange.quarantine, meters=Meters(exchange.store))
    exchange.feed.cache.add(intake.store(arrived))


@contextmanager
def reopened(folder: Path) -> Iterator[House]:
    """The lab in `folder` as its next start finds it."""
    exchange = Exchange(settings_in(folder))
    exchange.chain.indexer.start()
    install(exchange)
    try:
        yield House(exchange, Starlette(routes=list(routes()), middleware=list(middleware())))
    finally:
        install(None)
        exchange.stop()
