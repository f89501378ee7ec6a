"""Reads a table of a rulebook or a case: every key known, every value of its kind, every complaint with its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from core.errors import MarketError

T = TypeVar("T")


class Table:
    """One table (JSON object) at `where`; take what is known, then `done` refuses what is left."""

    def __init__(self, found: object, where: str) -> None:
        if not isinstance(found, Mapping):
            raise MarketError(f"{where} is {shown(found)}, expected a table.")
        self._left = {str(key): value for key, value in found.items()}
        self._known: list[str] = []
        self.where = where

    def __contains__(self, key: str) -> bool:
        return self._left.get(key) is not None

    def take(self, key: str, default: object = None) -> object:
        """The value as it stands, or the default."""
        self._known.append(key)
        value = self._left.pop(key, None)
        return default if value is None else value

    def table(self, key: str) -> Table:
        """The table under a key; empty if there is none."""
        return Table(self.take(key, {}), self.at(key))

    def tables(self, key: str) -> list[Table]:
        """The list of tables under a key."""
        return [Table(each, f"{self.at(key)}[{place}]") for place, each in enumerate(self.list(key))]

    def named(self, key: str, make: Callable[[object, str], T]) -> dict[str, T]:
        """A table of values by name, each made by `make(value, where)`."""
        found = self.take(key, {})
        if not isinstance(found, Mapping):
            raise MarketError(f"{self.at(key)} is {shown(found)}, expected a table.")
        return {str(name): make(value, f"{self.at(key)}.{name}") for name, value in found.items()}

    def list(self, key: str) -> list[object]:
        """The list under a key; empty if there is none."""
        found = self.take(key, [])
        if not isinstance(found, list | tuple):
            raise MarketError(f"{self.at(key)} is {shown(found)}, expected a list.")
        return list(found)

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        found = self.take(key, default)
        if not isinstance(found, str):
            raise MarketError(f"{self.at(key)} is {shown(found)}, expected a text.")
        return found

    def number(
        self, key: str, default: float = 0.0, *, least: float = -math.inf, below: float = math.inf, unit: str = ""
    ) -> float:
        """A finite number of at least `least` and below `below`."""
        return number(self.take(key, default), self.at(key), least=least, below=below, unit=unit)

    def whole(self, key: str, default: int = 0, *, least: int = 0) -> int:
        """A whole number."""
        found = self.number(key, default, least=least)
        if found != int(found):
            raise MarketError(f"{self.at(key)} is {found:g}, expected a whole number.")
        return int(found)

    def flag(self, key: str) -> bool:
        """True or false; false if absent."""
        found = self.take(key, False)
        if not isinstance(found, bool):
            raise MarketError(f"{self.at(key)} is {shown(found)}, expected true or false.")
        return found

    def choice(self, key: str, choices: tuple[str, ...], default: str = "") -> str:
        """One of these words."""
        found = self.take(key, default)
        if found not in choices:
            raise MarketError(
                f"{self.at(key)} is {shown(found)}, expected one of: {', '.join(choices)}.",
                fix=did_you_mean(str(found), choices),
            )
        return str(found)

    def done(self) -> None:
        """Refuse what nobody took."""
        self.only(*self._known)

    def only(self, *known: str) -> Table:
        """Refuse every key but these, before anything is found missing."""
        for key in self._left:
            if key not in known:
                fix = did_you_mean(key, known) or f"There is: {', '.join(known)}."
                raise MarketError(f'{self.where} has no key "{key[:80]}".', fix=fix)
        return self

    def at(self, key: str) -> str:
        """Where a key of this table is, in words."""
        return f"{self.where}.{key}" if self.where != TOP else key


TOP = "The rulebook"


def number(found: object, where: str, *, least: float = -math.inf, below: float = math.inf, unit: str = "") -> float:
    """A finite number within its limits."""
    good = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    if not good or not least <= float(found) < below:  # type: ignore[arg-type]
        limits = [f"of at least {least:g}"] if math.isfinite(least) else []
        limits += [f"below {below:g}"] if math.isfinite(below) else []
        kind = " ".join(["a number", *([unit] if unit else []), " and ".join(limits)]).strip()
        raise MarketError(f"{where} is {shown(found)}, expected {kind}.")
    return float(found)  # type: ignore[arg-type]


def shown(value: object) -> str:
    """A value as a person would recognise it."""
    return f'"{value[:80]}"' if isinstance(value, str) else "nothing" if value is None else str(value)[:80]


def did_you_mean(name: str, known: object) -> str:
    """The hint for a name that is nearly one of the known ones; "" if none is near."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.5)  # type: ignore[call-overload]
    return f'Did you mean "{close[0]}"?' if close else ""
