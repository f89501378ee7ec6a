"""Your account: password, sessions, API tokens."""

from __future__ import annotations

import streamlit as st

from core.web.session import guard

user = guard()

st.title("Account", anchor=False)
