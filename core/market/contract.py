"""What an algorithm is: one file with a name, a promise, a source, parameters and one pure function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from core.errors import MarketError

Value = float | int | str
FAMILIES = ("bound", "battery", "sharing", "auction", "fair share", "other")
"""What an algorithm may be kin to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    unit: str
    help: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Parameter(_Limits):
    """One setting of an algorithm: the kind of its default (float, int or str) is the kind of its values.

    minimum, maximum: allowed ends; above: excluded lower end; choices: the words a text may be. label: what people call
    it, the name in words unless given.
    """

    name: str
    default: Value

    @property
    def words(self) -> str:
        """What people call it."""
        return self.label or self.name.replace("_", " ").capitalize()

    def parse(self, text: str) -> Value:
        """A value from a person's text. Raises MarketError saying what is allowed."""
        kind = type(self.default)
        try:
            return self.check(kind(text.strip()))
        except ValueError:
            raise self._refused(text) from None

    def check(self, value: object) -> Value:
        """`value` if it is allowed, as the default's kind. Raises MarketError saying what is allowed."""
        if isinstance(self.default, str):
            if not isinstance(value, str) or (self.choices and value not in self.choices):
                raise self._refused(value)
            return value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._refused(value)
        if isinstance(self.default, int) and int(value) != value:
            raise self._refused(value)
        if (
            (self.minimum is not None and value < self.minimum)
            or (self.maximum is not None and value > self.maximum)
            or (self.above is not None and value <= self.above)
        ):
            raise self._refused(value)
        return type(self.default)(value)

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if self.choices:
            return "one of: " + ", ".join(self.choices)
        if isinstance(self.default, str):
            return f'text such as "{self.default}"'
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        ends = [
            f"{sign} {end:g}"
            for sign, end in ((">", self.above), (">=", self.minimum), ("<=", self.maximum))
            if end is not None
        ]
        return f"{kind} {' and '.join(ends)}".strip()

    def _refused(self, value: object) -> MarketError:
        return MarketError(f'{self.name} is "{str(value)[:80]}", expected {self.allowed}.')


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An algorithm as found in its file.

    settle: the settlement function; None for the kind `run(path) -> dict`.
    dispatch: its own dispatch, None for plain own use without batteries.
    clear: how it turns an order book into fills, for those that do; `clear(net_kwh, order_price, *, …)`.
    run: the simplest kind, figures from a folder of CSV files; None otherwise.
    colour: "#rrggbb", "" for one of the others. heavy: too slow for a year unless asked for.
    under_rules: how it clears orders that a rulebook's charges, losses and classes have changed, `(orders) -> Fills`;
        None where it knows the prices of one tariff only.
    exempt: names of invariants that the mechanism is known to break, and says so.
    family: one of FAMILIES; "sharing" is one price or rule for all, "fair share" a division by what each adds, "bound"
    what no rule between neighbours can undercut or surpass, such as no trade at all.
    easy_households: above so many it takes long and is left out unless asked for by name; None for any number.
    """

    id: str
    name: str
    promise: str
    source: str
    parameters: tuple[Parameter, ...]
    exempt: tuple[str, ...]
    source_digest: str
    rank: int
    settle: Callable[..., Any] | None = None
    dispatch: Callable[..., Any] | None = None
    clear: Callable[..., Any] | None = None
    run: Callable[[str], Mapping[str, object]] | None = None
    family: str = FAMILIES[-1]
    colour: str = ""
    heavy: bool = False
    easy_households: int | None = None

    def is_easy(self, households: int) -> bool:
        """Whether it is run on so many households without being asked for by name."""
        return self.easy_households is None or households <= self.easy_households

    under_rules: Callable[..., Any] | None = None

    @property
    def needs_folder(self) -> bool:
        """Whether it reads CSV files (the `run(path)` kind) instead of arrays."""
        return self.run is not None

    def complete(self, given: Mapping[str, object]) -> dict[str, Value]:
        """Every parameter with its value: as given, else the default. Raises MarketError with "did you mean"."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise unknown(f"parameter of {self.id}", name, known)
        return {name: known[name].check(given.get(name, known[name].default)) for name in known}


def unknown(what: str, name: str, known: Mapping[str, object]) -> MarketError:
    """The error for a name that is not there: what was asked, what is meant, what there is."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f'Did you mean "{close[0]}"?' if close else ""
    there = ", ".join(known) or "none"
    return MarketError(f'There is no {what} called "{name[:80]}".', fix=hint or f"There is: {there}.")
