"""Who gains and who loses, how evenly, and what one household's days look like."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from core.runs.results import ResultRow
from core.runs.statistics import MAX_POINTS, lorenz, resample
from core.web.charts import ACCENT, GRID, LOSS, MUTED, SUN
from core.web.compare.charts.chart import Chart, dashes, faint, frame, width_words
from core.web.compare.view import View, colour
from core.web.escape import plotly as name


def household_bars(view: View, row: ResultRow) -> Chart:
    """Savings of each household under one algorithm, largest first; losses hatched and red."""
    savings = view.result.households(row)["savings"]
    order = np.argsort(-savings, kind="stable")
    shown = _extremes(order, MAX_POINTS // 4)
    ids = [view.result.household_ids[place] for place in shown]
    losing = savings[shown] < 0
    chosen = shown == (-1 if view.household is None else view.household)
    trace = go.Bar(
        x=ids,
        y=savings[shown],
        marker={
            "color": [LOSS if loses else colour(row) for loses in losing],
            "pattern": {"shape": ["/" if loses else "" for loses in losing]},
            "line": {"width": [3 if picked else 0 for picked in chosen], "color": MUTED},
        },
        hovertemplate=f"%{{x}}<br>%{{y:,.2f}} {view.numbers.currency}<extra></extra>",
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 0.85}},
    )
    drawn = frame([trace], numbers=view.numbers, y_title=f"Savings ({view.numbers.currency})", legend=False)
    drawn.update_layout(hovermode="closest", bargap=0.12 if len(ids) < 100 else 0.0)
    drawn.update_xaxes(type="category", nticks=24, showgrid=False)
    drawn.update_yaxes(zeroline=True, zerolinecolor=GRID)
    left_out = f" {len(order) - len(shown)} of the middle are left out." if len(shown) < len(order) else ""
    return Chart(drawn, _bar_words(view, row, savings), f"Largest savings first; losses are red and hatched.{left_out}")


def _extremes(order: npt.NDArray[np.intp], most: int) -> npt.NDArray[np.intp]:
    """At most `most` of `order`: its two ends whole, an even choice between."""
    if len(order) <= most:
        return order
    end = most // 3
    between = np.linspace(end, len(order) - end - 1, most - 2 * end).round().astype(np.intp)
    return np.concatenate((order[:end], order[between], order[len(order) - end :]))


def _bar_words(view: View, row: ResultRow, savings: np.ndarray) -> str:
    best, worst = int(np.argmax(savings)), int(np.argmin(savings))
    ids = view.result.household_ids
    return (
        f"Savings per household, {row.name}: {int((savings > 0).sum())} of {len(savings)} save,"
        f" {int((savings < 0).sum())} lose. Most: {ids[best]} {view.numbers.money(float(savings[best]))};"
        f" least: {ids[worst]} {view.numbers.money(float(savings[worst]))}."
    )


def lorenz_curves(view: View) -> Chart:
    """How evenly savings are shared: the further below the diagonal, the fewer households have them."""
    rows = [row for row in view.drawable if row.algorithm_id != "grid_only"]
    traces = [
        go.Scatter(
            x=[0, 100],
            y=[0, 100],
            name="Equal",
            mode="lines",
            line={"color": MUTED, "width": 1, "dash": "dot"},
            hoverinfo="skip",
        )
    ]
    most = MAX_POINTS // (len(rows) + 1)
    curves = [(row, lorenz(view.result.households(row)["savings"], most=most)) for row in rows]
    without = [row.name for row, curve in curves if not np.isfinite(curve.y).all()]
    drawable = [(row, curve) for row, curve in curves if np.isfinite(curve.y).all()]
    ginis = []
    for (row, curve), dash in zip(drawable, dashes([curve.y for _, curve in drawable]), strict=True):
        gini = view.numbers.number(row.figures.get("gini", np.nan), 3)
        ginis.append(f"{row.name} {gini}")
        traces.append(
            go.Scatter(
                x=curve.x * 100,
                y=curve.y * 100,
                name=name(f"{row.name} · Gini {gini}"),
                mode="lines",
                line={"color": colour(row), "width": 1.8, "dash": dash},
                hovertemplate="%{y:,.1f} % of savings",
            )
        )
    drawn = frame(
        traces,
        numbers=view.numbers,
        x_title="Households, least savings first (%)",
        y_title="Share of savings (%)",
        height=360,
    )
    note = f"No curve without savings in sum: {', '.join(without)}." if without else ""
    return Chart(drawn, "Lorenz curves of savings. Gini: " + ("; ".join(ginis) or "not defined") + ".", note)


def profile(view: View) -> Chart | None:
    """Load and solar of the chosen household over the period; None without one or without its readings."""
    community = None if view.household is None else view.readings()
    if view.household is None or community is None:
        return None
    household_id = view.result.household_ids[view.household]
    place = community.household_ids.index(household_id)
    traces, words = [], []
    for label, power, tint in (
        ("Load", community.load_kw, ACCENT),
        ("Solar", community.solar_kw, SUN),
    ):
        energy = power[view.slots, place] * view.result.slot_h
        words.append(f"{label.lower()} {view.numbers.number(float(energy.sum()), 1)} kWh")
        line = resample(view.starts, energy, slot_h=view.result.slot_h, most=MAX_POINTS // 2)
        traces.append(
            go.Scatter(
                x=line.start,
                y=line.value,
                name=label,
                mode="lines",
                line={"color": tint, "width": 1.4, "shape": "hv"},
                fill="tozeroy",
                fillcolor=faint(tint, 0.12),
                hovertemplate="%{y:,.2f} kWh",
            )
        )
    drawn = frame(traces, numbers=view.numbers, y_title=f"Energy (kWh per {width_words(line.step_min)})", height=260)
    drawn.update_yaxes(rangemode="tozero")
    return Chart(drawn, f"Household {household_id} over the period: {' and '.join(words)}.")
