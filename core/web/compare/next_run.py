"""A dataset and what to compare on it: what was read, algorithms, tariffs, and the button that starts."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from core.accounts import User, may
from core.errors import LabError, NotFoundError
from core.exchange import current
from core.market.algorithms import find
from core.readings import Options
from core.runs.datasets import Dataset, Upload
from core.runs.plan import RunPlan
from core.runs.reports import Report
from core.web.compare import algorithms, preview, report_view, tariffs
from core.web.compare.address import asked, go
from core.web.compare.options import choose, progress_bar, uploads
from core.web.escape import markdown
from core.web.format import Numbers, count, numbers_of

HEAVY = 60 * 672
"""Household-slots above which the optimum takes longer than a look: it is left to be chosen."""


def show(dataset_id: str, user: User) -> None:
    """The page of one dataset."""
    lab = current()
    numbers = numbers_of(lab.settings)
    try:
        dataset = lab.datasets.get(dataset_id, user_id=user.user_id, link=asked("link"))
        report = lab.datasets.report(dataset_id, user_id=user.user_id, link=asked("link"))
    except NotFoundError as missing:
        _not_here(missing)
        return
    _heading(dataset)
    report_view.metrics(report, numbers)
    preview.offer_zone(dataset, report, user)
    preview.show(report, numbers)
    _reading(dataset, report, user, numbers)
    if not may(user, "analyst"):
        st.info("Your role can look at this dataset. Ask an admin for the role analyst to compare on it.")
        return
    _compare(dataset, report, user, numbers)


def _heading(dataset: Dataset) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(markdown(dataset.name, limit=120), anchor=False, width="content")
        if st.button("Other readings", icon=":material/arrow_back:", type="tertiary", key="compare_back"):
            go()


def _not_here(missing: NotFoundError) -> None:
    st.error(markdown(missing, limit=300))
    if st.button("To the start", icon=":material/arrow_back:", key="compare_start"):
        go()


# ---- what was read


def _reading(dataset: Dataset, report: Report, user: User, numbers: Numbers) -> None:
    warnings = sum(issue.severity == "warning" for issue in report.issues)
    label = f"What was read: {len(report.files)} files, {warnings} warnings, {len(report.gaps)} households with gaps"
    report_view.warnings(report)
    with st.expander(label, icon=":material/fact_check:"):
        report_view.findings(report, numbers, parquet=current().datasets.parquet)
    if dataset.owner_id == user.user_id and dataset.kind == "upload":
        with st.expander("Add files, or read them differently", icon=":material/add:"):
            _extend(dataset, report, user)


def _extend(dataset: Dataset, report: Report, user: User) -> None:
    added = st.file_uploader(
        "More files for this dataset", type=["csv", "txt", "tsv"], accept_multiple_files=True, key="compare_more_files"
    )
    try:
        before = current().datasets.options(dataset.dataset_id, user_id=user.user_id)
        options = replace(choose(before, key="compare_again"), pv_kw=_installed_pv(report))
    except LabError as refusal:
        st.error(markdown(refusal, limit=400))
        return
    if st.button("Read all files of the dataset with these choices", icon=":material/sync:", key="compare_reread"):
        _read_again(dataset, user, options, uploads(added or []))


def _installed_pv(report: Report) -> dict[str, float]:
    """What is known of each roof, kW; the simple auction asks by the share of it that shines."""
    known = current().datasets.readings_of(report.digest)
    roofs = pd.DataFrame({"Household": known.household_ids, "Installed PV (kW)": known.pv_kw})
    edited = st.data_editor(roofs, disabled=["Household"], hide_index=True, height=220, key="compare_pv")
    given = edited.set_index("Household")["Installed PV (kW)"].dropna()
    return {str(household_id): float(kw) for household_id, kw in given.items()}


def _read_again(dataset: Dataset, user: User, options: Options, files: list[Upload]) -> None:
    try:
        with progress_bar() as progress:
            added = current().datasets.extend(
                dataset.dataset_id, files, user_id=user.user_id, options=options, progress=progress
            )
    except LabError as refusal:
        st.error(markdown(refusal, limit=400))
        return
    if added.dataset is None:
        reason = added.report.errors[0].message if added.report.errors else "nothing could be read."
        st.error(f"The dataset stays as it was: {markdown(reason, limit=600)}")
        return
    st.rerun()


# ---- what to compare


def _compare(dataset: Dataset, report: Report, user: User, numbers: Numbers) -> None:
    like = _like(user)
    key = f"compare_next_{asked('like')}"
    chosen = algorithms.choose(numbers, key=key, like=like, heavy=dataset.households * dataset.slots > HEAVY)
    known = find()
    try:
        scenarios = tariffs.choose(
            numbers,
            key=key,
            time_zone=report.time_zone,
            algorithms=[known[each.algorithm_id] for each in chosen],
            like=like,
        )
        plan = RunPlan(tuple(chosen), scenarios) if chosen else None
    except LabError as refusal:
        st.error(markdown(refusal, limit=400))
        return
    _start(dataset, plan, user, key=key)


def _like(user: User) -> RunPlan | None:
    """The plan of the run that this one starts from."""
    if not (run_id := asked("like")):
        return None
    try:
        return current().runs.state(run_id, user_id=user.user_id).plan
    except NotFoundError:
        return None


def _start(dataset: Dataset, plan: RunPlan | None, user: User, *, key: str) -> None:
    named, tagged = st.columns(2)
    name = named.text_input(
        "Name of the comparison", placeholder="made from the dataset", max_chars=120, key=f"{key}_name"
    )
    tags = tagged.text_input("Tags", placeholder="separated by commas", key=f"{key}_tags")
    figures_on_ledger = _figures_on_ledger(_was_public(user), key=f"{key}_ledger")
    with st.container(horizontal=True, vertical_alignment="center", key="compare_run_bar"):
        pressed = st.button(
            "Run", type="primary", icon=":material/play_arrow:", disabled=plan is None, key="compare_run"
        )
        if plan is None:
            st.caption("Choose at least one algorithm.")
        else:
            st.caption(f"{count(len(plan.selections), 'algorithm')} × {count(len(plan.scenarios), 'scenario')}.")
    if pressed and plan is not None:
        try:
            run_id = current().runs.start(
                user.user_id,
                dataset.dataset_id,
                plan=plan,
                name=name or "",
                tags=(tags or "").split(","),
                figures_on_ledger=figures_on_ledger,
            )
        except LabError as refusal:
            st.error(markdown(refusal, limit=400))
            return
        go(run=run_id)


def _was_public(user: User) -> bool:
    """Whether the run that this one starts from has its figures on the ledger: a private one is not made public."""
    if not (run_id := asked("like")):
        return True
    try:
        return current().runs.state(run_id, user_id=user.user_id).figures_on_ledger
    except NotFoundError:
        return True


def _figures_on_ledger(start: bool, *, key: str) -> bool:
    """Whether the ledger gets the figures, with one sentence about who can read them then."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        on = st.toggle("Figures on the ledger", start, key=key)
        st.caption(ON_LEDGER if on else OFF_LEDGER)
    return on


ON_LEDGER = (
    "Everybody who can sign in, and whoever is given a copy of the ledger, can read this comparison's figures,"
    " parameters and tariffs, for ever; never its name."
)
OFF_LEDGER = "The ledger gets a salted commitment alone: only you can open it, with this run's receipt."
