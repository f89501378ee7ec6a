"""Households: who gains and who loses, how evenly, and every household's account."""

from __future__ import annotations

import math
from threading import Lock
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import streamlit as st
from cachetools import LRUCache, cached

from core.market.quantities import HOUSEHOLD_ARRAYS
from core.runs.preferences import Preferences, preferences
from core.runs.results import ResultRow
from core.runs.runs import RunState
from core.web.compare import charts
from core.web.compare.tabs.show import baseline_id, chart, kept, named, pick_algorithm, whole_run
from core.web.compare.view import View, colour
from core.web.format import Numbers, count
from core.web.table import Cell, Column, Row, html_table

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
    """Who prefers which algorithm; one home's account and days; every home's account under one algorithm."""
    if not view.drawable:
        st.info(
            "These algorithms report figures only. Compare one that settles household by household to see who gains."
        )
        return
    found = preferences_of(view, baseline_id())
    st.caption(whole_run(view) + ".")
    measure = st.segmented_control(
        "Measure",
        list(MEASURES),
        default="Savings",
        required=True,
        key="savings_as",
        bind="query-params",
        label_visibility="collapsed",
    )
    st.html(savings_map(found, measure, view))
    st.caption(
        f"{MEASURES[measure]} ★ what saves a home most; bounds are no choice. Homes with the most own sun first."
    )
    if view.household is not None:
        _one(view)
    row = pick_algorithm(view, key="algorithm")
    if (steps := charts.bill_steps(view, row)) is not None:
        chart("The bill, step by step", steps, key="compare_bill")
    _accounts(view, row)
    chart("Lorenz curve of savings", kept(view, "lorenz", lambda: charts.lorenz_curves(view)), key="compare_lorenz")


@cached(LRUCache(32), key=lambda view, baseline: (view.result.result_digest, view.scenario, baseline), lock=Lock())
def preferences_of(view: View, baseline: str) -> Preferences:
    """Every home's savings under every algorithm, read once."""
    return preferences(view.result, view.scenario, baseline_id=baseline)


# ---- who prefers which

MEASURES = {
    "Savings": "Savings = bill under the baseline − bill.",
    "Percent": "Savings in percent of the size of the bill under the baseline.",
    "Rank": "1 for the algorithm that saves the home most.",
    "Regret": "What the home's favourite rule saves it beyond this one.",
}
MOST_HOMES, BANDS = 40, 20
"""Up to so many homes have a line each; more are gathered into bands of neighbours in the order of own sun."""


def savings_map(found: Preferences, measure: str, view: View) -> str:
    """Homes by algorithm, coloured by gain and loss; below, who prefers it, its largest regret and who loses."""
    numbers = view.numbers
    shown = {"Savings": found.savings, "Percent": found.percent, "Rank": found.rank, "Regret": found.regret}
    values, decimals = shown[measure], 1 if measure == "Percent" else 0
    order = found.by_own_sun()
    groups = [order[place : place + 1] for place in range(len(order))]
    if len(order) > MOST_HOMES:
        groups = [band for band in np.array_split(order, BANDS) if len(band)]
    means = np.stack([np.nanmean(values[group], axis=0) for group in groups])
    shades = _shades(means, measure)
    rows: list[Row] = [
        [
            _home(found, group, view),
            *(
                Cell(
                    numbers.number(float(means[at, column]), decimals),
                    mark="best" if len(group) == 1 and found.best[group[0], column] else "",
                    shade=float(shades[at, column]),
                )
                for column in range(len(found.rows))
            ),
        ]
        for at, group in enumerate(groups)
    ]
    columns = [Column("Home (own sun ÷ use)", "name"), *(Column(row.name, "number") for row in found.rows)]
    foot = _foot(found, numbers)
    return html_table(columns, [*rows, *foot], name="Savings by home and algorithm", bands={len(rows): "All homes"})


def _shades(values: np.ndarray, measure: str) -> np.ndarray:
    """Between -1 and 1: gain or loss beside the largest of either; for a rank and for regret only what is worse."""
    if measure in ("Rank", "Regret"):
        values = -np.maximum(values - (1.0 if measure == "Rank" else 0.0), 0.0)
    return np.nan_to_num(values / (np.nanmax(np.abs(values)) or 1.0))


def _home(found: Preferences, group: np.ndarray, view: View) -> Cell:
    """A home with a link to its account, or a band of homes."""
    share = float(np.nanmean(found.own_share[group])) if np.isfinite(found.own_share[group]).any() else 0.0
    note = view.numbers.percent(100 * share, 0)
    if len(group) > 1:
        return Cell(f"{count(len(group), 'home')}, from {found.household_ids[group[0]]}", note=note)
    household_id = found.household_ids[group[0]]
    kept_choices = {name: st.query_params.get_all(name) for name in st.query_params if name != "household"}
    return Cell(household_id, href="?" + urlencode({**kept_choices, "household": household_id}, doseq=True), note=note)


def _foot(found: Preferences, numbers: Numbers) -> list[Row]:
    regret = found.regret.max(axis=0)
    least = min((float(each) for each, rule in zip(regret, found.rules, strict=True) if rule), default=np.nan)
    return [
        ["Savings of all", *(numbers.number(float(total)) for total in found.savings.sum(axis=0))],
        [
            "Homes that prefer it",
            *(str(int(each)) if rule else "–" for each, rule in _pairs(found.best.sum(axis=0), found)),
        ],
        [
            f"Largest regret ({numbers.currency})",
            *(
                Cell(numbers.number(float(each)), mark="best" if float(each) == least else "") if rule else "–"
                for each, rule in _pairs(regret, found)
            ),
        ],
        ["Homes that lose", *(str(int(each)) for each in found.lose)],
    ]


def _pairs(values: np.ndarray, found: Preferences) -> list[tuple[float, bool]]:
    return list(zip(values.tolist(), found.rules.tolist(), strict=True))


# ---- one home, and every home


def _one(view: View) -> None:
    household_id = view.result.household_ids[view.household or 0]
    st.subheader(household_id, anchor=False)
    st.html(_account(view, household_id))
    if (profile := charts.profile(view)) is not None:
        chart("Load and solar", profile, key="compare_profile")


def _account(view: View, household_id: str) -> str:
    """The home's account, a line an algorithm."""
    shown = [
        HOUSEHOLD_ARRAYS[key] for key in ACCOUNT if any(key in view.result.households(row) for row in view.drawable)
    ]
    titles = [f"{of.label} ({view.numbers.unit(of.unit)})" for of in shown]
    columns = [
        Column("Algorithm", "name"),
        *(Column(title, "number", of.help) for title, of in zip(titles, shown, strict=True)),
    ]
    saved = [float(view.result.households(row)["savings"][view.household]) for row in view.drawable]
    rows: list[Row] = []
    for row, savings in zip(view.drawable, saved, strict=True):
        arrays = view.result.households(row)
        values = [float(arrays[of.key][view.household]) if of.key in arrays else math.nan for of in shown]
        cells = [Cell(view.numbers.number(value)) for value in values]
        cells[0] = Cell(cells[0].text, shade=savings / (max(map(abs, saved)) or 1.0))
        rows.append([Cell(row.name, colour=colour(row)), *cells])
    return html_table(columns, rows, name=f"Account of {household_id}")


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
