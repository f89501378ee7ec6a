"""A batch of MQTT messages becomes trades in the pool, readings, and refusals in the quarantine: all in one commit.

When `store` returns, every message of the batch is durable and may be acknowledged. When it raises, none of it is.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from core.errors import InputError
from core.ledger.transaction import MICRO, Transaction
from core.live import fast
from core.live import payload as payloads
from core.live.devices import Homes, read_table
from core.live.meters import placed, slot_length_ms
from core.live.payload import TradeMessage
from core.live.publishers import Draft, Publishers
from core.live.snapshot import RECENT, Counts, LiveTrade, Outcome
from core.settings import Settings
from core.store.feed import UNAVAILABLE, FeedStore
from core.store.meters import Meters, Reading
from core.store.pool import Arrival, Pool
from core.store.pool import State as PoolState
from core.store.quarantine import Quarantine, Refused

_LOG = logging.getLogger(__name__)


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """One MQTT message. packet_id, redelivered (DUP) and retained are the broker's."""

    topic: str
    payload: bytes
    packet_id: int = 0
    qos: int = 1
    redelivered: bool = False
    retained: bool = False


class _Trade(msgspec.Struct, frozen=True, gc=False):
    """A valid trade, its transaction, and the message it came in."""

    message: TradeMessage
    transaction: Transaction
    arrived: Arrived


@dataclass(slots=True)
class _Sorted:
    """A batch, sorted: the trades, and for each what goes to the pool. held: powers that wait for others of a home."""

    trades: list[_Trade] = field(default_factory=list)
    items: list[Transaction | Arrival] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    ignored: int = 0
    held: int = 0
    sequence: int = 0


