"""Explorer: what is on the chain, and how anybody can check it."""

from __future__ import annotations

import streamlit as st

from core.exchange import current
from core.web.explorer import views
from core.web.explorer.view import View, read
from core.web.session import guard

user = guard()

st.title("Explorer", anchor=False)
view = View.of(current(), user)
views.search_box(view)
views.draw(view, read(st.query_params.to_dict()))
