"""What holds under every rulebook, on random communities; and a slow second opinion about slabs and net metering."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market.rulebooks.case import settle_case

prices = st.integers(-20, 100).map(lambda tenths: tenths / 10)
energies = st.integers(0, 40).map(lambda tenths: tenths / 10)
SLABS = st.sampled_from(
    [[[5, 2.0], [None, 4.0]], [[3, 1.0], [8, 3.0], [None, 6.0]], [[None, 5.0]], [[6, 4.0], [None, 2.0]]]
)


@st.composite
def classes(draw: st.DrawFn) -> dict[str, Any]:
    arrangement = draw(st.sampled_from(["net_billing", "net_billing", "net_metering", "gross_metering"]))
    slabs = draw(st.booleans())
    made: dict[str, Any] = {"arrangement": arrangement}
    made["energy"] = {"slabs": draw(SLABS)} if slabs else {"price": draw(prices)}
    if arrangement == "net_metering":
        made["year_end_price"] = draw(prices)
    else:
        made["export"] = {"price": draw(prices)}
        if draw(st.booleans()):
            made["export_credit"] = "month_energy"
    if draw(st.booleans()):
        made["time_of_day"] = [{"hours": "12-14", "percent": draw(st.integers(-50, 50))}]
    if draw(st.booleans()):
        made["percent"] = [{"name": "tax", "rate": 0.125, "on": ["energy", "fixed"]}]
    made["fixed"] = {"per_month": draw(st.integers(0, 3))}
    return made


@st.composite
def cases(draw: st.DrawFn, *, linear: bool = False) -> dict[str, Any]:
    slots = draw(st.integers(1, 4))
    shape = draw(st.sampled_from(["supply"] if linear else ["supply", "supply", "supply", "allocation", "incentive"]))
    names = ["A", "B", "C", "D"][: draw(st.integers(2, 4))]
    kinds = ["default", "other"]
    book: dict[str, Any] = {
        "timezone": draw(st.sampled_from(["Asia/Kolkata", "UTC", "Europe/Berlin"])),
        "billing": {"prorate": draw(st.booleans()), "horizon_end": draw(st.sampled_from(["settle", "carry"]))},
        "classes": {
            kind: {"energy": {"price": draw(prices)}, "export": {"price": draw(prices)}} if linear else draw(classes())
            for kind in kinds
        },
        "peer": {
            "counts_as": shape,
            "price": draw(st.one_of(st.just("mid"), prices)),
            "loss": draw(st.sampled_from([0, 0, 0.1])),
            "charges": [{"name": "wires", "buyer": draw(energies) / 10, "seller": draw(energies) / 10}],
        },
    }
    mechanisms: list[Any] = ["grid_only", "sharing_key"]
    rounds = draw(st.sampled_from([["static"], ["pro_rata"], ["equal"], ["priority", "equal"], ["static", "pro_rata"]]))
    book["key"] = {"rounds": rounds, "coefficients": {"A": 0.5, "B": 0.25}, "rank": {"B": 1, "A": 2}}
    if shape == "incentive":
        book["incentive"] = {
            "per_kwh": 0.5,
            "shares": {"producers": 0.25, "equal": 0.25, "consumers": 0.25, "fund": 0.25},
        }
    if shape == "supply":
        mechanisms += [
            "mid_market_rate",
            {"name": "uniform_price_auction", "strategy": "truthful"},
            {"name": "pay_as_bid_auction", "strategy": "truthful"},
            {"name": "mcafee_auction", "strategy": "zero_intelligence"},
        ]
        if not linear and draw(st.booleans()):
            rules = ["min_pro_rata", "min_fifo", "min_seller_first", "optimum", "own_deviation"]
            book["forward"] = {
                "forecast": draw(st.sampled_from(["perfect", "noise"])),
                "noise": 0.3,
                "settlement": draw(st.sampled_from(rules)),
                "deviation": {"buyer_credit": 1.0, "seller_charge": 2.0},
            }
    households = [
        {
            "id": name,
            "class": draw(st.sampled_from(kinds)),
            "credit_kwh": draw(st.sampled_from([0, 0, 3])),
            "load_kwh": draw(st.lists(energies, min_size=slots, max_size=slots)),
            "solar_kwh": draw(st.lists(energies, min_size=slots, max_size=slots)),
        }
        for name in names
    ]
    start_at = draw(st.sampled_from(["2026-05-10T06:30:00Z", "2026-03-31T17:00:00Z", "2025-12-31T22:00:00Z"]))
    return {
        "rulebook": book,
        "mechanism": draw(st.sampled_from(mechanisms)),
        "input": {"start_at": start_at, "slot_h": 1, "households": households},
    }


@settings(max_examples=150, deadline=None)
@given(case=cases())
def test_energy_and_money_balance_under_every_rulebook(case: dict[str, Any]) -> None:
    found = settle_case(case)
    homes, slots, community = found["households"], found["slots"], found["community"]
    loss, forward = case["rulebook"]["peer"]["loss"], case["rulebook"].get("forward", {})
    guaranteed = forward.get("settlement") == "own_deviation" and found["contracts"]
    bought = sum(home["bought_kwh"] + home["credited_kwh"] for home in homes.values())
    sold = sum(home["sold_kwh"] for home in homes.values())
    assert bought == pytest.approx((1 - loss) * sold, abs=1e-9)
    for each in case["input"]["households"]:
        name, gross = each["id"], case["rulebook"]["classes"][each["class"]].get("arrangement") == "gross_metering"
        for slot, (load, solar) in enumerate(zip(each["load_kwh"], each["solar_kwh"], strict=True)):
            needs, offers = (load, solar) if gross else (max(load - solar, 0.0), max(solar - load, 0.0))
            if not guaranteed:
                assert -1e-9 <= slots["bought_kwh"][name][slot] <= needs + 1e-9
                assert -1e-9 <= slots["sold_kwh"][name][slot] <= offers + 1e-9
            assert slots["import_kwh"][name][slot] >= -1e-9
            assert slots["export_kwh"][name][slot] >= -1e-9
    if not guaranteed:
        left = sum(home["import_kwh"] - home["export_kwh"] for home in homes.values())
        net = sum(sum(each["load_kwh"]) - sum(each["solar_kwh"]) for each in case["input"]["households"])
        assert left == pytest.approx(net + loss * sold, abs=1e-9)
    collected = sum(home["grid"] for home in homes.values()) + sum(community["charges"].values())
    collected += community["operator_surplus"] + community["deviation"] - community["incentive"] + community["fund"]
    assert community["community_cost"] == pytest.approx(collected, abs=1e-8)
    for home in homes.values():
        parts = home["energy"] + home["fixed"] + home["percent"] - home["export_credit"]
        assert home["grid"] == pytest.approx(parts, abs=1e-9)
        whole = home["peer"] + home["charges"] + home["deviation"] + home["grid"] - home["incentive"]
        assert home["bill"] == pytest.approx(whole, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_the_order_of_households_changes_nothing(case: dict[str, Any]) -> None:
    before = settle_case(case)["households"]
    turned = {**case["input"], "households": case["input"]["households"][::-1]}
    after = settle_case({**case, "input": turned})["households"]
    for name, home in before.items():
        assert after[name]["bill"] == pytest.approx(home["bill"], abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(case=cases(linear=True))
def test_under_linear_bills_nobody_beats_the_least_cost_and_truthful_auctions_reach_it(case: dict[str, Any]) -> None:
    found = settle_case(case)
    community = found["community"]
    assert community["least_cost_is"] == "exact"
    assert community["community_cost"] + community["operator_surplus"] * -1 >= community["least_cost"] - 1e-8
    name = case["mechanism"] if isinstance(case["mechanism"], str) else case["mechanism"]["name"]
    if name in ("uniform_price_auction", "pay_as_bid_auction"):
        assert community["community_cost"] == pytest.approx(community["least_cost"], abs=1e-8)
    if name in ("uniform_price_auction", "pay_as_bid_auction", "mid_market_rate"):
        assert min(home["savings"] for home in found["households"].values()) >= -1e-8


@settings(max_examples=60, deadline=None)
@given(case=cases(), of=st.sampled_from(["A", "B"]), slot=st.integers(0, 3), exported=st.booleans())
def test_a_reference_price_is_what_a_little_less_energy_changes(
    case: dict[str, Any], of: str, slot: int, exported: bool
) -> None:
    case = {**case, "mechanism": "grid_only"}
    home = next(each for each in case["input"]["households"] if each["id"] == of)
    slot = min(slot, len(home["load_kwh"]) - 1)
    gross = case["rulebook"]["classes"][home["class"]].get("arrangement") == "gross_metering"
    net = home["load_kwh"][slot] - home["solar_kwh"][slot]
    some = home["solar_kwh" if exported else "load_kwh"][slot] > 0 if gross else (net < 0 if exported else net > 0)
    if not some:
        return  # of the next kWh: a home cannot both import and export one in a slot of one meter
    step = 1e-5
    key = "solar_kwh" if exported else "load_kwh"
    less = [value - step * (at == slot) for at, value in enumerate(home[key])]
    if less[slot] < 0:
        return
    changed = [{**each, key: less} if each["id"] == of else each for each in case["input"]["households"]]
    before = settle_case(case)
    after = settle_case({**case, "input": {**case["input"], "households": changed}})
    slope = (before["households"][of]["grid"] - after["households"][of]["grid"]) / step
    kind = "export_price" if exported else "import_price"
    assert before["reference"][of][kind][slot] == pytest.approx(-slope if exported else slope, abs=2e-3)


# ---- a slow second opinion: exact fractions, one slot and one kWh at a time, written from the page alone


def slow_bill(
    home: dict[str, Any], *, zone: str, start: datetime, slot_h: int, slabs: list[Any], paid: int
) -> Fraction:
    months: dict[tuple[int, int], list[Fraction]] = {}
    for slot, (load, solar) in enumerate(zip(home["load_kwh"], home["solar_kwh"], strict=True)):
        local = (start + timedelta(hours=slot * slot_h)).astimezone(ZoneInfo(zone))
        months.setdefault((local.year, local.month), []).append(Fraction(str(load)) - Fraction(str(solar)))
    total, credit = Fraction(0), Fraction(0)
    ends = (start + timedelta(hours=len(home["load_kwh"]) * slot_h)).astimezone(ZoneInfo(zone))
    for (year, month), nets in sorted(months.items()):
        net = sum(nets, Fraction(0)) - credit
        credit, billed = max(-net, Fraction(0)), max(net, Fraction(0))
        lower = Fraction(0)
        for upper, price in slabs:
            width = billed - lower if upper is None else min(billed, Fraction(upper)) - lower
            total += max(width, Fraction(0)) * Fraction(str(price))
            lower = Fraction(upper or 0)
        following = datetime(year, 4, 1, tzinfo=ZoneInfo(zone))
        if month == 3 and ends.astimezone(UTC) >= following.astimezone(UTC):
            total, credit = total - credit * paid, Fraction(0)
    return total - credit * paid


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(["Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe"]),
    hours=st.integers(0, 4000),
    slot_h=st.sampled_from([6, 24, 168]),
    energy=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=40),
)
def test_slabs_and_net_metering_agree_with_a_slow_second_opinion(
    zone: str, hours: int, slot_h: int, energy: list[tuple[int, int]]
) -> None:
    start = datetime(2025, 11, 1, tzinfo=UTC) + timedelta(hours=hours)
    slabs = [[200, 3.0], [400, 4.5], [None, 6.5]]
    home = {"id": "A", "load_kwh": [load for load, _ in energy], "solar_kwh": [solar for _, solar in energy]}
    found = settle_case(
        {
            "rulebook": {
                "timezone": zone,
                "billing": {"year_starts": "04-01"},
                "classes": {
                    "default": {"arrangement": "net_metering", "energy": {"slabs": slabs}, "year_end_price": 5.0}
                },
            },
            "mechanism": "grid_only",
            "input": {"start_at": start.isoformat(), "slot_h": slot_h, "households": [home]},
        }
    )
    expected = slow_bill(home, zone=zone, start=start, slot_h=slot_h, slabs=slabs, paid=5)
    assert found["households"]["A"]["bill"] == pytest.approx(float(expected), abs=1e-8)


# ---- forward contracts


def test_the_published_bound_of_67_percent_does_not_hold() -> None:
    def shares(first: float) -> dict[str, float]:
        homes = [
            {"id": "B", "load_kwh": [1.0]},
            {"id": "S1", "load_kwh": [0], "solar_kwh": [0]},
            {"id": "S2", "load_kwh": [0], "solar_kwh": [1.0]},
        ]
        contracts = [
            {"buyer": "B", "seller": "S1", "slot": 0, "kwh": first, "price": 5},
            {"buyer": "B", "seller": "S2", "slot": 0, "kwh": 1.0, "price": 5},
        ]
        found = {}
        for rule in ("min_pro_rata", "min_fifo"):
            answer = settle_case(
                {
                    "rulebook": {"classes": {"default": {"energy": {"price": 9.0}}}},
                    "mechanism": {"name": "contracts", "settlement": rule},
                    "input": {"start_at": "2026-05-10T06:30:00Z", "households": homes, "contracts": contracts},
                }
            )["forward"]
            found[rule] = answer["settled_kwh"] / answer["optimum_kwh"]
        return found

    # The seller of the large contract produces nothing: pro rata keeps Q/(Q + 1) of the buyer's kWh for it.
    for first in (1.0, 9.0, 99.0):
        assert shares(first)["min_pro_rata"] == pytest.approx(1 / (first + 1))
        assert shares(first)["min_fifo"] == 0.0


def test_the_notes_own_example_settles_half_of_what_was_possible() -> None:
    from core.market.rulebooks.contracts import Contracts, settle_contracts

    # B1-S1, B1-S2, B2-S1, 100 kWh each, every meter says 100: 0, 100 and 100 is possible, 200 and not 150.
    sides = np.array([0, 0, 1]), np.array([2, 3, 2])
    contracts = Contracts(np.zeros(3, dtype=np.int64), *sides, np.full(3, 100.0), np.full(3, 5.0))
    meters = np.full((1, 4), 100.0)
    found = settle_contracts(contracts, needed_kwh=meters, delivered_kwh=meters, rule="min_fifo")
    assert (found.figures["optimum_kwh"], found.figures["settled_kwh"]) == pytest.approx((200.0, 100.0))
    best = settle_contracts(contracts, needed_kwh=meters, delivered_kwh=meters, rule="optimum")
    assert best.settled_kwh == pytest.approx([0.0, 100.0, 100.0])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_largest_flow_is_that_of_a_linear_programme_and_no_rule_settles_more(data: st.DataObject) -> None:
    from scipy.optimize import linprog

    from core.market.rulebooks.contracts import Contracts, settle_contracts

    number = data.draw(st.integers(1, 9))
    whole = st.integers(0, 12).map(float)
    lists = [data.draw(st.lists(st.integers(0, 2), min_size=number, max_size=number)) for _ in range(3)]
    kwh = np.array(data.draw(st.lists(whole, min_size=number, max_size=number)))
    slot, buyer, seller = (np.array(each) for each in (np.array(lists[0]) % 2, lists[1], np.array(lists[2]) + 3))
    meters = np.array(data.draw(st.lists(whole, min_size=12, max_size=12))).reshape(2, 6)
    contracts = Contracts(slot, buyer, seller, kwh, np.full(number, 5.0))
    rows, limits = [], []
    for at in range(2):
        for party in range(6):
            rows.append(((slot == at) & ((buyer == party) | (seller == party))).astype(float))
            limits.append(meters[at, party])
    best = -linprog(
        -np.ones(number), A_ub=np.array(rows), b_ub=limits, bounds=list(zip([0] * number, kwh, strict=True))
    ).fun
    for rule in ("min_pro_rata", "min_fifo", "min_seller_first", "optimum", "own_deviation"):
        found = settle_contracts(contracts, needed_kwh=meters, delivered_kwh=meters, rule=rule)
        assert found.figures["optimum_kwh"] == pytest.approx(best, abs=1e-7)
        assert found.figures["settled_kwh"] <= best + 1e-7
        assert (np.array(rows) @ found.settled_kwh <= np.array(limits) + 1e-9).all()
        if rule == "optimum":
            assert found.figures["settled_kwh"] == pytest.approx(best, abs=1e-7)
            assert found.figures["stranded_kwh"] == 0.0


def test_the_compiled_flow_is_the_plain_one() -> None:
    from core.market.rulebooks import max_flow

    rng = np.random.default_rng(5)
    starts, number = np.arange(0, 401, 8), 400
    buyer, seller = rng.integers(0, 3, number), rng.integers(0, 3, number)
    for first in starts[:-1]:  # every party of a slot is numbered from 0
        buyer[first : first + 3] = seller[first : first + 3] = np.arange(3)
    meters = rng.uniform(0, 3, (2, 50, 3))
    of = np.repeat(np.arange(50), 8)
    kwh = rng.uniform(0, 2, number)
    flows = []
    for solve in (max_flow._solve, max_flow._compiled()):
        flow = np.zeros(number)
        solve(starts, buyer, seller, kwh, meters[0][of, buyer], meters[1][of, seller], True, flow)
        flows.append(flow)
    assert (flows[0] == flows[1]).all()
