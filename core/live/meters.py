"""Meter readings of a slot are gathered, and when it ends the market clears them; what is missing is never guessed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from core.errors import InputError, LabError
from core.ledger.transaction import MICRO, Transaction, trade
from core.live.background import Background
from core.live.clearing import ClearedTrade, clear
from core.live.payload import METERS, MeterMessage
from core.live.snapshot import RECENT, Counts, FeedCache, LiveTrade, MeterSlot, Outcome
from core.market.community import Community
from core.settings import Settings
from core.store.meters import Meters, Reading, SlotRow
from core.store.pool import Pool

GRACE_S = 2.0
"""Readings of a slot may still come so long after its end."""
AHEAD_S = 300.0
"""A meter's clock may be so far ahead."""
KNOWN_S = 86_400.0
"""A household that reported within so long is expected in every slot."""
SHOWN_SLOTS = 20

_LOOK_S = 1.0
_NAMED = 5
_LOG = logging.getLogger(__name__)


def slot_length_ms(settings: Settings) -> int:
    """The length of a slot in milliseconds."""
    return max(1, round(settings.meter_slot_s * 1000))


def placed(message: MeterMessage, *, slot_length_ms: int, now_ms: int) -> Reading:
    """A reading in the slot of its time, or of its arrival. Raises InputError for one from the future."""
    at_ms = now_ms if message.at_ms is None else message.at_ms
    if at_ms > now_ms + AHEAD_S * 1000:
        ahead_s = (at_ms - now_ms) / 1000
        raise InputError(
            f"The reading's timestamp is {ahead_s:,.0f} s ahead of the clock here, expected at most {AHEAD_S:.0f} s.",
            code="bad_time",
        )
    slot_ms = at_ms - at_ms % slot_length_ms
    solar_kw = 0.0 if message.solar_kw is None else message.solar_kw
    return Reading(message.household_id, at_ms, slot_ms, message.load_kw, solar_kw, at_arrival=message.at_ms is None)


