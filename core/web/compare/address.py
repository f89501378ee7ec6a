"""What the page's address asks for: `?run=…` a result, `?dataset=…` the next comparison of it, neither the start.

`against=…,…` names runs to show side by side. `link=…` is a share link's token; `like=…` names a run whose choices the
next one starts from. What is chosen within a result (scenario, baseline, period, household, tab) is kept in the address
by its own widgets.
"""

from __future__ import annotations

from typing import NoReturn

import streamlit as st
from streamlit.errors import StreamlitAPIException

OURS = ("run", "dataset", "like", "link", "against")
LONGEST = 120
"""Characters of a parameter that are looked at; six ids and a token fit."""


def asked(name: str) -> str:
    """A parameter of the address, "" without it."""
    return str(st.query_params.get(name, ""))[:LONGEST]


def go(**parameters: str) -> NoReturn:
    """Show another view of the page: these of `OURS`, and none of the present ones."""
    wanted = {name: parameters[name] for name in OURS if parameters.get(name)}
    try:
        st.query_params.from_dict(wanted)  # one step in the browser's history
    except StreamlitAPIException:  # widgets of this view hold parameters, which go with them
        st.query_params.update(wanted)
        for name in OURS:
            if name in st.query_params and name not in wanted:
                del st.query_params[name]
    st.rerun(scope="app")
    raise AssertionError("a rerun ends the script")
