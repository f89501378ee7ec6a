"""A run on the screen: who ran what on which readings, its place in the ledger, and its result from every side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from urllib.parse import urlencode

import streamlit as st
from cachetools import LRUCache, cached

from core.accounts import User, may
from core.errors import LabError, NotFoundError
from core.exchange import current
from core.market.community import Community
from core.market.tariff import MICRO
from core.runs.results import RunResult
from core.runs.runs import RunState
from core.web.compare import findings, history, lineage, progress
from core.web.compare.address import asked, go
from core.web.compare.charts.chart import width_words
from core.web.compare.tabs import (
    certainty,
    energy,
    export,
    figures,
    households,
    one_slot,
    over_time,
    scenarios,
    stability,
    what_if,
)
from core.web.compare.view import View, days_of, view_of
from core.web.escape import markdown
from core.web.format import Clock, Numbers, count, numbers_of, span
from core.web.session import still_signed_in

TICK_S = 2.0
"""How often a page looks whether its run is in a block by now."""


def show(run_id: str, user: User) -> None:
    """The page of one run."""
    lab = current()
    numbers = numbers_of(lab.settings)
    try:
        state = lab.runs.state(run_id, user_id=user.user_id, link=asked("link"))
    except NotFoundError as missing:
        _not_here(missing)
        return
    if not state.ended:
        _heading(state, user)
        progress.progress(run_id)
        return
    if state.status != "done":
        _heading(state, user)
        progress.ended_without(state, user)
        return
    try:
        result = lab.runs.result(run_id, user_id=user.user_id, link=asked("link"))
    except LabError as gone:
        _heading(state, user)
        st.error(markdown(gone, limit=400))
        return
    what_if.make_ready()
    _heading(state, user, result, numbers)
    view = _view(state, result, numbers)
    tabs = st.tabs([tab.label for tab in TABS if tab.fits(result)], key="view", bind="query-params")
    for tab, place in zip((tab for tab in TABS if tab.fits(result)), tabs, strict=True):
        if place.open:
            with place:
                tab.draw(view, state)


def _not_here(missing: LabError) -> None:
    st.error(markdown(missing, limit=300))
    if st.button("To the start", icon=":material/arrow_back:", key="compare_start"):
        go()


def _heading(state: RunState, user: User, result: RunResult | None = None, numbers: Numbers | None = None) -> None:
    """The run's name, then one line of what was compared with what can be done now."""
    with st.container(gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="compare_heading"):
            st.title(markdown(state.name, limit=120), anchor=False, width="content")
            if state.status != "done":
                history.status(state)
            for tag in state.tags:
                st.badge(markdown(tag), color="gray")
        findings.line(state.findings)
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="compare_facts"):
            st.caption(" · ".join(_facts(state, result, numbers)), width="content")
            if result is not None and numbers is not None:
                _provenance(state, result, numbers)
            with st.popover("Actions", icon=":material/more_horiz:", type="tertiary", key="compare_actions"):
                _actions(state, user)


def _actions(state: RunState, user: User) -> None:
    if state.ended and may(user, "analyst"):
        if st.button("Change", icon=":material/edit:", type="tertiary", key="compare_change", help=CHANGE):
            go(dataset=state.dataset_id, like=state.run_id)
        if st.button("Repeat", icon=":material/replay:", type="tertiary", key="compare_repeat", help=history.REPEAT):
            history.again(state, user)
    if state.status == "done" and st.button(
        "Side by side with others", icon=":material/splitscreen:", type="tertiary", key="compare_against"
    ):
        go(against=state.run_id)
    if st.button("New comparison", icon=":material/add:", type="tertiary", key="compare_new_one"):
        go()


CHANGE = "Start from the same algorithms, parameters and tariffs, and change what you like."


def _facts(state: RunState, result: RunResult | None, numbers: Numbers | None) -> list[str]:
    """Homes, days, slots and prices of a finished run; of any, what is compared, when and by whom."""
    clock = Clock(current().settings.time_zone)
    facts = [markdown(state.dataset_name)]
    if result is not None and numbers is not None:
        days = days_of(result.local_starts())
        facts = [count(len(result.household_ids), "home"), span(*days), width_words(result.slot_h * 60) + " slots"]
        if len(state.plan.scenarios) == 1:
            tariff = state.plan.scenarios[0].tariff
            prices = (
                numbers.money(micro / MICRO) for micro in (tariff.retail_micro_per_kwh, tariff.feed_in_micro_per_kwh)
            )
            facts.append(markdown(" / ".join(prices)))
    if len(state.plan.scenarios) > 1:
        facts.append(count(len(state.plan.scenarios), "scenario"))
    return [
        *facts,
        count(len(state.plan.selections), "algorithm"),
        f"{markdown(history.who_of(state.owner_id))}, {clock.minute(state.queued_at)}",
    ]


