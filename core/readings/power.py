"""The file's units to kilowatts, and the values no home can have refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.community import FloatArray
from core.readings.columns import Role
from core.readings.issues import Cells, count, quote
from core.readings.layout import Table
from core.readings.options import Options
from core.readings.registers import kind_of
from core.readings.series import DAY_S, Rows
from core.readings.zones import IntArray

STANDBY_KW = 0.05
"""Solar this little below zero is an inverter's own use at night."""

_ENERGY = ("kWh", "Wh")
_LIKELY_WATTS_KW = 20.0


@dataclass(frozen=True, slots=True)
class Power:
    """A power column of a file: its cells, and the unit its numbers are in."""

    cells: Cells
    unit: str


def power_of(table: Table, role: Role, options: Options) -> Power:
    """A column and its unit: what the person says, else what the header says. Raises FileRefused when nobody does."""
    cells, stated = table.cells[role], table.columns[role].unit
    unit = stated if options.unit == "header" else options.unit
    if not unit:
        raise cells.findings.refusal(
            "unit_missing",
            f"{quote(cells.column)} states no unit",
            line=table.header_line,
            column=cells.column,
            fix="name it load_kW or solar_kW (or _W, _kWh, _Wh), or choose the unit",
        )
    return Power(cells, unit)


def to_kilowatts(rows: Rows, slot_s: int, *, load: Power, solar: Power | None, options: Options) -> Rows:
    """Rows in kW, with registers differenced where the person asked for it, and every value possible for a home."""
    columns = {"load": load} if solar is None else {"load": load, "solar": solar}
    if options.cumulative != "keep":
        _refuse_other_registers(rows, columns, slot_s, options)
    registers = [
        name
        for name, power in columns.items()
        if options.cumulative != "keep"
        and is_register(rows.values(name), rows.utc_s, power.unit, slot_s, options.max_kw)
    ]
    for name in registers:
        rows = _difference(rows, name, slot_s, columns[name], options)
    if registers:
        rows = rows.take(np.arange(len(rows.utc_s) - 1))
    for name, power in columns.items():
        rows = rows.with_values(name, rows.values(name) * factor(power.unit, slot_s))
    if solar is not None:
        rows = _raise_standby(rows, solar)
    for name, power in columns.items():
        _check(rows, name, power, options)
    return rows


def _refuse_other_registers(rows: Rows, columns: dict[str, Power], slot_s: int, options: Options) -> None:
    """Totals that restart, dip by a hair or began a short while ago are no energy per interval either."""
    load = columns["load"]
    if load.unit not in _ENERGY or is_register(rows.load, rows.utc_s, load.unit, slot_s, options.max_kw):
        return
    if kind_of(rows.load) != "interval":
        raise load.cells.refusal(
            int(rows.row[0]),
            "register",
            "cumulative register: the numbers climb, but for restarts and small dips",
            fix="choose the difference of neighbouring rows, or say that it is no register",
        )


def is_register(values: FloatArray, utc_s: IntArray, unit: str, slot_s: int, max_kw: float) -> bool:
    """Whether the values only ever climb, as a meter's total does.

    Power and energy per interval fall at some hour of every day. Over less than a day, only numbers too large for one
    home are taken for a total: a fifth of the limit for energy, the limit for power.
    """
    known = values[~np.isnan(values)]
    steps = np.diff(known)
    climbs = int(np.count_nonzero(steps > 0))
    if climbs < 2 or steps.min() < 0:
        return False
    if int(utc_s[-1]) - int(utc_s[0]) >= DAY_S and climbs >= 8:
        return True
    large = max_kw / 5 if unit in _ENERGY else max_kw
    return bool(known[0] * factor(unit, slot_s) > large and steps.max() < known[0] / 2)


def factor(unit: str, slot_s: int) -> float:
    """What turns a number in this unit into mean kW over a slot."""
    per_hour = 3600.0 / slot_s
    return {"kW": 1.0, "W": 1e-3, "kWh": per_hour, "Wh": 1e-3 * per_hour}[unit]


def _difference(rows: Rows, name: str, slot_s: int, power: Power, options: Options) -> Rows:
    values = rows.values(name)
    if options.cumulative == "refuse" or power.unit not in _ENERGY:
        unit = "" if power.unit in _ENERGY else ", and choose its unit (kWh or Wh)"
        raise power.cells.refusal(
            int(rows.row[0]),
            "register",
            f"cumulative register: the numbers only climb, from {values[0]:g} to {values[-1]:g}",
            fix=f"choose the difference of neighbouring rows{unit}, or say that it is no register",
        )
    energy = np.full(len(values), np.nan)
    neighbours = np.diff(rows.utc_s) == slot_s
    energy[:-1][neighbours] = np.diff(values)[neighbours]
    what = "cumulative register: the energy of an interval is the difference of neighbouring rows;"
    power.cells.warning(int(rows.row[-1]), "register", f"{what} the last row only ends the one before it")
    return rows.with_values(name, energy)


def _raise_standby(rows: Rows, solar: Power) -> Rows:
    small = np.nonzero((rows.solar < 0) & (rows.solar >= -STANDBY_KW))[0]
    if small.size == 0:
        return rows
    lowest = rows.solar[small].min()
    what = f"{count(small.size, 'small negative value')}, down to {lowest:g} kW, taken as zero (an inverter's own use)"
    solar.cells.warning(int(rows.row[small[0]]), "solar_below_zero", what)
    raised = rows.solar.copy()
    raised[small] = 0.0
    return rows.with_values("solar", raised)


def _check(rows: Rows, name: str, power: Power, options: Options) -> None:
    values = rows.values(name)
    for at in np.nonzero(values < 0)[0]:
        what = f"negative {name}: {values[at]:g} kW"
        fix = "give what the home draws" if name == "load" else "give what the panels make"
        power.cells.error(int(rows.row[at]), f"negative_{name}", what, fix=fix)
    high = np.nonzero(values > options.max_kw)[0]
    if high.size and power.unit.startswith("k") and np.median(values[values > 0]) > _LIKELY_WATTS_KW:
        what = f"{name} up to {values[high].max():g} kW: not plausible for one home (watts?)"
        fix = f"choose the unit {power.unit[1:]}, or raise the limit of {options.max_kw:g} kW a home"
        power.cells.error(int(rows.row[high[0]]), "watts", what, fix=fix)
        return
    for at in high:
        what = f"{values[at]:g} kW is out of range for one household, at most {options.max_kw:g} kW"
        power.cells.error(int(rows.row[at]), "out_of_range", what, fix="correct it, or raise the limit")
