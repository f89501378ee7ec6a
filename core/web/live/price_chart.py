"""The price over time: a line, the grid's two prices as a band, simulated stretches dotted and named."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import plotly.graph_objects as go

from core.live.price import PriceSnapshot
from core.web.charts import ACCENT, FEED_IN, MUTED, RETAIL, figure

POINTS = 720
"""An hour of points at one every five seconds."""


def price_chart(price: PriceSnapshot, *, currency: str, zone: ZoneInfo) -> go.Figure:
    """Lines of the price by kind (real trade, trade of the simulated community, simulated) between the grid's two."""
    points = price.points[-POINTS:]
    at = [point.at.astimezone(zone).replace(tzinfo=None) for point in points]
    real = [point.price if not point.simulated else None for point in points]
    simulated = [point.price if point.simulated else None for point in points]
    span = [at[0], at[-1]] if at else []
    hover = f"%{{y:.2f}} {currency}/kWh"

    def level(value: float, name: str, colour: str) -> go.Scatter:
        line = {"color": colour, "width": 1, "dash": "dash"}
        return go.Scatter(x=span, y=[value] * len(span), name=name, mode="lines", line=line, hovertemplate=hover)

    traces = [
        level(price.feed_in_price, "Feed-in (grid pays)", FEED_IN),
        level(price.retail_price, "Retail (grid charges)", RETAIL),
        go.Scatter(
            x=at,
            y=simulated,
            name="Price, simulated",
            mode="lines",
            line={"color": MUTED, "width": 2, "dash": "dot"},
            hovertemplate=hover,
        ),
        go.Scatter(
            x=at, y=real, name="Price, traded", mode="lines", line={"color": ACCENT, "width": 2}, hovertemplate=hover
        ),
    ]
    traces[1].update(fill="tonexty", fillcolor="rgba(127,137,155,0.10)")
    chart = figure(traces, y_title=f"Price ({currency}/kWh)", height=300)
    margin = 0.08 * (price.retail_price - price.feed_in_price)
    prices = [point.price for point in points]
    low, high = min([price.feed_in_price, *prices]), max([price.retail_price, *prices])
    chart.update_yaxes(range=[low - margin, high + margin], tickformat=".2f")
    return chart