def _provenance(state: RunState, result: RunResult, numbers: Numbers) -> None:
    """Where the run stands in the ledger, and everything needed to compute the same again."""
    place = place_of(state.tx_hash) if state.tx_hash else None
    label = "Provenance" if state.tx_hash is None else "Pending" if place is None else f"In block {place:,}"
    icon = ":material/hourglass_top:" if state.tx_hash and place is None else ":material/verified:"
    if state.tx_hash and place is None:
        _until_mined(state.tx_hash)
    chip = st.popover(label, icon=icon, type="tertiary", help=PROVENANCE, key="compare_lineage", on_change="rerun")
    if chip.open:
        with chip:
            if state.tx_hash:
                st.markdown(f"Transaction [`{state.tx_hash}`](/explorer?{urlencode({'tx': state.tx_hash})})")
            lineage.tables(state, result, numbers)


PROVENANCE = "Provenance: the run's transaction, its readings, parameters, tariffs and digests."


@st.fragment(run_every=TICK_S)
def _until_mined(tx_hash: str) -> None:
    """Draw the page again once a block holds the transaction."""
    still_signed_in()
    if place_of(tx_hash) is not None:
        st.rerun(scope="app")


def _view(state: RunState, result: RunResult, numbers: Numbers) -> View:
    """What is looked at, in words, and where it is chosen; the choices live in the address."""
    starts = result.local_starts()
    first, last = days_of(starts)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="compare_view"):
        chosen = st.popover("View", icon=":material/tune:", help="Baseline, days, home and scenario.")
        words = st.empty()
    with chosen:
        scenario = result.scenarios[0]
        if len(result.scenarios) > 1:
            scenario = st.selectbox("Scenario", result.scenarios, key="scenario", bind="query-params") or scenario
        names = {row.algorithm_id: row.name for row in result.of(scenario)}
        baseline = st.selectbox(
            "Baseline",
            list(names),
            format_func=lambda each: names.get(each, each),
            help="What the others are measured against.",
            key="baseline",
            bind="query-params",
        )
        household_id = st.selectbox(
            "Household",
            result.household_ids,
            index=None,
            placeholder="all homes",
            help="Or click a home in the tab Households.",
            key="household",
            bind="query-params",
        )
        period = st.date_input(
            "Period",
            (first, last),
            first,
            last,
            format="YYYY-MM-DD",
            help="Charts and sums of these days. Or drag across a chart over time.",
            key="period",
            bind="query-params",
        )
    days = (period[0], period[1]) if isinstance(period, tuple) and len(period) == 2 else None
    said = [scenario] if len(result.scenarios) > 1 else []
    said += [f"against {names.get(baseline, '')}", household_id or "all homes", span(*days) if days else "all days"]
    words.caption(markdown(" · ".join(said), limit=200))
    return view_of(
        result,
        scenario,
        numbers=numbers,
        period=days,
        readings=partial(_readings, state.dataset_digest),
        household_id=household_id or "",
    )


@cached(LRUCache(2), lock=Lock())
def _readings(digest: str) -> Community | None:
    try:
        return current().datasets.readings_of(digest)
    except NotFoundError:
        return None


def place_of(tx_hash: str) -> int | None:
    """The height of the block that holds the transaction; None while it is pending."""
    try:
        return current().chain.transaction(tx_hash).block.height
    except LabError:
        return None


def _always(_: RunResult) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Tab:
    """A label, what it draws, and whether it has something to say about a result."""

    label: str
    draw: Callable[[View, RunState], None]
    fits: Callable[[RunResult], bool] = _always


def _has_scenarios(result: RunResult) -> bool:
    return len(result.scenarios) > 1


def _has_arrays(result: RunResult) -> bool:
    return any(row.has_arrays for row in result.rows)


def _has_rivals(result: RunResult) -> bool:
    return sum(row.has_arrays for row in result.of(result.scenarios[0])) > 1


TABS = (
    Tab("Figures", figures.draw),
    Tab("One slot", one_slot.draw, _has_arrays),
    Tab("Over time", over_time.draw),
    Tab("Households", households.draw),
    Tab("Energy", energy.draw),
    Tab("Certainty", certainty.draw, _has_rivals),
    Tab("Stability", stability.draw),
    Tab("Scenarios", scenarios.draw, _has_scenarios),
    Tab("What if", what_if.draw, _has_arrays),
    Tab("Export", export.draw),
)
