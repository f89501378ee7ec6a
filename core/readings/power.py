"""The file's units to kilowatts, and the values no home can have refused."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.market.community import FloatArray
from core.readings.columns import Column
from core.readings.issues import Findings, count, quote
from core.readings.options import Options
from core.readings.series import DAY_S, Rows
from core.readings.zones import IntArray

STANDBY_KW = 0.05
"""Solar this little below zero is an inverter's own use at night."""

_ENERGY = ("kWh", "Wh")
_LIKELY_WATTS_KW = 20.0


@dataclass(frozen=True, slots=True)
class Meaning:
    """A power column of a file: its name, and the unit its numbers are in."""

    name: str
    unit: str


def meaning_of(column: Column, header_line: int, options: Options, findings: Findings) -> Meaning:
    """The unit of a column: what the person says, else what the header says. Raises FileRefused when nobody says."""
    unit = column.unit if options.unit == "header" else options.unit
    if not unit:
        raise findings.refusal(
            "unit_missing",
            f"{quote(column.name)} states no unit",
            line=header_line,
            column=column.name,
            fix="name it load_kW or solar_kW (or _W, _kWh, _Wh), or choose the unit",
        )
    return Meaning(column.name, unit)


def to_kilowatts(
    rows: Rows, slot_s: int, *, load: Meaning, solar: Meaning | None, options: Options, findings: Findings
) -> Rows:
    """Rows in kW, with registers differenced where the person asked for it, and every value possible for a home."""
    columns = {"load": load} if solar is None else {"load": load, "solar": solar}
    registers = {
        name: meaning
        for name, meaning in columns.items()
        if options.cumulative != "keep"
        and is_register(getattr(rows, name), rows.utc_s, limit=options.max_kw / _factor(meaning, slot_s))
    }
    for name, meaning in registers.items():
        rows = _difference(rows, name, slot_s, meaning, options, findings)
    if registers:
        rows = _without_last(rows)
    rows = replace(rows, load=rows.load * _factor(load, slot_s))
    if solar is not None:
        rows = replace(rows, solar=rows.solar * _factor(solar, slot_s))
    _check(rows, "load", load, options, findings)
    if solar is not None:
        rows = _raise_standby(rows, solar, findings)
        _check(rows, "solar", solar, options, findings)
    return rows


def is_register(values: FloatArray, utc_s: IntArray, *, limit: float) -> bool:
    """Whether the values only ever climb, as a meter's total does.

    Power and energy per interval fall at some hour of every day; over less than a day, only numbers too large for one
    home (a fifth of `limit`, in the unit of the values) are taken for a total.
    """
    known = values[~np.isnan(values)]
    steps = np.diff(known)
    climbs = int(np.count_nonzero(steps > 0))
    if climbs < 2 or steps.min() < 0:
        return False
    if int(utc_s[-1]) - int(utc_s[0]) >= DAY_S and climbs >= 8:
        return True
    return bool(known[0] > limit / 5 and steps.max() < known[0] / 2)


def _factor(meaning: Meaning, slot_s: int) -> float:
    """What turns a number of the column into mean kW."""
    per_hour = 3600.0 / slot_s
    return {"kW": 1.0, "W": 1e-3, "kWh": per_hour, "Wh": 1e-3 * per_hour}[meaning.unit]


def _difference(rows: Rows, name: str, slot_s: int, meaning: Meaning, options: Options, findings: Findings) -> Rows:
    values: FloatArray = getattr(rows, name)
    if options.cumulative == "refuse" or meaning.unit not in _ENERGY:
        unit = "" if meaning.unit in _ENERGY else ", and choose its unit (kWh or Wh)"
        raise findings.refusal(
            "register",
            f"cumulative register: the numbers only climb, from {values[0]:g} to {values[-1]:g}",
            line=int(rows.line[0]),
            column=meaning.name,
            fix=f"choose the difference of neighbouring rows{unit}, or say that it is no register",
        )
    energy = np.full(len(values), np.nan)
    neighbours = np.diff(rows.utc_s) == slot_s
    energy[:-1][neighbours] = np.diff(values)[neighbours]
    findings.warning(
        "register",
        f"cumulative register: energy per interval is the difference of neighbouring rows; the last row of"
        f" {rows.household_id} only ends the one before it",
        line=int(rows.line[-1]),
        column=meaning.name,
    )
    return replace(rows, load=energy) if name == "load" else replace(rows, solar=energy)


def _without_last(rows: Rows) -> Rows:
    return Rows(rows.household_id, rows.utc_s[:-1], rows.load[:-1], rows.solar[:-1], rows.line[:-1])


def _raise_standby(rows: Rows, meaning: Meaning, findings: Findings) -> Rows:
    small = (rows.solar < 0) & (rows.solar >= -STANDBY_KW)
    if not small.any():
        return rows
    findings.warning(
        "solar_below_zero",
        f"{count(int(small.sum()), 'small negative value')}, down to"
        f" {rows.solar[small].min():g} kW, taken as zero (an inverter's own use)",
        line=int(rows.line[np.nonzero(small)[0][0]]),
        column=meaning.name,
    )
    return replace(rows, solar=np.where(small, 0.0, rows.solar))


def _check(rows: Rows, name: str, meaning: Meaning, options: Options, findings: Findings) -> None:
    values: FloatArray = getattr(rows, name)
    for at in np.nonzero(values < 0)[0][:10]:
        findings.error(
            f"negative_{name}",
            f"negative {name}: {values[at]:g} kW",
            line=int(rows.line[at]),
            column=meaning.name,
            raw=f"{values[at]:g}",
            fix="give what the home draws" if name == "load" else "give what the panels make",
        )
    high = np.nonzero(values > options.max_kw)[0]
    if high.size == 0:
        return
    known = values[values > 0]
    if meaning.unit.startswith("k") and np.median(known) > _LIKELY_WATTS_KW:
        findings.error(
            "watts",
            f"{name} up to {values[high].max():g} kW: not plausible for one home (watts?)",
            line=int(rows.line[high[0]]),
            column=meaning.name,
            raw=f"{values[high[0]]:g}",
            fix=f"choose the unit {meaning.unit.removeprefix('k')}, or raise the limit of {options.max_kw:g} kW a home",
        )
        return
    for at in high[:10]:
        findings.error(
            "out_of_range",
            f"{values[at]:g} kW is out of range for one household, at most {options.max_kw:g} kW",
            line=int(rows.line[at]),
            column=meaning.name,
            raw=f"{values[at]:g}",
            fix="correct it, or raise the limit",
        )
