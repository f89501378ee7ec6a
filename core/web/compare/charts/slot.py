"""One slot as a picture: orders in their merit order, what was filled, the price, and who sold to whom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.market.community import FloatArray
from core.runs.slot import Order, Slot
from core.web.charts import ACCENT, GRID_PRICE, LOSS, MUTED, colour_of
from core.web.compare.charts.chart import Chart, faint, frame
from core.web.compare.view import Times
from core.web.escape import plotly as name
from core.web.format import Numbers

HOLLOW = "rgba(0,0,0,0)"
MOST_BARS = 2_000


def merit_order(slot: Slot, numbers: Numbers, *, axis: tuple[float, float]) -> Chart:
    """Asks rising as bars, bids falling as steps; filled quantity is solid, what is left to the grid hollow.

    Without orders the bars stand at the rule's price. axis: the range of prices shared by all panels.
    """
    tint = colour_of(slot.algorithm_id)
    asks = _bars(slot.asks, slot, tint, numbers, "sells")
    bids = _steps(slot.bids, slot, numbers)
    drawn = frame([*asks, *bids], numbers=numbers, x_title="Energy (kWh)", height=260, legend=False)
    drawn.update_layout(
        hovermode="closest", barmode="overlay", bargap=0, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=False
    )
    drawn.update_yaxes(title_text=f"Price ({numbers.currency}/kWh)", range=list(axis))
    drawn.update_xaxes(rangemode="tozero")
    for price, dash in ((slot.retail_price, "solid"), (slot.feed_in_price, "dot")):
        drawn.add_hline(y=price, line={"color": GRID_PRICE, "width": 1, "dash": dash})
    drawn.add_hrect(y0=slot.feed_in_price, y1=slot.retail_price, fillcolor=faint(GRID_PRICE, 0.07), line_width=0)
    if np.isfinite(slot.price):
        drawn.add_trace(
            go.Scatter(
                x=[slot.traded_kwh],
                y=[slot.price],
                mode="markers",
                marker={"symbol": "diamond", "size": 11, "color": tint, "line": {"width": 1.5, "color": MUTED}},
                hovertemplate=f"%{{x:,.3f}} kWh at %{{y:,.3f}} {numbers.currency}/kWh<extra></extra>",
            )
        )
    return Chart(drawn, _words(slot, numbers))


def _bars(orders: Sequence[Order], slot: Slot, tint: str, numbers: Numbers, verb: str) -> list[go.Bar]:
    """A bar an order at its price, side by side; its filled part solid."""
    found, start = [], 0.0
    for filled, pattern in ((True, tint), (False, HOLLOW)):
        lefts, widths, heights, texts = [], [], [], []
        start = 0.0
        for order in orders:
            part = order.filled_kwh if filled else order.unfilled_kwh
            left = start if filled else start + order.filled_kwh
            start += order.quantity_kwh
            if part > 0:
                lefts.append(left)
                widths.append(part)
                heights.append(_height(order, slot))
                texts.append(_hover(order, numbers, verb))
        found.append(
            go.Bar(
                x=[left + width / 2 for left, width in zip(lefts, widths, strict=True)],
                y=heights,
                width=widths,
                text=texts,
                textposition="none",
                marker={"color": faint(tint, 0.55) if filled else pattern, "line": {"color": tint, "width": 1}},
                hovertemplate="%{text}<extra></extra>",
            )
        )
    return found


def _steps(orders: Sequence[Order], slot: Slot, numbers: Numbers) -> list[go.Scatter]:
    """Bids from the highest as one falling line, a corner an order."""
    if not orders:
        return []
    ends = np.cumsum([order.quantity_kwh for order in orders])
    starts = np.concatenate(([0.0], ends[:-1]))
    x = np.stack((starts, ends), axis=1).ravel()
    heights = np.repeat([_height(order, slot) for order in orders], 2)
    texts = [_hover(order, numbers, "needs") for order in orders for _ in (0, 1)]
    line = go.Scatter(
        x=x,
        y=heights,
        mode="lines+markers",
        line={"color": ACCENT, "width": 2},
        marker={"size": 4, "color": ACCENT},
        text=texts,
        hovertemplate="%{text}<extra></extra>",
    )
    return [line]


def _height(order: Order, slot: Slot) -> float:
    """The order's price, or what the rule makes it: the price paid, else the grid's."""
    if order.price is not None:
        return order.price
    if np.isfinite(slot.price):
        return slot.price
    return slot.retail_price if order.side == "bid" else slot.feed_in_price


def _hover(order: Order, numbers: Numbers, verb: str) -> str:
    said = f"{name(order.household_id)} {verb} {numbers.number(order.quantity_kwh, 3)} kWh"
    if order.price is not None:
        said += f" at {numbers.money(order.price, 3)}"
    paid = "" if order.paid_price is None else f" at {numbers.money(order.paid_price, 3)}"
    return f"{said}<br>filled {numbers.number(order.filled_kwh, 3)} kWh{paid}"


def _words(slot: Slot, numbers: Numbers) -> str:
    need, have = (sum(order.quantity_kwh for order in side) for side in (slot.bids, slot.asks))
    price = f" at {numbers.money(slot.price, 3)}/kWh" if np.isfinite(slot.price) else ""
    return (
        f"{slot.name}: {len(slot.bids)} homes need {numbers.number(need, 2)} kWh, {len(slot.asks)} have"
        f" {numbers.number(have, 2)} kWh; {numbers.number(slot.traded_kwh, 2)} kWh pass between them{price}."
    )


def ribbons(slot: Slot, numbers: Numbers, *, ink: str) -> Chart | None:
    """Who sold to whom, sellers left, buyers right, as wide as the energy; None without a trade."""
    if not slot.trades:
        return None
    sellers = list(dict.fromkeys(trade.seller_id for trade in slot.trades))
    buyers = list(dict.fromkeys(trade.buyer_id for trade in slot.trades))
    tint = colour_of(slot.algorithm_id)
    trace = go.Sankey(
        arrangement="snap",
        textfont={"color": ink, "size": 11},
        node={
            "label": [name(each) for each in (*sellers, *buyers)],
            "color": [tint] * len(sellers) + [MUTED] * len(buyers),
            "pad": 6,
            "thickness": 8,
            "line": {"width": 0},
        },
        link={
            "source": [sellers.index(trade.seller_id) for trade in slot.trades],
            "target": [len(sellers) + buyers.index(trade.buyer_id) for trade in slot.trades],
            "value": [trade.energy_kwh for trade in slot.trades],
            "color": [faint(tint, 0.35)] * len(slot.trades),
            "customdata": [numbers.money(trade.price, 3) for trade in slot.trades],
            "hovertemplate": "%{source.label} → %{target.label}<br>%{value:,.3f} kWh at %{customdata}<extra></extra>",
        },
        valueformat=",.3f",
        valuesuffix=" kWh",
    )
    drawn = frame([trace], numbers=numbers, height=60 + 22 * max(len(sellers), len(buyers), 3), legend=False)
    drawn.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})
    words = "; ".join(
        f"{trade.seller_id} to {trade.buyer_id} {numbers.number(trade.energy_kwh, 2)} kWh" for trade in slot.trades[:20]
    )
    return Chart(drawn, f"Who sold to whom, {slot.name}: {words}.")


def strip(starts: Times, traded_kwh: FloatArray, apart: FloatArray, *, chosen: int, numbers: Numbers) -> Chart:
    """Traded energy of every slot of the period, the bars where prices are far apart in a stronger colour."""
    width = -(-len(starts) // MOST_BARS)
    places = np.arange(0, len(starts), width)
    highest = float(apart.max()) if apart.size else 0.0
    strength = apart[places] / highest if highest > 0 else np.zeros(len(places))
    trace = go.Bar(
        x=starts[places],
        y=traded_kwh[places],
        marker={"color": [faint(ACCENT, 0.25 + 0.75 * float(each)) for each in strength], "line": {"width": 0}},
        customdata=places,
        hovertemplate="%{x|%a %d %b %H:%M}: %{y:,.2f} kWh<extra></extra>",
    )
    drawn = frame([trace], numbers=numbers, y_title="Traded (kWh)", height=130, legend=False)
    drawn.update_layout(hovermode="closest", bargap=0, dragmode=False)
    drawn.add_vline(x=str(starts[chosen]), line={"color": LOSS, "width": 2})
    return Chart(drawn, f"Traded energy of {len(starts)} slots; the chosen one begins at {starts[chosen]}.")
