"""Who gains and who loses, how evenly, and what one household's days look like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.runs.results import ResultRow
from core.runs.statistics import MAX_POINTS, lorenz, resample
from core.web.charts import ACCENT, GAIN, GRID, LOSS, MUTED, SUN
from core.web.compare.charts.chart import Chart, alike, faint, frame, joined, width_words
from core.web.compare.view import View, colour
from core.web.escape import plotly as name


def bill_steps(view: View, row: ResultRow) -> Chart | None:
    """The chosen household's bill, step by step: all from the grid, own sun, neighbours (and battery); None without it.

    Over the whole run, as bills are.
    """
    community = None if view.household is None else view.readings()
    if view.household is None or community is None:
        return None
    household_id = view.result.household_ids[view.household]
    load_kwh = np.nan_to_num(community.load_kw[:, community.household_ids.index(household_id)]) * view.result.slot_h
    retail = view.result.series(row, ("retail_price",))["retail_price"]
    account = view.result.households(row)
    bought, alone, bill = (
        float(retail @ load_kwh),
        float(account["baseline_bill"][view.household]),
        float(account["bill"][view.household]),
    )
    names = ["All from the grid", "Own sun", "Neighbours and battery", "Bill"]
    steps = [bought, alone - bought, bill - alone, bill]
    trace = go.Waterfall(
        x=names,
        y=steps,
        measure=["absolute", "relative", "relative", "total"],
        text=[view.numbers.money(step, sign=place in (1, 2)) for place, step in enumerate(steps)],
        textposition="outside",
        increasing={"marker": {"color": LOSS}},
        decreasing={"marker": {"color": GAIN}},
        totals={"marker": {"color": MUTED}},
        connector={"line": {"color": GRID}},
        hovertemplate=f"%{{x}}: %{{y:,.2f}} {view.numbers.currency}<extra></extra>",
    )
    drawn = frame([trace], numbers=view.numbers, y_title=f"Bill ({view.numbers.currency})", height=300, legend=False)
    drawn.update_layout(hovermode="closest")
    drawn.update_yaxes(zeroline=True, zerolinecolor=GRID, range=_room(steps))
    said = "; ".join(f"{name} {view.numbers.money(step)}" for name, step in zip(names, steps, strict=True))
    return Chart(drawn, f"The bill of {household_id} under {row.name}, step by step: {said}.", "Over the whole run.")


def _room(steps: Sequence[float]) -> list[float]:
    """A range with room for the words above the highest and below the lowest bar."""
    ends = [0.0, steps[0], steps[0] + steps[1], steps[3]]
    low, high = min(ends), max(ends)
    margin = 0.12 * ((high - low) or 1.0)
    return [low - margin if low < 0 else 0.0, high + margin]


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
    for members in alike([curve.y for _, curve in drawable]):
        row, curve = drawable[members[0]]
        gini = view.numbers.number(row.figures.get("gini", np.nan), 3)
        label = joined([drawable[place][0].name for place in members])
        ginis.append(f"{label} {gini}")
        traces.append(
            go.Scatter(
                x=curve.x * 100,
                y=curve.y * 100,
                name=name(f"{label} · Gini {gini}"),
                mode="lines",
                line={"color": colour(row), "width": 1.8},
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
