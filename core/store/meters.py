"""Meter readings of the live market, slot by slot, and what became of each slot.

A slot is open, then closed (readings that come now are late), then cleared (its trades are in the pool). Closing
and clearing are two commits, so the market may take its time in between; a slot left closed by a crash is cleared
again, to the same trades.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    String,
    Table,
    bindparam,
    delete,
    false,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from core.store.database import Store, metadata

MAX_TEXT = 300

readings_table = Table(
    "meter_readings",
    metadata,
    Column("household_id", String(64), primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("slot_ms", BigInteger, nullable=False),
    Column("load_kw", Float, nullable=False),
    Column("solar_kw", Float, nullable=False),
    Column("at_arrival", Boolean, nullable=False, server_default=false()),
    Index("meter_readings_slot", "slot_ms"),
)
slots_table = Table(
    "meter_slots",
    metadata,
    Column("slot_ms", BigInteger, primary_key=True),
    Column("cleared_at_ms", BigInteger),
    Column("households", Integer, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    Column("trades", Integer, nullable=False),
    Column("energy_wh", BigInteger, nullable=False),
    Column("sentence", String(MAX_TEXT), nullable=False),
)
_readings, _slots = readings_table.c, slots_table.c
_ADD_LATE = update(slots_table).where(_slots.slot_ms == bindparam("key")).values(late=_slots.late + bindparam("more"))


@dataclass(frozen=True, slots=True)
class Reading:
    """One household's mean power at a time, in the slot that begins at `slot_ms` (ms since 1970 UTC).

    at_arrival: the message had no time of its own.
    """

    household_id: str
    at_ms: int
    slot_ms: int
    load_kw: float
    solar_kw: float
    at_arrival: bool = False


@dataclass(frozen=True, slots=True)
class SlotRow:
    """A closed slot. cleared_at_ms: None until its trades are in the pool."""

    slot_ms: int
    cleared_at_ms: int | None = None
    households: int = 0
    missing: int = 0
    late: int = 0
    trades: int = 0
    energy_wh: int = 0
    sentence: str = ""


class Meters:
    """The readings and slots of `store`. Methods that take a connection add to the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._dialect: Any = sqlite if store.is_sqlite else postgresql

    def insert(self, connection: Connection, readings: Sequence[Reading], *, from_ms: int) -> int:
        """Keep the readings of open slots that begin at `from_ms` or later; returns how many came too late.

        Of two readings of a household at the same time the later one stays.
        """
        if not readings:
            return 0
        closed = self._closed_among(connection, readings)
        late = [one for one in readings if one.slot_ms in closed or one.slot_ms < from_ms]
        self._keep(connection, [one for one in readings if one.slot_ms >= from_ms and one.slot_ms not in closed])
        counts = Counter(one.slot_ms for one in late if one.slot_ms in closed)
        if counts:
            rows = [{"key": slot_ms, "more": count} for slot_ms, count in counts.items()]
            connection.execute(_ADD_LATE, rows)
        return len(late)

    def _keep(self, connection: Connection, readings: Sequence[Reading]) -> None:
        in_time = {(one.household_id, one.at_ms): asdict(one) for one in readings}  # replaces no row twice
        if in_time:
            statement = self._dialect.insert(readings_table)
            replaced = {name: statement.excluded[name] for name in ("slot_ms", "load_kw", "solar_kw", "at_arrival")}
            keys = ["household_id", "at_ms"]
            connection.execute(
                statement.on_conflict_do_update(index_elements=keys, set_=replaced), list(in_time.values())
            )

    def _closed_among(self, connection: Connection, readings: Sequence[Reading]) -> set[int]:
        wanted = sorted({one.slot_ms for one in readings})
        return set(connection.execute(select(_slots.slot_ms).where(_slots.slot_ms.in_(wanted))).scalars())

    def open_slots(self, before_ms: int) -> list[int]:
        """Slots with readings that begin before a time and are not closed, the oldest first."""
        closed = select(_slots.slot_ms)
        statement = select(_readings.slot_ms).where(_readings.slot_ms < before_ms, _readings.slot_ms.not_in(closed))
        with self.store.read() as connection:
            return sorted(set(connection.execute(statement).scalars()))

    def close(self, connection: Connection, slot_ms: int) -> bool:
        """Close a slot; False if it was closed already."""
        insert = self._dialect.insert(slots_table).on_conflict_do_nothing()
        return bool(connection.execute(insert, asdict(SlotRow(slot_ms))).rowcount)

    def closed(self) -> list[int]:
        """Slots that are closed and not cleared, the oldest first."""
        statement = select(_slots.slot_ms).where(_slots.cleared_at_ms.is_(None)).order_by(_slots.slot_ms)
        with self.store.read() as connection:
            return list(connection.execute(statement).scalars())

    def means(self, slot_ms: int) -> list[tuple[str, float, float]]:
        """Household, mean load and mean solar power in a slot, kW, by household."""
        statement = (
            select(_readings.household_id, func.avg(_readings.load_kw), func.avg(_readings.solar_kw))
            .where(_readings.slot_ms == slot_ms)
            .group_by(_readings.household_id)
            .order_by(_readings.household_id)
        )
        with self.store.read() as connection:
            return [(household_id, load, solar) for household_id, load, solar in connection.execute(statement)]

    def households_by_arrival(self, slot_ms: int) -> list[str]:
        """Whose readings in a slot were placed by the time they arrived."""
        statement = select(_readings.household_id).where(_readings.slot_ms == slot_ms, _readings.at_arrival).distinct()
        with self.store.read() as connection:
            return sorted(connection.execute(statement).scalars())

    def households_with_solar(self) -> set[str]:
        """Whose kept readings have solar power."""
        with self.store.read() as connection:
            return set(
                connection.execute(select(_readings.household_id).where(_readings.solar_kw > 0).distinct()).scalars()
            )

    def households_between(self, from_ms: int, to_ms: int) -> list[str]:
        """Who reported in a span, its end excluded."""
        within = (_readings.slot_ms >= from_ms, _readings.slot_ms < to_ms)
        statement = select(_readings.household_id).where(*within).distinct()
        with self.store.read() as connection:
            return sorted(connection.execute(statement).scalars())

    def cleared(self, connection: Connection, row: SlotRow) -> None:
        """Write down what became of a closed slot; its count of late readings stays."""
        values = asdict(row) | {"sentence": row.sentence[:MAX_TEXT]}
        del values["late"]
        connection.execute(update(slots_table).where(_slots.slot_ms == row.slot_ms).values(**values))

    def forget(self, connection: Connection, before_ms: int) -> None:
        """Drop readings before a time; what became of their slots is kept."""
        connection.execute(delete(readings_table).where(_readings.slot_ms < before_ms))

    def newest_slots(self, limit: int) -> list[SlotRow]:
        """The last closed slots, the newest first."""
        with self.store.read() as connection:
            rows = connection.execute(select(*_slots).order_by(_slots.slot_ms.desc()).limit(limit)).all()
        return [SlotRow(*row) for row in rows]