class Intake:
    """Judges and stores. Used by one thread at a time: the feed's network thread.

    clock: milliseconds since 1970 UTC.
    """

    def __init__(
        self,
        settings: Settings,
        pool: Pool,
        *,
        quarantine: Quarantine,
        meters: Meters,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._topic = settings.mqtt_topic
        self._zone = ZoneInfo(settings.time_zone)
        self._currency = settings.currency
        self._homes = Homes(read_table(settings.mqtt_devices), self._zone)
        self._pool = pool
        self._quarantine = quarantine
        self._meters = meters
        self._meters_topic = f"{settings.mqtt_meters_topic}/"
        self._slot_ms = slot_length_ms(settings)
        self._clock = clock
        self._with_solar = meters.households_with_solar()
        self._store = quarantine.store
        self._rows = FeedStore(self._store)
        self._session = self._rows.session()
        self._publishers = Publishers(self._rows.publishers())

    def new_session(self) -> None:
        """The broker has no session of ours: packet ids start anew, so none of the old may be taken for a new one."""
        session = replace(self._session, session=secrets.token_hex(8))
        with self._store.begin() as connection:
            self._rows.save_session(connection, session)
        self._session = session

    def store(self, batch: Sequence[Arrived]) -> Outcome:
        """Commit a batch. A message that cannot be stored for a reason of its own is refused, the others are not.

        Raises one of `UNAVAILABLE` when the database takes nothing now (disk full, locked, gone).
        """
        try:
            return self._commit(batch)
        except UNAVAILABLE:
            raise
        except Exception:
            _LOG.exception("batch of %d cannot be stored as a whole: message by message", len(batch))
        outcomes = [self._commit_one(arrived) for arrived in batch]
        return _joined(outcomes)

    def _commit_one(self, arrived: Arrived) -> Outcome:
        try:
            return self._commit([arrived])
        except UNAVAILABLE:
            raise
        except Exception as error:
            reason = f"The message cannot be stored: {type(error).__name__}."
            refused = Refused("not_storable", reason, arrived.topic, arrived.payload, self._clock())
            with self._store.begin() as connection:
                self._quarantine.insert(connection, [refused])
            return Outcome(Counts(received=1, quarantined=1), reasons={"not_storable": 1})

    def _commit(self, batch: Sequence[Arrived]) -> Outcome:
        now = self._clock()
        found = self._sorted(batch, now)
        session = replace(self._session, sequence=found.sequence)
        draft = self._publishers.begin(now)
        with self._store.begin() as connection:
            states = self._pool.insert(connection, found.items)
            new = self._judged(found, states, draft=draft, now=now)
            self._quarantine.insert(connection, found.refused)
            late = self._meters.insert(connection, found.readings, from_ms=now - 2 * self._slot_ms)
            self._rows.save_publishers(connection, draft.changed())
            self._rows.forget_publishers(connection, draft.forgotten())
            if session != self._session:
                self._rows.save_session(connection, session)
        # durable from here on
        self._session = session
        self._publishers.adopt(draft)
        return replace(_outcome(batch, found, new=new, draft=draft, now=now), late_readings=late)

    def _sorted(self, batch: Sequence[Arrived], now: int) -> _Sorted:
        found = _Sorted(sequence=self._session.sequence)
        for arrived in batch:
            try:
                self._sort(arrived, found, now)
            except InputError as error:
                code = error.code if error.code in payloads.CODES else "not_storable"
                found.refused.append(Refused(code, error.message, arrived.topic, arrived.payload, now))
        return found

    def _sort(self, arrived: Arrived, found: _Sorted, now: int) -> None:
        own = arrived.topic.removeprefix(f"{self._topic}/") if arrived.topic.startswith(f"{self._topic}/") else ""
        if arrived.topic != self._topic and not own:
            self._sort_other(arrived, found, now)
            return
        message = fast.read(arrived.payload) or self._read(arrived.payload)
        message = payloads.published_by(message, own)
        if message.message_id is None and arrived.retained:
            raise InputError(
                "A retained message comes again with every connection, so it needs an id to count once.",
                code="retained",
            )
        if message.message_id is not None:
            transaction = fast.freeze(message, received_at_ms=now, sequence=None)
            found.items.append(transaction)
        else:
            transaction = fast.freeze(message, received_at_ms=now, sequence=found.sequence)
            found.items.append(self._arrival(transaction, arrived))
            found.sequence += 1
        found.trades.append(_Trade(message, transaction, arrived))

    def _read(self, payload: bytes) -> TradeMessage:
        return payloads.read_trade(payload, zone=self._zone, currency=self._currency)

    def _sort_other(self, arrived: Arrived, found: _Sorted, now: int) -> None:
        if arrived.topic.startswith(self._meters_topic):
            household_id = arrived.topic[len(self._meters_topic) :]
            message = payloads.read_meter(household_id, arrived.payload, zone=self._zone)
            if message.at_ms is None and arrived.retained:
                raise InputError("A retained reading needs a timestamp: it may be of any time.", code="retained")
            if message.solar_kw is None and household_id in self._with_solar:
                raise InputError(
                    f"{household_id} has sent solar_kw before; leave it out only where there are no panels.",
                    code="missing_field",
                )
            if message.solar_kw:
                self._with_solar.add(household_id)
            found.readings.append(placed(message, slot_length_ms=self._slot_ms, now_ms=now))
        elif self._homes.of(arrived.topic):
            self._hear(arrived, found, now)
        elif arrived.retained:
            found.ignored += 1
        else:
            raise InputError("Nobody expects messages on this topic.", code="unexpected_topic")

    def _hear(self, arrived: Arrived, found: _Sorted, now: int) -> None:
        """A device's own message. A retained one is of an unknown time."""
        if arrived.retained:
            found.ignored += 1
            return
        messages = self._homes.heard(arrived.topic, arrived.payload, now)
        found.held += not messages
        found.readings += [placed(message, slot_length_ms=self._slot_ms, now_ms=now) for message in messages]

    def _arrival(self, transaction: Transaction, arrived: Arrived) -> Transaction | Arrival:
        """What the pool needs to recognise a redelivery; QoS 0 has none."""
        if arrived.qos == 0:
            return transaction
        payload = self._session.session.encode() + arrived.payload
        return Arrival(transaction, arrived.packet_id, payload, arrived.redelivered)

    def _judged(self, found: _Sorted, states: Sequence[PoolState], *, draft: Draft, now: int) -> list[_Trade]:
        """The trades that are new. One that reuses the id of another trade joins the refused."""
        new: list[_Trade] = []
        for one, state in zip(found.trades, states, strict=True):
            message = one.message
            if state == "new":
                new.append(one)
                if message.publisher or message.seq is not None:
                    draft.note(message.publisher, message.seq)
            elif state == "reused":
                found.refused.append(_reused(one, now))
        return new


def _reused(one: _Trade, now: int) -> Refused:
    reason = f"The id {one.message.message_id} names another trade already; give every trade its own id."
    return Refused("id_reused", reason, one.arrived.topic, one.arrived.payload, now)


def _outcome(
    batch: Sequence[Arrived],
    found: _Sorted,
    *,
    new: Sequence[_Trade],
    draft: Draft,
    now: int,
) -> Outcome:
    at = datetime.fromtimestamp(now / 1000, UTC)
    refused, readings = len(found.refused), len(found.readings) + found.held
    micro_wh = sum(one.message.energy_wh * one.message.price_micro_per_kwh for one in new)
    counts = Counts(
        received=len(batch),
        trades=len(new),
        quarantined=refused,
        readings=readings,
        ignored=found.ignored,
        duplicates=len(batch) - len(new) - refused - readings - found.ignored,
    )
    return Outcome(
        counts=counts,
        trades=tuple(_live(one.message, one.transaction, at) for one in new[-RECENT:]),
        traded_kwh=sum(one.message.energy_wh for one in new) / 1000,
        traded_value=micro_wh / (1000 * MICRO),
        reasons=Counter(one.code for one in found.refused),
        publishers=tuple(draft.changed()),
        gaps=tuple(draft.gaps),
    )


def _live(message: TradeMessage, transaction: Transaction, at: datetime) -> LiveTrade:
    return LiveTrade(
        at=at,
        buyer=message.buyer,
        seller=message.seller,
        energy_kwh=message.energy_wh / 1000,
        price=message.price_micro_per_kwh / MICRO,
        publisher=message.publisher,
        message_id=message.message_id,
        tx_hash=transaction.tx_hash,
        simulated=message.simulated,
    )


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    counts = Counts()
    reasons: Counter[str] = Counter()
    for outcome in outcomes:
        counts = counts.plus(outcome.counts)
        reasons.update(outcome.reasons or {})
    return Outcome(
        counts=counts,
        trades=tuple(trade for outcome in outcomes for trade in outcome.trades)[-RECENT:],
        traded_kwh=sum(outcome.traded_kwh for outcome in outcomes),
        traded_value=sum(outcome.traded_value for outcome in outcomes),
        reasons=reasons,
        late_readings=sum(outcome.late_readings for outcome in outcomes),
        publishers=tuple(publisher for outcome in outcomes for publisher in outcome.publishers),
        gaps=tuple(gap for outcome in outcomes for gap in outcome.gaps),
    )
