"""What happened when: price and volume, days against hours, and savings as they grow."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.market.community import FloatArray
from core.market.quantities import SLOT_ARRAYS, Quantity
from core.runs.results import ResultRow
from core.runs.statistics import MAX_POINTS, Line, cumulative, day_matrix, resample
from core.web.charts import ACCENT, GRID, GRID_PRICE
from core.web.compare.charts.chart import DAY_MIN, Chart, alike, faint, frame, joined, one, width_words
from core.web.compare.view import View, colour
from core.web.escape import plotly as name

GRID_ONLY = "grid_only"
FEW_DAYS, DAY_MS = 14, 86_400_000
"""Up to so many days each has its own tick."""


def price_and_volume(view: View) -> Chart:
    """P2P price between the grid's two prices, and traded energy below it, over the period."""
    rows = [row for row in view.drawable if view.trades(row)]
    most = MAX_POINTS // (3 * len(rows) + 2)
    drawn = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.56, 0.44], vertical_spacing=0.06)
    step_min = _draw_tariff(drawn, view, most)
    found = [view.series(row, "price", "traded_kwh") for row in rows]
    for members in alike([np.concatenate(both) for both in found]):
        row, (price, traded) = rows[members[0]], found[members[0]]
        label = joined([rows[place].name for place in members])
        shared = {"name": name(label), "legendgroup": row.algorithm_id}
        line = _mean(view, price, most, weights=traded)
        drawn.add_trace(
            go.Scatter(
                **shared,
                x=line.start,
                y=line.value,
                mode="lines",
                line={"color": colour(row), "width": 1.6},
                hovertemplate=f"%{{y:,.3f}} {view.numbers.currency}/kWh",
            ),
            row=1,
            col=1,
        )
        _draw_lonely(drawn, line, shared, colour(row))
    for members in alike([traded for _, traded in found]):
        row, label = rows[members[0]], joined([rows[place].name for place in members])
        volume = _total(view, found[members[0]][1], most)
        drawn.add_trace(
            go.Scatter(
                name=name(label),
                legendgroup=row.algorithm_id,
                x=volume.start,
                y=volume.value,
                mode="lines",
                line={"color": colour(row), "width": 1.6, "shape": "hv"},
                showlegend=False,
                hovertemplate="%{y:,.2f} kWh",
            ),
            row=2,
            col=1,
        )
    _settle_two_panels(drawn, view, step_min)
    note = f"Prices are means weighted by energy; one point is {one(step_min)}. Equal lines are drawn as one."
    return Chart(drawn, _price_words(view, rows), note)


def _draw_lonely(drawn: go.Figure, price: Line, shared: dict[str, str], tint: str) -> None:
    """A price without neighbours is no line: a dot."""
    there = np.concatenate(([False], np.isfinite(price.value), [False]))
    lonely = there[1:-1] & ~there[:-2] & ~there[2:]
    if lonely.any():
        dots = go.Scatter(
            **shared,
            x=price.start[lonely],
            y=price.value[lonely],
            mode="markers",
            marker={"color": tint, "size": 4},
            showlegend=False,
            hoverinfo="skip",
        )
        drawn.add_trace(dots, row=1, col=1)


def _mean(view: View, values: FloatArray, most: int, *, weights: FloatArray | None = None) -> Line:
    return resample(view.starts, values, slot_h=view.result.slot_h, how="mean", weights=weights, most=most)


def _total(view: View, values: FloatArray, most: int) -> Line:
    return resample(view.starts, values, slot_h=view.result.slot_h, most=most)


def _draw_tariff(drawn: go.Figure, view: View, most: int) -> float:
    retail, feed_in = view.series(view.drawable[0], "retail_price", "feed_in_price")
    for label, prices, dash in (("Grid retail", retail, "solid"), ("Grid feed-in", feed_in, "dot")):
        line = _mean(view, prices, most)
        drawn.add_trace(
            go.Scatter(
                x=line.start,
                y=line.value,
                name=label,
                mode="lines",
                line={"color": GRID_PRICE, "width": 1.2, "dash": dash, "shape": "hv"},
                hovertemplate=f"%{{y:,.3f}} {view.numbers.currency}/kWh",
            ),
            row=1,
            col=1,
        )
    return line.step_min


def _settle_two_panels(drawn: go.Figure, view: View, step_min: float) -> None:
    look = frame(drawn.data, numbers=view.numbers, height=440).layout
    drawn.update_layout(
        height=look.height,
        margin=look.margin,
        colorway=look.colorway,
        legend=look.legend,
        hovermode=look.hovermode,
        separators=look.separators,
        hoverlabel=look.hoverlabel,
        uirevision=look.uirevision,
        dragmode="select",
        selectdirection="h",
    )
    drawn.update_xaxes(gridcolor=GRID, zeroline=False, automargin=True)
    drawn.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True)
    drawn.update_yaxes(title_text=f"Price ({view.numbers.currency}/kWh)", range=_with_margin(drawn), row=1, col=1)
    drawn.update_yaxes(title_text=f"Traded (kWh per {width_words(step_min)})", rangemode="tozero", row=2, col=1)


