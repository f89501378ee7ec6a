"""A page of nothing but foreign text in every kind of element; started by test_shown_text.py, not by the lab."""

from __future__ import annotations

import json
import os

import pandas as pd
import streamlit as st

from core.web.escape import markdown, visible

TEXTS = json.loads(os.environ["TEXTS"])
PLACES = (st.markdown, st.write, st.caption, st.error, st.info, st.subheader, st.toast)

for number, text in enumerate(TEXTS):
    with st.container(key=f"text-{number}"):
        st.markdown(markdown(text, limit=500))
    for place in PLACES:
        place(markdown(text))
    st.metric(markdown(text), number, help=markdown(text))
    st.button(markdown(text), key=f"button-{number}")
    st.checkbox(markdown(text), key=f"checkbox-{number}")
    st.selectbox(markdown(text), [markdown(text)], key=f"selectbox-{number}")
    with st.expander(markdown(text)):
        st.table(pd.DataFrame({markdown(text): [markdown(text)]}))
    st.dataframe(pd.DataFrame({markdown(text): [visible(text)]}), key=f"frame-{number}")
st.tabs([f"{number} {markdown(text)}" for number, text in enumerate(TEXTS)])
st.write("DONE")
