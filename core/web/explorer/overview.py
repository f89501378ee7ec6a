"""The first screen: how much is on the chain, and tabs of which only the open one is computed."""

from __future__ import annotations

import streamlit as st

from core.web.explorer import amounts, blocks, verifying
from core.web.explorer.lens import Lens

TABS = ("Blocks", "Verify")


def draw(lens: Lens) -> None:
    """Figures, then tabs; the open tab is part of the address (?view=…)."""
    _draw_figures(lens)
    shown = st.tabs(TABS, key="view", bind="query-params")
    for tab, part in zip(shown, (_blocks, verifying.draw), strict=True):
        if tab.open:
            with tab:
                part(lens)


def _blocks(lens: Lens) -> None:
    blocks.draw_list(lens, st.query_params.get("before", ""))


def _draw_figures(lens: Lens) -> None:
    status = lens.chain.status()
    newest = lens.chain.blocks(limit=1)
    size = newest[0].offset + newest[0].bytes if newest else 0
    with st.grid("auto", min_column_width=130, gap="small"):
        st.metric("Blocks", f"{status.height + 1:,}", help="Height of the newest block plus one: block 0 counts.")
        st.metric("Transactions", f"{status.transactions:,}", help="Mined transactions, without the genesis line.")
        st.metric("Waiting", f"{status.pending:,}", help="Accepted durably, not in a block yet: the pending pool.")
        st.metric("Ledger", amounts.size(size), help="Size of the ledger file up to the newest block.")
    if newest:
        st.caption(f"Newest block: {lens.clock.moment(newest[0].time_ms)}.")
