"""The ledger's integers as a person reads them: 3.5 kWh, ₹6.80, computed without a float, in the lab's number style.

Two ways for energy and money: in a sentence every digit that counts, in a column a fixed number of decimals, rounded
half to even.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.settings import Settings
from core.web.compare.numbers import STYLES, Numbers

WH_DIGITS = 3
"""Decimals of a kWh that is counted in Wh."""
MICRO_DIGITS = 6
"""Decimals of money and prices that are counted in millionths."""
MINUS = "−"


@dataclass(frozen=True, slots=True)
class Amounts:
    """How amounts are written. currency: what money on this chain is counted in; style: a key of STYLES."""

    currency: str = "₹"
    style: str = "1,234.5"

    def energy(self, energy_wh: int) -> str:
        """3500 → "3.5 kWh"; every digit that counts."""
        return f"{self._styled(decimal(energy_wh, digits=WH_DIGITS))} kWh"

    def money(self, amount_micro: int) -> str:
        """6800000 → "₹6.80"; at least two decimals, every digit that counts."""
        return self._priced(decimal(amount_micro, digits=MICRO_DIGITS, least=2))

    def price(self, price_micro_per_kwh: int) -> str:
        """6800000 → "₹6.80/kWh"."""
        return f"{self.money(price_micro_per_kwh)}/kWh"

    def kwh_column(self, energy_wh: int) -> str:
        """Energy for a column headed kWh: three decimals."""
        return self._styled(fixed(energy_wh, digits=WH_DIGITS, decimals=3))

    def money_column(self, micro: int) -> str:
        """Money or a price for a column headed with its unit: two decimals."""
        return self._styled(fixed(micro, digits=MICRO_DIGITS, decimals=2))

    def rounded(self, amount_micro: int) -> str:
        """Money with its sign and two decimals: −₹99.15."""
        return self._priced(fixed(amount_micro, digits=MICRO_DIGITS, decimals=2))

    def whole(self, number: int) -> str:
        """12000 → "12,000"."""
        return self._styled(f"{number:,}")

    def count(self, number: int, one: str, many: str = "") -> str:
        """1 → "1 trade", 2 → "2 trades", 12000 → "12,000 trades"."""
        return f"{self.whole(number)} {one if number == 1 else many or one + 's'}"

    def number(self, value: float, decimals: int) -> str:
        """A recorded figure with fixed decimals; a dash where it is not defined."""
        return Numbers(self.currency, self.style).number(value, decimals)

    def seconds(self, milliseconds: int) -> str:
        """28403 → "28.4 s"."""
        return f"{self._styled(fixed(milliseconds, digits=3, decimals=1))} s"

    def size(self, byte_count: int) -> str:
        """Bytes in the largest unit that keeps a number readable: 254 MB, 24.9 kB, 300 bytes."""
        if byte_count < 1000:
            return self.count(byte_count, "byte")
        power = min(3, (len(str(byte_count)) - 1) // 3)
        scaled = byte_count / 1000**power
        return f"{self._styled(f'{scaled:,.{1 if scaled < 100 else 0}f}')} {('kB', 'MB', 'GB')[power - 1]}"

    @property
    def separators(self) -> str:
        """Decimal and thousands separator, as Plotly's `layout.separators` takes them."""
        thousands, point = STYLES[self.style]
        return point + thousands

    def _styled(self, text: str) -> str:
        thousands, point = STYLES[self.style]
        return text.translate({ord(","): thousands, ord("."): point})

    def _priced(self, text: str) -> str:
        digits = self._styled(text.removeprefix(MINUS))
        return f"{MINUS if text.startswith(MINUS) else ''}{self.currency}{digits}"


def amounts_of(settings: Settings, *, currency: str = "") -> Amounts:
    """The lab's way; `currency` is the chain's own, which its genesis block states."""
    return Amounts(currency or settings.currency, settings.number_style)


def decimal(value: int, *, digits: int, least: int = 0) -> str:
    """An integer of 10^-digits as a decimal with thousands separated; trailing zeros go, `least` decimals stay."""
    whole, rest = divmod(abs(value), 10**digits)
    fraction = f"{rest:0{digits}d}".rstrip("0").ljust(least, "0")
    return f"{MINUS if value < 0 else ''}{whole:,}" + (f".{fraction}" if fraction else "")


def fixed(value: int, *, digits: int, decimals: int) -> str:
    """An integer of 10^-digits with exactly `decimals` decimals, rounded half to even."""
    step = 10 ** (digits - decimals)
    quotient, rest = divmod(abs(value), step)
    if rest * 2 > step or (rest * 2 == step and quotient % 2):
        quotient += 1
    whole, fraction = divmod(quotient, 10**decimals)
    sign = MINUS if value < 0 and quotient else ""
    return f"{sign}{whole:,}.{fraction:0{decimals}d}" if decimals else f"{sign}{whole:,}"


def short(digest: str) -> str:
    """A hash as first eight and last four digits; text that is short anyway stays whole."""
    return f"{digest[:8]}…{digest[-4:]}" if len(digest) > 14 else digest
