"""Tables of the live page, newest first, as data frames that every page shares."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import orjson
import pandas as pd

from core.chain.records import BlockSummary
from core.live.snapshot import Gap, LiveTrade, MeterSlot
from core.store.feed import Publisher
from core.store.pool import PendingRow
from core.store.quarantine import QuarantineRow
from core.web.live.badges import age
from core.web.text import plain


def clock(at: datetime, zone: ZoneInfo) -> str:
    """The time of day in the site's zone, with the date if it is not today's."""
    local = at.astimezone(zone)
    return f"{local:%H:%M:%S}" if local.date() == datetime.now(zone).date() else f"{local:%Y-%m-%d %H:%M:%S}"


def clock_ms(at_ms: int, zone: ZoneInfo) -> str:
    """The same from milliseconds since 1970 UTC."""
    return clock(datetime.fromtimestamp(at_ms / 1000, UTC), zone)


def trades(recent: Sequence[LiveTrade], *, zone: ZoneInfo) -> pd.DataFrame:
    """Trades as they came, energy in kWh, price and value in currency."""
    return pd.DataFrame(
        {
            "Time": [clock(trade.at, zone) for trade in recent],
            "Buyer": [trade.buyer for trade in recent],
            "Seller": [trade.seller for trade in recent],
            "Energy": [trade.energy_kwh for trade in recent],
            "Price": [trade.price for trade in recent],
            "Value": [trade.energy_kwh * trade.price for trade in recent],
            "Source": ["simulated" if trade.simulated else plain(trade.publisher) or "MQTT" for trade in recent],
            "Transaction": [f"explorer?tx={trade.tx_hash}" for trade in recent],
        }
    )


def blocks(recent: Sequence[BlockSummary], *, zone: ZoneInfo) -> pd.DataFrame:
    """The last blocks."""
    return pd.DataFrame(
        {
            "Block": [f"explorer?block={block.height}" for block in recent],
            "Time": [clock_ms(block.time_ms, zone) for block in recent],
            "Transactions": [block.transactions for block in recent],
            "Hash": [f"{block.hash[:12]}…" for block in recent],
        }
    )


def publishers(known: Sequence[Publisher], *, now: datetime, zone: ZoneInfo) -> pd.DataFrame:
    """Who publishes, when last, and what is missing from their numbering."""
    return pd.DataFrame(
        {
            "Publisher": [plain(one.publisher_id) or "(unnamed)" for one in known],
            "Messages": [one.messages for one in known],
            "Last message": [clock_ms(one.last_at_ms, zone) for one in known],
            "Age": [age(now.timestamp() - one.last_at_ms / 1000) for one in known],
            "Last number": [None if one.last_seq is None else str(one.last_seq) for one in known],
            "Gaps": [one.gaps for one in known],
            "Missing": [one.missing for one in known],
        }
    )


def gaps(found: Sequence[Gap], *, zone: ZoneInfo) -> pd.DataFrame:
    """Numbers that a publisher skipped."""
    return pd.DataFrame(
        {
            "Noticed": [clock(gap.at, zone) for gap in found],
            "Publisher": [plain(gap.publisher_id) for gap in found],
            "From": [gap.first_seq for gap in found],
            "To": [gap.last_seq for gap in found],
            "Messages": [gap.last_seq - gap.first_seq + 1 for gap in found],
        }
    )


def quarantine(rows: Sequence[QuarantineRow], *, zone: ZoneInfo) -> pd.DataFrame:
    """What was no trade, and why."""
    return pd.DataFrame(
        {
            "Last seen": [clock_ms(row.last_at_ms, zone) for row in rows],
            "First seen": [clock_ms(row.first_at_ms, zone) for row in rows],
            "Count": [row.count for row in rows],
            "Reason": [plain(row.reason, limit=200) for row in rows],
            "Topic": [plain(row.topic) for row in rows],
            "Bytes": [row.payload_bytes for row in rows],
            "Payload": [plain(row.payload.decode("utf-8", "replace"), limit=120) for row in rows],
        }
    )


def pending(rows: Sequence[PendingRow], *, now: datetime) -> pd.DataFrame:
    """What waits for a block, newest first."""
    documents = [orjson.loads(row.body) for row in rows]
    return pd.DataFrame(
        {
            "Waiting for": [age(now.timestamp() - row.submitted_at_ms / 1000) for row in rows],
            "Kind": [str(document.get("kind", "")) for document in documents],
            "What": [what(document) for document in documents],
            "Transaction": [f"explorer?tx={row.tx_hash}" for row in rows],
        }
    )


def what(document: dict[str, object]) -> str:
    """A transaction in a few words."""
    if document.get("kind") == "trade":
        energy_kwh = int(str(document.get("energy_wh", 0))) / 1000
        return f"{energy_kwh:.3f} kWh from {document.get('seller')} to {document.get('buyer')}"
    return plain(document.get("action") or document.get("name") or document.get("text") or document.get("kind"))


def meters(slots: Sequence[MeterSlot], *, zone: ZoneInfo) -> pd.DataFrame:
    """Slots gathered from meters: who reported, who did not, what was traded."""
    return pd.DataFrame(
        {
            "Slot": [clock(slot.start_at, zone) for slot in slots],
            "Households": [slot.households for slot in slots],
            "Missing": [slot.missing for slot in slots],
            "Late": [slot.late for slot in slots],
            "Trades": [slot.trades for slot in slots],
            "Energy": [slot.traded_kwh for slot in slots],
            "Outcome": [plain(slot.sentence, limit=200) for slot in slots],
        }
    )
