"""Where readings are missing, by household and day."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.runs.statistics import MAX_POINTS
from core.web.charts import RETAIL
from core.web.compare.charts.chart import Chart, faint, frame
from core.web.compare.numbers import Numbers

MOST_HOUSEHOLDS = 50


def gap_calendar(days: np.ndarray, household_ids: list[str], absent_share: np.ndarray) -> Chart:
    """Share (%) of each day in which a household takes no part, `[household, day]`; the worst households first."""
    worst = np.argsort(-absent_share.sum(axis=1), kind="stable")[:MOST_HOUSEHOLDS]
    width = -(-len(days) * max(1, len(worst)) // MAX_POINTS)
    first = np.arange(0, len(days), width)
    shown = np.maximum.reduceat(absent_share[worst], first, axis=1) if len(worst) else absent_share[:0]
    trace = go.Heatmap(
        x=days[first],
        y=[household_ids[at] for at in worst],
        z=shown,
        zmin=0,
        zmax=100,
        colorscale=[[0.0, faint(RETAIL, 0.04)], [1.0, RETAIL]],
        colorbar={"title": {"text": "% missing", "side": "right"}, "thickness": 12, "outlinewidth": 0},
        hovertemplate="%{y}<br>%{x|%d %b %Y}: %{z:.0f} % missing<extra></extra>",
        xgap=1,
        ygap=1,
    )
    drawn = frame([trace], numbers=Numbers(), y_title="", height=90 + 22 * max(1, len(worst)), legend=False)
    drawn.update_layout(hovermode="closest")
    drawn.update_yaxes(type="category", autorange="reversed", showgrid=False)
    drawn.update_xaxes(showgrid=False)
    left_out = len(household_ids) - len(worst)
    note = "What the policy filled is not missing any more." + (
        f" {left_out} more households are not shown." if left_out > 0 else ""
    )
    alt = (
        f"Gap calendar: {len(household_ids)} households have slots without a reading, between {days[0]} and {days[-1]}."
    )
    return Chart(drawn, alt, note)
