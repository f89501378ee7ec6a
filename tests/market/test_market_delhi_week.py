"""The first algorithm on the first data set gives what an independent run gave."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from core.market.community import Community, Tariff
from core.market.compare import compare_all, run_algorithm

WEEK = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "delhi-week"


@pytest.fixture(scope="module")
def week() -> Community:
    if not WEEK.is_dir():
        pytest.skip("the shared readings are not here")
    load, solar = [], []
    for path in sorted(WEEK.glob("HH*.csv")):
        with path.open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        load.append([float(row["load_kW"]) for row in rows])
        solar.append([float(row["solar_kW"]) for row in rows])
    pv_kw = np.array([3.0, 3.1, 3.2] + [1.0 + 0.1 * i for i in range(3, 10)])
    ids = tuple(f"HH{i:03d}" for i in range(1, 11))
    return Community(ids, datetime(2024, 6, 1, tzinfo=UTC), 1.0, np.array(load).T, np.array(solar).T, pv_kw)


def test_the_simple_auction_trades_what_an_independent_run_traded(week):
    tariff = Tariff.flat(week.slots, retail_price=7.0, feed_in_price=0.0)
    figures = run_algorithm("simple_auction", week, tariff).figures
    assert figures["traded_kwh"] == pytest.approx(4.7713, abs=5e-5)
    assert figures["avg_p2p_price"] == pytest.approx(6.5620, abs=5e-5)


def test_trading_all_matched_energy_costs_the_community_the_same_however_it_is_priced(week):
    outcomes = compare_all(["grid_only", "mid_market_rate", "simple_auction"], week, Tariff.flat(week.slots))
    least = outcomes["mid_market_rate"].figures["community_cost"]
    auction = outcomes["simple_auction"].figures
    assert outcomes["mid_market_rate"].figures["untraded_cost"] == pytest.approx(0.0, abs=1e-9)
    # what the auction leaves untraded costs r - f = 4 a kWh
    assert auction["community_cost"] - least == pytest.approx(4.0 * auction["untraded_kwh"], abs=1e-9)
    assert outcomes["grid_only"].figures["community_cost"] > auction["community_cost"]
