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
from core.web.compare.charts.chart import DAY_MIN, Chart, dashes, faint, frame, one, width_words
from core.web.compare.view import View, colour
from core.web.escape import plotly as name

FEW_DAYS, DAY_MS = 14, 86_400_000
"""Up to so many days each has its own tick."""


def price_and_volume(view: View) -> Chart:
    """P2P price between the grid's two prices, and traded energy below it, over the period."""
    rows = [row for row in view.drawable if view.trades(row)]
    most = MAX_POINTS // (3 * len(rows) + 2)
    drawn = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.56, 0.44], vertical_spacing=0.06)
    step_min = _draw_tariff(drawn, view, most)
    found = [view.series(row, "price", "traded_kwh") for row in rows]
    prices = [_mean(view, price, most, weights=traded) for price, traded in found]
    volumes = [_total(view, traded, most) for _, traded in found]
    patterns = dashes([volume.value for volume in volumes])
    for row, price, volume, dash in zip(rows, prices, volumes, patterns, strict=True):
        shared = {"name": name(row.name), "legendgroup": row.algorithm_id}
        line = {"color": colour(row), "width": 1.6}
        drawn.add_trace(
            go.Scatter(
                **shared,
                x=price.start,
                y=price.value,
                mode="lines",
                line=line,
                hovertemplate=f"%{{y:,.3f}} {view.numbers.currency}/kWh",
            ),
            row=1,
            col=1,
        )
        _draw_lonely(drawn, price, shared, colour(row))
        drawn.add_trace(
            go.Scatter(
                **shared,
                x=volume.start,
                y=volume.value,
                mode="lines",
                line={**line, "shape": "hv", "dash": dash},
                showlegend=False,
                hovertemplate="%{y:,.2f} kWh",
            ),
            row=2,
            col=1,
        )
    _settle_two_panels(drawn, view, step_min)
    note = f"Prices are means weighted by energy; one point is {one(step_min)}."
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


def cumulative_savings(view: View) -> Chart:
    """Savings against the grid alone, added up over the period."""
    rows = [row for row in view.drawable if row.algorithm_id != "grid_only"] or list(view.drawable)
    most = MAX_POINTS // len(rows)
    gained = [
        baseline - cost for baseline, cost in (view.series(row, "baseline_cost", "community_cost") for row in rows)
    ]
    lines = [cumulative(view.starts, gain, slot_h=view.result.slot_h, most=most) for gain in gained]
    ends = {row.name: float(line.value[-1]) for row, line in zip(rows, lines, strict=True)}
    traces = [
        go.Scatter(
            x=line.start,
            y=line.value,
            name=name(row.name),
            mode="lines",
            line={"color": colour(row), "width": 1.8, "dash": dash},
            hovertemplate=f"%{{y:,.2f}} {view.numbers.currency}",
        )
        for row, line, dash in zip(rows, lines, dashes([line.value for line in lines]), strict=True)
    ]
    drawn = frame(traces, numbers=view.numbers, y_title=f"Savings since the start ({view.numbers.currency})")
    drawn.update_yaxes(zeroline=True, zerolinecolor=GRID)
    note = f"Savings = cost with the grid only − cost; one point is {one(lines[0].step_min)}. Equal lines are dashed."
    return Chart(drawn, _savings_words(view, ends), note)


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


def _savings_words(view: View, ends: Mapping[str, float]) -> str:
    ordered = sorted(ends.items(), key=lambda pair: -pair[1])
    words = "; ".join(f"{label} {view.numbers.money(value)}" for label, value in ordered)
    return f"Savings against the grid alone at the end of the period: {words}."
