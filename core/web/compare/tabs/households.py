"""Households: who gains and who loses, how evenly, and every household's account."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.market.quantities import HOUSEHOLD_ARRAYS
from core.runs.results import ResultRow
from core.runs.runs import RunState
from core.web.compare import charts, look
from core.web.compare.tabs.show import chart, config, kept, named, pick_algorithm
from core.web.compare.view import View

ACCOUNT = (
    "savings",
    "bill",
    "baseline_bill",
    "bought_kwh",
    "sold_kwh",
    "import_kwh",
    "export_kwh",
    "load_kwh",
    "solar_kwh",
    "stored_kwh",
)
"""What a household's account shows, by the name of its array."""


def draw(view: View, state: RunState) -> None:
    """The tab."""
    if not view.drawable:
        st.info(
            "These algorithms report figures only. Compare one that settles household by household to see who gains."
        )
        return
    row = pick_algorithm(view, key="algorithm")
    if not view.whole:
        st.caption(
            "Bills and savings of households are those of the whole run; the period changes the charts over time."
        )
    drawn = kept(view, ("bars", row.algorithm_id), lambda: charts.household_bars(view, row))
    st.markdown(
        "**Savings per household**", help="Bill with the grid only − bill. Click a bar to look at that household."
    )
    st.plotly_chart(
        drawn.figure,
        config=config("Savings per household"),
        alt=drawn.alt,
        key="compare_bars",
        on_select=_take_household,
        selection_mode="points",
    )
    st.caption(f"{drawn.note} Click a bar to look at that household.")
    if view.household is not None:
        _one(view)
    chart("Lorenz curve of savings", kept(view, "lorenz", lambda: charts.lorenz_curves(view)), key="compare_lorenz")
    _accounts(view, row)


def _take_household() -> None:
    """A clicked bar becomes the household of every chart."""
    points = st.session_state["compare_bars"]["selection"]["points"]
    if points:
        st.session_state["household"] = points[0]["x"]


def _one(view: View) -> None:
    household_id = view.result.household_ids[view.household or 0]
    st.subheader(household_id, anchor=False)
    accounts = {named(row): _account(view, row) for row in view.drawable}
    table = pd.DataFrame(accounts).T
    table.index.name = "Algorithm"
    look.figures(table, alt=f"Account of {household_id}", key="households")
    if (profile := charts.profile(view)) is not None:
        chart("Load and solar", profile, key="compare_profile")


def _account(view: View, row: ResultRow) -> dict[str, str]:
    arrays = view.result.households(row)
    return {
        f"{of.label} ({view.numbers.unit(of.unit)}) :help[{of.help}]": view.numbers.number(
            float(arrays[of.key][view.household])
        )
        for of in map(HOUSEHOLD_ARRAYS.__getitem__, ACCOUNT)
        if of.key in arrays
    }


def accounts_of(view: View, row: ResultRow) -> pd.DataFrame:
    """Every household's account under one algorithm, a row each, by the names of the arrays."""
    arrays = view.result.households(row)
    columns = {name: arrays[name] for name in ACCOUNT if name in arrays}
    return pd.DataFrame({"household_id": view.result.household_ids, **columns})


def _accounts(view: View, row: ResultRow) -> None:
    table = accounts_of(view, row)
    numbers = view.numbers
    titles = {of.key: f"{of.label} ({numbers.unit(of.unit)})" for of in map(HOUSEHOLD_ARRAYS.__getitem__, ACCOUNT)}
    shown = table.rename(columns={"household_id": "Household", **titles})
    helps = {
        titles[name]: st.column_config.NumberColumn(help=HOUSEHOLD_ARRAYS[name].help) for name in table.columns[1:]
    }
    st.markdown(f"**Accounts under {named(row)}**")
    st.dataframe(
        shown.style.format(numbers.number, subset=list(helps)),
        hide_index=True,
        column_config=helps,
        alt=f"Account of every household under {row.name}",
        key="compare_accounts",
    )
    lost = int((np.asarray(table["savings"]) < -1e-9).sum())
    st.caption(f"{len(table):,} households, {lost:,} of them lose.")
