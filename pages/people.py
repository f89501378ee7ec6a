"""People, for admins: who is here, in which role, and who may come in."""

from __future__ import annotations

import streamlit as st

from core.web.session import guard

user = guard("admin")

st.title("People", anchor=False)
