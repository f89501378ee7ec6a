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
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

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

_RETRY_S = 2.0
_TURN_S = 0.2
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SimulatorSnapshot:
    """Where the simulation is. at: simulated time; published: trades so far; speed: simulated seconds a second."""

    running: bool
    sentence: str
    algorithm_id: str
    speed: float
    at: datetime | None = None
    published: int = 0


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
            self._publish(link, community, slots.get(self._slot, []))
            self._slot += 1
            self._keep_alive(link, until=began + community.slot_h * 3600 / self._settings.simulator_speed)
        if self._slot >= community.slots:
            self._week, self._slot = self._week + 1, 0

    def _publish(self, link: Link, community: Community, trades: Sequence[ClearedTrade]) -> None:
        """Hand a slot's trades to the broker. After a lost connection the same ids come again, and count once."""
        from core.market.algorithms import get

        start_at = community.start_at + timedelta(hours=community.slot_h) * self._slot
        for number, trade in enumerate(trades):
            message = self._message(trade, number, start_at=start_at)
            link.publish(self._settings.mqtt_topic, json.dumps(message).encode())
        link.confirm()
        self._seq += len(trades)
        self._say(
            f"Playing {start_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC of the sample community"
            f" at {self._settings.simulator_speed:g} times the speed, cleared by {get(self._algorithm_id).name}.",
            at=start_at,
            published=self._seq,
            algorithm_id=self._algorithm_id,
        )

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
            link.turn(min(left_s, _TURN_S))

    def _say(self, sentence: str, **changes: object) -> None:
        self._snapshot = replace(self._snapshot, sentence=sentence, **changes)  # type: ignore[arg-type]
