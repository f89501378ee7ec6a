"""How files are read: a person's choices, and the reading itself with its progress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from zoneinfo import available_timezones

import streamlit as st

from core.readings import Options
from core.runs.datasets import Progress, Upload

GAPS = {
    "leave_out": "Leave the household out of those slots",
    "hold": "Hold the last value",
    "interpolate": "Interpolate short gaps, leave long ones out",
    "drop": "Drop the household",
    "refuse": "Refuse the file",
}
SPANS = {
    "use": "Use the span that all files share",
    "union": "Use the whole span; absent homes take no part",
    "refuse": "Refuse files of different spans",
}
INTERVALS = {"refuse": "Refuse files of different intervals", "use": "Use the coarsest interval of all files"}
BAD_FILES = {"refuse": "Refuse all files", "skip": "Skip the bad ones"}
DATES = {
    "decide": "Decide, refuse if unclear",
    "day_first": "Day first (31/12/2024)",
    "month_first": "Month first (12/31/2024)",
}
UNITS = {
    "header": "As the header says",
    "kW": "kW, mean power",
    "W": "W, mean power",
    "kWh": "kWh per interval",
    "Wh": "Wh per interval",
}
REGISTERS = {"refuse": "Refuse meter registers", "difference": "Take the difference of neighbouring rows"}

PROPOSALS = {"ask": "Refuse, and say what the guess would be", "accept": "Read them by the best guess"}


def choose(options: Options, *, key: str) -> Options:
    """The choices as widgets, starting from `options`. Raises ReadingError if they do not fit."""
    left, right = st.columns(2)
    with left:
        zones = sorted(available_timezones())
        time_zone = st.selectbox(
            "Time zone of the site",
            zones,
            index=zones.index(options.time_zone),
            help="For times in the files that state no zone. Days and hours on the charts are this zone's.",
            key=f"{key}_zone",
        )
        gap_policy = _pick("Where readings are missing", GAPS, options.gap_policy, key=f"{key}_gaps")
        interpolate_slots = options.interpolate_slots
        if gap_policy == "interpolate":
            interpolate_slots = st.number_input(
                "Longest gap to interpolate (slots)", 1, 10_000, options.interpolate_slots, key=f"{key}_slots"
            )
        common_span = _pick("Files of different spans", SPANS, options.common_span, key=f"{key}_span")
        common_interval = _pick(
            "Files of different intervals", INTERVALS, options.common_interval, key=f"{key}_interval"
        )
    with right:
        bad_files = _pick("A bad file among good ones", BAD_FILES, options.bad_files, key=f"{key}_bad")
        date_order = _pick("Dates such as 01/06/2024", DATES, options.date_order, key=f"{key}_dates")
        unit = _pick("Unit of load and solar", UNITS, options.unit, key=f"{key}_unit")
        cumulative = _pick("Readings that only rise", REGISTERS, options.cumulative, key=f"{key}_registers")
        proposals = _pick("Files whose columns are a guess", PROPOSALS, options.proposals, key=f"{key}_proposals")
        max_kw = st.number_input(
            "Most one home can draw or make (kW)",
            0.1,
            100_000.0,
            float(options.max_kw),
            help="A value above it is refused as a mistake in unit or format.",
            key=f"{key}_max",
        )
    return replace(
        options,
        time_zone=time_zone,
        gap_policy=gap_policy,
        interpolate_slots=interpolate_slots,
        common_span=common_span,
        common_interval=common_interval,
        bad_files=bad_files,
        date_order=date_order,
        unit=unit,
        cumulative=cumulative,
        proposals=proposals,
        max_kw=max_kw,
    )


def _pick(label: str, words: Mapping[str, str], value: str, *, key: str) -> Any:
    choices = list(words)
    return st.selectbox(label, choices, index=choices.index(value), format_func=words.__getitem__, key=key)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar that moves while files are read, and is gone afterwards."""
    bar = st.progress(0.0, text="Reading the files …")
    try:
        yield lambda done, of: _move(bar, done, of)
    finally:
        bar.empty()


def _move(bar: Any, done: int, of: int) -> None:
    bar.progress(min(1.0, done / max(1, of)), text=f"Read {done:,} of {of:,} files")


def uploads(files: Sequence[Any]) -> list[Upload]:
    """The uploader's files as names and bytes."""
    return [(file.name, file.getvalue()) for file in files]
