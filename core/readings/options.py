"""What a person may choose about the reading of files, and the limits nobody can choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from core.errors import ReadingError

MAX_FILE_BYTES = 20_000_000
MAX_ROWS = 2_000_000
MAX_FILES = 500
MAX_COLUMNS = 64
MAX_WIDE_COLUMNS = 3_000
"""Of a table with a column a home, or an hour."""
MAX_CELL_CHARACTERS = 1_000
MAX_HOUSEHOLDS = 10_000
MAX_READINGS = 40_000_000
"""Slots times households of the whole result: 640 MB of arrays."""

GapPolicy = Literal["refuse", "leave_out", "hold", "interpolate", "drop"]
SpanPolicy = Literal["use", "union", "refuse"]
IntervalPolicy = Literal["refuse", "use"]
BadFilePolicy = Literal["refuse", "skip"]
DateOrder = Literal["decide", "day_first", "month_first"]
Unit = Literal["header", "kW", "W", "kWh", "Wh"]
ProposalPolicy = Literal["ask", "accept"]
RegisterPolicy = Literal["refuse", "difference", "keep"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "gap_policy": get_args(GapPolicy),
    "common_span": get_args(SpanPolicy),
    "common_interval": get_args(IntervalPolicy),
    "bad_files": get_args(BadFilePolicy),
    "date_order": get_args(DateOrder),
    "unit": get_args(Unit),
    "cumulative": get_args(RegisterPolicy),
    "proposals": get_args(ProposalPolicy),
}


@dataclass(frozen=True, slots=True)
class Options:
    """A person's choices; the defaults read what is certain and refuse the rest.

    time_zone: IANA name of the site's zone, for times that state none.
    gap_policy: what happens in a slot without a reading. "refuse" the file; "leave_out": the household takes no
        part in the slot; "hold" the last value; "interpolate" gaps of up to interpolate_slots slots in a straight
        line and leave longer ones out; "drop" the household.
    common_span: files of different spans: "use" what they share, "union" (absent homes take no part), or "refuse".
    common_interval: files of different intervals: "refuse", or "use" the coarsest (means of the finer ones).
    bad_files: one bad file among good ones: "refuse" all, or "skip" it.
    date_order: for dates such as 01/06/2024 that could be read both ways.
    unit: of load and solar, where the header says none or a wrong one.
    cumulative: numbers that only climb, as a meter's register does: "refuse", take the "difference" of neighbouring
        rows, or "keep" them, when they are no register.
    proposals: a file of another layout is read where its columns leave one meaning; where something is a guess,
        "ask" (refuse, with the proposal) or "accept" the best one.
    columns: what columns mean, by their name in the file: {"role": "load", "unit": "kWh"}; roles as in
        `core.readings.roles.ROLES`. Whoever names columns has confirmed them.
    max_kw: the most one home can draw or make, kW.
    pv_kw: installed PV of a household, kW.

    Raises ReadingError naming the option, what was found and what is expected.
    """

    time_zone: str = "Asia/Kolkata"
    gap_policy: GapPolicy = "leave_out"
    interpolate_slots: int = 4
    common_span: SpanPolicy = "use"
    common_interval: IntervalPolicy = "refuse"
    bad_files: BadFilePolicy = "refuse"
    date_order: DateOrder = "decide"
    unit: Unit = "header"
    cumulative: RegisterPolicy = "refuse"
    proposals: ProposalPolicy = "ask"
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    max_kw: float = 100.0
    pv_kw: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ReadingError(f'{name} is "{getattr(self, name)}", expected one of: {", ".join(choices)}.')
        if not 0.0 < self.max_kw < float("inf"):
            raise ReadingError(f"max_kw is {self.max_kw}, expected a positive number of kilowatts.")
        if self.interpolate_slots < 1:
            raise ReadingError(f"interpolate_slots is {self.interpolate_slots}, expected 1 or more.")
        for household_id, kw in self.pv_kw.items():
            if not 0.0 <= kw < float("inf"):
                raise ReadingError(f"pv_kw of {household_id} is {kw}, expected kilowatts, 0 or more.")
        if self.time_zone not in _zones():
            near = get_close_matches(self.time_zone, _zones(), n=1)
            hint = f'Did you mean "{near[0]}"?' if near else "Give an IANA name such as Asia/Kolkata."
            raise ReadingError(f'time_zone is "{self.time_zone[:80]}", which is no time zone.', fix=hint)

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.time_zone)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
