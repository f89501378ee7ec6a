"""Files of any layout to series of homes: what is certain is read, what is a guess becomes a proposal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from core.market.community import FloatArray
from core.readings.fields import HOUSEHOLD_ID
from core.readings.issues import FileRefused, Findings, count, plain, quote, some
from core.readings.moments import DAY_S, IntArray
from core.readings.options import MAX_ROWS, Options
from core.readings.power import STANDBY_KW
from core.readings.registers import FEWEST, counts_own, energies, kind_of
from core.readings.series import Series
from core.readings.source import bytes_of
from core.readings.tables import Ragged, table_of_any
from core.readings.tracks import WATTS_ABOVE, Reading, Track, tracks_of

GRIDS_S = (60, 300, 600, 900, 1800, 3600, DAY_S)
"""Intervals that jittered readings are brought to."""
PER_HOUR = {"kWh": 1.0, "Wh": 1e-3, "MWh": 1e3}
POWER = {"kW": 1.0, "W": 1e-3, "MW": 1e3}
NEGATIVE_KW = 0.02
"""A load worked out from three meters may be this little below zero: they are rounded apart."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Series of the homes of some files. metered: homes of which only the meter is known.

    notes: how they were read; doubts: what is a guess; profile: the meaning of every column, to use again.
    """

    series: list[Series]
    metered: frozenset[str]
    notes: tuple[str, ...]
    doubts: tuple[str, ...]
    profile: dict[str, Any]
    zoned: bool = False
    rows: dict[str, int] = field(default_factory=dict)


def read_foreign(files: Sequence[tuple[str, bytes | Path]], options: Options, findings: Findings) -> Foreign:
    """Read all files together. Raises FileRefused; `findings` then says why, with file and line."""
    readings: list[Reading] = []
    columns: dict[str, dict[str, str]] = {}
    rows: dict[str, int] = {}
    for name, content in files:
        one = Findings(name)
        try:
            table = table_of_any(bytes_of(content, one, any_kind=True), one)
            rows[name] = len(table.rows)
            readings.append(tracks_of(table, options, one))
            columns |= {name: m for name, m in readings[-1].columns.items() if name not in columns}
        except Ragged as error:
            fix = "quote fields that hold the separator and give every row all fields"
            findings.error("field_count", str(error), line=error.line, fix=fix, file=name)
            raise FileRefused from None
        except FileRefused:
            if not one.refused:
                one.error("header_missing", "no table of readings found", fix="export it as CSV with a header")
            findings.adopt(one)
            raise
    tracks = [track for reading in readings for track in reading.tracks]
    notes = [note for reading in readings for note in reading.notes]
    doubts = [] if options.columns else [doubt for reading in readings for doubt in reading.doubts]
    tracks = [_in_order(track, findings) for track in tracks]
    tracks = [_in_kw(track, tracks, options, notes, doubts, findings) for track in tracks]
    by_home: dict[str, list[Track]] = {}
    for track in tracks:
        by_home.setdefault(track.home, []).append(track)
    labels = {home: _safe(home, number) for number, home in enumerate(by_home, start=1)}
    if len(set(labels.values())) < len(labels):
        raise findings.refusal("household_id", "two homes whose names look alike", fix="name the homes apart")
    series, metered = [], set()
    for home, own in by_home.items():
        one_series, is_metered = _home(labels[home], own, options, notes, doubts, findings)
        series.append(one_series)
        if is_metered:
            metered.add(labels[home])
    for home, label in labels.items():
        if home != label:
            notes.append(f"{quote(home)} is called {label}.")
    if metered:
        notes.append(
            f"Import and export of {count(len(metered), 'home')}: load and solar behind the meter are not known."
        )
    profile = {"columns": columns, "date_order": options.date_order, "unit": options.unit}
    zoned = any(reading.zoned for reading in readings)
    return Foreign(series, frozenset(metered), _unique(notes), _unique(doubts), profile, zoned, rows)


def _unique(sentences: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentences))


def _safe(home: str, number: int) -> str:
    """An id that files, topics and addresses can hold, made from any label."""
    if HOUSEHOLD_ID.fullmatch(home):
        return home
    found = re.sub(r"[^A-Za-z0-9_-]+", "_", home).strip("_")[:64]
    return found or f"home-{number}"


# ---- one track


def _in_order(track: Track, findings: Findings) -> Track:
    """Sorted by time; equal repeats dropped, others refused."""
    order = np.argsort(track.utc_s, kind="stable")
    utc_s, values, lines = track.utc_s[order], track.values[order], track.lines[order]
    twice = np.flatnonzero(np.diff(utc_s) == 0)
    if twice.size:
        left, right = values[twice], values[twice + 1]
        other = ~((left == right) | (np.isnan(left) & np.isnan(right)))
        if other.any():
            at = int(twice[other][0])
            when = datetime.fromtimestamp(int(utc_s[at]), UTC)
            findings.error(
                "time_twice",
                f"{when:%Y-%m-%d %H:%M} UTC of {plain(track.home)} is in line {lines[at]} too, with another value",
                line=int(lines[at + 1]),
                column=track.column,
                fix="keep one of the two, or choose the zone of the file",
                file=track.file,
            )
            raise FileRefused
        keep = np.ones(len(utc_s), dtype=bool)
        keep[twice + 1] = False
        utc_s, values, lines = utc_s[keep], values[keep], lines[keep]
    if len(utc_s) < 2:
        raise findings.refusal(
            "one_row", f"one reading of {plain(track.home)}: the interval cannot be known", fix="give two rows or more"
        )
    return replace(track, utc_s=utc_s, values=values, lines=lines)


def _usual_step(utc_s: IntArray) -> tuple[int, float]:
    """The commonest step in seconds, and its share."""
    steps, often = np.unique(np.diff(utc_s), return_counts=True)
    at = int(np.argmax(often))
    return int(steps[at]), float(often[at] / often.sum())


def _in_kw(
    track: Track, tracks: list[Track], options: Options, notes: list[str], doubts: list[str], findings: Findings
) -> Track:
    """The track as mean kW of intervals named by their start."""
    step, share = _usual_step(track.utc_s)
    jittered = step < 60 or share < 0.8 or step % 60 != 0
    kind = _register(track, tracks)
    unit = track.unit
    if kind != "interval" and options.cumulative != "keep":
        if unit in POWER:
            raise findings.refusal(
                "register", f"{quote(track.column)} only climbs, and is said to be {unit}", fix="choose its unit"
            )
        unit = unit or "kWh"
        said = (
            f"{quote(track.column)} is a running total: the energy of an interval is the difference of its neighbours"
        )
        if options.cumulative == "refuse" and not track.running:
            _add(doubts, said + ".")
        else:
            _add(notes, said + ".")
        if not jittered:
            values, odd = energies(track.values, own=_counts_own(track, tracks, options))
            if odd:
                _add(
                    notes,
                    f"{quote(track.column)} of {plain(track.home)}: {count(odd, 'restart or dip')} taken care of.",
                )
            whole = slice(None) if not np.isnan(values[-1]) else slice(None, -1)
            track = replace(track, utc_s=track.utc_s[whole], values=values[whole], lines=track.lines[whole])
    unit = unit or _by_size(track, doubts, findings)
    if jittered:
        track, step = _resampled(track, unit, kind != "interval" and options.cumulative != "keep", step, notes)
        unit = "kW"
    factor = POWER[unit] if unit in POWER else PER_HOUR[unit] * 3600 / step
    values = track.values * factor
    utc_s = track.utc_s
    if track.ends or _ends_by_clock(track, step, options):
        utc_s = utc_s - step
        _add(notes, "Times name the end of each interval.")
    return replace(track, values=values, utc_s=utc_s, unit="kW")


def _add(sentences: list[str], sentence: str) -> None:
    if sentence not in sentences:
        sentences.append(sentence)


def _register(track: Track, tracks: list[Track]) -> str:
    """What kind of numbers a column holds, over all homes: one home alone may climb by chance."""
    if track.unit in POWER:
        return "interval"
    alike = [
        kind_of(t.values) for t in tracks if t.role == track.role and t.column == track.column and t.unit == track.unit
    ]
    climbing = [kind for kind in alike if kind != "interval"]
    if track.running and not climbing:
        return "total"
    if (
        not climbing
        and not (np.diff(track.values) > 0).sum() >= FEWEST
        and any(
            t.role == track.role and t.home == track.home and t is not track and kind_of(t.values) != "interval"
            for t in tracks
        )
    ):
        return "total"  # the register of the other tariff stands still meanwhile
    if 2 * len(climbing) < len(alike) or not climbing:
        return "interval"
    short = int(track.utc_s[-1] - track.utc_s[0]) < DAY_S * 0.8
    if short and track.role in ("solar", "export"):
        uses = [kind_of(t.values) for t in tracks if t.role in ("load", "import") and t.unit not in POWER]
        if not any(kind != "interval" for kind in uses):
            return "interval"
    return "restart" if "restart" in climbing else "total"


def _counts_own(track: Track, tracks: list[Track], options: Options) -> bool:
    """Whether the counters of this file include the interval they name, and began to count with its first row."""
    local = datetime.fromtimestamp(int(track.utc_s[0]), options.zone)
    begins = local.hour == 0 and float(track.values[0]) < float(np.nanmax(track.values)) / 4
    return begins and any(counts_own(t.values) for t in tracks if t.file == track.file and t.unit == track.unit)


def _ends_by_clock(track: Track, step: int, options: Options) -> bool:
    """Whether whole days run from 00:15 to 24:00, which only ends of intervals do."""
    first, last = (datetime.fromtimestamp(int(track.utc_s[k]), options.zone) for k in (0, -1))
    begins = first.hour * 3600 + first.minute * 60 + first.second
    return begins == step and last.hour == 0 and last.minute == 0 and len(track.utc_s) * step >= DAY_S * 0.9


def _by_size(track: Track, doubts: list[str], findings: Findings) -> str:
    positive = track.values[track.values > 0]
    if positive.size and float(np.median(positive)) > WATTS_ABOVE:
        _add(
            doubts, f"{quote(track.column)} states no unit: its numbers are too large for kilowatts, so they are watts."
        )
        return "W"
    findings.error(
        "no_unit",
        f"no unit is stated for {quote(track.column)}",
        column=track.column,
        fix="choose the unit (kW, W, kWh or Wh)",
        file=track.file,
    )
    raise FileRefused


def _resampled(track: Track, unit: str, total: bool, step: int, notes: list[str]) -> tuple[Track, int]:
    """Mean kW on a regular grid from readings at odd times: the energy is that of the readings."""
    slot_s = next((grid for grid in GRIDS_S if grid >= step - 5), DAY_S)
    utc_s = track.utc_s.astype(np.float64)
    dt = np.append(np.diff(utc_s), float(step))
    held = np.minimum(dt, 5.0 * step)
    values = np.nan_to_num(track.values)
    if total:
        gained = np.append(np.maximum(np.diff(values), 0.0), 0.0) * PER_HOUR[unit]
    elif unit in POWER:
        gained = values * POWER[unit] * held / 3600
    else:
        gained = values * PER_HOUR[unit]
    edges = np.append(utc_s, utc_s[-1] + step)
    energy = np.concatenate([[0.0], np.cumsum(gained)])
    start = int(np.ceil(utc_s[0] / slot_s - 0.5)) * slot_s
    slots = max(1, round((edges[-1] - start) / slot_s))
    grid = start + slot_s * np.arange(slots + 1)
    power = np.diff(np.interp(grid, edges, energy)) * 3600 / slot_s
    _add(
        notes,
        f"Readings at odd times were averaged to {slot_s // 60} min: {gained.sum():,.3f} kWh before,"
        f" {(power.sum() * slot_s / 3600):,.3f} kWh after; a reading moved by at most {slot_s / 2:g} s.",
    )
    lines = np.full(slots, track.lines[0])
    return replace(track, utc_s=grid[:-1].astype(np.int64), values=power, lines=lines), slot_s


# ---- one home


def _home(
    home: str, tracks: list[Track], options: Options, notes: list[str], doubts: list[str], findings: Findings
) -> tuple[Series, bool]:
    """The tracks of a home as load and solar, or as what its meter took and gave."""
    start_s, slot_s, slots = _grid(home, tracks, findings)
    found: dict[str, FloatArray] = {}
    for role in dict.fromkeys(track.role for track in tracks):
        parts = [track for track in tracks if track.role == role]
        found[role] = _summed(home, parts, (start_s, slot_s, slots), notes, findings)
    load, solar, metered = _roles(home, found, notes, doubts, findings)
    for name, values in (("load", load), ("solar", solar)):
        _check(home, name, values, tracks, options, findings)
    solar = np.where((solar < 0) & (solar >= -STANDBY_KW), 0.0, solar)
    absent = np.isnan(load) | np.isnan(solar)
    load, solar = np.where(absent, np.nan, load), np.where(absent, np.nan, solar)
    names = ", ".join(dict.fromkeys(track.file for track in tracks))
    return Series(home, names, start_s, slot_s, load, solar), metered


def _grid(home: str, tracks: list[Track], findings: Findings) -> tuple[int, int, int]:
    slot_s = max(_usual_step(track.utc_s)[0] for track in tracks)
    starts = {int(track.utc_s[0]) % slot_s for track in tracks}
    finer = [track for track in tracks if slot_s % _usual_step(track.utc_s)[0]]
    if finer or (len(starts) > 1 and len({_usual_step(t.utc_s)[0] for t in tracks}) == 1):
        raise findings.refusal(
            "grid",
            f"the readings of {plain(home)} are not in step: {some([t.column for t in tracks])}",
            fix="give one interval, starting together, or say whether times name the start or the end",
        )
    start_s = min(int(track.utc_s[0]) for track in tracks)
    start_s -= start_s % slot_s - min(starts) if len(starts) == 1 else start_s % slot_s
    end_s = max(int(track.utc_s[-1]) + _usual_step(track.utc_s)[0] for track in tracks)
    slots = -(-(end_s - start_s) // slot_s)
    if slots > MAX_ROWS:
        raise findings.refusal("span_too_long", f"{slots:,} intervals of {plain(home)}", fix="check the times")
    return start_s, slot_s, slots


def _summed(
    home: str, parts: list[Track], grid: tuple[int, int, int], notes: list[str], findings: Findings
) -> FloatArray:
    """Phases, tariffs and columns of one quantity added up; later files of the same column joined."""
    start_s, slot_s, slots = grid
    series: dict[tuple[str, str], FloatArray] = {}
    for track in parts:
        step = _usual_step(track.utc_s)[0]
        at = (track.utc_s - start_s) // slot_s
        values = np.full(slots, np.nan)
        if step == slot_s:
            values[at] = track.values
        else:
            sums = np.bincount(at, weights=track.values, minlength=slots)
            full = np.bincount(at, minlength=slots) == slot_s // step
            values[full] = sums[full] / (slot_s // step)
        key = (track.part, track.column)
        if key in series:
            both = ~np.isnan(series[key]) & ~np.isnan(values)
            if (series[key][both] != values[both]).any():
                raise findings.refusal(
                    "household_twice",
                    f"{plain(home)} is in several files, with other values for the same times",
                    fix="keep one of them, or name the homes apart",
                )
            series[key] = np.where(np.isnan(series[key]), values, series[key])
        else:
            series[key] = values
    if len(series) > 1:
        _add(notes, f"Added up for {parts[0].role}: {some([' '.join(filter(None, key)) for key in series], 6)}.")
        rowwise = all(track.column == parts[0].column and track.file == parts[0].file for track in parts)
        stacked = np.stack(list(series.values()))
        total: FloatArray = np.nansum(stacked, axis=0) if rowwise else stacked.sum(axis=0)
        return np.where(np.isnan(stacked).all(axis=0), np.nan, total)
    return next(iter(series.values()))


def _roles(
    home: str, found: dict[str, FloatArray], notes: list[str], doubts: list[str], findings: Findings
) -> tuple[FloatArray, FloatArray, bool]:
    """Load and solar of a home, and whether they are only its meter's import and export."""
    load, solar, taken, given, net = (found.get(role) for role in ("load", "solar", "import", "export", "net"))
    if load is not None and solar is not None:
        return load, solar, False
    if load is None and taken is not None and solar is not None and given is not None:
        used = taken - given + solar
        low = float(np.nanmin(used))
        if low < -NEGATIVE_KW:
            raise findings.refusal(
                "negative_load",
                f"import less export plus solar of {plain(home)} is {low:.3f} kW: less than nothing",
                fix="check which column is the export, and the units",
            )
        _add(notes, "Load = import − export + solar.")
        return np.maximum(used, 0.0), solar, False
    if taken is not None and solar is not None and load is None:
        _add(doubts, "There is no export: the import was taken as the load beside the solar energy.")
        return taken, solar, False
    if load is not None and given is not None:
        return load, given, True
    if load is not None:
        return load, np.where(np.isnan(load), np.nan, 0.0), False
    if taken is not None:
        if given is None:
            return taken, np.where(np.isnan(taken), np.nan, 0.0), False
        return taken, given, True
    if net is not None:
        _add(notes, "Above zero is import from the grid, below zero export to it.")
        return np.maximum(net, 0.0), np.maximum(-net, 0.0), True
    raise findings.refusal(
        "no_load",
        f"{plain(home)} has {', '.join(found)} and nothing that it uses",
        fix="add its load or its meter's import",
    )


def _check(home: str, name: str, values: FloatArray, tracks: list[Track], options: Options, findings: Findings) -> None:
    where = next((track for track in tracks if track.role in (name, "import", "export", "net")), tracks[0])
    floor = -STANDBY_KW if name == "solar" else 0.0
    low = float(np.nanmin(values)) if not np.isnan(values).all() else 0.0
    if low < floor:
        raise _refused(findings, where, f"negative_{name}", f"negative {name} of {plain(home)}: {low:g} kW", "check it")
    high = float(np.nanmax(values)) if not np.isnan(values).all() else 0.0
    if high > options.max_kw:
        what = f"{name} of {plain(home)} up to {high:g} kW, at most {options.max_kw:g} kW for one household"
        raise _refused(findings, where, "out_of_range", what, "check the unit, or raise the limit")
    if np.isnan(values).all():
        raise _refused(findings, where, "no_value", f"no value of {name} of {plain(home)}", "export the readings")


def _refused(findings: Findings, track: Track, code: str, what: str, fix: str) -> FileRefused:
    findings.error(code, what, column=track.column, fix=fix, file=track.file)
    return FileRefused()
