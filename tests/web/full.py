"""A lab in which everything has happened: what an empty one cannot show to a test of its answers."""

from __future__ import annotations

import json

from core.exchange import Exchange
from core.live.intake import Arrived, Intake
from core.store.meters import Meters


def live_trades(exchange: Exchange) -> None:
    """Messages as the broker brings them: trades, one of them twice, a skipped number, and what is refused."""
    topic = exchange.settings.mqtt_topic
    trade = {"buyer": "HH002", "seller": "HH001", "qty_kwh": 3.5, "price": 6.8, "publisher": "roof"}
    payloads = [json.dumps({**trade, "id": f"t-{n}", "seq": n}) for n in (1, 2, 2, 5)]
    payloads += [json.dumps({**trade, "price": -1}), "no JSON \x00 at all", json.dumps({"buyer": "<b>HH</b>"})]
    arrived = [Arrived(topic, payload.encode(), packet_id=n) for n, payload in enumerate(payloads, start=1)]
    intake = Intake(exchange.settings, exchange.pool, quarantine=exchange.quarantine, meters=Meters(exchange.store))
    exchange.feed.cache.add(intake.store(arrived))
