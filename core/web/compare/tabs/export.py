"""Export: tables as shown, a report in one file, a link for others, the run's names and tags."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape, unescape
from urllib.parse import urlencode

import streamlit as st

from core.errors import LabError
from core.exchange import current
from core.runs.answer import is_bound
from core.runs.runs import RunState
from core.web.compare import charts
from core.web.compare.address import go
from core.web.compare.history import who_of
from core.web.compare.report import INK, Contents, report
from core.web.compare.table import KEY, table_of
from core.web.compare.tables import Export, accounts_export, figures_export, series_export
from core.web.compare.tabs.figures import answer_of, sentences
from core.web.compare.tabs.show import PICTURES, baseline_id, context_of, download, offer
from core.web.compare.view import View
from core.web.escape import markdown
from core.web.format import Clock
from core.web.session import guard


def draw(view: View, state: RunState) -> None:
    """The tab."""
    left, right = st.columns(2, gap="medium")
    with left:
        with st.container(border=True):
            _tables(view, state)
        with st.container(border=True):
            _report(view, state)
    with right:
        with st.container(border=True):
            links(state)
        with st.container(border=True):
            names(state)


def _tables(view: View, state: RunState) -> None:
    st.markdown(
        "**Tables**",
        help="Every digit, in the scenario and period that are shown. Not defined is empty in CSV, null in JSON.",
    )
    context = context_of(view, state)
    offers: dict[str, Callable[[], Export]] = {
        "figures": partial(figures_export, table_of(view.rows, baseline_id=baseline_id()), view.numbers, context),
        "households": partial(accounts_export, view, context),
        "series": partial(series_export, view, context),
    }
    for name, make in offers.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(WORDS[name])
            offer(make, name=f"{state.run_id}-{name}", key=f"compare_take_{name}")
    st.segmented_control(
        "Pictures as",
        ["PNG", "SVG"],
        default="PNG",
        required=True,
        key=PICTURES,
        persist_state="session",
        help="The camera in the bar of every chart saves it in this format.",
    )


WORDS = {
    "figures": "All figures",
    "households": "Accounts of all households",
    "series": "Series, slot by slot",
}


def _report(view: View, state: RunState) -> None:
    st.markdown(
        "**Report**", help="Figures, charts, parameters, digests and the receipt in one file that needs no network."
    )
    download(
        "HTML report",
        partial(_made, view, state, baseline_id(), answer=_answer(view), opening=_opening(state)),
        file_name=f"{state.run_id}.html",
        mime="text/html",
        key="compare_html",
        icon=":material/description:",
    )


def _made(
    view: View, state: RunState, baseline: str, *, answer: Sequence[str], opening: Mapping[str, object] | None
) -> bytes:
    """Made on the click, away from the page: it asks nothing of the session."""
    return report(contents_of(view, state, baseline, answer=answer, opening=opening))


def _answer(view: View) -> list[str]:
    """The answer's sentences as plain text."""
    found = answer_of(view)
    return (
        [unescape(each) for each in sentences(found, view, link=lambda words, _: escape(words))] if found.best else []
    )


def _opening(state: RunState) -> Mapping[str, object] | None:
    """What opens one's own private run, for the receipt."""
    user = guard()
    return current().runs.opening(state.run_id, user_id=user.user_id) if state.owner_id == user.user_id else None


def contents_of(
    view: View,
    state: RunState,
    baseline: str,
    *,
    answer: Sequence[str] = (),
    opening: Mapping[str, object] | None = None,
) -> Contents:
    """What the report of this view says, with six charts; details of households are those of the best that trades."""
    drawn: dict[str, charts.Chart] = {}
    if view.drawable:
        best = min(
            (row for row in view.drawable if view.trades(row) and not is_bound(row.algorithm_id)),
            key=lambda row: row.figures.get("community_cost", math.inf),
            default=view.drawable[0],
        )
        drawn = {
            "Price and traded energy": charts.price_and_volume(view),
            "Savings as they grow": charts.cumulative_savings(view),
            f"Traded energy by day and time of day, {best.name}": charts.heat_map(view, best, "traded_kwh"),
            "Lorenz curve of savings": charts.lorenz_curves(view),
            f"Where the energy went, {best.name}": charts.sankey(view, best, ink=INK),
            "Duration curve of import": charts.duration(view),
        }
    table = table_of(view.rows, baseline_id=baseline, group=KEY)
    return Contents(state, view, who_of(state.owner_id), table, drawn, _receipt(state, opening), answer)


