"""What each column of a foreign table means: its role, unit, household and part, from the words of eight languages."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from core.readings.tables import RawTable

POWER_ROLES = ("load", "solar", "import", "export", "net")
ROLES = (
    *POWER_ROLES,
    "time",
    "date",
    "clock",
    "hour",
    "block",
    "end",
    "household",
    "quantity",
    "value",
    "unit",
    "status",
    "ignore",
)
UNITS = {
    "kwh": "kWh",
    "wh": "Wh",
    "mwh": "MWh",
    "kw": "kW",
    "w": "W",
    "mw": "MW",
    "watts": "W",
    "watt": "W",
    "kwatts": "kW",
    "kilowatt": "kW",
    "kilowatts": "kW",
    "wattage": "W",
}
OTHER_UNITS = frozenset(
    ("v", "a", "va", "kva", "kvah", "var", "kvar", "kvarh", "hz", "c", "ct", "eur", "p", "usd", "inr", "pf", "pu")
)
UMLAUTS = {
    ord("ä"): "ae",
    ord("ö"): "oe",
    ord("ü"): "ue",
    ord("ß"): "ss",
    ord("Ä"): "Ae",
    ord("Ö"): "Oe",
    ord("Ü"): "Ue",
}
ZONE_WORDS = {"utc": "UTC", "gmt": "UTC"}


@cache
def words() -> dict[str, frozenset[str]]:
    """The vocabulary, by kind of word."""
    found = json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))
    return {kind: frozenset(each) for kind, each in found.items()}


def tokens_of(text: str) -> list[str]:
    """Lower-case words without accents: "Zählerstand PV (kWh)" gives zaehlerstand, pv, kwh."""
    text = text.translate(UMLAUTS)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = re.sub(
        r"[kKM][wW](?:[hH]|atts?)?(?![a-z])|[kK][vV][aA][rR]?[hH]?", lambda unit: unit.group().lower() + " ", text
    )
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", text)
    return [word for word in re.split(r"[^0-9A-Za-z\u0900-\u097f]+", text.lower()) if word]


def phrases(tokens: list[str]) -> set[str]:
    """Every run of up to four words, joined by _."""
    return {"_".join(tokens[a:b]) for a in range(len(tokens)) for b in range(a + 1, min(a + 4, len(tokens)) + 1)}


def says(kind: str, tokens: list[str]) -> bool:
    """Whether the words hold one of this kind, alone or as a phrase."""
    return not words()[kind].isdisjoint(phrases(tokens))


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a column means. of: the household its name holds, "" if none. part: a phase or tariff in its name.

    zone: that its name states. running: a meter's total by its name.
    """

    place: int
    name: str
    role: str
    unit: str = ""
    of: str = ""
    part: str = ""
    zone: str = ""
    running: bool = False


def unit_of(tokens: list[str]) -> str:
    """The unit that the words state: "" for none, "other" for one that is neither energy nor power."""
    found = [UNITS[token] for token in tokens if token in UNITS]
    energy = [unit for unit in found if unit.endswith("h")]
    if found:
        return (energy or found)[0]
    return "other" if tokens and (tokens[-1] in OTHER_UNITS) else ""


def power_role(tokens: list[str]) -> str:
    """load, solar, import, export, net, ignore, or "" where the words say none of it."""
    if says("ignore", tokens):
        return "ignore"
    flows = [kind for kind in ("export", "import") if says(kind, tokens)]
    if len(flows) == 1:
        return flows[0]
    if len(flows) == 2:
        return "ignore"
    if says("solar", tokens):
        return "solar"
    if (
        "net" in tokens
        or "netto" in tokens
        or {"grid_power", "power_grid", "net_usage", "net_energy"} & phrases(tokens)
    ):
        return "net"
    return "load" if says("load", tokens) else ""


def meanings(table: RawTable, chosen: Mapping[str, Mapping[str, str]] | None = None) -> list[Meaning]:
    """A meaning for every column, in their order. chosen: role and unit by column name, as a person named them."""
    found = [_meaning(place, name, table) for place, name in enumerate(table.header)]
    told = chosen or {}
    for m in found:
        if m.name in told:
            choice = told[m.name]
            found[m.place] = replace(m, role=choice.get("role", m.role), unit=choice.get("unit", m.unit))
    return _one_time(found, table)


