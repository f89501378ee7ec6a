"""Header names to the columns of the native format, with the unit each one states."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Role = Literal["timestamp", "household_id", "load", "solar", "latitude", "longitude", "time_of_day"]
StatedUnit = Literal["kW", "W", "kWh", "Wh", ""]

NATIVE_NAMES: dict[Role, str] = {
    "timestamp": "timestamp",
    "household_id": "household_id",
    "load": "load_kW",
    "solar": "solar_kW",
    "latitude": "latitude",
    "longitude": "longitude",
    "time_of_day": "time_of_day",
}

_EXACT: dict[str, Role] = {
    **dict.fromkeys(
        ("timestamp", "datetime", "date_time", "date", "time", "start", "start_time", "interval_start"), "timestamp"
    ),
    **dict.fromkeys(("household_id", "household", "home_id", "house_id"), "household_id"),
    **dict.fromkeys(("latitude", "lat"), "latitude"),
    **dict.fromkeys(("longitude", "lon", "lng"), "longitude"),
    "time_of_day": "time_of_day",
}
_POWER = re.compile(
    r"(?P<what>load|consumption|demand|solar|pv|generation|production)"
    r"(?:[ _-]?(?P<unit>kwh|wh|kw|w)| ?\((?P<round>kwh|wh|kw|w)\)| ?\[(?P<square>kwh|wh|kw|w)\])?"
)
"""A power column: load, load_kW, Load (kW), solar [W]. Nothing else may stand between name and unit."""
_UNITS: dict[str | None, StatedUnit] = {"kw": "kW", "w": "W", "kwh": "kWh", "wh": "Wh", None: ""}


@dataclass(frozen=True, slots=True)
class Column:
    """Where a role is found: its place in the row, its name in the file, and the unit the name states."""

    role: Role
    place: int
    name: str
    unit: StatedUnit = ""


def recognise(names: list[str]) -> tuple[Column, ...]:
    """The columns the reader understands, in the order of the file; others are ignored."""
    found = (_column(place, name) for place, name in enumerate(names))
    return tuple(column for column in found if column is not None)


def _column(place: int, name: str) -> Column | None:
    spelled = name.strip()
    key = spelled.lower()
    if key.replace(" ", "_") in _EXACT:
        return Column(_EXACT[key.replace(" ", "_")], place, spelled)
    power = _POWER.fullmatch(key)
    if power is None:
        return None
    role: Role = "load" if power["what"] in ("load", "consumption", "demand") else "solar"
    return Column(role, place, spelled, _UNITS[power["unit"] or power["round"] or power["square"]])
