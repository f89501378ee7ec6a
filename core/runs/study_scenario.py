"""One scenario of a study: the community and the tariff that a point of its design stands for.

Who has what is decided by ranks drawn from the study's seed alone, so that a larger share contains the smaller one and
neighbouring scenarios differ in what the point changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from zlib import crc32

import numpy as np

from core.errors import MarketError
from core.market.community import Community, FloatArray, IntArray, Tariff
from core.market.contract import Value
from core.market.local_time import local_starts, minute_of_day, month
from core.market.tariff import DayPrices
from core.runs.study_plan import SEASONS, StudyPlan

EV_KW, EV_FROM_H = 3.7, 22
Selections = list[tuple[str, dict[str, object]]]


@dataclass(frozen=True, eq=False)
class Base:
    """The readings that every scenario starts from, and what all scenarios share."""

    community: Community
    time_zone: str

    @cached_property
    def local(self) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
        """Local start of every slot."""
        return local_starts(self.community.slot_starts(), self.time_zone)

    @cached_property
    def has_pv(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Homes with PV in the readings."""
        found: np.ndarray[tuple[int], np.dtype[np.bool_]] = self.community.solar_kw.max(axis=0) > 0.0
        return found


def scenario_of(
    base: Base, plan: StudyPlan, point: Mapping[str, Value], number: int, *, prices: Tariff | None = None
) -> tuple[Community, Tariff, Selections]:
    """What a point stands for; `number` decides what a Monte Carlo scenario draws. Raises MarketError naming it.

    prices: of the readings' slots, where the point sets none; else the plan's.
    """
    community, local = _at_times(base, plan, point, number)
    community = _homes(community, base, plan, point, number)
    community, has_pv = _roofs(community, plan, point)
    community = _cars(community, local, plan, point)
    tariff = _tariff(community, base.time_zone, plan, point, number, prices)
    return community, tariff, _selections(community, has_pv, plan, point)


def ranks(seed: int, what: str, size: int, number: int = 0) -> FloatArray:
    """Uniform numbers by a counter from seed, purpose and scenario; the first n are the same whatever the size."""
    key = np.array([seed, crc32(what.encode()) << 32 | number], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).random(size)


def _at_times(
    base: Base, plan: StudyPlan, point: Mapping[str, Value], number: int
) -> tuple[Community, np.ndarray[tuple[int], np.dtype[np.datetime64]]]:
    """The slots of the season or month; for Monte Carlo as many whole days, drawn."""
    community, local = base.community, base.local
    if "season" in point or "month" in point:
        wanted = SEASONS[str(point["season"])] if "season" in point else (int(point["month"]),)
        slots = np.flatnonzero(np.isin(month(local), wanted))
        if not slots.size:
            asked = point.get("season", point.get("month"))
            raise MarketError(f"The readings have no slot in {asked}.", fix="Leave out what they do not cover.")
        community, local = _slots(community, slots), local[slots]
    if plan.design == "monte_carlo":
        per_day = round(24.0 / community.slot_h)
        days = community.slots // per_day if per_day >= 1 else 0
        if days >= 2:
            drawn = (ranks(plan.seed, "days", days, number) * days).astype(np.int64)
            slots = (drawn[:, None] * per_day + np.arange(per_day)).ravel()
            community, local = _slots(community, slots), local[slots]
    return community, local


def _slots(community: Community, slots: IntArray) -> Community:
    return replace(community, load_kw=community.load_kw[slots], solar_kw=community.solar_kw[slots])


def _homes(community: Community, base: Base, plan: StudyPlan, point: Mapping[str, Value], number: int) -> Community:
    """Homes drawn: the first of one shuffled order, again from the start when more are asked than there are."""
    households = community.households
    size = int(point.get("community_size", households))
    if plan.design == "monte_carlo":
        drawn = (ranks(plan.seed, "homes", size, number) * households).astype(np.int64)
    elif "community_size" in point:
        order = np.argsort(ranks(plan.seed, "homes", households))
        drawn = order[np.arange(size) % households]
    else:
        return community
    seen: dict[int, int] = {}
    ids = []
    for home in drawn.tolist():
        seen[home] = seen.get(home, 0) + 1
        again = f"~{seen[home]}" if seen[home] > 1 else ""
        ids.append(community.household_ids[home] + again)
    return Community(
        tuple(ids),
        community.start_at,
        community.slot_h,
        community.load_kw[:, drawn],
        community.solar_kw[:, drawn],
        community.pv_kw[drawn],
        metered=community.metered[drawn],
        positions=community.positions[drawn],
    )


