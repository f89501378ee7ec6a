"""The first screen: how much is on the chain, and tabs of which only the open one is computed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.web.explorer import blocks, households, transactions, trends, verifying
from core.web.explorer.lens import Lens

TABS: dict[str, Callable[[Lens], None]] = {
    "Blocks": lambda lens: blocks.draw_list(lens, st.query_params.get("before", "")),
    transactions.TAB: transactions.draw,
    "Charts": trends.draw,
    "Households": households.draw_all,
    "Verify": verifying.draw,
}


def draw(lens: Lens) -> None:
    """Figures, then tabs; the open tab is part of the address (?tab=…)."""
    _draw_figures(lens)
    for tab, part in zip(st.tabs([*TABS], key="tab", bind="query-params"), TABS.values(), strict=True):
        if tab.open:
            with tab:
                part(lens)


def _draw_figures(lens: Lens) -> None:
    status, whole = lens.chain.status(), lens.amounts.whole
    newest = lens.chain.blocks(limit=1)
    size = newest[0].offset + newest[0].bytes if newest else 0
    with st.grid("auto", min_column_width=130, gap="small"):
        st.metric("Blocks", whole(status.height + 1), help="Height of the newest block plus one: block 0 counts.")
        st.metric("Transactions", whole(status.transactions), help="Mined transactions, without the genesis line.")
        st.metric("Waiting", whole(status.pending), help="Accepted durably, not in a block yet: the pending pool.")
        st.metric("Ledger", lens.amounts.size(size), help="Size of the ledger file up to the newest block.")
    if newest:
        st.caption(f"Newest block: {lens.clock.moment(newest[0].time_ms)}.")
