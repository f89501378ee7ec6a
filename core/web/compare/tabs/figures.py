"""Figures: every algorithm against a baseline, what cannot differ, and the two charts looked at first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from core.market.quantities import Quantity
from core.runs.results import ResultRow
from core.runs.runs import RunState
from core.web.compare import charts, look
from core.web.compare.table import KEY, MODES, Cell, FigureTable, Line, groups_of, table_of
from core.web.compare.tables import figures_export
from core.web.compare.tabs.export import context_of, offer
from core.web.compare.tabs.show import baseline_id, chart, kept, named
from core.web.compare.view import View, same_flows
from core.web.escape import markdown
from core.web.format import Numbers

ALL = "All"
NARROW = "\u00a0"
DUST = 1e-6
"""kWh or currency: less than this over a whole run is rounding."""


def draw(view: View, state: RunState) -> None:
    """The tab."""
    banner(view)
    shown = choose(view)
    on_screen(shown, view.numbers)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Take this table away")
        name = f"{state.run_id}-figures-shown"
        offer(partial(figures_export, shown, view.numbers, context_of(view, state)), name=name, key="compare_shown")
    st.caption(
        "★ best of a figure · ↑ higher or ↓ lower is better · ✓ better or ✗ worse than the baseline · – not defined"
    )
    checks(view)
    if view.drawable:
        chart(
            "Price and traded energy", kept(view, "price", lambda: charts.price_and_volume(view)), key="compare_price"
        )
        chart(
            "Savings as they grow",
            kept(view, "savings", lambda: charts.cumulative_savings(view)),
            key="compare_savings",
        )


def banner(view: View) -> None:
    """Which figures cannot differ between settlements of one dispatch; said where there is more than one of them."""
    for members in same_flows(view):
        if len(members) > 1:
            st.info(
                f"**One dispatch, {len(members)} settlements.** {_names(members)}: import, export, peaks,"
                f" self-consumption and self-sufficiency are physical and cannot differ.{_same_cost(members)}",
                icon=":material/balance:",
            )


def _names(rows: Sequence[ResultRow]) -> str:
    return ", ".join(markdown(row.name) for row in rows)


def _same_cost(members: Sequence[ResultRow]) -> str:
    full = [row for row in members if _trades_all(row)]
    if len(full) < 2:
        return ""
    others = [row for row in members if row not in full]
    which = _names(full) if len(full) <= len(others) else f"all but {_names(others)}" if others else "all of them"
    return (
        f" Those that trade all they can ({which}) cannot differ in community cost and savings either:"
        " only in the split between households."
    )


def _trades_all(row: ResultRow) -> bool:
    untraded, surplus = row.figures.get("untraded_kwh", 1.0), row.figures.get("operator_surplus", 0.0)
    return abs(untraded) < DUST and abs(surplus) < DUST


def choose(view: View) -> FigureTable:
    """Which figures are shown and how; the choices live in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        groups = [*groups_of(view.rows), ALL]
        group = st.segmented_control("Figures", groups, default=KEY, required=True, key="figures", bind="query-params")
        mode = st.segmented_control(
            "Shown as",
            list(MODES),
            default=MODES[0],
            required=True,
            key="mode",
            bind="query-params",
            help="Values, or how far each is from the baseline: in the figure's unit or in percent of the baseline.",
        )
        differing = st.toggle(
            "Differences only",
            key="differing",
            bind="query-params",
            help="Leaves out figures in which nothing differs.",
        )
    return table_of(
        view.rows,
        baseline_id=baseline_id(),
        mode=mode,
        group="" if group == ALL else group or KEY,
        differences_only=differing,
    )


def on_screen(table: FigureTable, numbers: Numbers) -> None:
    """The table, or what to do when nothing is left of it."""
    if not table.figures:
        st.info("No figure differs here. Switch off “Differences only”, or choose another group.")
        return
    columns = {
        _title(figure, numbers): [_cell(line, place, table, numbers) for line in table.lines]
        for place, figure in enumerate(table.figures)
    }
    index = pd.Index(
        [named(line.row) + (" :small[:gray[baseline]]" if line.is_baseline else "") for line in table.lines],
        name="Algorithm",
    )
    shown = pd.DataFrame(columns, index=index)
    look.figures(shown, alt="Figures of each algorithm", key="figures")


def _title(figure: Quantity, numbers: Numbers) -> str:
    unit = f" ({markdown(numbers.unit(figure.shown_unit))})" if figure.shown_unit else ""
    return f"{figure.label}{unit} {figure.arrow} :help[{markdown(numbers.unit(figure.help), limit=300)}]"


def _cell(line: Line, place: int, table: FigureTable, numbers: Numbers) -> str:
    cell: Cell = line.cells[place]
    text = markdown(table.text(cell, table.figures[place], is_baseline=line.is_baseline, numbers=numbers))
    best = f"★{NARROW}" if cell.best else ""
    if table.mode == "Values" or line.is_baseline:
        return f":green[**{best}{text}**]" if cell.best else text
    if cell.better is None:
        return f"**{best}{text}**" if cell.best else text
    return f":green[{best}{text}{NARROW}✓]" if cell.better else f":red[{best}{text}{NARROW}✗]"


def checks(view: View) -> None:
    """Every invariant of every algorithm: how many hold, and in words those that a mechanism does not promise."""
    verdicts = [(row, verdict) for row in view.rows for verdict in row.verdicts]
    held = sum(verdict.holds for _, verdict in verdicts)
    with st.expander(f"{held} of {len(verdicts)} checks hold", icon=":material/rule:"):
        st.caption(
            "Energy balance, budget, price bounds and the other promises, checked in every slot of every algorithm."
        )
        for row, verdict in verdicts:
            if not verdict.holds:
                said = "not promised by this mechanism" if verdict.exempt else "broken"
                st.markdown(f"- {named(row)}: {markdown(verdict.sentence, limit=300)} ({said})")
