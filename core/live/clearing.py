"""The live market's trades, made by the same algorithms as a comparison's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import MarketError
from core.market.community import Community, Tariff
from core.settings import Settings

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class ClearedTrade:
    """Who sold to whom in which slot, in the ledger's integers (half-even rounding)."""

    slot: int
    buyer: str
    seller: str
    energy_wh: int
    price_micro_per_kwh: int


def clear(settings: Settings, community: Community, algorithm_id: str) -> Iterator[ClearedTrade]:
    """The trades of every slot at the live market's flat prices; less than half a watt-hour is no trade.

    Raises MarketError for an unknown algorithm, one that breaks a promise, or one whose trades have no price.
    """
    from core.market.compare import run_algorithm  # compiles on first use, too slow for the command line's start

    tariff = Tariff.flat(community.slots, retail_price=settings.retail_price, feed_in_price=settings.feed_in_price)
    settlement = run_algorithm(algorithm_id, community, tariff).settlement
    if settlement.no_price:
        raise MarketError(settlement.no_price, fix="Choose an algorithm whose trades have a price.")
    trades = settlement.trades()
    ids = community.household_ids
    columns = (trades.slot, trades.buyer, trades.seller, trades.energy_kwh, trades.price)
    for slot, buyer, seller, energy_kwh, price in zip(*(column.tolist() for column in columns), strict=True):
        energy_wh = round(energy_kwh * 1000)
        if energy_wh > 0:
            yield ClearedTrade(slot, ids[buyer], ids[seller], energy_wh, round(price * MICRO))
