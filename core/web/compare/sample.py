"""The sample community: one click from nothing to a finished comparison."""

from __future__ import annotations

import streamlit as st

from core.accounts import User
from core.errors import LabError
from core.exchange import current
from core.market.algorithms import find
from core.runs.plan import RunPlan, Scenario, Selection
from core.runs.tariffs import TariffPlan
from core.web.compare.address import go
from core.web.text import foreign


def offer(user: User) -> None:
    """The door."""
    st.header("No files at hand?", anchor=False)
    st.caption(
        "A made-up community in Delhi: homes with and without roofs, evening peaks, a week of half-hours."
        " Every algorithm is compared on it at once."
    )
    if st.button("Try the sample community", type="primary", icon=":material/bolt:", key="compare_sample"):
        try:
            run_id = start(user)
        except LabError as refusal:
            st.error(foreign(refusal, limit=400))
            return
        go(run=run_id)


def start(user: User) -> str:
    """Queue every algorithm on the sample community at the default tariff."""
    lab = current()
    dataset = lab.datasets.sample(user.user_id)
    plan = RunPlan(
        tuple(Selection(algorithm_id) for algorithm_id in find()),
        (Scenario("Default tariff", TariffPlan(time_zone=lab.settings.time_zone)),),
    )
    return lab.runs.start(user.user_id, dataset.dataset_id, plan=plan, name="Sample community")
