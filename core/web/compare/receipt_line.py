"""Where the run stands in the ledger: its transaction, and the block that holds it or the pool that will."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from core.errors import LabError
from core.exchange import current
from core.web.session import still_signed_in

TICK_S = 2.0


def transaction(tx_hash: str) -> None:
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
