"""The explorer's charts: at most MAX_POINTS points a chart, units on every axis, times of the site."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.web.charts import ACCENT, GAIN, LOSS, MUTED, figure
from core.web.escape import plotly

Floats = NDArray[np.float64]
MAX_POINTS = 2_000
"""Points of a chart; longer series are gathered into as many groups of neighbours."""
FAR = 20
"""Planned intervals above which the axis of intervals becomes logarithmic."""
ALONE = timedelta(minutes=10)
"""What is shown on either side of a single period."""
FEW_BLOCKS = 400
FEW_PERIODS = 60
"""Up to here every point is marked."""
HEAT = [[0.0, "rgba(47,125,225,0.06)"], [0.5, "rgba(47,125,225,0.55)"], [1.0, "#1d4ed8"]]


def energy_and_price(at: Sequence[object], energy_kwh: Floats, *, price: Floats, currency: str, zone: str) -> Any:
    """Energy a period as bars, its volume-weighted mean price as a line on the right axis."""
    drawn = figure(
        [
            go.Bar(x=at, y=energy_kwh, name="energy", marker_color=ACCENT, opacity=0.55, hovertemplate="%{y:,.3f} kWh"),
            go.Scatter(
                x=at,
                y=price,
                name="mean price",
                yaxis="y2",
                mode="lines+markers" if len(at) < FEW_PERIODS else "lines",
                line={"color": LOSS, "width": 1.6},
                hovertemplate=f"{currency}%{{y:,.2f}}/kWh",
            ),
        ],
        x_title=f"time ({zone})",
        y_title="energy (kWh)",
    )
    drawn.update_layout(
        yaxis2={
            "title": f"price ({currency}/kWh)",
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "automargin": True,
            "rangemode": "tozero",
            "tickmode": "auto",
            "nticks": 6,
        }
    )
    if len(at) == 1 and isinstance(at[0], datetime):  # one bar alone would fill the chart
        drawn.update_xaxes(range=[at[0] - ALONE, at[0] + ALONE])
        drawn.update_traces(width=ALONE.total_seconds() * 100, selector={"type": "bar"})
    return drawn


def transactions_per_block(heights: NDArray[np.int64], counts: NDArray[np.int64]) -> Any:
    """How full the blocks are; above MAX_POINTS blocks, the mean of each group of neighbours."""
    x, y, group = _gathered(heights, counts.astype(np.float64))
    name = "transactions a block" if group == 1 else f"mean of {group:,} blocks"
    return figure(
        [go.Scatter(x=x, y=y, name=name, mode="lines", line={"color": ACCENT, "width": 1.4, "shape": "hv"})],
        x_title="block height",
        y_title="transactions a block",
        legend=group > 1,
        height=260,
    ).update_xaxes(tickformat=",d")


def block_intervals(heights: NDArray[np.int64], seconds: Floats, *, target_s: float) -> Any:
    """Seconds since the block before, against the planned interval."""
    x, y, group = _gathered(heights, seconds)
    far = len(y) > 0 and y.max() > FAR * target_s
    drawn = figure(
        [
            go.Scatter(
                x=x,
                y=y,
                name="interval" if group == 1 else f"mean of {group:,} blocks",
                mode="markers" if len(x) < FEW_BLOCKS else "lines",
                marker={"color": ACCENT, "size": 4},
                line={"color": ACCENT, "width": 1.2},
                hovertemplate="%{y:,.1f} s",
            ),
            go.Scatter(
                x=[x[0], x[-1]] if len(x) else [],
                y=[target_s, target_s] if len(x) else [],
                name=f"planned: {target_s:g} s",
                mode="lines",
                line={"color": LOSS, "dash": "dash", "width": 1.2},
                hoverinfo="skip",
            ),
        ],
        x_title="block height",
        y_title="seconds since the block before",
        height=280,
    )
    drawn.update_xaxes(tickformat=",d")
    drawn.update_yaxes(type="log" if far else "linear", rangemode="normal" if far else "tozero")
    return drawn


def latency(at: Sequence[object], p50_s: Floats, *, p95_s: Floats, zone: str) -> Any:
    """Seconds from arrival to block over time: the median, and what 95 % stay below."""
    mode = "lines+markers" if len(at) < FEW_PERIODS else "lines"
    wording = "%{y:,.1f} s"
    return figure(
        [
            go.Scatter(x=at, y=p50_s, name="median", mode=mode, line={"color": ACCENT}, hovertemplate=wording),
            go.Scatter(x=at, y=p95_s, name="95 % below", mode=mode, line={"color": LOSS}, hovertemplate=wording),
        ],
        x_title=f"time ({zone})",
        y_title="seconds from arrival to block",
        height=280,
    )


def who_trades_with_whom(sellers: Sequence[str], buyers: Sequence[str], energy_kwh: Floats) -> Any:
    """Energy [seller, buyer] as a heat map; pairs without a trade stay empty."""
    shown = np.where(energy_kwh > 0, energy_kwh, np.nan)
    buyers, sellers = [plotly(name) for name in buyers], [plotly(name) for name in sellers]
    drawn = figure(
        [
            go.Heatmap(
                x=buyers,
                y=sellers,
                z=shown,
                colorscale=HEAT,
                xgap=1,
                ygap=1,
                colorbar={"title": "kWh", "thickness": 10, "outlinewidth": 0},
                hovertemplate="%{y} → %{x}<br>%{z:,.3f} kWh<extra></extra>",
            )
        ],
        x_title="buyer",
        y_title="seller",
        legend=False,
        height=max(300, min(640, 90 + 17 * len(sellers))),
    )
    drawn.update_layout(hovermode="closest")
    drawn.update_xaxes(type="category", showgrid=False, tickangle=-60)
    drawn.update_yaxes(type="category", showgrid=False, autorange="reversed")
    return drawn


def in_and_out(at: Sequence[object], bought_kwh: Floats, *, sold_kwh: Floats, zone: str) -> Any:
    """Energy a household bought (down) and sold (up) a period."""
    drawn = figure(
        [
            go.Bar(x=at, y=sold_kwh, name="sold", marker_color=GAIN, hovertemplate="%{y:,.3f} kWh"),
            go.Bar(
                x=at,
                y=-bought_kwh,
                name="bought",
                marker_color=LOSS,
                customdata=bought_kwh,
                hovertemplate="%{customdata:,.3f} kWh",
            ),
        ],
        x_title=f"time ({zone})",
        y_title="energy (kWh): sold up, bought down",
        height=280,
    )
    drawn.update_layout(barmode="relative")
    drawn.add_hline(y=0, line={"color": MUTED, "width": 1})
    return drawn


def matrix(
    sellers: NDArray[np.object_], buyers: NDArray[np.object_], energy: Floats
) -> tuple[list[str], list[str], Floats]:
    """Pairs as a matrix [seller, buyer], both in order of their ids."""
    rows, columns = sorted(set(sellers)), sorted(set(buyers))
    found = np.zeros((len(rows), len(columns)))
    row_of, column_of = {name: i for i, name in enumerate(rows)}, {name: i for i, name in enumerate(columns)}
    for seller, buyer, amount in zip(sellers, buyers, energy, strict=True):
        found[row_of[seller], column_of[buyer]] += amount
    return rows, columns, found


def _gathered(x: NDArray[np.int64], y: Floats) -> tuple[NDArray[np.int64], Floats, int]:
    """The first x and the mean y of groups of equal size, so that at most MAX_POINTS are left; and that size."""
    group = -(-len(x) // MAX_POINTS) or 1
    if group == 1:
        return x, y, 1
    starts = np.arange(0, len(x), group)
    sizes = np.diff(np.append(starts, len(x)))
    return x[starts], np.add.reduceat(y, starts) / sizes, group
