"""The state of broker, feed, miner and ledger in one row, each with the sentence behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.chain.records import ChainStatus
from core.exchange import Exchange
from core.live.snapshot import FeedSnapshot
from core.web.text import foreign

STALE_S = 60.0
"""A feed without a message for so long is said to be quiet."""

Colour = Literal["green", "orange", "red", "gray"]
ICONS: dict[Colour, str] = {
    "green": ":material/check_circle:",
    "orange": ":material/schedule:",
    "red": ":material/error:",
    "gray": ":material/pause_circle:",
}


@dataclass(frozen=True, slots=True)
class Badge:
    """A few words, how bad it is, and the whole sentence."""

    label: str
    colour: Colour
    sentence: str

    @property
    def icon(self) -> str:
        """A sign beside the colour, for those who do not see it."""
        return ICONS[self.colour]


def badges(exchange: Exchange, *, feed: FeedSnapshot, chain: ChainStatus, now: datetime) -> tuple[Badge, ...]:
    """Broker, feed, miner, ledger."""
    return (
        Badge("Broker", "green" if feed.connected else "orange", foreign(exchange.broker_sentence(), limit=200)),
        _feed(feed, now),
        _miner(exchange, chain),
        _ledger(chain),
    )


def _feed(feed: FeedSnapshot, now: datetime) -> Badge:
    sentence = foreign(feed.sentence, limit=200)
    if feed.state == "connected":
        if feed.last_message_at is None:
            return Badge("Feed: no message yet", "green", sentence)
        quiet_s = (now - feed.last_message_at).total_seconds()
        if quiet_s > STALE_S:
            return Badge(f"Feed: quiet for {age(quiet_s)}", "orange", sentence)
        return Badge("Feed: receiving", "green", sentence)
    colour: Colour = "gray" if feed.state == "off" else "red" if feed.state in ("blocked", "unreported") else "orange"
    return Badge(f"Feed: {feed.state}", colour, sentence)


def _miner(exchange: Exchange, chain: ChainStatus) -> Badge:
    if not chain.writable:
        return Badge("Miner: stopped", "red", "The ledger cannot be written, so nothing is mined.")
    problem = exchange.mining_problem()
    if problem:
        return Badge("Miner: failing", "red", foreign(problem, limit=200))
    return Badge(
        "Miner", "green", f"A block is mined every {exchange.settings.block_interval_s:g} s if anything waits."
    )


def _ledger(chain: ChainStatus) -> Badge:
    if chain.damage:
        return Badge("Ledger: read-only", "red", foreign(chain.damage, limit=300))
    return Badge("Ledger", "green", "The ledger is open for writing.")


def age(seconds: float) -> str:
    """12 s, 3 min, 2 h or 4 d."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
