"""Compare: bring readings, choose algorithms, see who gains what, take it away."""

from __future__ import annotations

import streamlit as st

from core.web.compare import address, against, next_run, result, start
from core.web.session import guard

user = guard()

if run_id := address.asked("run"):
    result.show(run_id, user)
elif dataset_id := address.asked("dataset"):
    next_run.show(dataset_id, user)
elif address.asked("against"):
    against.show(user)
else:
    st.title("Compare", anchor=False)
    start.show(user)
