from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.web.explorer import charts, trends
from core.web.format import Clock

DELHI = Clock("Asia/Kolkata")


def buckets(first: datetime, count: int, *, every_ms: int = trends.QUARTER_MS) -> dict[str, np.ndarray]:
    start = int(first.timestamp()) * 1000
    return {"at_ms": start + every_ms * np.arange(count), "energy_wh": np.full(count, 100)}


def test_days_of_the_site_are_made_of_whole_quarters_though_its_offset_is_half_an_hour() -> None:
    # 2026-01-01 in Delhi is 18:30 to 18:30 UTC: 96 quarters of 100 Wh a day
    totals = buckets(datetime(2025, 12, 31, 18, 30, tzinfo=UTC), 3 * 96)
    found = trends.gather(totals, DELHI, unit=trends.DAY, columns=("energy_wh",))
    assert found.at == [datetime(2026, 1, day) for day in (1, 2, 3)]
    assert found.sums["energy_wh"].tolist() == [9600, 9600, 9600]


def test_the_day_of_the_clock_change_has_one_hour_less() -> None:
    london = ZoneInfo("Europe/London")
    totals = buckets(datetime(2026, 3, 28, tzinfo=london), 3 * 96 - 4)
    found = trends.gather(totals, Clock("Europe/London"), unit=trends.DAY, columns=("energy_wh",))
    assert found.sums["energy_wh"].tolist() == [9600, 9200, 9600]


def test_nothing_gathers_to_nothing() -> None:
    empty = {"at_ms": np.zeros(0, np.int64), "energy_wh": np.zeros(0, np.int64)}
    found = trends.gather(empty, DELHI, unit=trends.HOUR, columns=("energy_wh",))
    assert found.at == []
    assert found.sums["energy_wh"].tolist() == []


@pytest.mark.parametrize(
    ("span", "unit"),
    [
        (timedelta(hours=1), trends.MINUTE),
        (timedelta(days=2), trends.QUARTER),
        (timedelta(days=30), trends.HOUR),
        (timedelta(days=400), trends.DAY),
    ],
)
def test_the_unit_keeps_a_chart_readable(span: timedelta, unit: trends.Unit) -> None:
    found = trends.unit_for(int(span.total_seconds() * 1000))
    assert found is unit
    points = span / timedelta(milliseconds=trends.DAY_MS if found is trends.DAY else found.bucket_ms)
    assert points <= 6_000


def test_a_long_chain_is_gathered_to_few_points_that_keep_the_mean() -> None:
    heights = np.arange(100_001)
    counts = np.arange(100_001) % 7
    drawn = charts.transactions_per_block(heights, counts)
    trace = drawn.data[0]
    assert len(trace.x) <= charts.MAX_POINTS
    sizes = np.diff(np.append(trace.x, 100_001))
    assert np.dot(trace.y, sizes) == pytest.approx(counts.sum())
    assert trace.name == "mean of 51 blocks"


def test_a_short_chain_is_drawn_block_by_block() -> None:
    drawn = charts.transactions_per_block(np.arange(5), np.array([1, 2, 3, 4, 5]))
    assert drawn.data[0].y.tolist() == [1, 2, 3, 4, 5]


def test_intervals_are_held_against_the_planned_one() -> None:
    drawn = charts.block_intervals(np.arange(3), np.array([20.0, 19.0, 40.0]), target_s=20.0)
    assert list(drawn.data[1].y) == [20.0, 20.0]
    assert drawn.layout.yaxis.type == "linear"


def test_a_night_without_blocks_does_not_flatten_the_others() -> None:
    drawn = charts.block_intervals(np.arange(3), np.array([20.0, 20.0, 40_000.0]), target_s=20.0)
    assert drawn.layout.yaxis.type == "log"


def test_the_heat_map_leaves_pairs_without_a_trade_empty() -> None:
    rows, columns, energy = charts.matrix(
        np.array(["HH002", "HH001"], dtype=object), np.array(["HH003", "HH002"], dtype=object), np.array([1.5, 2.5])
    )
    assert (rows, columns) == (["HH001", "HH002"], ["HH002", "HH003"])
    assert energy.tolist() == [[2.5, 0.0], [0.0, 1.5]]
    z = charts.who_trades_with_whom(rows, columns, energy).data[0].z
    assert np.isnan(np.asarray(z, dtype=float)).tolist() == [[False, True], [True, False]]


def test_foreign_ids_in_a_chart_are_text() -> None:
    drawn = charts.who_trades_with_whom(["<b>x</b>"], ["<a href='http://x'>y</a>"], np.array([[1.0]]))
    assert drawn.data[0].y == ("&lt;b&gt;x&lt;/b&gt;",)
    assert "<a" not in drawn.data[0].x[0]


def test_every_axis_names_its_unit() -> None:
    at = [datetime(2026, 1, 1, hour) for hour in range(3)]
    values = np.array([1.0, 2.0, 3.0])
    drawn = charts.energy_and_price(at, values, price=values, currency="₹", zone="Asia/Kolkata")
    assert drawn.layout.yaxis.title.text == "energy (kWh)"
    assert drawn.layout.yaxis2.title.text == "price (₹/kWh)"
    assert drawn.layout.xaxis.title.text == "time (Asia/Kolkata)"
    assert "kWh" in charts.in_and_out(at, values, sold_kwh=values, zone="UTC").layout.yaxis.title.text
    assert "seconds" in charts.latency(at, values, p95_s=values, zone="UTC").layout.yaxis.title.text


def test_bought_energy_points_down_and_is_named_as_it_is() -> None:
    drawn = charts.in_and_out([1, 2], np.array([1.0, 2.0]), sold_kwh=np.array([0.5, 0.0]), zone="UTC")
    sold, bought = drawn.data
    assert sold.y.tolist() == [0.5, 0.0]
    assert bought.y.tolist() == [-1.0, -2.0]
    assert bought.customdata.tolist() == [1.0, 2.0]


def test_no_line_is_drawn_over_a_time_without_any_trade() -> None:
    at_ms = np.array([0, 1, 2, 60, 61]) * trends.QUARTER_MS
    times, values = trends.with_gaps(at_ms, np.arange(5.0), bucket_ms=trends.QUARTER_MS)
    assert [time // trends.QUARTER_MS for time in times] == [0, 1, 2, 3, 60, 61]
    assert np.isnan(values).tolist() == [False, False, False, True, False, False]


@pytest.mark.parametrize("days", [0.01, 1, 30, 365, 3650])
def test_medians_over_any_time_have_few_points(days: float) -> None:
    span_ms = int(days * trends.DAY_MS)
    assert span_ms / trends.bucket_for(span_ms) <= trends.MOST_BUCKETS