def _meaning(place: int, name: str, table: RawTable) -> Meaning:
    tokens = tokens_of(name)
    below = tokens_of(table.units[place]) if place < len(table.units) else []
    unit = unit_of(tokens) or unit_of(below)
    zone = next((ZONE_WORDS[token] for token in tokens if token in ZONE_WORDS), "") or _zone_in(name)
    cells = [row[place] for row in table.rows[:200]]
    texts = [cell for cell in cells if cell]
    numeric = bool(texts) and sum(is_number(cell) for cell in texts) * 10 >= len(texts) * 9
    if unit == "other":
        return Meaning(place, name, "ignore")
    if not numeric or _is_time(tokens, texts):
        return Meaning(place, name, _text_role(tokens, texts), zone=zone)
    if unit == "" and _whole_of(texts, 1, 25) and says("hour", tokens):
        return Meaning(place, name, "hour")
    if unit == "" and _whole_of(texts, 1, 96) and says("block", tokens):
        return Meaning(place, name, "block")
    if unit == "" and says("meter", tokens) and power_role(tokens) in ("", "load"):
        return Meaning(place, name, "household")
    role = power_role(tokens)
    if role == "" and says("value", tokens):
        return Meaning(place, name, "value", unit)
    if role == "" and unit == "":
        return Meaning(place, name, "household" if says("household", tokens) else "ignore")
    rest = [t for t in tokens if t not in UNITS and not _is_role_word(t)]
    part = "_".join(t for t in rest if t in words()["phase"] or t in words()["total"])
    left = [t for t in rest if t not in words()["filler"] and t not in words()["phase"] and t not in words()["total"]]
    return Meaning(
        place,
        name,
        role or "value",
        unit,
        of="_".join(left),
        part=part,
    )


def _is_role_word(token: str) -> bool:
    vocabulary = words()
    return any(token in vocabulary[kind] for kind in ("load", "solar", "import", "export", "net", "restart", "running"))


def _text_role(tokens: list[str], texts: list[str]) -> str:
    timed = bool(texts) and sum(is_timestamp(text) for text in texts) * 10 >= len(texts) * 8
    clocked = bool(texts) and all(is_clock(text) for text in texts)
    dated = bool(texts) and all(is_date(text) for text in texts)
    if clocked and not dated:
        return "clock_end" if says("end", tokens) and not says("start", tokens) else "clock"
    if dated:
        return "date_end" if says("end", tokens) and not says("start", tokens) else "date"
    if timed:
        return "end" if says("end", tokens) and not says("start", tokens) else "time"
    if says("unit", tokens):
        return "unit"
    if says("household", tokens) and not says("quantity", tokens):
        return "household"
    if says("meter", tokens) and not says("quantity", tokens):
        return "household"
    if says("status", tokens) and not says("quantity", tokens):
        return "status"
    if texts and any(
        power_role(tokens_of(text)) not in ("", "ignore") or text.upper() in ("E1", "B1") for text in texts
    ):
        return "quantity"
    if says("meter", tokens) or says("household", tokens):
        return "household"
    return "status"


def _is_time(tokens: list[str], texts: list[str]) -> bool:
    if not texts or not all(is_timestamp(text) or is_clock(text) or is_date(text) for text in texts[:20]):
        return False
    epoch = all(re.fullmatch(r"\d{8,14}", text) for text in texts)
    return not epoch or says("time", tokens) or says("date", tokens) or says("start", tokens) or says("clock", tokens)


def _whole_of(texts: list[str], least: int, most: int) -> bool:
    return bool(texts) and all(text.isdigit() and 0 <= int(text) <= most for text in texts)


def _zone_in(name: str) -> str:
    found = re.search(r"\b([A-Z][A-Za-z]+/[A-Z][A-Za-z_]+)\b", name)
    return found.group(1) if found else ""


DATE = r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}|\d{8})"
CLOCK = r"(?:\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[AaPp]\.?[Mm]\.?)?)"
OFFSET = r"(?:\s*(?:Z|UTC|[+-]\d{2}:?\d{2}))?"


def is_clock(text: str) -> bool:
    """A time of day, alone."""
    return re.fullmatch(CLOCK, text) is not None


def is_date(text: str) -> bool:
    """A date, alone."""
    return re.fullmatch(DATE, text) is not None


def is_timestamp(text: str) -> bool:
    """A date with a time, or an epoch."""
    return re.fullmatch(rf"{DATE},?[ T]+{CLOCK}{OFFSET}|\d{{10}}|\d{{13}}|\d{{12}}|\d{{14}}", text) is not None


def is_number(text: str) -> bool:
    """A number in any style."""
    return re.fullmatch(r"[+-]?(?:\d[\d.,' \u00a0\u202f]*)?\d(?:[eE][+-]?\d+)?|[+-]?\d*[.,]\d+", text) is not None


def _one_time(found: list[Meaning], table: RawTable) -> list[Meaning]:
    """Of several columns of times one is read: that in UTC, else that of the start, else the first."""
    times = [m for m in found if m.role == "time"]
    if len(times) > 1:
        best = min(
            times,
            key=lambda m: (m.zone != "UTC", "unix" in tokens_of(m.name), not says("start", tokens_of(m.name)), m.place),
        )
        found = [m if m.role != "time" or m is best else Meaning(m.place, m.name, "ignore") for m in found]
    for role in ("date", "clock"):
        several = [m for m in found if m.role == role]
        for extra in several[1:]:
            found[extra.place] = Meaning(extra.place, extra.name, "ignore")
    if any(m.role == "time" for m in found):
        found = [Meaning(m.place, m.name, "ignore") if m.role in ("date", "clock") else m for m in found]
    return found
