"""Tables of the live page, newest first, as HTML that every page shares; "" where there is no row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import orjson

from core.chain.records import BlockSummary
from core.live.snapshot import Gap, LiveTrade, MeterSlot
from core.store.feed import Publisher
from core.store.pool import PendingRow
from core.store.quarantine import QuarantineRow
from core.web.format import Numbers, duration
from core.web.table import Cell, Column, Row, html_table


def clock(at: datetime, zone: ZoneInfo) -> str:
    """The time of day in the site's zone, with the date if it is not today's."""
    local = at.astimezone(zone)
    return f"{local:%H:%M:%S}" if local.date() == datetime.now(zone).date() else f"{local:%Y-%m-%d %H:%M:%S}"


def clock_ms(at_ms: int, zone: ZoneInfo) -> str:
    """The same from milliseconds since 1970 UTC."""
    return clock(datetime.fromtimestamp(at_ms / 1000, UTC), zone)


def trades(recent: Sequence[LiveTrade], *, zone: ZoneInfo, numbers: Numbers) -> str:
    """Trades as they came."""
    currency = numbers.currency
    columns = [
        *(Column("Time"), Column("Buyer"), Column("Seller"), Column("Energy (kWh)", "number")),
        *(Column(f"Price ({currency}/kWh)", "number"), Column(f"Value ({currency})", "number")),
        *(Column("Source"), Column("Transaction", "code")),
    ]
    rows: list[Row] = [
        (
            clock(trade.at, zone),
            trade.buyer,
            trade.seller,
            numbers.number(trade.energy_kwh, 3),
            numbers.number(trade.price),
            numbers.number(trade.energy_kwh * trade.price),
            "simulated" if trade.simulated else trade.publisher or "MQTT",
            _transaction(trade.tx_hash),
        )
        for trade in recent
    ]
    return _table(columns, rows, name="Trades, newest first")


def blocks(recent: Sequence[BlockSummary], *, zone: ZoneInfo, numbers: Numbers) -> str:
    """The last blocks."""
    columns = [Column("Block"), Column("Time"), Column("Transactions", "number"), Column("Hash", "code")]
    rows: list[Row] = [
        (
            Cell(f"#{block.height}", f"explorer?block={block.height}"),
            clock_ms(block.time_ms, zone),
            numbers.number(block.transactions, 0),
            Cell(f"{block.hash[:8]}…", title=block.hash),
        )
        for block in recent
    ]
    return _table(columns, rows, name="Last blocks")


def publishers(known: Sequence[Publisher], *, now: datetime, zone: ZoneInfo, numbers: Numbers) -> str:
    """Who publishes, when last, and what is missing from their numbering."""
    columns = [
        *(Column("Publisher"), Column("Messages", "number"), Column("Last message"), Column("Age", "number")),
        *(Column("Last number", "number"), Column("Gaps", "number"), Column("Missing", "number")),
    ]
    rows: list[Row] = [
        (
            one.publisher_id or "(unnamed)",
            numbers.number(one.messages, 0),
            clock_ms(one.last_at_ms, zone),
            duration(now.timestamp() - one.last_at_ms / 1000),
            "–" if one.last_seq is None else str(one.last_seq),
            numbers.number(one.gaps, 0),
            numbers.number(one.missing, 0),
        )
        for one in known
    ]
    return _table(columns, rows, name="Publishers")


def gaps(found: Sequence[Gap], *, zone: ZoneInfo) -> str:
    """Numbers that a publisher skipped."""
    columns = [
        *(Column("Noticed"), Column("Publisher")),
        *(Column("From", "number"), Column("To", "number"), Column("Messages", "number")),
    ]
    rows: list[Row] = [
        (
            clock(gap.at, zone),
            gap.publisher_id,
            str(gap.first_seq),
            str(gap.last_seq),
            str(gap.last_seq - gap.first_seq + 1),
        )
        for gap in found
    ]
    return _table(columns, rows, name="Skipped numbers")


def quarantine(found: Sequence[QuarantineRow], *, zone: ZoneInfo, numbers: Numbers) -> str:
    """What was no trade, and why."""
    columns = [
        *(Column("Last seen"), Column("First seen"), Column("Count", "number"), Column("Reason", "prose")),
        *(Column("Topic", "prose"), Column("Bytes", "number"), Column("Payload", "prose")),
    ]
    rows: list[Row] = [
        (
            clock_ms(row.last_at_ms, zone),
            clock_ms(row.first_at_ms, zone),
            numbers.number(row.count, 0),
            Cell(row.reason, title=row.reason),
            row.topic,
            numbers.number(row.payload_bytes, 0),
            row.payload.decode("utf-8", "replace"),
        )
        for row in found
    ]
    return _table(columns, rows, name="Quarantine, newest first")


def pending(found: Sequence[PendingRow], *, now: datetime) -> str:
    """What waits for a block, newest first."""
    columns = [Column("Waiting for", "number"), Column("Kind"), Column("What", "prose"), Column("Transaction", "code")]
    rows: list[Row] = []
    for row in found:
        document = orjson.loads(row.body)
        waits = duration(now.timestamp() - row.submitted_at_ms / 1000)
        rows.append((waits, str(document.get("kind", "")), what(document), _transaction(row.tx_hash)))
    return _table(columns, rows, name="Pending, newest first")


def what(document: dict[str, object]) -> str:
    """A transaction in a few words."""
    if document.get("kind") == "trade":
        energy_kwh = int(str(document.get("energy_wh", 0))) / 1000
        return f"{energy_kwh:.3f} kWh from {document.get('seller')} to {document.get('buyer')}"
    return str(document.get("action") or document.get("name") or document.get("text") or document.get("kind"))


def meters(slots: Sequence[MeterSlot], *, zone: ZoneInfo, numbers: Numbers) -> str:
    """Slots gathered from meters: who reported, who did not, what was traded."""
    columns = [
        *(Column("Slot"), Column("Households", "number"), Column("Missing", "number"), Column("Late", "number")),
        *(Column("Trades", "number"), Column("Energy (kWh)", "number"), Column("Outcome", "prose")),
    ]
    rows: list[Row] = [
        (
            clock(slot.start_at, zone),
            *(numbers.number(count, 0) for count in (slot.households, slot.missing, slot.late, slot.trades)),
            numbers.number(slot.traded_kwh, 3),
            Cell(slot.sentence, title=slot.sentence),
        )
        for slot in slots
    ]
    return _table(columns, rows, name="Slots of meters, newest first")


def _transaction(tx_hash: str) -> Cell:
    return Cell(tx_hash[:10], f"explorer?tx={tx_hash}", title=tx_hash)


def _table(columns: Sequence[Column], rows: Sequence[Row], *, name: str) -> str:
    return html_table(columns, rows, name=name) if rows else ""
