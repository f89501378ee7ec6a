"""Every number on the page in the lab's currency and number style, with fixed decimals and a real minus sign."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.settings import Settings

STYLES = {"1,234.5": (",", "."), "1.234,5": (".", ","), "1 234,5": ("\u202f", ",")}
"""Number style to thousands and decimal separator."""
NOT_DEFINED = "–"


@dataclass(frozen=True, slots=True)
class Numbers:
    """How numbers are written: the currency's sign and the two separators."""

    currency: str = "₹"
    style: str = "1,234.5"

    @property
    def separators(self) -> str:
        """Decimal and thousands separator, as Plotly's `layout.separators` takes them."""
        thousands, decimal = STYLES[self.style]
        return decimal + thousands

    def number(self, value: float, decimals: int = 2, *, sign: bool = False) -> str:
        """`value` with thousands separated; a dash where it is not defined; "+" before what is above 0 on demand."""
        if not math.isfinite(value):
            return NOT_DEFINED
        rounded = round(value, decimals)
        if rounded == 0:
            rounded = 0.0
        thousands, decimal = STYLES[self.style]
        digits = f"{abs(rounded):,.{decimals}f}".translate({ord(","): thousands, ord("."): decimal})
        before = "−" if rounded < 0 else "+" if sign and rounded > 0 else ""
        return before + digits

    def money(self, value: float, decimals: int = 2, *, sign: bool = False) -> str:
        """`value` in the currency, its sign before the currency's."""
        digits = self.number(value, decimals, sign=sign)
        if digits == NOT_DEFINED:
            return digits
        before = digits[0] if digits[0] in "+−" else ""
        return before + self.currency + digits.removeprefix(before)

    def percent(self, value: float, decimals: int = 1, *, sign: bool = False) -> str:
        """`value` in percent."""
        digits = self.number(value, decimals, sign=sign)
        return digits if digits == NOT_DEFINED else f"{digits} %"

    def unit(self, unit: str) -> str:
        """A unit with the lab's currency where the market's stands, such as ₹/kWh."""
        return unit.replace("₹", self.currency)


def numbers_of(settings: Settings) -> Numbers:
    """The numbers of this lab."""
    return Numbers(settings.currency, settings.number_style)
