"""Explorer: what is on the chain, and how anybody can check it."""

from __future__ import annotations

import streamlit as st

from core.exchange import current
from core.web.explorer import address, views
from core.web.explorer.lens import Lens
from core.web.session import guard

user = guard()

st.title("Explorer", anchor=False)
lens = Lens.of(current(), user)
views.search_box(lens)
views.draw(lens, address.read(st.query_params.to_dict()))
