"""The trading network: homes on a circle, a ribbon for every pair, as wide as its energy and coloured by its price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from core.web.charts import MUTED, figure
from core.web.escape import plotly

Floats = NDArray[np.float64]
MOST_RIBBONS = 150
"""Ribbons that are drawn, the largest first: more of them is a knot."""
WIDEST, THINNEST = 14.0, 0.8
BEND = 0.25
"""How far from the centre a ribbon passes, as a share of the way to the chord's middle."""
POINTS = 24
SAME_PRICE = 0.005
"""Prices nearer than this read alike, and are coloured alike."""
PRICES = [[0.0, "#5fb8a6"], [0.5, "#4f7fd9"], [1.0, "#9b2f8f"]]


@dataclass(frozen=True, slots=True)
class Network:
    """Pairs that traded: seller, buyer, kWh and mean price (currency/kWh), one entry a pair."""

    sellers: Sequence[str]
    buyers: Sequence[str]
    energy_kwh: Floats
    price: Floats


def network(trades: Network, *, currency: str, homes: Sequence[str] = (), height: int = 460) -> go.Figure:
    """homes: everybody to show, also those who did not trade; in the order of the circle."""
    names = list(homes) or sorted({*trades.sellers, *trades.buyers})
    place = {name: number for number, name in enumerate(names)}
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / max(len(names), 1)
    x, y = np.cos(angle), np.sin(angle)
    strongest = np.argsort(-trades.energy_kwh, kind="stable")[:MOST_RIBBONS]
    top = float(trades.energy_kwh.max()) if len(trades.energy_kwh) else 1.0
    colours = _colours(trades.price)
    traces = [
        _ribbon(
            (x, y),
            place[trades.sellers[pair]],
            place[trades.buyers[pair]],
            width=THINNEST + (WIDEST - THINNEST) * float(trades.energy_kwh[pair]) / top,
            colour=colours[pair],
        )
        for pair in strongest[::-1]
    ]
    traces.append(_middles(trades, strongest, place, (x, y), currency))
    traces.append(_nodes(trades, names, (x, y)))
    if len(trades.price) and np.ptp(trades.price) > SAME_PRICE:
        traces.append(_legend(trades.price, currency))
    drawn = figure(traces, legend=False, height=height)
    drawn.update_layout(hovermode="closest")
    drawn.update_xaxes(visible=False, range=[-1.45, 1.45])
    drawn.update_yaxes(visible=False, range=[-1.2, 1.2], scaleanchor="x", scaleratio=1)
    return drawn


def _colours(price: Floats) -> list[str]:
    low, high = (float(price.min()), float(price.max())) if len(price) else (0.0, 0.0)
    share = (price - low) / (high - low) if high - low > SAME_PRICE else np.full(len(price), 0.5)
    return [str(colour) for colour in sample_colorscale(PRICES, share.tolist())] if len(price) else []


def _curve(at: tuple[Floats, Floats], seller: int, buyer: int, steps: Floats) -> tuple[Floats, Floats]:
    """A quadratic curve from one home to the other, bent towards the centre."""
    bent = []
    for axis in at:
        middle = BEND * (axis[seller] + axis[buyer]) / 2
        bent.append((1 - steps) ** 2 * axis[seller] + 2 * steps * (1 - steps) * middle + steps**2 * axis[buyer])
    return bent[0], bent[1]


def _ribbon(at: tuple[Floats, Floats], seller: int, buyer: int, *, width: float, colour: str) -> go.Scatter:
    x, y = _curve(at, seller, buyer, np.linspace(0.0, 1.0, POINTS))
    line = {"color": colour, "width": width, "shape": "spline"}
    return go.Scatter(x=x, y=y, mode="lines", line=line, opacity=0.6, hoverinfo="skip")


def _middles(
    trades: Network, pairs: NDArray[np.int64], place: dict[str, int], at: tuple[Floats, Floats], currency: str
) -> go.Scatter:
    """Something to point at: an unseen mark in the middle of each ribbon."""
    half = np.array([0.5])
    found = [_curve(at, place[trades.sellers[p]], place[trades.buyers[p]], half) for p in pairs]
    return go.Scatter(
        x=[float(x[0]) for x, _ in found],
        y=[float(y[0]) for _, y in found],
        mode="markers",
        marker={"size": 16, "opacity": 0},
        customdata=[
            [plotly(trades.sellers[p]), plotly(trades.buyers[p]), trades.energy_kwh[p], trades.price[p]] for p in pairs
        ],
        hovertemplate=f"%{{customdata[0]}} → %{{customdata[1]}}<br>%{{customdata[2]:,.3f}} kWh at "
        f"{currency}%{{customdata[3]:,.2f}}/kWh<extra></extra>",
    )


def _nodes(trades: Network, names: Sequence[str], at: tuple[Floats, Floats]) -> go.Scatter:
    sold = dict.fromkeys(names, 0.0)
    bought = dict.fromkeys(names, 0.0)
    for seller, buyer, energy in zip(trades.sellers, trades.buyers, trades.energy_kwh.tolist(), strict=True):
        sold[seller] += energy
        bought[buyer] += energy
    most = max([sold[name] + bought[name] for name in names], default=0.0) or 1.0
    return go.Scatter(
        x=at[0],
        y=at[1],
        mode="markers+text",
        text=[plotly(name, limit=16) for name in names],
        textposition=[_beside(x, y) for x, y in zip(*at, strict=True)],
        marker={"size": [8 + 14 * (sold[n] + bought[n]) / most for n in names], "color": MUTED, "line": {"width": 0}},
        customdata=[[plotly(name), sold[name], bought[name]] for name in names],
        hovertemplate="%{customdata[0]}<br>sold %{customdata[1]:,.3f} kWh<br>bought %{customdata[2]:,.3f} kWh"
        "<extra></extra>",
    )


def _beside(x: float, y: float) -> str:
    """Where a home's name has room: outside the circle."""
    if abs(x) > 0.2:
        return "middle right" if x > 0 else "middle left"
    return "top center" if y > 0 else "bottom center"


def _legend(price: Floats, currency: str) -> go.Scatter:
    """The colour bar, on a mark that nobody sees."""
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        hoverinfo="skip",
        marker={
            "color": [float(price.min())],
            "cmin": float(price.min()),
            "cmax": float(price.max()),
            "colorscale": PRICES,
            "showscale": True,
            "colorbar": {
                "title": f"{currency}/kWh",
                "thickness": 10,
                "outlinewidth": 0,
                "tickformat": ".2f",
                "nticks": 5,
                "len": 0.6,
            },
        },
    )
