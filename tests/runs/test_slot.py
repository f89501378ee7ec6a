"""A slot looked at by itself is the slot of the whole run: same energy, same price, every trade of its orders."""

from __future__ import annotations

import numpy as np
import pytest

from core.market.algorithms import find
from core.market.compare import run_algorithm
from core.readings.sample import sample_community
from core.runs.plan import Scenario
from core.runs.results import ResultRow
from core.runs.slot import Order, Slot, slot_of, why_left
from core.runs.tariffs import TariffPlan

COMMUNITY = sample_community(households=8, days=2, slot_h=0.5).community
SCENARIO = Scenario("Base", TariffPlan.flat(7.0, 3.0))
ALGORITHMS = [algorithm.id for algorithm in find().values() if algorithm.settle is not None and not algorithm.heavy]


def row_of(algorithm_id: str) -> ResultRow:
    algorithm = find()[algorithm_id]
    return ResultRow(
        scenario="Base",
        scenario_key="key",
        algorithm_id=algorithm_id,
        name=algorithm.name,
        parameters=algorithm.complete({}),
        figures={},
        summary={},
        verdicts=(),
        source_digest="a" * 64,
        result_digest=algorithm_id,
        seconds=0.0,
    )


@pytest.mark.parametrize("algorithm_id", ALGORITHMS)
def test_a_slot_is_that_of_the_whole_run(algorithm_id: str) -> None:
    outcome = run_algorithm(algorithm_id, COMMUNITY, SCENARIO.tariff.of(COMMUNITY))
    traded = outcome.slots["traded_kwh"]
    for place in {int(np.argmax(traded)), 20, 60}:
        slot = slot_of(COMMUNITY, SCENARIO, row_of(algorithm_id), place)
        assert slot.traded_kwh == pytest.approx(float(traded[place]))
        assert slot.price == pytest.approx(float(outcome.slots["price"][place]), nan_ok=True)
        assert sum(trade.energy_kwh for trade in slot.trades) == pytest.approx(slot.traded_kwh)
        for side in (slot.bids, slot.asks):
            assert sum(order.filled_kwh for order in side) == pytest.approx(slot.traded_kwh)
            assert all(order.filled_kwh <= order.quantity_kwh + 1e-9 for order in side)
        assert sum(order.quantity_kwh for order in slot.bids) == pytest.approx(
            float(outcome.slots["demand_kwh"][place])
        )


def test_bids_fall_and_asks_rise() -> None:
    outcome = run_algorithm("uniform_price_auction", COMMUNITY, SCENARIO.tariff.of(COMMUNITY))
    slot = slot_of(COMMUNITY, SCENARIO, row_of("uniform_price_auction"), int(np.argmax(outcome.slots["traded_kwh"])))
    bids, asks = ([order.price or 0.0 for order in side] for side in (slot.bids, slot.asks))
    assert slot.takes_orders
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)


def order(side: str, quantity: float, filled: float, price: float | None) -> Order:
    return Order("HH001", side, quantity, filled, price, price if filled else None)  # type: ignore[arg-type]


def made(bids: list[Order], asks: list[Order]) -> Slot:
    return Slot("a", "A", tuple(bids), tuple(asks), (), 0.0, float("nan"), 7.0, 3.0)


def test_what_is_left_to_the_grid_has_its_reason() -> None:
    low = order("bid", 1.0, 0.0, 4.0)
    assert why_left(low, made([low], [order("ask", 2.0, 0.0, 5.0)])) == "its bid lies below every ask"
    dear = order("ask", 1.0, 0.0, 8.0)
    assert why_left(dear, made([order("bid", 1.0, 0.0, 6.0)], [dear])) == "its ask lies above every bid"
    short = order("bid", 3.0, 1.0, None)
    assert why_left(short, made([short], [order("ask", 1.0, 1.0, None)])) == "more is needed than offered"
    given_up = order("ask", 1.0, 0.0, 5.0)
    assert why_left(given_up, made([order("bid", 1.0, 0.0, 6.0)], [given_up])) == "the mechanism left it out"
    assert why_left(order("bid", 1.0, 1.0, 6.0), made([], [])) == ""
