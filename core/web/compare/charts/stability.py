"""Stability as pictures: what is due to each home, and savings against fairness against stability."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.market.stability.study import Study, Verdict
from core.web.charts import GAIN, GRID, LOSS, MUTED, colour_of
from core.web.compare.charts.chart import Chart
from core.web.escape import plotly as name
from core.web.format import Numbers

MOST_BARS = 60


def contributions(found: Study, verdict: Verdict, numbers: Numbers) -> Chart:
    """What each home adds as a waterfall to what all save together; the homes of the leaving group stand out."""
    assert found.shares is not None
    share, error = found.shares.shapley.share, found.shares.shapley.standard_error
    order = np.argsort(-share, kind="stable")
    shown = order[:MOST_BARS]
    rest = float(share[order[MOST_BARS:]].sum())
    names = [found.household_ids[place] for place in shown]
    values = [float(share[place]) for place in shown]
    leaving = set(verdict.group)
    tints = [LOSS if each in leaving else MUTED for each in names]
    if order.size > MOST_BARS:
        names.append(f"{order.size - MOST_BARS} more")
        values.append(rest)
        tints.append(MUTED)
    starts = np.cumsum([0.0, *values[:-1]])
    texts = [f"{numbers.money(value)}" for value in values]
    bars: dict[str, Any] = {
        "type": "bar",
        "x": [name(each) for each in names],
        "y": values,
        "base": starts.tolist(),
        "marker": {"color": tints},
        "customdata": [numbers.number(float(e), 2) for e in [*error[shown], 0.0][: len(values)]],
        "text": texts if len(values) <= 20 else None,
        "textposition": "outside",
        "textfont": {"size": 10},
        "hovertemplate": "%{x}: %{y:,.2f} ± %{customdata} " + numbers.currency + "<extra></extra>",
    }
    total = {
        "type": "bar",
        "x": ["all together"],
        "y": [found.shares.worth],
        "marker": {"color": GAIN},
        "hovertemplate": "all together: %{y:,.2f} " + numbers.currency + "<extra></extra>",
    }
    drawn = go.Figure({"data": [bars, total], "layout": _layout(numbers, f"Savings ({numbers.currency})", 340)})
    drawn.update_layout(showlegend=False, bargap=0.25)
    said = f"{name(verdict.name)}: homes of the group that would leave are red." if leaving else ""
    top = ", ".join(f"{each} {text}" for each, text in list(zip(names, texts, strict=True))[:3])
    return Chart(drawn, f"What is due to each home by the Shapley value, largest first: {top}.", said)


def frontier(found: Study, numbers: Numbers) -> Chart:
    """Savings to the right, fairness upwards, what a leaving group gains as the size of the dot; beaten ones hollow."""
    points = [each for each in found.frontier if math.isfinite(each.gini)]
    most = max((each.gap for each in points), default=0.0) or 1.0
    traces = []
    for each in points:
        tint = colour_of(each.algorithm_id)
        beaten = f"<br>beaten by {name(', '.join(each.beaten_by[:3]))}" if each.beaten_by else "<br>not beaten"
        text = (
            f"{name(each.name)}<br>savings {numbers.money(each.savings)}<br>Gini {numbers.number(each.gini, 3)}"
            f", worst loss {numbers.money(each.worst_loss)}"
            f"<br>a group gains {numbers.money(each.gap)} by leaving{beaten}"
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name(each.name),
                "x": [each.savings],
                "y": [1.0 - each.gini],
                "marker": {
                    "size": 12 + 26 * math.sqrt(each.gap / most),
                    "color": tint,
                    "opacity": 0.85,
                    "symbol": "circle-open" if each.beaten_by else "circle",
                    "line": {"width": 2, "color": tint},
                },
                "hovertemplate": text + "<extra></extra>",
            }
        )
    layout = _layout(numbers, "Fairness (1 − Gini of savings)", 400)
    layout["xaxis"]["title"] = {"text": f"Savings ({numbers.currency})"}
    drawn = go.Figure({"data": traces, "layout": layout})
    drawn.update_layout(hovermode="closest", legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    best = [each.name for each in points if not each.beaten_by]
    note = "Right and up is better, small is stable; hollow: another one is at least as good in all three."
    missing = [each.name for each in found.frontier if not math.isfinite(each.gini)]
    if missing:
        note += f" Without savings to share, not drawn: {', '.join(missing)}."
    return Chart(drawn, f"Savings, fairness and stability; not beaten: {', '.join(best)}.", note)


def _layout(numbers: Numbers, y_title: str, height: int) -> dict[str, Any]:
    axis = {"gridcolor": GRID, "zeroline": False, "automargin": True}
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 24, "b": 8},
        "separators": numbers.separators,
        "xaxis": dict(axis),
        "yaxis": {**axis, "title": {"text": y_title}},
        "uirevision": "keep",
    }