class MeterMarket:
    """Closes and clears slots in a thread of its own. clock: ms since 1970 UTC.

    Every step can be done again after a crash: the trades of a slot have ids made from the slot and the households.
    """

    def __init__(
        self,
        settings: Settings,
        pool: Pool,
        *,
        meters: Meters,
        cache: FeedCache,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._meters = meters
        self._cache = cache
        self._clock = clock
        self._slot_ms = slot_length_ms(settings)
        self._looked_at = -1
        self._shown_late = -1
        self._background = Background("mqtt-meters", self._run)

    def start(self) -> None:
        """Begin to watch the clock."""
        self._background.start()

    def stop(self) -> None:
        """End the thread; a slot that is not cleared yet is cleared at the next start."""
        self._background.stop()

    def _run(self) -> None:
        while not self._background.stopping.wait(_LOOK_S):
            try:
                self.look()
            except Exception:
                _LOG.exception("slots of meter readings cannot be cleared now")

    def look(self) -> None:
        """Close every slot whose time is over, and clear what is closed."""
        now_ms = self._clock()
        ended_before_ms = now_ms - round(GRACE_S * 1000) - self._slot_ms + 1
        due = set(self._meters.open_slots(ended_before_ms))
        latest = (ended_before_ms - 1) // self._slot_ms * self._slot_ms
        if latest != self._looked_at and self._expected(latest):
            due.add(latest)  # even if nobody reported: somebody should have
        for slot_ms in sorted(due):
            with self._meters.store.begin() as connection:
                self._meters.close(connection, slot_ms)
        for slot_ms in self._meters.closed():
            self._clear(slot_ms, now_ms)
        self._looked_at = latest
        self._refresh()

    def _expected(self, slot_ms: int) -> list[str]:
        """Who had reported by the end of a slot, not too long before it."""
        return self._meters.households_between(slot_ms - round(KNOWN_S * 1000), slot_ms + self._slot_ms)

    def _clear(self, slot_ms: int, now_ms: int) -> None:
        means = self._meters.means(slot_ms)
        reported = {household_id for household_id, _, _ in means}
        missing = [household_id for household_id in self._expected(slot_ms) if household_id not in reported]
        trades, problem = self._settled(slot_ms, means)
        by_arrival = self._meters.households_by_arrival(slot_ms)
        transactions = [self._transaction(slot_ms, one) for one in trades]
        row = SlotRow(
            slot_ms=slot_ms,
            cleared_at_ms=now_ms,
            households=len(means),
            missing=len(missing),
            trades=len(trades),
            energy_wh=sum(one.energy_wh for one in trades),
            sentence=(problem or _sentence(len(means), len(trades), missing)) + _clockless(by_arrival),
        )
        with self._meters.store.begin() as connection:
            states = self._pool.insert(connection, transactions)
            self._meters.cleared(connection, row)
            self._meters.forget(connection, slot_ms - round(KNOWN_S * 1000))
        new = [
            pair for pair, state in zip(zip(trades, transactions, strict=True), states, strict=True) if state == "new"
        ]
        self._show(new, now_ms)
        _LOG.info("slot %d of meter readings: %d households, %d trades", slot_ms, len(means), len(trades))

    def _settled(self, slot_ms: int, means: Sequence[tuple[str, float, float]]) -> tuple[list[ClearedTrade], str]:
        """The slot's trades, or none and why."""
        if not means:
            return [], ""
        community = Community(
            household_ids=tuple(household_id for household_id, _, _ in means),
            start_at=datetime.fromtimestamp(slot_ms / 1000, UTC),
            slot_h=self._slot_ms / 3_600_000,
            load_kw=np.array([[load for _, load, _ in means]]),
            solar_kw=np.array([[solar for _, _, solar in means]]),
            pv_kw=np.full(len(means), np.nan),
        )
        try:
            return list(clear(self._settings, community, self._settings.meter_algorithm)), ""
        except LabError as error:
            return [], f"Not cleared: {error}"

    def _transaction(self, slot_ms: int, one: ClearedTrade) -> Transaction:
        return trade(
            buyer=one.buyer,
            seller=one.seller,
            energy_wh=one.energy_wh,
            price_micro_per_kwh=one.price_micro_per_kwh,
            received_at_ms=slot_ms + self._slot_ms,
            publisher=METERS,
            message_id=f"{slot_ms}-{one.buyer}-{one.seller}",
            slot_ms=slot_ms,
        )

    def _show(self, new: Sequence[tuple[ClearedTrade, Transaction]], now_ms: int) -> None:
        at = datetime.fromtimestamp(now_ms / 1000, UTC)
        live = [
            LiveTrade(
                at=at,
                buyer=one.buyer,
                seller=one.seller,
                energy_kwh=one.energy_wh / 1000,
                price=one.price_micro_per_kwh / MICRO,
                publisher=METERS,
                message_id=str(transaction.document["message_id"]),
                tx_hash=transaction.tx_hash,
                simulated=False,
            )
            for one, transaction in new
        ]
        self._cache.add(
            Outcome(
                Counts(cleared=len(live)),
                trades=tuple(live[-RECENT:]),
                traded_kwh=sum(one.energy_kwh for one in live),
                traded_value=sum(one.energy_kwh * one.price for one in live),
            )
        )
        self._shown_late = -1

    def _refresh(self) -> None:
        """Show the last slots again when something about them has changed."""
        late = self._cache.snapshot().late_readings
        if late != self._shown_late:
            self._shown_late = late
            self._cache.change(meters=tuple(_shown(row) for row in self._meters.newest_slots(SHOWN_SLOTS)))


def _sentence(households: int, trades: int, missing: Sequence[str]) -> str:
    said = "Cleared." if trades else "No surplus met a need." if households else "Nobody reported."
    if not missing:
        return said
    return f"{said} No reading from {_listed(missing)}."


def _clockless(households: Sequence[str]) -> str:
    return f" By time of arrival: {_listed(households)}." if households else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _shown(row: SlotRow) -> MeterSlot:
    return MeterSlot(
        start_at=datetime.fromtimestamp(row.slot_ms / 1000, UTC),
        households=row.households,
        missing=row.missing,
        late=row.late,
        trades=row.trades,
        traded_kwh=row.energy_wh / 1000,
        sentence=row.sentence,
    )
