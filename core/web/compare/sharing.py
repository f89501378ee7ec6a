"""Who else may see a run, and what it is called."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from core.errors import LabError
from core.exchange import current
from core.runs.runs import RunState
from core.web.compare.address import go
from core.web.session import guard
from core.web.text import foreign

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
    for link in current().runs.links(state.run_id, user_id=user_id):
        if link.ended:
            continue
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Link of {link.created_at:%d %b %Y}, until {link.expires_at:%d %b %Y}")
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
                st.error(foreign(refusal, limit=300))
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
