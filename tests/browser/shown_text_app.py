"""A page of nothing but foreign text in every kind of element; started by test_shown_text.py, not by the lab."""

from __future__ import annotations

import json
import os

import pandas as pd
import streamlit as st

from core.web.text import foreign, plain

TEXTS = json.loads(os.environ["TEXTS"])
PLACES = (st.markdown, st.write, st.caption, st.error, st.info, st.subheader, st.toast)

for number, text in enumerate(TEXTS):
    with st.container(key=f"text-{number}"):
        st.markdown(foreign(text, limit=500))
    for place in PLACES:
        place(foreign(text))
    st.metric(foreign(text), number, help=foreign(text))
    st.button(foreign(text), key=f"button-{number}")
    st.checkbox(foreign(text), key=f"checkbox-{number}")
    st.selectbox(foreign(text), [foreign(text)], key=f"selectbox-{number}")
    with st.expander(foreign(text)):
        st.table(pd.DataFrame({foreign(text): [foreign(text)]}))
    st.dataframe(pd.DataFrame({foreign(text): [plain(text)]}), key=f"frame-{number}")
st.tabs([f"{number} {foreign(text)}" for number, text in enumerate(TEXTS)])
st.write("DONE")
