"""The list of transactions: filtered, paged by their number on the chain, and taken away as a file."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.chain.records import Filter
from core.web.explorer import exports, filters
from core.web.explorer.entries import entries_table
from core.web.explorer.lens import Lens, go, nothing_yet

TAB = "Transactions"
PAGE = 50
HELP = f"The newest {exports.MOST:,} that fit, read from the ledger file and hashed again."


def draw(lens: Lens) -> None:
    """Filters, then the page of the list that the address names."""
    with st.expander("Filter", icon=":material/filter_alt:", expanded=bool(filters.chosen())):
        wanted = filters.draw(lens)
    draw_list(lens, wanted, name="transactions", tab=TAB, **filters.chosen())


def draw_list(lens: Lens, wanted: Filter, *, name: str, **address: str) -> None:
    """One page of the transactions that `wanted` lets through. address: what a link back to this view says."""
    cursor = st.query_params.get(filters.CURSOR, "")
    before = int(cursor) if cursor.isdecimal() and len(cursor) < 16 else None
    entries = lens.chain.transactions(wanted, before_seq=before, limit=PAGE)
    if not entries:
        if lens.chain.status().transactions == 0:
            nothing_yet(lens)
        else:
            st.info("No transaction fits. Widen the filter.", icon=":material/filter_alt_off:")
        return
    st.html(entries_table(entries, lens))
    with st.container(horizontal=True, vertical_alignment="center"):
        if before is not None:
            go("Newest", **address)
        if len(entries) == PAGE:
            go("Older →", **address, before=entries[-1].seq)
        for form in exports.FORMATS:
            st.download_button(
                form.name,
                partial(_written, lens, wanted, form),
                file_name=f"{name}.{form.suffix}",
                mime=form.mime,
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
                key=f"export_{form.suffix}",
                help=HELP,
            )


def _written(lens: Lens, wanted: Filter, form: exports.Format) -> bytes:
    return form.write(exports.gather(lens.chain, wanted))
