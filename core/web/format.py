"""Every number on the page in the lab's currency and number style, with fixed decimals and a real minus sign."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import InputError
from core.settings import Settings

STYLES = {"1,234.5": (",", "."), "1.234,5": (".", ","), "1 234,5": ("\u202f", ",")}
"""Number style to thousands and decimal separator."""
NOT_DEFINED = "–"
MANY_KWH = 10_000.0


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

    def energy(self, kwh: float, decimals: int = 1) -> str:
        """`kwh` with its unit, in MWh from 10,000 kWh on."""
        if abs(kwh) >= MANY_KWH:
            return f"{self.number(kwh / 1000, decimals)} MWh"
        digits = self.number(kwh, decimals)
        return digits if digits == NOT_DEFINED else f"{digits} kWh"

    def unit(self, unit: str) -> str:
        """A unit with the lab's currency where the market's stands, such as ₹/kWh."""
        return unit.replace("₹", self.currency)


def count(number: int, noun: str) -> str:
    """ "1 algorithm", "10 algorithms"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def numbers_of(settings: Settings) -> Numbers:
    """The numbers of this lab."""
    return Numbers(settings.currency, settings.number_style)


# ---- The ledger's integers


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


# ---- Times


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(?:(?:t|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?)?"
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})" + _TIME)
_WORDED = re.compile(rf"(?P<day>\d{{1,2}})\s+(?P<month>{'|'.join(MONTHS)})[a-z]*,?\s+(?P<year>\d{{4}})" + _TIME)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, milliseconds since 1970 UTC; the end is not part of it."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Clock:
    """The site's zone, by IANA name."""

    zone_name: str

    @property
    def zone(self) -> ZoneInfo:
        """The zone's rules."""
        return ZoneInfo(self.zone_name)

    def at(self, at_ms: int) -> datetime:
        """The moment in the site's zone."""
        return datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000).astimezone(self.zone)

    def moment(self, at_ms: int) -> str:
        """1 Jan 2026, 05:52:20 IST"""
        moment = self.at(at_ms)
        return f"{moment.day} {moment:%b %Y, %H:%M:%S} {self.abbreviation(at_ms)}"

    def exact(self, at_ms: int) -> str:
        """2026-01-01 05:52:20.000 IST (UTC+05:30)"""
        moment = self.at(at_ms)
        offset = f"{moment:%z}"
        return f"{moment:%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03d} {moment:%Z} (UTC{offset[:3]}:{offset[3:5]})"

    def day_name(self, at: datetime) -> str:
        """1 Jan 2026"""
        moment = at.astimezone(self.zone)
        return f"{moment.day} {moment:%b %Y}"

    def minute(self, at: datetime) -> str:
        """1 Jan 2026 05:52, where the page names the zone."""
        moment = at.astimezone(self.zone)
        return f"{moment.day} {moment:%b %Y %H:%M}"

    def time(self, at_ms: int) -> str:
        """05:52, with the day before it if it is not today."""
        moment = self.at(at_ms)
        return f"{moment:%H:%M}" if moment.date() == datetime.now(self.zone).date() else self.minute(moment)

    def column(self, at_ms: int) -> str:
        """2026-01-01 05:52:20, for a column whose head names the zone."""
        return f"{self.at(at_ms):%Y-%m-%d %H:%M:%S}"

    def day(self, at_ms: int) -> date:
        """The calendar day at the site."""
        return self.at(at_ms).date()

    def abbreviation(self, at_ms: int) -> str:
        """IST, BST, …; zones without letters are named by their offset."""
        name = f"{self.at(at_ms):%Z}"
        return f"UTC{name}" if name[:1] in "+-" else name

    def days(self, first: date, last: date) -> Span:
        """From the start of `first` to the end of `last`, as days are at the site."""
        return Span(self._midnight(first), self._midnight(last + timedelta(days=1)))

    def _midnight(self, day: date) -> int:
        return int(datetime.combine(day, time(), self.zone).timestamp()) * 1000

    def read(self, text: str) -> Span | None:
        """The day, minute or second that `text` names ("2026-01-05", "5 Jan 2026 14:30"); None if it names none.

        Raises InputError for a day or time that does not exist, such as 2026-02-30.
        """
        words = text.strip().lower()
        found = _ISO.fullmatch(words) or _WORDED.fullmatch(words)
        if found is None:
            return None
        month = MONTHS.index(found["month"]) + 1 if found["month"] in MONTHS else int(found["month"])
        try:
            day = date(int(found["year"]), month, int(found["day"]))
            if found["hour"] is None:
                return self.days(day, day)
            moment = time(int(found["hour"]), int(found["minute"]), int(found["second"] or 0))
            start_ms = int(datetime.combine(day, moment, self.zone).timestamp()) * 1000
        except (ValueError, OverflowError):
            raise InputError(
                f'"{text.strip()[:80]}" is not a time that exists.',
                fix="Write a day such as 2026-01-31, or a minute such as 2026-01-31 14:30.",
            ) from None
        return Span(start_ms, start_ms + (1000 if found["second"] else 60_000))


def span(first: date, last: date) -> str:
    """The days from `first` to `last`: "1–7 Apr 2025", "30 Dec 2024 – 2 Jan 2025"."""
    if first == last:
        return f"{last.day} {last:%b %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{last.day} {last:%b %Y}"
    return f"{first.day} {first:%b %Y} – {last.day} {last:%b %Y}"


def ago(seconds: float) -> str:
    """12 s ago, 3 min ago, 5 h ago, 2 days ago."""
    return f"{duration(seconds)} ago"


def duration(seconds: float) -> str:
    """12 s, 3 min, 5 h, 2 days: one unit, rounded down."""
    whole = max(0, int(seconds))
    if whole < 90:
        return f"{whole} s"
    if whole < 90 * 60:
        return f"{whole // 60} min"
    if whole < 36 * 3600:
        return f"{whole // 3600} h"
    return f"{whole // 86400} days"
