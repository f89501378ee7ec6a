"""Series of many files to one Community: one interval, one span, and every gap treated as the person chose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from core.market.community import Community, FloatArray
from core.readings.gaps import Gap, close_gaps
from core.readings.issues import Findings, count, plain, some
from core.readings.options import MAX_READINGS, MAX_ROWS, Options
from core.readings.series import Series, minutes
from core.readings.zones import wall_clock

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Combined:
    """The community, what is absent in it `[slot, household]`, its gaps, and the position of each household."""

    community: Community
    absent: BoolArray
    gaps: tuple[Gap, ...]
    positions: dict[str, tuple[float, float]]


def combine(series: list[Series], options: Options, findings: Findings) -> Combined:
    """Put the series together; empties the list. Raises FileRefused when they do not fit, and says why."""
    series[:] = _one_each(series, options, findings)
    slot_s = _common_interval(series, options, findings)
    start_s, slots = _common_span(series, slot_s, options, findings)
    if slots * len(series) > MAX_READINGS:
        raise findings.refusal(
            "too_many_readings",
            f"{slots:,} intervals times {count(len(series), 'household')} are more than {MAX_READINGS:,}",
            fix="give a shorter span or fewer households",
        )
    positions = {one.household_id: one.position for one in series if one.position is not None}
    files = {one.household_id: one.file for one in series}
    ids, load, solar = _arrays(series, start_s, slot_s, slots)
    ids, load, solar, absent, gaps = close_gaps(
        ids, load, solar, files=files, start_s=start_s, slot_s=slot_s, options=options, findings=findings
    )
    community = Community(
        household_ids=tuple(ids),
        start_at=datetime.fromtimestamp(start_s, UTC),
        slot_h=slot_s / 3600,
        load_kw=load,
        solar_kw=solar,
        pv_kw=np.array([options.pv_kw.get(household_id, np.nan) for household_id in ids]),
        positions=np.array([positions.get(household_id, (np.nan, np.nan)) for household_id in ids]),
    )
    return Combined(community, absent, gaps, positions)


def _one_each(series: list[Series], options: Options, findings: Findings) -> list[Series]:
    """One series a household, sorted by id; parts of a household in several files are joined."""
    by_id: dict[str, Series] = {}
    for one in series:
        known = by_id.get(one.household_id)
        by_id[one.household_id] = one if known is None else _joined(known, one, options, findings)
    findings.stop_if_refused()
    return [by_id[household_id] for household_id in sorted(by_id)]


def _joined(first: Series, second: Series, options: Options, findings: Findings) -> Series:
    both = f"household {first.household_id} in {plain(first.file)} and {plain(second.file)}"
    if first.slot_s != second.slot_s or (first.start_s - second.start_s) % first.slot_s:
        findings.error("household_twice", f"{both}, with other intervals", fix="give each household one interval")
        return first
    start_s = min(first.start_s, second.start_s)
    slots = (max(first.end_s, second.end_s) - start_s) // first.slot_s
    if slots > MAX_ROWS:
        raise findings.refusal("span_too_long", f"{both}, too far apart", fix="check the times")
    load, solar = np.full((2, slots), np.nan), np.full((2, slots), np.nan)
    for row, part in enumerate((first, second)):
        at = (part.start_s - start_s) // part.slot_s
        load[row, at : at + len(part.load_kw)] = part.load_kw
        solar[row, at : at + len(part.load_kw)] = part.solar_kw
    shared = ~np.isnan(load).any(axis=0)
    conflict = np.nonzero(shared & ((load[0] != load[1]) | (solar[0] != solar[1])))[0]
    if conflict.size:
        moment = wall_clock(start_s + int(conflict[0]) * first.slot_s, options.zone)
        findings.error(
            "household_twice",
            f"{both}, with other values in {count(int(conflict.size), 'interval')}, the first at {moment}",
            fix="keep one of the two, or correct household_id",
        )
        return first
    said = f", {count(int(shared.sum()), 'equal interval')} taken once" if shared.any() else ""
    findings.warning("household_joined", f"{both}: joined{said}")
    return replace(
        first,
        file=f"{first.file}, {second.file}",
        start_s=start_s,
        position=first.position or second.position,
        load_kw=np.where(np.isnan(load[0]), load[1], load[0]),
        solar_kw=np.where(np.isnan(solar[0]), solar[1], solar[0]),
    )


def _common_interval(series: list[Series], options: Options, findings: Findings) -> int:
    """The interval of all; finer series are averaged to the coarsest one when the person agrees."""
    intervals = sorted({one.slot_s for one in series})
    coarsest = intervals[-1]
    if len(intervals) > 1:
        found = ", ".join(
            f"{some(_with(series, slot_s), 3)} has {minutes(slot_s)}" for slot_s in reversed(intervals[-4:])
        )
        if any(coarsest % slot_s for slot_s in intervals):
            raise findings.refusal(
                "intervals_differ", f"different intervals with no common one: {found}", fix="export one interval"
            )
        if options.common_interval == "refuse":
            raise findings.refusal(
                "intervals_differ",
                f"different intervals: {found}",
                fix=f"agree to the common interval of {minutes(coarsest)} (means of the finer readings)",
            )
        cut = 0
        phase_s = next(one.start_s for one in series if one.slot_s == coarsest) % coarsest
        for at, one in enumerate(series):
            series[at], lost = _coarser(one, coarsest, phase_s)
            cut += lost
        lost_text = f"; {count(cut, 'finer interval')} at the edges left out" if cut else ""
        findings.warning(
            "intervals_averaged", f"{found}: all at {minutes(coarsest)}, finer readings averaged{lost_text}"
        )
    steps = {one.start_s % coarsest for one in series}
    if len(steps) > 1:
        odd = next(one for one in series if one.start_s % coarsest != series[0].start_s % coarsest)
        raise findings.refusal(
            "grid",
            f"the intervals of {odd.household_id} ({plain(odd.file)}) are not in step with those of"
            f" {series[0].household_id}",
            fix="start the intervals of all files together",
        )
    return coarsest


def _with(series: list[Series], slot_s: int) -> list[str]:
    return [one.household_id for one in series if one.slot_s == slot_s]


def _coarser(one: Series, slot_s: int, phase_s: int) -> tuple[Series, int]:
    """Means over whole coarse slots (missing where a part is), and the finer slots cut off at both ends."""
    ratio = slot_s // one.slot_s
    if ratio == 1:
        return one, 0
    lead = (phase_s - one.start_s) % slot_s // one.slot_s
    whole = max(0, (len(one.load_kw) - lead) // ratio)
    span = slice(lead, lead + whole * ratio)
    averaged = replace(
        one,
        start_s=one.start_s + lead * one.slot_s,
        slot_s=slot_s,
        load_kw=one.load_kw[span].reshape(whole, ratio).mean(axis=1),
        solar_kw=one.solar_kw[span].reshape(whole, ratio).mean(axis=1),
    )
    return averaged, len(one.load_kw) - whole * ratio


def _common_span(series: list[Series], slot_s: int, options: Options, findings: Findings) -> tuple[int, int]:
    """First second and number of slots of the community."""
    latest, earliest = max(one.start_s for one in series), min(one.end_s for one in series)
    first, last = min(one.start_s for one in series), max(one.end_s for one in series)
    if (latest, earliest) == (first, last):
        return first, (last - first) // slot_s
    if options.common_span == "refuse":
        raise findings.refusal(
            "spans_differ", f"different spans: {_spans(series, options)}", fix="give files of one span"
        )
    if options.common_span == "union":
        findings.warning("spans_joined", f"different spans: {_spans(series, options)}; absent homes take no part")
        return first, (last - first) // slot_s
    if earliest - latest < 2 * slot_s:
        raise findings.refusal(
            "no_common_span",
            f"no common span of two intervals: {_spans(series, options)}",
            fix="give files of one span, or use the union",
        )
    lost: dict[int, list[str]] = {}
    for one in series:
        cut = (latest - one.start_s + one.end_s - earliest) // slot_s
        if cut:
            lost.setdefault(cut, []).append(one.file)
    left_out = "; ".join(f"{count(cut, 'interval')} of {some(files, 3)}" for cut, files in sorted(lost.items())[:4])
    zone = options.zone
    findings.warning(
        "common_span",
        f"common span {wall_clock(latest, zone)} .. {wall_clock(earliest - slot_s, zone)} used"
        f" ({count((earliest - latest) // slot_s, 'interval')}); left out: {left_out}",
    )
    return latest, (earliest - latest) // slot_s


def _spans(series: list[Series], options: Options) -> str:
    """The first to start and the last to end, with their spans."""
    ends = {one.household_id: one for one in (min(series, key=lambda s: s.end_s), max(series, key=lambda s: s.start_s))}
    return ", ".join(
        f"{household_id} has {wall_clock(one.start_s, options.zone)} .. {wall_clock(one.end_s, options.zone)}"
        for household_id, one in ends.items()
    )


def _arrays(series: list[Series], start_s: int, slot_s: int, slots: int) -> tuple[list[str], FloatArray, FloatArray]:
    """Arrays `[slot, household]`, NaN where nothing is known; each series is let go once it is copied."""
    ids = [one.household_id for one in series]
    load, solar = np.full((slots, len(ids)), np.nan), np.full((slots, len(ids)), np.nan)
    for household in range(len(ids) - 1, -1, -1):
        one = series.pop()
        into = max(0, (one.start_s - start_s) // slot_s)
        out_of = max(0, (start_s - one.start_s) // slot_s)
        length = min(len(one.load_kw) - out_of, slots - into)
        load[into : into + length, household] = one.load_kw[out_of : out_of + length]
        solar[into : into + length, household] = one.solar_kw[out_of : out_of + length]
    return ids, load, solar