def _with_margin(drawn: go.Figure) -> list[float] | None:
    """A range in which the highest and the lowest price do not lie on the edge."""
    prices = np.concatenate([trace.y for trace in drawn.data if trace.yaxis == "y"])
    if not np.isfinite(prices).any():
        return None
    low, high = float(np.nanmin(prices)), float(np.nanmax(prices))
    margin = (high - low or 1.0) * 0.06
    return [low - margin, high + margin]


def cumulative_savings(view: View, baseline: ResultRow | None = None) -> Chart:
    """Savings against `baseline`, or the grid alone without one, added up over the period; the largest first."""
    against = baseline if baseline is not None and baseline.has_arrays and baseline.algorithm_id != GRID_ONLY else None
    left_out = (GRID_ONLY, against.algorithm_id) if against else (GRID_ONLY,)
    rows = [row for row in view.drawable if row.algorithm_id not in left_out] or list(view.drawable)
    most = MAX_POINTS // len(rows)
    if against is not None:
        reference = view.series(against, "community_cost")[0]
        gained = [reference - view.series(row, "community_cost")[0] for row in rows]
    else:
        gained = [alone - cost for alone, cost in (view.series(row, "baseline_cost", "community_cost") for row in rows)]
    lines = [cumulative(view.starts, gain, slot_h=view.result.slot_h, most=most) for gain in gained]
    ends = {row.name: float(line.value[-1]) for row, line in zip(rows, lines, strict=True)}
    groups = sorted(alike([line.value for line in lines]), key=lambda members: -float(lines[members[0]].value[-1]))
    traces = [
        go.Scatter(
            x=lines[members[0]].start,
            y=lines[members[0]].value,
            name=name(joined([rows[place].name for place in members])),
            mode="lines",
            line={"color": colour(rows[members[0]]), "width": 1.8},
            hovertemplate=f"%{{y:,.2f}} {view.numbers.currency}",
        )
        for members in groups
    ]
    drawn = frame(traces, numbers=view.numbers, y_title=f"Savings since the start ({view.numbers.currency})")
    drawn.update_yaxes(zeroline=True, zerolinecolor=GRID)
    other = "with the grid only" if against is None else f"under {against.name}"
    note = f"Savings = cost {other} − cost; one point is {one(lines[0].step_min)}. Equal lines are drawn as one."
    return Chart(drawn, _savings_words(view, ends, other), note)


