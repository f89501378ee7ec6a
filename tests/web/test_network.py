"""The trading network: ribbons as wide as energy, homes as large as their trade, nothing foreign as markup."""

from __future__ import annotations

import numpy as np

from core.web.network import MOST_RIBBONS, WIDEST, Network, network


def ribbons(drawn):
    return [trace for trace in drawn.data if trace.mode == "lines"]


def test_the_largest_trade_has_the_widest_ribbon_and_what_is_pointed_at_says_all() -> None:
    trades = Network(["A", "B"], ["C", "C"], np.array([1.0, 4.0]), np.array([3.0, 6.0]))
    drawn = network(trades, currency="₹", homes=["A", "B", "C", "D"])
    assert max(trace.line.width for trace in ribbons(drawn)) == WIDEST
    assert len(ribbons(drawn)) == 2
    middles, nodes = drawn.data[2], drawn.data[3]
    assert list(middles.customdata[0]) == ["B", "C", 4.0, 6.0]
    assert [list(row) for row in nodes.customdata] == [["A", 1.0, 0], ["B", 4.0, 0], ["C", 0, 5.0], ["D", 0, 0]]
    assert "₹%{customdata[3]:,.2f}/kWh" in middles.hovertemplate


def test_only_the_largest_ribbons_are_drawn_and_one_price_needs_no_colour_bar() -> None:
    homes = [f"HH{k:03d}" for k in range(200)]
    trades = Network(homes, homes[1:] + homes[:1], np.arange(1.0, 201.0), np.full(200, 5.0))
    drawn = network(trades, currency="₹")
    assert len(ribbons(drawn)) == MOST_RIBBONS
    assert len(drawn.data) == MOST_RIBBONS + 2


def test_nobody_trading_is_a_circle_of_homes() -> None:
    drawn = network(Network([], [], np.zeros(0), np.zeros(0)), currency="₹", homes=["A", "B"])
    assert [trace.mode for trace in drawn.data] == ["markers", "markers+text"]