def _roofs(
    community: Community, plan: StudyPlan, point: Mapping[str, Value]
) -> tuple[Community, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """PV for a share of the homes, its size scaled.

    Homes that have it in the readings come first, so that their share is the readings; others borrow a roof.
    """
    sunny = (community.solar_kw.max(axis=0) > 0.0) | (community.pv_kw > 0.0)
    solar, pv_kw = community.solar_kw, community.pv_kw
    if "pv_share" in point:
        order = np.lexsort((ranks(plan.seed, "pv", community.households), ~sunny))
        chosen = np.zeros(community.households, dtype=bool)
        chosen[order[: round(float(point["pv_share"]) * community.households)]] = True
        roofs = np.flatnonzero(sunny)
        if chosen.any() and not roofs.size:
            raise MarketError("No home of the readings has solar to give others.", fix="Leave out pv_share.")
        source = np.arange(community.households)
        lent = chosen & ~sunny
        picks = ranks(plan.seed, "roofs", community.households)
        source[lent] = roofs[(picks[lent] * roofs.size).astype(np.int64)]
        solar = np.where(chosen, solar[:, source], 0.0)
        pv_kw = np.where(chosen, pv_kw[source], 0.0)
        sunny = chosen
    scale = float(point.get("pv_scale", 1.0))
    if scale != 1.0:
        solar, pv_kw = solar * scale, pv_kw * scale
        sunny = sunny & (scale > 0.0)
    if solar is community.solar_kw:
        return community, sunny
    return replace(community, solar_kw=solar, pv_kw=pv_kw), sunny


def _cars(
    community: Community,
    local: np.ndarray[tuple[int], np.dtype[np.datetime64]],
    plan: StudyPlan,
    point: Mapping[str, Value],
) -> Community:
    """Cars charge in the slots that start from 22 h to midnight, local time."""
    share = float(point.get("ev_share", 0.0))
    owners = ranks(plan.seed, "cars", community.households) < share
    if not owners.any():
        return community
    charging = np.where(minute_of_day(local) >= EV_FROM_H * 60, EV_KW, 0.0)
    return replace(community, load_kw=community.load_kw + charging[:, None] * owners)


def _tariff(
    community: Community,
    time_zone: str,
    plan: StudyPlan,
    point: Mapping[str, Value],
    number: int,
    prices: Tariff | None,
) -> Tariff:
    def price(name: str, text: str) -> FloatArray:
        if f"{name}_price" in point:
            return np.full(community.slots, float(point[f"{name}_price"]))
        if prices is not None:
            return prices.retail_price if name == "retail" else prices.feed_in_price
        return DayPrices.parse(text, name=name).over(community, time_zone)

    retail = price("retail", plan.retail)
    feed_in = retail * float(point["feed_in_share"]) if "feed_in_share" in point else price("feed_in", plan.feed_in)
    if (feed_in > retail).any():
        slot = int(np.argmax(feed_in > retail))
        raise MarketError(
            f"In scenario {number} the feed-in price {feed_in[slot]:g} is above the retail price {retail[slot]:g}.",
            fix="Give ranges that do not overlap, or feed_in_share in place of feed_in_price.",
        )
    return Tariff(retail, feed_in)


def _selections(
    community: Community,
    has_pv: np.ndarray[tuple[int], np.dtype[np.bool_]],
    plan: StudyPlan,
    point: Mapping[str, Value],
) -> Selections:
    """Every algorithm with its parameters at this point; batteries belong to a share of the homes with PV."""
    batteries: dict[str, object] = {}
    if "battery_kwh" in point:
        batteries["capacity_kwh"] = point["battery_kwh"]
        batteries["power_kw"] = float(point["battery_kwh"]) / 2.0
    if "battery_kw" in point:
        batteries["power_kw"] = point["battery_kw"]
    if "battery_share" in point:
        chosen = has_pv & (ranks(plan.seed, "batteries", community.households) < float(point["battery_share"]))
        batteries["owners"] = " ".join(community.household_ids[i] for i in np.flatnonzero(chosen)) or "none"
    selections: Selections = []
    for algorithm_id, parameters in plan.algorithms:
        given: dict[str, object] = dict(parameters)
        given |= {name: value for name, value in batteries.items() if name in parameters}
        given |= {name.partition(".")[2]: value for name, value in point.items() if name.startswith(f"{algorithm_id}.")}
        selections.append((algorithm_id, given))
    return selections
