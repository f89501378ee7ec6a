"""The sample community, played forward in time: each slot's trades are published by a real MQTT client.

The trades are those of the market engine over the sample's readings, the same that a comparison of it shows.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import numpy as np

from core.errors import LabError
from core.live.background import Background
from core.live.clearing import MICRO, ClearedTrade, clear
from core.live.endpoint import Where, located
from core.live.link import Link, LinkError
from core.market.community import Community
from core.settings import Settings

PUBLISHER = "simulator"
HOUSEHOLDS = 10
DAYS = 7
SLOT_H = 0.5
FIRST_DAY = date(2025, 4, 1)
FIRST_HOUR = 8
"""The first day begins in the morning, so that trades come at once."""

KEPT_SLOTS = round(24 / SLOT_H)
"""Played slots that are kept for the page: one simulated day."""

_RETRY_S = 2.0
_POLL_S = 0.2
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlayedSlot:
    """One slot that was played. start_at: simulated time, UTC; price: mean of its trades, None without one; trades:
    (seller, buyer, kWh, price). demand_kwh, supply_kwh: what the homes lacked and had to spare."""

    start_at: datetime
    demand_kwh: float
    supply_kwh: float
    traded_kwh: float
    price: float | None
    trades: tuple[tuple[str, str, float, float], ...]


@dataclass(frozen=True, slots=True)
class SimulatorSnapshot:
    """Where the simulation is. at: simulated time; published: trades so far; speed: simulated seconds a second.

    played: the newest slots of a simulated day, oldest first.
    """

    running: bool
    sentence: str
    algorithm_id: str
    speed: float
    at: datetime | None = None
    published: int = 0
    played: tuple[PlayedSlot, ...] = ()


def sample_week(number: int) -> Community:
    """Week `number` of the sample community: the same homes, the next week's weather."""
    from core.readings.sample import sample_community  # its models take a second to import

    start = FIRST_DAY + timedelta(days=DAYS * number)
    return sample_community(households=HOUSEHOLDS, days=DAYS, slot_h=SLOT_H, start=start).community


