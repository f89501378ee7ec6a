"""The parts of *Learn*: what is given, the arithmetic line by line, and the same from the engine as a picture."""

from __future__ import annotations

import inspect
from itertools import accumulate

import plotly.graph_objects as go

from core.market.contract import Algorithm
from core.market.examples import (
    BOOK,
    EVENING_LOAD_KWH,
    FEED_IN_PRICE,
    HOMES,
    NOON_LOAD_KWH,
    NOON_SOLAR_KWH,
    RETAIL_PRICE,
    Example,
)
from core.web.charts import MUTED, colour_of, figure
from core.web.escape import markdown
from core.web.format import Numbers
from core.web.table import Column, html_table

OPERATORS = str.maketrans({"*": "·", "-": "−"})


def given(example: Example, numbers: Numbers) -> str:
    """What the homes use and make, or the orders in the book."""
    if example.book:
        rows = [
            [
                side.removesuffix("s").replace("offer", "ask").capitalize(),
                numbers.number(quantity, 1),
                numbers.money(price),
            ]
            for side in BOOK
            for quantity, price in BOOK[side]
        ]
        return html_table(
            [Column("Order"), Column("kWh", "number"), Column(numbers.unit("₹/kWh"), "number")], rows, name="Orders"
        )
    heads = [Column("Home"), Column("Load at noon, kWh", "number"), Column("Solar at noon, kWh", "number")]
    columns: list[tuple[float, ...]] = [NOON_LOAD_KWH, NOON_SOLAR_KWH]
    if example.evening:
        heads.append(Column("Load in the evening, kWh", "number"))
        columns.append(EVENING_LOAD_KWH)
    rows = [
        [home, *(numbers.number(energy, 1) for energy in energies)]
        for home, *energies in zip(HOMES, *columns, strict=True)
    ]
    return html_table(heads, rows, name="Homes")


def worked(example: Example, numbers: Numbers) -> str:
    """Every line of arithmetic."""
    rows = [
        [
            line.what,
            "" if line.sum == f"{line.gives:g}" else line.sum.translate(OPERATORS),
            numbers.number(line.gives, 3),
        ]
        for line in example.lines
    ]
    return html_table(
        [Column("Step", "prose"), Column("Worked out", "code"), Column("Gives", "number")], rows, name="Worked example"
    )


def engine_says(example: Example, numbers: Numbers) -> str:
    """The answer of the engine that runs comparisons, to hold against the arithmetic."""
    if example.book:
        cleared = example.cleared()
        volume, price = float(str(cleared["volume"])), float(str(cleared["buy_price"]))
        return (
            f"The lab's engine, asked just now: {numbers.number(volume, 1)} kWh trade, buyers pay"
            f" {numbers.money(volume * price)} in all, the operator keeps"
            f" {numbers.money(float(str(cleared['operator_surplus'])))}."
        )
    bills = example.outcome().households["bill"]
    said = ", ".join(
        f"{home} {'pays' if bill >= 0 else 'earns'} {numbers.money(abs(bill))}"
        for home, bill in zip(HOMES, bills, strict=True)
    )
    return (
        f"The lab's engine, asked just now: {said}. The grid charges {numbers.money(RETAIL_PRICE)} and pays"
        f" {numbers.money(FEED_IN_PRICE)} per kWh."
    )


def picture(example: Example, numbers: Numbers) -> go.Figure:
    """Bids and asks as steps; or each home's bill, with the grid alone behind it."""
    return _steps(example, numbers) if example.book else _bills(example, numbers)


def reference(algorithm: Algorithm) -> str:
    """Promise, formula and source, as the algorithm's own file states them."""
    formula = inspect.getdoc(algorithm.settle) or ""
    return "\n\n".join(
        markdown(text, limit=600) for text in (algorithm.promise, formula, f"Source: {algorithm.source}") if text
    )


def _bills(example: Example, numbers: Numbers) -> go.Figure:
    outcome = example.outcome()
    traces = [
        go.Bar(x=HOMES, y=outcome.households["baseline_bill"], name="Grid only", marker={"color": MUTED}, opacity=0.45),
        go.Bar(
            x=HOMES, y=outcome.households["bill"], name=outcome.name, marker={"color": colour_of(example.algorithm_id)}
        ),
    ]
    if example.algorithm_id == "grid_only":
        traces = traces[:1]
    drawn = figure(traces, y_title=f"Bill ({numbers.currency}; below 0: earns)", height=330)
    drawn.update_traces(hovertemplate="%{x}: %{y:.2f}")
    return drawn


def _steps(example: Example, numbers: Numbers) -> go.Figure:
    colour = colour_of(example.algorithm_id)
    traces = [
        go.Scatter(
            x=[0, *accumulate(quantity for quantity, _ in BOOK[side])],
            y=[price for _, price in [*BOOK[side], BOOK[side][-1]]],
            name=name,
            mode="lines",
            line={"shape": "hv", "width": 3, "color": shade, "dash": dash},
            hovertemplate="%{y:.2f}",
        )
        for side, name, shade, dash in (("bids", "Bids", colour, "solid"), ("offers", "Asks", MUTED, "dash"))
    ]
    volume = float(str(example.cleared()["volume"]))
    drawn = figure(traces, x_title="Energy (kWh)", y_title=f"Price ({numbers.currency}/kWh)", height=330)
    drawn.add_vrect(x0=0, x1=volume, fillcolor=colour, opacity=0.10, line_width=0)
    return drawn
