"""From the address to the view: one search box, one view at a time, errors in words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.errors import LabError, LedgerDamagedError, NotFoundError
from core.web.escape import markdown
from core.web.explorer import blocks, households, run, search, transaction, transactions, trends, verify
from core.web.explorer.view import Address, View, go

BOX = "explorer_search"
LONGEST = 400


def search_box(view: View) -> None:
    """Whatever is typed becomes the address of what it means, so that it can be sent to somebody."""
    st.text_input(
        "Search the chain",
        key=BOX,
        placeholder="hash or its beginning · block height · household · run · date",
        icon=":material/search:",
        label_visibility="collapsed",
        on_change=partial(_search, view),
    )


def _search(view: View) -> None:
    text = st.session_state[BOX].strip()
    if text:
        st.query_params.from_dict(search.address_of(view, text))
        st.session_state[BOX] = ""


def draw(view: View, asked: Address) -> None:
    """The view that the address asks for; what cannot be shown is said in a sentence."""
    try:
        _draw(view, asked)
    except NotFoundError as error:
        st.warning(markdown(error, limit=LONGEST), icon=":material/search_off:")
        go("All blocks", tab=blocks.TAB)
    except LedgerDamagedError as error:
        st.error(markdown(error, limit=LONGEST), icon=":material/gpp_bad:")
        go("All blocks", tab=blocks.TAB)
    except LabError as error:
        st.warning(markdown(error, limit=LONGEST), icon=":material/info:")


def _draw(view: View, asked: Address) -> None:
    if asked.view == "block":
        blocks.draw_one(view, asked.subject, _whole(st.query_params.get("first", "")))
    elif asked.view == "tx":
        transaction.draw(view, asked.subject)
    elif asked.view == "household":
        households.draw_one(view, asked.subject)
    elif asked.view == "run":
        run.draw(view, asked.subject)
    elif asked.view == "q":
        search.draw(view, asked.subject)
    else:
        draw_overview(view)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 12 else 0


TABS: dict[str, Callable[[View], None]] = {
    "Charts": trends.draw,
    blocks.TAB: lambda view: blocks.draw_list(view, st.query_params.get("before", "")),
    transactions.TAB: transactions.draw,
    "Households": households.draw_all,
    "Verify": verify.draw,
}


def draw_overview(view: View) -> None:
    """Figures, then tabs; the open tab is part of the address (?tab=…)."""
    _draw_figures(view)
    for tab, part in zip(st.tabs([*TABS], key="tab", bind="query-params"), TABS.values(), strict=True):
        if tab.open:
            with tab:
                part(view)


def _draw_figures(view: View) -> None:
    status, whole = view.chain.status(), view.amounts.whole
    newest = view.chain.blocks(limit=blocks.STRIP)
    size = newest[0].offset + newest[0].bytes if newest else 0
    facts = [
        view.amounts.count(status.height + 1, "block"),
        view.amounts.count(status.transactions, "transaction"),
        f"{whole(status.pending)} waiting",
        view.amounts.size(size),
    ]
    at = f" · newest block {view.clock.moment(newest[0].time_ms)}" if newest else ""
    st.caption(
        " · ".join(facts) + at,
        help="Block 0 counts. Transactions are mined ones, without the genesis line; waiting are those accepted durably"
        " and not in a block yet. The size is that of the ledger file up to the newest block.",
    )
    if newest:
        st.html(blocks.strip(newest, view, waiting=status.pending))