class Simulator:
    """Plays week after week. endpoint: as for the feed. weeks: the readings of week 0, 1, 2, …"""

    def __init__(
        self,
        settings: Settings,
        *,
        endpoint: Where = None,
        weeks: Callable[[int], Community] = sample_week,
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._weeks = weeks
        self._background = Background("simulator", self._run)
        self._run_id = secrets.token_hex(4)  # keeps the ids of two runs apart
        self._seq = 0
        self._week, self._slot = 0, round(FIRST_HOUR / SLOT_H)
        self._algorithm_id = settings.simulator_algorithm
        self._snapshot = SimulatorSnapshot(
            False, "The simulated community is not running.", self._algorithm_id, settings.simulator_speed
        )

    def snapshot(self) -> SimulatorSnapshot:
        """The present snapshot; it never changes."""
        return self._snapshot

    @property
    def sentence(self) -> str:
        """What the simulated community does."""
        return self._snapshot.sentence

    def choose(self, algorithm_id: str) -> None:
        """Clear the following slots with another algorithm. Raises MarketError for an unknown one."""
        from core.market.algorithms import get

        self._algorithm_id = get(algorithm_id).id

    def start(self) -> None:
        """Begin to play; returns at once."""
        self._say("The simulated community is starting.", running=True)
        self._background.start()

    def stop(self) -> None:
        """End the thread."""
        self._background.stop()
        self._say("The simulated community is not running.", running=False)

    # ---- the thread

    def _run(self) -> None:
        while not self._background.stopping.is_set():
            try:
                self._play()
            except (LinkError, LabError) as error:
                self._pause(str(error))
            except Exception as error:
                _LOG.exception("the simulated community met an error")
                self._pause(f"The simulated community met an unexpected error ({type(error).__name__}).")

    def _pause(self, sentence: str) -> None:
        self._say(f"{sentence} Next try in {_RETRY_S:.0f} s.")
        self._background.stopping.wait(_RETRY_S)

    def _play(self) -> None:
        """Publish slot after slot over one connection, until it is lost (raises) or the simulator stops (returns)."""
        client_id = f"{self._settings.mqtt_client_id}-{PUBLISHER}"
        link = Link(located(self._settings, self._endpoint), client_id=client_id, topics=(), clean=True)
        try:
            link.open(self._background.stopping.is_set)
            while not self._background.stopping.is_set():
                self._play_week(link)
        finally:
            link.close()

    def _play_week(self, link: Link) -> None:
        community = self._weeks(self._week)
        cleared_by, slots = "", dict[int, list[ClearedTrade]]()
        while self._slot < community.slots and not self._background.stopping.is_set():
            began = time.monotonic()
            if self._algorithm_id != cleared_by:
                cleared_by = self._algorithm_id
                trades = clear(self._settings, community, cleared_by)
                slots = {slot: list(found) for slot, found in groupby(trades, key=lambda trade: trade.slot)}
            later = (slot for slot in sorted(slots) if slot > self._slot)
            self._publish(link, community, slots.get(self._slot, []), next_slot=next(later, None))
            self._slot += 1
            self._keep_alive(link, until=began + community.slot_h * 3600 / self._settings.simulator_speed)
        if self._slot >= community.slots:
            self._week, self._slot = self._week + 1, 0

    def _publish(
        self, link: Link, community: Community, trades: Sequence[ClearedTrade], *, next_slot: int | None
    ) -> None:
        """Hand a slot's trades to the broker. After a lost connection the same ids come again, and count once."""
        start_at = community.start_at + timedelta(hours=community.slot_h) * self._slot
        for number, trade in enumerate(trades):
            message = self._message(trade, number, start_at=start_at)
            link.publish(self._settings.mqtt_topic, json.dumps(message).encode())
        link.confirm()
        self._seq += len(trades)
        self._say(
            self._told(community, start_at, trading=bool(trades), next_slot=next_slot),
            at=start_at,
            published=self._seq,
            algorithm_id=self._algorithm_id,
            played=(*self._snapshot.played, _played(community, self._slot, trades, start_at))[-KEPT_SLOTS:],
        )

    def _told(self, community: Community, start_at: datetime, *, trading: bool, next_slot: int | None) -> str:
        """What is played now, in the lab's zone; without a trade, until when there is none."""
        from core.market.algorithms import get

        zone = ZoneInfo(self._settings.time_zone)
        said = (
            f"Playing {start_at.astimezone(zone):%-d %b %Y %H:%M} of the sample community"
            f" at {self._settings.simulator_speed:g} times the speed, cleared by {get(self._algorithm_id).name}."
        )
        if trading:
            return said
        no_sun = not community.solar_kw[self._slot].any()
        why = "No sun" if no_sun else "No surplus"
        if next_slot is None:
            return f"{why}: nothing to trade for the rest of this week. {said}"
        next_at = (community.start_at + timedelta(hours=community.slot_h) * next_slot).astimezone(zone)
        return f"{why}: nothing to trade until {next_at:%H:%M}. {said}"

    def _message(self, trade: ClearedTrade, number: int, *, start_at: datetime) -> dict[str, object]:
        return {
            "id": f"{self._run_id}-{self._week}-{self._slot}-{number}",
            "buyer": trade.buyer,
            "seller": trade.seller,
            "qty_kwh": trade.energy_wh / 1000,
            "price": trade.price_micro_per_kwh / MICRO,
            "publisher": PUBLISHER,
            "seq": self._seq + number,
            "simulated": True,
            "slot": start_at.isoformat(),
        }

    def _keep_alive(self, link: Link, *, until: float) -> None:
        """Wait for the slot to pass, answering the broker meanwhile."""
        while not self._background.stopping.is_set() and (left_s := until - time.monotonic()) > 0:
            link.poll(min(left_s, _POLL_S))

    def _say(self, sentence: str, **changes: object) -> None:
        self._snapshot = replace(self._snapshot, sentence=sentence, **changes)  # type: ignore[arg-type]


def _played(community: Community, slot: int, trades: Sequence[ClearedTrade], start_at: datetime) -> PlayedSlot:
    net_kwh = (community.load_kw[slot] - community.solar_kw[slot]) * community.slot_h
    pairs = tuple(
        (trade.seller, trade.buyer, trade.energy_wh / 1000, trade.price_micro_per_kwh / MICRO) for trade in trades
    )
    traded_kwh = sum(energy_kwh for _, _, energy_kwh, _ in pairs)
    value = sum(energy_kwh * price for _, _, energy_kwh, price in pairs)
    return PlayedSlot(
        start_at=start_at,
        demand_kwh=float(np.maximum(net_kwh, 0.0).sum()),
        supply_kwh=float(np.maximum(-net_kwh, 0.0).sum()),
        traded_kwh=traded_kwh,
        price=value / traded_kwh if traded_kwh else None,
        trades=pairs,
    )
