"""From the address to the view: one search box, one view at a time, errors in words."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.errors import LabError, LedgerDamagedError, NotFoundError
from core.web.explorer import blocks, households, overview, run, search, transaction
from core.web.explorer.address import Address
from core.web.explorer.lens import Lens, go
from core.web.text import foreign

BOX = "explorer_search"
LONGEST = 400


def search_box(lens: Lens) -> None:
    """Whatever is typed becomes the address of what it means, so that it can be sent to somebody."""
    st.text_input(
        "Search the chain",
        key=BOX,
        placeholder="hash or its beginning · block height · household · run · date",
        icon=":material/search:",
        label_visibility="collapsed",
        on_change=partial(_search, lens),
    )


def _search(lens: Lens) -> None:
    text = st.session_state[BOX].strip()
    if text:
        st.query_params.from_dict(search.address_of(lens, text))
        st.session_state[BOX] = ""


def draw(lens: Lens, asked: Address) -> None:
    """The view that the address asks for; what cannot be shown is said in a sentence."""
    try:
        _draw(lens, asked)
    except NotFoundError as error:
        st.warning(foreign(error, limit=LONGEST), icon=":material/search_off:")
        go("All blocks")
    except LedgerDamagedError as error:
        st.error(foreign(error, limit=LONGEST), icon=":material/gpp_bad:")
        go("All blocks")
    except LabError as error:
        st.warning(foreign(error, limit=LONGEST), icon=":material/info:")


def _draw(lens: Lens, asked: Address) -> None:
    if asked.view == "block":
        blocks.draw_one(lens, asked.subject, _whole(st.query_params.get("first", "")))
    elif asked.view == "tx":
        transaction.draw(lens, asked.subject)
    elif asked.view == "household":
        households.draw_one(lens, asked.subject)
    elif asked.view == "run":
        run.draw(lens, asked.subject)
    elif asked.view == "q":
        search.draw(lens, asked.subject)
    else:
        overview.draw(lens)


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 12 else 0
