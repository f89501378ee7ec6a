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
from core.runs.results import RunResult
from core.runs.runs import RunState
from core.web.compare import history, lineage, progress
from core.web.compare.address import asked, go
from core.web.compare.look import count
from core.web.compare.tabs import certainty, energy, export, figures, households, over_time, scenarios
from core.web.compare.view import View, days_of, view_of
from core.web.escape import markdown
from core.web.format import Numbers, numbers_of
from core.web.session import still_signed_in


def show(run_id: str, user: User) -> None:
    """The page of one run."""
    lab = current()
    try:
        state = lab.runs.state(run_id, user_id=user.user_id, link=asked("link"))
    except NotFoundError as missing:
        _not_here(missing)
        return
    _heading(state, user)
    if not state.ended:
        progress.progress(run_id)
        return
    if state.status != "done":
        progress.ended_without(state, user)
        return
    try:
        result = lab.runs.result(run_id, user_id=user.user_id, link=asked("link"))
    except LabError as gone:
        st.error(markdown(gone, limit=400))
        return
    if state.tx_hash:
        ledger_line(state.tx_hash)
    lineage.show(state, result, numbers_of(lab.settings))
    _result(state, result, numbers_of(lab.settings))


def _not_here(missing: LabError) -> None:
    st.error(markdown(missing, limit=300))
    if st.button("To the start", icon=":material/arrow_back:", key="compare_start"):
        go()


def _heading(state: RunState, user: User) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(markdown(state.name, limit=120), anchor=False, width="content")
        if state.ended:
            history.status(state)
        for tag in state.tags:
            st.badge(markdown(tag), color="gray")
    facts = [
        markdown(state.dataset_name),
        count(len(state.plan.selections), "algorithm"),
        count(len(state.plan.scenarios), "scenario"),
        markdown(history.who_of(state.owner_id)),
        f"{state.queued_at:%d %b %Y %H:%M} UTC",
    ]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(" · ".join(facts), width="content")
        if st.button("New comparison", icon=":material/add:", type="tertiary", key="compare_new_one"):
            go()
        if state.ended and may(user, "analyst"):
            if st.button(
                "Change and compare", icon=":material/edit:", type="tertiary", key="compare_change", help=CHANGE
            ):
                go(dataset=state.dataset_id, like=state.run_id)
            if st.button(
                "Repeat", icon=":material/replay:", type="tertiary", key="compare_repeat", help=history.REPEAT
            ):
                history.again(state, user)


CHANGE = "Start from the same algorithms, parameters and tariffs, and change what you like."


def _result(state: RunState, result: RunResult, numbers: Numbers) -> None:
    view = _view(state, result, numbers)
    tabs = st.tabs([tab.label for tab in TABS if tab.fits(result)], key="view", bind="query-params")
    for tab, place in zip((tab for tab in TABS if tab.fits(result)), tabs, strict=True):
        if place.open:
            with place:
                tab.draw(view, state)


def _view(state: RunState, result: RunResult, numbers: Numbers) -> View:
    """What is looked at, chosen in one line above everything; the choices live in the address."""
    starts = result.local_starts()
    first, last = days_of(starts)
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_view"):
        scenario = result.scenarios[0]
        if len(result.scenarios) > 1:
            scenario = (
                st.selectbox("Scenario", result.scenarios, key="scenario", bind="query-params", width=260) or scenario
            )
        names = {row.algorithm_id: row.name for row in result.of(scenario)}
        st.selectbox(
            "Baseline",
            list(names),
            format_func=lambda each: names.get(each, each),
            help="What the others are measured against.",
            key="baseline",
            bind="query-params",
            width=200,
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
            width=260,
        )
        household_id = st.selectbox(
            "Household",
            result.household_ids,
            index=None,
            placeholder="all",
            help="Or click a bar in the tab Households.",
            key="household",
            bind="query-params",
            width=160,
        )
    return view_of(
        result,
        scenario,
        numbers=numbers,
        period=(period[0], period[1]) if isinstance(period, tuple) and len(period) == 2 else None,
        readings=partial(_readings, state.dataset_digest),
        household_id=household_id or "",
    )


@cached(LRUCache(2), lock=Lock())
def _readings(digest: str) -> Community | None:
    try:
        return current().datasets.readings_of(digest)
    except NotFoundError:
        return None


TICK_S = 2.0


def ledger_line(tx_hash: str) -> None:
    """The run's transaction with a link to the explorer; refreshes itself until a block holds it."""
    if place_of(tx_hash) is None:
        _waiting(tx_hash)
    else:
        _line(tx_hash)


@st.fragment(run_every=TICK_S)
def _waiting(tx_hash: str) -> None:
    still_signed_in()
    _line(tx_hash)
    if place_of(tx_hash) is not None:
        st.rerun(scope="app")


def _line(tx_hash: str) -> None:
    place = place_of(tx_hash)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="compare_transaction"):
        if place is None:
            st.badge("Pending", icon=":material/hourglass_top:", color="orange", help="The next block will hold it.")
        else:
            st.badge(f"In block {place:,}", icon=":material/deployed_code:", color="green")
        st.markdown(f"Transaction [`{tx_hash}`](/explorer?{urlencode({'tx': tx_hash})})")


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


def _has_rivals(result: RunResult) -> bool:
    return sum(row.has_arrays for row in result.of(result.scenarios[0])) > 1


TABS = (
    Tab("Figures", figures.draw),
    Tab("Over time", over_time.draw),
    Tab("Households", households.draw),
    Tab("Energy", energy.draw),
    Tab("Certainty", certainty.draw, _has_rivals),
    Tab("Scenarios", scenarios.draw, _has_scenarios),
    Tab("Take away", export.draw),
)
