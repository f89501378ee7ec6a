"""What if: prices, roofs and batteries on sliders; figures, ranking and bars follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from threading import Thread

import plotly.graph_objects as go
import streamlit as st

from core.accounts import User, may
from core.errors import LabError
from core.exchange import current
from core.market.contract import Value
from core.market.quantities import FIGURES
from core.market.sweep import Swept, knows, warm
from core.market.tariff import MICRO
from core.runs.plan import Scenario
from core.runs.runs import RunState
from core.runs.study_scenario import Base
from core.runs.what_if import as_run, what_if
from core.web.charts import MUTED, colour_of, figure
from core.web.compare.address import go as open_
from core.web.compare.charts.chart import Chart
from core.web.compare.tabs.show import chart
from core.web.compare.view import View
from core.web.escape import markdown, visible
from core.web.format import Numbers
from core.web.session import still_signed_in
from core.web.table import Cell, Column, Row, html_table

SHOWN = ("community_cost", "savings_percent", "better_off_share", "worst_loss", "gini", "avg_p2p_price")
"""Figures that follow the sliders: two of the community, then those in which settlements differ."""
BATTERIES = "capacity_kwh"


@cache
def make_ready() -> None:
    """Load the compiled sweep beside everything else, once, so that no slider waits for it."""
    Thread(target=warm, name="sweep", daemon=True).start()


def draw(view: View, state: RunState) -> None:
    """The sliders, and what comes of them."""
    community = view.readings()
    scenario = next((each for each in state.plan.scenarios if each.name == view.scenario), state.plan.scenarios[0])
    if community is None:
        st.info("The readings are no longer kept. Compare them again to ask what would be.")
        return
    _answer(view, state, Base(community, view.result.time_zone), scenario)


@st.fragment
def _answer(view: View, state: RunState, base: Base, scenario: Scenario) -> None:
    user = still_signed_in()
    rows = [row for row in view.drawable if knows(row.algorithm_id)]
    algorithms = [(row.algorithm_id, dict(row.parameters)) for row in rows]
    if not algorithms:
        st.info("None of these algorithms is settled fast enough to follow a slider. Add the mid-market rate.")
        return
    changes = _sliders(view, base, scenario, algorithms)
    try:
        tariff = scenario.tariff.of(base.community)
        before = what_if(base, tariff, algorithms, {})
        after = what_if(base, tariff, algorithms, changes) if changes else before
    except LabError as refusal:
        st.error(markdown(refusal, limit=400))
        return
    _table(view, before, after)
    _bars(view, before, after)
    left_out = [row.name for row in view.drawable if not knows(row.algorithm_id)]
    note = "PV and batteries go to the same homes first, whatever the share. "
    if left_out:
        note += f"Not settled fast enough to follow: {', '.join(left_out)}."
    st.caption(markdown(note, limit=400))
    _keep(user, state, base, scenario, changes)


def _sliders(
    view: View, base: Base, scenario: Scenario, algorithms: Sequence[tuple[str, Mapping[str, Value]]]
) -> dict[str, Value]:
    """What was moved from where the run has it."""
    currency, tariff = view.numbers.currency, scenario.tariff
    retail, feed_in = tariff.retail_micro_per_kwh / MICRO, tariff.feed_in_micro_per_kwh / MICRO
    roofs = round(100 * float(base.has_pv.mean()))
    sliders = [
        ("retail_price", f"Retail ({currency}/kWh)", 0.0, max(2.0 * retail, 1.0), retail, 0.05, 1.0),
        ("feed_in_price", f"Feed-in ({currency}/kWh)", 0.0, max(2.0 * retail, 1.0), feed_in, 0.05, 1.0),
        ("pv_share", "Homes with PV (%)", 0.0, 100.0, float(roofs), 1.0, 0.01),
    ]
    size = next((float(given[BATTERIES]) for _, given in algorithms if BATTERIES in given), None)
    if size is not None:
        sliders += [
            ("battery_kwh", "Battery (kWh)", 0.0, max(30.0, size), size, 0.5, 1.0),
            ("battery_share", "PV homes with a battery (%)", 0.0, 100.0, 100.0, 1.0, 0.01),
        ]
    moved: dict[str, Value] = {}
    with st.container(horizontal=True, gap="medium", key="compare_what_if"):
        for name, label, low, high, at, step, scale in sliders:
            value = st.slider(label, low, high, at, step, key=f"what_if_{name}", width=240)
            if abs(value - at) > step / 1_000:
                moved[name] = round(value * scale, 6)
    return moved


def _table(view: View, before: Sequence[Swept], after: Sequence[Swept]) -> None:
    """Every algorithm, the cheapest first, with how far the changes move each figure."""
    known = {each.algorithm_id: each for each in before}
    columns = [Column("Algorithm", "name")]
    for key in SHOWN:
        shown, unit = FIGURES[key], view.numbers.unit(FIGURES[key].shown_unit)
        title = f"{shown.label} ({unit}) {shown.arrow}" if unit else f"{shown.label} {shown.arrow}"
        columns.append(Column(title, "number", view.numbers.unit(shown.help)))
    rows: list[Row] = [
        [
            Cell(visible(each.name), colour=colour_of(each.algorithm_id)),
            *(_cell(each.figures[key], known[each.algorithm_id].figures[key], key, view.numbers) for key in SHOWN),
        ]
        for each in sorted(after, key=lambda each: each.figures["community_cost"])
    ]
    st.html(html_table(columns, rows, name=TABLE))


TABLE = "Figures with these changes"


def _cell(value: float, before: float, key: str, numbers: Numbers) -> Cell:
    shown = FIGURES[key]
    moved = abs(value - before) * shown.scale >= 0.5 * 10**-shown.decimals
    change = numbers.number((value - before) * shown.scale, shown.decimals, sign=True) if moved else ""
    return Cell(numbers.number(value * shown.scale, shown.decimals), note=change)


def _bars(view: View, before: Sequence[Swept], after: Sequence[Swept]) -> None:
    names = {each.algorithm_id: each.name for each in after if each.algorithm_id != after[0].algorithm_id} or {
        each.algorithm_id: each.name for each in after
    }
    chosen = st.selectbox(
        "Bills under", list(names), format_func=lambda each: names.get(each, each), key="what_if_bars", width=280
    )
    now, then = (next(each for each in found if each.algorithm_id == chosen) for found in (after, before))
    homes = list(view.result.household_ids)
    currency = view.numbers.currency
    drawn = figure(
        [
            go.Bar(x=homes, y=then.bill, name="as run", marker={"color": MUTED}),
            go.Bar(x=homes, y=now.bill, name="with these changes", marker={"color": colour_of(now.algorithm_id)}),
        ],
        y_title=f"Bill ({currency})",
    )
    total = view.numbers.money(float(now.bill.sum() - then.bill.sum()), sign=True)
    alt = f"Bills of every household under {now.name}, as run and with these changes; {total} in all."
    chart("Bills by household", Chart(drawn, alt, ""), key="compare_what_if_bars")


def _keep(user: User, state: RunState, base: Base, scenario: Scenario, changes: Mapping[str, Value]) -> None:
    """Make a normal run of it."""
    if not may(user, "analyst"):
        return
    asked = st.button(
        "Keep as a run",
        icon=":material/save:",
        disabled=not changes or "pv_share" in changes,
        help="Queues a comparison with these prices and batteries, recorded like any other. PV is of the readings.",
        key="what_if_keep",
    )
    if not asked:
        return
    try:
        plan = as_run(base, state.plan, scenario, changes)
        run_id = current().runs.start(
            user.user_id,
            state.dataset_id,
            plan=plan,
            name=f"{state.name}: what if",
            figures_on_ledger=state.figures_on_ledger,
        )
    except LabError as refusal:
        st.error(markdown(refusal, limit=400))
        return
    open_(run=run_id)
