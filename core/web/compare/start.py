"""The three ways in: drop files, take the sample community, go on with an earlier dataset; below them what was run."""

from __future__ import annotations

import streamlit as st

from core.accounts import User, may
from core.errors import LabError
from core.exchange import current
from core.market.algorithms import find
from core.readings import Options
from core.readings.source import EXTENSIONS, OTHER_EXTENSIONS
from core.runs.datasets import Upload
from core.runs.plan import RunPlan, Scenario, Selection
from core.runs.tariffs import TariffPlan
from core.web.api.staging import forget, staged
from core.web.compare import against, history, report_view
from core.web.compare.address import go
from core.web.compare.drop_zone import drop_zone
from core.web.compare.options import choose, progress_bar, uploads
from core.web.escape import markdown
from core.web.format import Clock, numbers_of

REFUSED = "compare_refused"
ROUND = "compare_round"
"""Counts uploads taken in: with another key the uploader is empty again."""


def show(user: User) -> None:
    """The start of the page."""
    if may(user, "analyst"):
        files, others = st.columns([3, 2], gap="medium")
        with files, st.container(border=True):
            _drop(user)
        with others:
            with st.container(border=True):
                offer_sample(user)
            with st.container(border=True):
                _earlier(user)
        _refusal()
    else:
        st.info("Your role can read runs that others shared. Ask an admin for the role analyst to start your own.")
    history.show(user)
    against.choose(user)


def _drop(user: User) -> None:
    st.header("Your readings", anchor=False)
    dropped = st.file_uploader(
        "Drop files of meters, all at once",
        type=[ending.removeprefix(".") for ending in EXTENSIONS + OTHER_EXTENSIONS],
        accept_multiple_files=True,
        help="One file a household or several in one: CSV, Excel, NEM12 or Green Button, as your portal gives them.",
        key=f"compare_files_{st.session_state.get(ROUND, 0)}",
    )
    batch = drop_zone()
    with st.expander("How to read them", icon=":material/tune:", expanded=REFUSED in st.session_state):
        options = _options()
    if batch and options is not None:
        _take_batch(user, batch, options)
    if dropped and options is not None:
        seen = (tuple(file.file_id for file in dropped), options.time_zone, repr(options))
        if st.session_state.get("compare_seen") != seen:
            st.session_state["compare_seen"] = seen
            take_in(user, uploads(dropped), options)


def _take_batch(user: User, batch: str, options: Options) -> None:
    settings = current().settings
    try:
        take_in(user, staged(settings, user.user_id, batch), options)
    finally:
        forget(settings, user.user_id, batch)


def _options() -> Options | None:
    try:
        return choose(Options(time_zone=current().settings.time_zone), key="compare_new")
    except LabError as refusal:
        st.error(markdown(refusal, limit=400))
        return None


def take_in(user: User, files: list[Upload], options: Options) -> None:
    """Read files as a new dataset and go on with it, or say why not."""
    try:
        with progress_bar() as progress:
            added = current().datasets.add(user.user_id, files, options=options, progress=progress)
    except LabError as refusal:
        st.error(markdown(refusal, limit=400))
        return
    st.session_state.pop(REFUSED, None)
    if added.dataset is None:
        st.session_state[REFUSED] = added.report
        return
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    go(dataset=added.dataset.dataset_id)


def _refusal() -> None:
    report = st.session_state.get(REFUSED)
    if report is None:
        return
    first = report.errors[0] if report.errors else None
    reason = markdown(first.message, limit=600) if first else "Nothing could be read."
    st.error(
        f"These files were not taken in. {reason} Findings that refuse them: {len(report.errors):,}."
        " Correct the files, or choose how to read them, and drop them again.",
        icon=":material/block:",
    )
    report_view.findings(report, numbers_of(current().settings), parquet=current().datasets.parquet)


def _earlier(user: User) -> None:
    st.header("An earlier dataset", anchor=False)
    known = current().datasets.list(user.user_id)
    if not known:
        st.caption("None yet. Files you drop stay here, so that you can compare them again.")
        return
    clock = Clock(current().settings.time_zone)
    names = {
        dataset.dataset_id: f"{dataset.name} · {dataset.households} households · {clock.minute(dataset.changed_at)}"
        for dataset in known
    }
    chosen = st.selectbox("Dataset", list(names), format_func=names.__getitem__, key="compare_earlier")
    if st.button("Go on with it", icon=":material/arrow_forward:", key="compare_go_on"):
        go(dataset=chosen)


def offer_sample(user: User) -> None:
    """The door."""
    st.header("No files at hand?", anchor=False)
    st.caption(
        "A made-up community in Delhi: homes with and without roofs, evening peaks, a week of half-hours."
        " Every algorithm is compared on it at once."
    )
    if st.button("Try the sample community", type="primary", icon=":material/bolt:", key="compare_sample"):
        try:
            run_id = start_sample(user)
        except LabError as refusal:
            st.error(markdown(refusal, limit=400))
            return
        go(run=run_id)


def start_sample(user: User) -> str:
    """Queue every algorithm on the sample community at the default tariff."""
    lab = current()
    dataset = lab.datasets.sample(user.user_id)
    plan = RunPlan(
        tuple(Selection(algorithm_id) for algorithm_id in find()),
        (Scenario("Default tariff", TariffPlan(time_zone=lab.settings.time_zone)),),
    )
    return lab.runs.start(user.user_id, dataset.dataset_id, plan=plan, name="Sample community")