def _receipt(state: RunState, opening: Mapping[str, object] | None) -> Mapping[str, object] | None:
    try:
        if state.tx_hash is None:
            return None
        made = current().chain.receipt(state.tx_hash)
    except LabError:
        return None
    return made if opening is None else {**made, "opening": opening}


DAYS = {7: "a week", 30: "a month", 365: "a year"}


def links(state: RunState) -> None:
    """The address of this view, sharing with everybody, and links for single people."""
    st.markdown("**Share**", help="Whoever follows a link signs in first; it opens this run for reading.")
    st.caption("The address of this view: scenario, baseline, period, household and tab are in it.")
    st.code(view_address(state.run_id), language=None, wrap_lines=True)
    user = guard()
    if state.owner_id != user.user_id:
        return
    everybody = st.toggle("Everybody who signs in may read it", state.shared, key="compare_shared")
    if everybody != state.shared:
        current().runs.share(state.run_id, user_id=user.user_id, everybody=everybody)
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        days = st.selectbox(
            "A link that lasts", list(DAYS), format_func=DAYS.__getitem__, key="compare_link_days", width=160
        )
        if st.button("Make a link", icon=":material/link:", key="compare_link"):
            made = current().runs.create_link(state.run_id, user_id=user.user_id, days=days or 30)
            st.session_state["compare_link_made"] = (state.run_id, made.token)
    run_id, token = st.session_state.get("compare_link_made", ("", ""))
    if run_id == state.run_id:
        st.caption("Copy it now: it is shown this once.")
        st.code(f"{_page()}?{urlencode({'run': run_id, 'link': token})}", language=None, wrap_lines=True)
    _made_links(state, user.user_id)


def _made_links(state: RunState, user_id: str) -> None:
    clock = Clock(current().settings.time_zone)
    for link in current().runs.links(state.run_id, user_id=user_id):
        if link.ended:
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Link of {clock.day_name(link.created_at)}, until {clock.day_name(link.expires_at)}")
            if st.button("Revoke", type="tertiary", key=f"compare_revoke_{link.link_id}"):
                current().runs.revoke_link(state.run_id, link.link_id, user_id=user_id)
                st.rerun()


def names(state: RunState) -> None:
    """Name and tags; deleting."""
    st.markdown("**Name and tags**")
    user = guard()
    if state.owner_id != user.user_id:
        st.caption("Only its owner can change them.")
        return
    with st.form("compare_describe", border=False):
        name = st.text_input("Name", state.name, max_chars=120)
        tags = st.text_input("Tags, separated by commas", ", ".join(state.tags))
        if st.form_submit_button("Save"):
            try:
                current().runs.describe(
                    state.run_id, user_id=user.user_id, name=name or "", tags=(tags or "").split(",")
                )
            except LabError as refusal:
                st.error(markdown(refusal, limit=300))
            else:
                st.rerun()
    with st.popover("Delete", icon=":material/delete:", type="tertiary"):
        st.markdown("It leaves the history; the ledger keeps its transaction.")
        if st.button("Delete this comparison", key="compare_delete"):
            current().runs.delete(state.run_id, user_id=user.user_id)
            go()


def view_address(run_id: str) -> str:
    """The address that brings this very view back."""
    shown = {name: st.query_params.get_all(name) for name in st.query_params if name not in ("link", "run")}
    return f"{_page()}?{urlencode({'run': run_id, **shown}, doseq=True)}"


def _page() -> str:
    return (st.context.url or "/compare").split("?")[0]