def typical_day(view: View) -> Chart:
    """The mean price of each algorithm by time of day, a panel each, before the others and the grid's two in grey."""
    rows = [row for row in view.drawable if view.trades(row)]
    found = [_by_time(view, *view.series(row, "price", "traded_kwh")) for row in rows]
    groups = [each for each in alike([line for _, line in found]) if np.isfinite(found[each[0]][1]).any()]
    without = [row.name for row, (_, line) in zip(rows, found, strict=True) if not np.isfinite(line).any()]
    columns = min(PANELS_A_ROW, max(1, len(groups)))
    height = -(-len(groups) // columns) or 1
    titles = [name(joined([rows[place].name for place in members])) for members in groups]
    drawn = make_subplots(
        rows=height,
        cols=columns,
        shared_xaxes=True,
        shared_yaxes=True,
        subplot_titles=titles,
        vertical_spacing=0.14 / height,
    )
    retail, feed_in = (
        _by_time(view, prices, None) for prices in view.series(view.drawable[0], "retail_price", "feed_in_price")
    )
    for place, members in enumerate(groups):
        at = {"row": place // columns + 1, "col": place % columns + 1}
        for hours, prices in (retail, feed_in):
            drawn.add_trace(_level(hours, prices, GRID_PRICE, 1.0, "solid" if prices is retail[1] else "dot"), **at)
        for other in groups:
            if other is not members:
                drawn.add_trace(_level(*found[other[0]], faint(GRID_PRICE, 0.4), 1.0, "solid"), **at)
        own = _level(*found[members[0]], colour(rows[members[0]]), 2.4, "solid")
        own.update(hovertemplate=f"%{{x}} %{{y:,.3f}} {view.numbers.currency}/kWh<extra></extra>", hoverinfo=None)
        drawn.add_trace(own, **at)
    drawn.update_layout(
        height=60 + 190 * height,
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        separators=view.numbers.separators,
        showlegend=False,
        hovermode="closest",
    )
    drawn.update_xaxes(gridcolor=GRID, zeroline=False, automargin=True, nticks=5)
    drawn.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True)
    drawn.update_yaxes(title_text=f"Price ({view.numbers.currency}/kWh)", col=1)
    drawn.update_annotations(font_size=12)
    words = "; ".join(title.replace("&amp;", "&") for title in titles) or "no algorithm traded"
    note = "Mean price weighted by energy at each time of day; the grid's two prices and the other algorithms in grey."
    note += f" No price per trade: {', '.join(without)}." if without else ""
    return Chart(drawn, f"Price by time of day, a panel for each of: {words}.", note)


PANELS_A_ROW = 4


def _by_time(view: View, values: FloatArray, weights: FloatArray | None) -> tuple[list[str], FloatArray]:
    """Times of day and the mean of the period's values at each, weighted by energy where it is traded."""
    minute = view.starts.astype("datetime64[m]").astype(np.int64) % DAY_MIN
    times, place = np.unique(minute, return_inverse=True)
    weight = np.where(np.isfinite(values), 1.0 if weights is None else weights, 0.0)
    total = np.bincount(place, np.nan_to_num(values) * weight, minlength=len(times))
    weighed = np.bincount(place, weight, minlength=len(times))
    mean = np.divide(total, weighed, out=np.full(len(times), np.nan), where=weighed > 0.0)
    return [f"{each // 60:02d}:{each % 60:02d}" for each in times.tolist()], mean


def _level(times: list[str], values: FloatArray, tint: str, width: float, dash: str) -> go.Scatter:
    return go.Scatter(
        x=times, y=values, mode="lines", line={"color": tint, "width": width, "dash": dash}, hoverinfo="skip"
    )


QUANTITIES: Mapping[str, Quantity] = {
    name: SLOT_ARRAYS[name] for name in ("traded_kwh", "price", "import_kwh", "export_kwh", "demand_kwh", "supply_kwh")
}
"""What a heat map can show of a row, by the name of its series."""


def heat_map(view: View, row: ResultRow, quantity: str) -> Chart:
    """One quantity of one algorithm by day and time of day."""
    shown = QUANTITIES[quantity]
    unit = view.numbers.unit(shown.unit)
    values, traded = view.series(row, quantity, "traded_kwh")
    grid = day_matrix(
        view.starts,
        values,
        slot_h=view.result.slot_h,
        how="mean" if (quantity == "price") else "sum",
        weights=traded if (quantity == "price") else None,
    )
    times = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in grid.minute.tolist()]
    trace = go.Heatmap(
        x=grid.day,
        y=times,
        z=grid.value.T,
        colorscale=[[0.0, faint(ACCENT, 0.06)], [1.0, ACCENT]],
        colorbar={"title": {"text": unit, "side": "right"}, "thickness": 12, "outlinewidth": 0},
        hovertemplate=f"%{{x|%a %d %b %Y}} %{{y}}<br>%{{z:,.3f}} {unit}<extra></extra>",
        hoverongaps=False,
    )
    drawn = frame([trace], numbers=view.numbers, y_title="Time of day", height=380, legend=False)
    drawn.update_layout(hovermode="closest")
    drawn.update_yaxes(type="category", nticks=13, showgrid=False)
    drawn.update_xaxes(
        showgrid=False, **({"dtick": DAY_MS, "tickformat": "%d %b"} if len(grid.day) <= FEW_DAYS else {})
    )
    alt = _heat_words(f"{shown.label}, {row.name}", grid.value, times, unit, view)
    return Chart(drawn, alt, _cell_note(grid.day, grid.minute))


def _cell_note(days: np.ndarray, minutes: np.ndarray) -> str:
    wide = int((days[1] - days[0]).astype(int)) if len(days) > 1 else 1
    tall = int(minutes[1] - minutes[0]) if len(minutes) > 1 else DAY_MIN
    return f"One cell is {one(tall)} of {one(wide * DAY_MIN)}."


def _heat_words(label: str, values: FloatArray, times: list[str], unit: str, view: View) -> str:
    if not np.isfinite(values).any():
        return f"{label}: nothing in this period."
    by_time = np.nansum(values, axis=0)
    largest = view.numbers.number(float(np.nanmax(values)), 2)
    hour = times[int(np.argmax(by_time))]
    return f"{label} by day and time of day: at most {largest} {unit} in a cell, most of it at {hour}."


def _price_words(view: View, rows: list[ResultRow]) -> str:
    if not rows:
        return "No algorithm of this run traded anything."
    words = [
        f"{row.name} at {view.numbers.money(row.figures['avg_p2p_price'])}/kWh"
        f" for {view.numbers.number(row.figures['traded_kwh'], 1)} kWh"
        for row in rows
    ]
    return "P2P price and traded energy over time. Mean over the run: " + "; ".join(words) + "."


def _savings_words(view: View, ends: Mapping[str, float], other: str) -> str:
    ordered = sorted(ends.items(), key=lambda pair: -pair[1])
    words = "; ".join(f"{label} {view.numbers.money(value)}" for label, value in ordered)
    return f"Savings at the end of the period, cost {other} − cost: {words}."
