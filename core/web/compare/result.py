"""A run on the screen: who ran what on which readings, its place in the ledger, and its result from every side."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.accounts import User, may
from core.errors import LabError, NotFoundError
from core.exchange import current
from core.market.community import Community
from core.runs.results import RunResult
from core.runs.runs import RunState
from core.web.compare import history, lineage, receipt_line, under_way
from core.web.compare.address import asked, go
from core.web.compare.look import count
from core.web.compare.memory import Memory
from core.web.compare.numbers import Numbers, numbers_of
from core.web.compare.scene import Scene, days_of, scene_of
from core.web.compare.tabs import TABS
from core.web.text import foreign


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
        under_way.progress(run_id)
        return
    if state.status != "done":
        under_way.ended_without(state, user)
        return
    try:
        result = lab.runs.result(run_id, user_id=user.user_id, link=asked("link"))
    except LabError as gone:
        st.error(foreign(gone, limit=400))
        return
    if state.tx_hash:
        receipt_line.transaction(state.tx_hash)
    lineage.show(state, result, numbers_of(lab.settings))
    _result(state, result, numbers_of(lab.settings))


def _not_here(missing: LabError) -> None:
    st.error(foreign(missing, limit=300))
    if st.button("To the start", icon=":material/arrow_back:", key="compare_start"):
        go()


def _heading(state: RunState, user: User) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(foreign(state.name, limit=120), anchor=False, width="content")
        if state.ended:
            history.status(state)
        for tag in state.tags:
            st.badge(foreign(tag), color="gray")
    facts = [
        foreign(state.dataset_name),
        count(len(state.plan.selections), "algorithm"),
        count(len(state.plan.scenarios), "scenario"),
        foreign(history.who_of(state.owner_id)),
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
    scene = _scene(state, result, numbers)
    tabs = st.tabs([tab.label for tab in TABS if tab.fits(result)], key="view", bind="query-params")
    for tab, place in zip((tab for tab in TABS if tab.fits(result)), tabs, strict=True):
        if place.open:
            with place:
                tab.draw(scene, state)


def _scene(state: RunState, result: RunResult, numbers: Numbers) -> Scene:
    """What is looked at, chosen in one line above everything; the choices live in the address."""
    starts = result.local_starts()
    first, last = days_of(starts)
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_lens"):
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
    return scene_of(
        result,
        scenario,
        numbers=numbers,
        period=(period[0], period[1]) if isinstance(period, tuple) and len(period) == 2 else None,
        readings=partial(_readings, state.dataset_digest),
        household_id=household_id or "",
    )


_communities: Memory[Community | None] = Memory(2)


def _readings(digest: str) -> Community | None:
    return _communities.get(digest, lambda: _read(digest))


def _read(digest: str) -> Community | None:
    try:
        return current().datasets.readings_of(digest)
    except NotFoundError:
        return None
