"""Flows and one-price settlements as compiled loops that keep bills and sums alone: what a sweep of scenarios needs.

They give what `compare` gives to 1e-9 in every bill and figure (tests hold them together), and are fast because nothing
`[slot, household]` is written but the net positions. Reached through `core.market.sweep` only: numba takes a second to
import.
"""

from __future__ import annotations

from collections.abc import Callable

from core.market.community import FloatArray
from core.market.compiled import _compile
from core.market.dispatch import DUST_KWH, ROUNDING

GRID, MIDDLE, RATIO, BILLS = range(4)
"""Settlements by one price a slot."""
TRADED, UNTRADED, UNMET, PRICED, TIMES, MEAN, SQUARES, OPERATOR, GRID_COST = range(9)
"""Sums of a settlement; PRICED to SQUARES are Welford's for the price's standard deviation over slots with a trade."""
SUMS = 9


def _net_of(load: FloatArray, solar: FloatArray, slot_h: float, net: FloatArray, both: FloatArray) -> None:
    """Own use: net `[slot, household]`, and demand and supply `[slot]` in `both`."""
    for slot in range(load.shape[0]):
        demand = supply = 0.0
        for i in range(load.shape[1]):
            x = (load[slot, i] - solar[slot, i]) * slot_h
            x = 0.0 if abs(x) < DUST_KWH else x
            net[slot, i] = x
            demand += max(x, 0.0)
            supply += max(-x, 0.0)
        both[0, slot], both[1, slot] = demand, supply


def _stored(
    net: FloatArray,
    shares: FloatArray,
    capacity: FloatArray,
    limit: FloatArray,
    efficiencies: tuple[float, float],
    level: FloatArray,
    after: FloatArray,
    both: FloatArray,
) -> None:
    """The greedy rule; `after` `[slot, household]` and `both` as `_net_of`'s; `level` moves from start to end."""
    into, out_of = efficiencies
    for slot in range(net.shape[0]):
        demand = supply = 0.0
        of_surplus, of_deficit = shares[0, slot], shares[1, slot]
        for i in range(net.shape[1]):
            x, held = net[slot, i], level[i]
            charge = min(min(max(-x, 0.0) * of_surplus, limit[i]), (capacity[i] - held) / into)
            discharge = min(min(max(x, 0.0) * of_deficit, limit[i]), held * out_of)
            level[i] = max(min(held + (into * charge - discharge / out_of), capacity[i]), 0.0)
            x = x + (charge - discharge)
            x = 0.0 if abs(x) < DUST_KWH else x
            after[slot, i] = x
            demand += max(x, 0.0)
            supply += max(-x, 0.0)
        both[0, slot], both[1, slot] = demand, supply


def _gained(
    net: FloatArray, shares: FloatArray, limit: FloatArray, efficiencies: tuple[float, float], gained: FloatArray
) -> None:
    """What each battery would gain over all slots if it were neither ever full nor ever empty, `[household]`."""
    into, out_of = efficiencies
    for slot in range(net.shape[0]):
        for i in range(net.shape[1]):
            x = net[slot, i]
            charge = min(max(-x, 0.0) * shares[0, slot], limit[i])
            gained[i] += into * charge - min(max(x, 0.0) * shares[1, slot], limit[i]) / out_of


def _add_price(sums: FloatArray, price: float, traded: float) -> None:
    sums[PRICED] += 1.0
    sums[TIMES] += price * traded
    off = price - sums[MEAN]
    sums[MEAN] += off / sums[PRICED]
    sums[SQUARES] += off * (price - sums[MEAN])


add_price = _compile(_add_price)


def _by_price(
    net: FloatArray,
    both: FloatArray,
    prices: FloatArray,
    kind: int,
    added: float,
    bill: FloatArray,
    sums: FloatArray,
) -> None:
    """One settlement in which each side has one price a slot. added: the supply-demand ratio's compensation."""
    slots, households = net.shape
    buy = sell = 0.0
    if kind == BILLS:
        imported = exported = demand = supply = 0.0
        for slot in range(slots):
            d, s = both[0, slot], both[1, slot]
            dust = max(DUST_KWH, ROUNDING * max(d, s))
            imported += prices[0, slot] * (d - s) if d - s >= dust else 0.0
            exported += prices[1, slot] * (s - d) if s - d >= dust else 0.0
            demand += d
            supply += s
        buy = imported / demand if demand > 0.0 else 0.0
        sell = exported / supply if supply > 0.0 else 0.0
    for slot in range(slots):
        r, f, d, s = prices[0, slot], prices[1, slot], both[0, slot], both[1, slot]
        matched = min(d, s)
        matched = 0.0 if matched < max(DUST_KWH, ROUNDING * d) else matched
        q = 0.0 if kind == GRID else matched
        sums[TRADED] += q
        sums[UNTRADED] += matched - q
        sums[UNMET] += d - q
        sums[GRID_COST] += r * (d - q) - f * (s - q)
        if kind != BILLS:
            buy, sell = r, f
            if q > 0.0:
                price = (r + f) / 2.0
                if kind == RATIO:
                    floor = f + added
                    price = floor
                    if s <= d:
                        below = (r - floor) * (s / d) + floor
                        price = r * floor / below if below > 0.0 else r
                buy = (price * q + r * (d - q)) / d
                sell = (price * q + f * (s - q)) / s
                add_price(sums, price, q)
        for i in range(households):
            x = net[slot, i]
            bill[i] += buy * x if x > 0.0 else sell * x


net_of: Callable[..., None] = _compile(_net_of)
stored: Callable[..., None] = _compile(_stored)
gained: Callable[..., None] = _compile(_gained)
by_price: Callable[..., None] = _compile(_by_price)
