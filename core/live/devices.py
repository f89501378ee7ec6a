"""Devices that speak their own language: a table says which number of which topic is what of which home.

The table (`MQTT_DEVICES`, TOML) has one `[[device]]` a row: `household`, and a `kind` of `devices.toml` or all of
`topic`, `path`, `unit`, `measures`; what a row says itself goes before its kind. Powers of one home come in several
messages, so the last of each is held, and a reading is made once all that its rows measure is at hand and fresh.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.ledger.canonical import shown
from core.live import packets
from core.live.json_fields import MAX_BYTES, time_ms
from core.live.payload import MAX_KW, MeterMessage

SHIPPED = Path(__file__).with_name("devices.toml")
UNITS = {"W": 0.001, "kW": 1.0, "MW": 1000.0}
MEASURES = ("load", "import", "export", "net", "solar")
FRESH_S = 900.0
"""A value of a home is held for so long; without a newer one the home makes no reading."""
MAX_HOMES = 10_000
NOISE_KW = 0.05
"""A power so little below zero is zero: what meters and inverters show at rest."""

_FIELDS = {"household", "kind", "about", "topic", "path", "unit", "measures", "sign", "time"}
_FORM = "See docs/live.md for its form."
_HOUSEHOLD = "{household}"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Device:
    """One row. topic_filter: to subscribe to; level: place of the household in the topic, None if `household` is it."""

    number: int
    topic_filter: str
    household: str
    level: int | None
    path: tuple[str, ...]
    to_kw: float
    measures: str
    time: tuple[str, ...]

    def household_of(self, topic: str) -> str:
        """Whose power a message on this topic is. Raises InputError for a level that is no id."""
        found = self.household if self.level is None else topic.split("/")[self.level]
        if not _ID.fullmatch(found):
            raise InputError(f"The household in the topic is {shown(found)}, expected an id.", code="bad_id")
        return found


@cache
def kinds() -> dict[str, dict[str, Any]]:
    """The shipped rows by kind."""
    return tomllib.loads(SHIPPED.read_text(encoding="utf-8"))


def read_table(path: str) -> tuple[Device, ...]:
    """The rows of a table; none for "". Raises InputError naming file, row, what was found and what is expected."""
    if not path:
        return ()
    try:
        rows = tomllib.loads(Path(path).read_text(encoding="utf-8")).get("device", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(
            f"MQTT_DEVICES {path} cannot be read: {reason}.", fix="See docs/live.md for its form."
        ) from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or not rows:
        raise InputError(f"MQTT_DEVICES {path} has no [[device]] row.", fix=_FORM)
    devices = tuple(_device(row, number, f"{path}, device {number}") for number, row in enumerate(rows, start=1))
    _check_homes(devices, path)
    return devices


def _device(row: Mapping[str, Any], number: int, where: str) -> Device:
    if unknown := sorted(set(row) - _FIELDS):
        raise InputError(f"{where}: {shown(unknown[0])} is not a field; known are {', '.join(sorted(_FIELDS))}.")
    kind = row.get("kind", "")
    if kind and kind not in kinds():
        raise InputError(f"{where}: the kind is {shown(kind)}, expected one of {', '.join(kinds())}.")
    whole = {**kinds().get(kind, {}), **row}
    for name in ("topic", "path", "unit", "measures"):
        if not isinstance(whole.get(name), str):
            raise InputError(f"{where}: {name} is missing; name a kind, or say it.")
    if whole["unit"] not in UNITS:
        raise InputError(f"{where}: the unit is {shown(whole['unit'])}, expected one of {', '.join(UNITS)}.")
    if whole["measures"] not in MEASURES:
        raise InputError(f"{where}: measures is {shown(whole['measures'])}, expected one of {', '.join(MEASURES)}.")
    sign = whole.get("sign", 1)
    if sign not in (1, -1):
        raise InputError(f"{where}: sign is {shown(sign)}, expected 1 or -1.")
    topic_filter, household, level = _place(whole, where)
    return Device(
        number=number,
        topic_filter=topic_filter,
        household=household,
        level=level,
        path=_parts(whole["path"]),
        to_kw=UNITS[whole["unit"]] * sign,
        measures=whole["measures"],
        time=_parts(whole.get("time", "")),
    )


def _place(row: Mapping[str, Any], where: str) -> tuple[str, str, int | None]:
    """Topic filter, household, and the level of the topic that names it."""
    topic, household = row["topic"], row.get("household", "")
    levels = topic.split("/")
    level = levels.index(_HOUSEHOLD) if _HOUSEHOLD in levels else None
    if (level is None) == (household == ""):
        raise InputError(f"{where}: say the home once, by household or by {_HOUSEHOLD} as a level of the topic.")
    if household and not (isinstance(household, str) and _ID.fullmatch(household)):
        raise InputError(f"{where}: household is {shown(household)}, expected 1 to 64 of A-Z a-z 0-9 _ -.")
    if level is None and {"+", "#"} & set(levels):
        raise InputError(f"{where}: {shown(topic)} is of many devices; name the topic of this one.")
    topic_filter = topic.replace(_HOUSEHOLD, "+")
    if not packets.is_filter(topic_filter):
        raise InputError(f"{where}: {shown(topic)} is not a topic.")
    return topic_filter, household, level


def _check_homes(devices: tuple[Device, ...], path: str) -> None:
    """A home is measured by its load or by its connection to the grid, not by both."""
    for place in {(device.household, device.level is None) for device in devices}:
        measured = {device.measures for device in devices if (device.household, device.level is None) == place}
        grid = measured & {"net", "import", "export"}
        if ("load" in measured and grid) or ("net" in measured and len(grid) > 1):
            raise InputError(
                f"MQTT_DEVICES {path}: {place[0] or 'the homes by topic'} has {', '.join(sorted(measured))}; expected "
                "load, or net, or import and export, each with solar or without."
            )


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


# ---- messages


@dataclass(slots=True)
class Homes:
    """The last powers of every home. Used by one thread; a message that comes again changes nothing.

    zone: of times without an offset.
    """

    devices: tuple[Device, ...]
    zone: tzinfo = UTC
    _held: dict[str, dict[tuple[int, str], tuple[float, int]]] = field(default_factory=dict)

    def of(self, topic: str) -> list[Device]:
        """The rows that a message on this topic is for."""
        return [device for device in self.devices if packets.matches(device.topic_filter, topic)]

    def heard(self, topic: str, payload: bytes, now_ms: int) -> list[MeterMessage]:
        """The readings that a message completes. Raises InputError with the reason for one that says no power."""
        found = [(device, *_power(device, payload, self.zone)) for device in self.of(topic)]
        homes: dict[str, int | None] = {}
        for device, kw, at_ms in found:
            household = device.household_of(topic)
            if household not in self._held and len(self._held) >= MAX_HOMES:
                raise InputError(f"More than {MAX_HOMES:,} homes send by devices.", code="unexpected_topic")
            self._held.setdefault(household, {})[device.number, topic] = kw, now_ms
            homes[household] = at_ms
        readings = (self._reading(household, at_ms, now_ms) for household, at_ms in homes.items())
        return [reading for reading in readings if reading is not None]

    def _reading(self, household: str, at_ms: int | None, now_ms: int) -> MeterMessage | None:
        """All that is measured of a home, if every row of it has a fresh value."""
        held = self._held[household]
        heard = {number for number, _ in held}
        own = [device for device in self.devices if device.household == household]
        by_topic = [device for device in self.devices if device.level is not None]
        rows = [*own, *(device for device in by_topic if device.number in heard)] if own else by_topic
        sums = dict.fromkeys({device.measures for device in rows}, 0.0)
        for device in rows:
            values = [kw for (number, _), (kw, heard_ms) in held.items()
                      if number == device.number and now_ms - heard_ms <= FRESH_S * 1000]  # fmt: skip
            if not values:
                return None
            sums[device.measures] += sum(values)
        load_kw, solar_kw = _balance(household, sums)
        return MeterMessage(household, load_kw, solar_kw, at_ms)


def _balance(household: str, sums: Mapping[str, float]) -> tuple[float, float]:
    """Load and solar power of a home from what is measured of it, kW.

    Of a home whose panels are not measured only the surplus is known: it stands as solar power without load.
    """
    solar = _positive(household, "solar", sums["solar"]) if "solar" in sums else 0.0
    if "load" in sums or not {"net", "import", "export"} & set(sums):
        return _positive(household, "load", sums.get("load", 0.0)), solar
    net = sums.get("net", 0.0) + sums.get("import", 0.0) - sums.get("export", 0.0)
    if "solar" not in sums:
        return _positive(household, "import", max(net, 0.0)), _positive(household, "export", max(-net, 0.0))
    return _positive(household, "load (grid and solar added)", net + solar, noise_kw=NOISE_KW + 0.1 * solar), solar


def _positive(household: str, what: str, kw: float, *, noise_kw: float = NOISE_KW) -> float:
    if kw < -noise_kw:
        raise InputError(f"The {what} of {household} is {kw:.3f} kW; look at its sign.", code="negative")
    if kw > MAX_KW:
        raise InputError(f"The {what} of {household} is {kw:,.1f} kW, expected at most {MAX_KW}.", code="absurd")
    return max(kw, 0.0)


def _power(device: Device, payload: bytes, zone: tzinfo) -> tuple[float, int | None]:
    """The number a row points to, kW, and the message's own time."""
    if len(payload) > MAX_BYTES:
        raise InputError(f"The payload has {len(payload):,} bytes, at most {MAX_BYTES:,} are read.", code="too_large")
    try:
        found = json.loads(payload.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"Byte {error.start} of the payload is not UTF-8.", code="not_utf8") from None
    except (ValueError, RecursionError):
        raise InputError(f"{shown(payload)} is neither JSON nor a number.", code="not_json") from None
    at_ms = time_ms(_at(found, device.time), ".".join(device.time), zone) if device.time else None
    kw = _number(_at(found, device.path), ".".join(device.path) or "The payload") * device.to_kw
    if not abs(kw) <= MAX_KW:
        raise InputError(f"The power is {kw:,.1f} kW, expected at most {MAX_KW}.", code="absurd")
    return kw, at_ms


def _at(found: Any, path: tuple[str, ...]) -> Any:
    for depth, name in enumerate(path):
        if not isinstance(found, dict) or name not in found:
            there = ", ".join(shown(key) for key in list(found)[:8]) if isinstance(found, dict) else "no object"
            raise InputError(f"{'.'.join(path[: depth + 1])} is missing; found: {there}.", code="missing_field")
        found = found[name]
    return found


def _number(found: Any, name: str) -> float:
    """A number, a number as text, or the sum of a list of them (phases)."""
    if isinstance(found, list) and found:
        return math.fsum(_number(one, name) for one in found)
    try:
        if isinstance(found, bool) or not isinstance(found, int | float | str):
            raise ValueError
        number = float(found)
    except (ValueError, OverflowError):
        raise InputError(f"{name} is {shown(str(found))}, expected a number.", code="wrong_type") from None
    if not math.isfinite(number):
        raise InputError(f"{name} is {number}, expected a number.", code="not_a_number")
    return number
