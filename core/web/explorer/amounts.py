"""The ledger's integers as a person reads them: 3.5 kWh, ₹6.80, computed without a float.

Two ways for each: `exact` keeps every digit that counts, `fixed` rounds half to even for columns of numbers.
"""

from __future__ import annotations

WH_DIGITS = 3
"""Decimals of a kWh that is counted in Wh."""
MICRO_DIGITS = 6
"""Decimals of money and prices that are counted in millionths."""
MINUS = "−"


def energy(energy_wh: int) -> str:
    """3500 → "3.5 kWh"; every digit that counts."""
    return f"{decimal(energy_wh, digits=WH_DIGITS)} kWh"


def money(amount_micro: int, currency: str) -> str:
    """6800000 → "₹6.80"; at least two decimals, every digit that counts."""
    text = decimal(amount_micro, digits=MICRO_DIGITS, least=2)
    return f"{MINUS}{currency}{text[1:]}" if text.startswith(MINUS) else f"{currency}{text}"


def price(price_micro_per_kwh: int, currency: str) -> str:
    """6800000 → "₹6.80/kWh"."""
    return f"{money(price_micro_per_kwh, currency)}/kWh"


def decimal(value: int, *, digits: int, least: int = 0) -> str:
    """An integer of 10^-digits as a decimal with thousands separated; trailing zeros go, `least` decimals stay."""
    whole, rest = divmod(abs(value), 10**digits)
    fraction = f"{rest:0{digits}d}".rstrip("0").ljust(least, "0")
    return f"{MINUS if value < 0 else ''}{whole:,}" + (f".{fraction}" if fraction else "")


def fixed(value: int, *, digits: int, decimals: int) -> str:
    """An integer of 10^-digits with exactly `decimals` decimals, rounded half to even: for columns of numbers."""
    step = 10 ** (digits - decimals)
    quotient, rest = divmod(abs(value), step)
    if rest * 2 > step or (rest * 2 == step and quotient % 2):
        quotient += 1
    whole, fraction = divmod(quotient, 10**decimals)
    sign = MINUS if value < 0 and quotient else ""
    return f"{sign}{whole:,}.{fraction:0{decimals}d}" if decimals else f"{sign}{whole:,}"


def kwh_column(energy_wh: int) -> str:
    """Energy for a column headed kWh: three decimals."""
    return fixed(energy_wh, digits=WH_DIGITS, decimals=3)


def money_column(micro: int) -> str:
    """Money or a price for a column headed with its unit: two decimals."""
    return fixed(micro, digits=MICRO_DIGITS, decimals=2)


def count(number: int, one: str, many: str = "") -> str:
    """1 → "1 trade", 2 → "2 trades", 12000 → "12,000 trades"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(byte_count: int) -> str:
    """Bytes in the largest unit that keeps a number readable: 254 MB, 24.9 kB, 300 bytes."""
    if byte_count < 1000:
        return count(byte_count, "byte")
    power = min(3, (len(str(byte_count)) - 1) // 3)
    scaled = byte_count / 1000**power
    return f"{scaled:,.{1 if scaled < 100 else 0}f} {('kB', 'MB', 'GB')[power - 1]}"


def short(digest: str) -> str:
    """A hash as first eight and last four digits; text that is short anyway stays whole."""
    return f"{digest[:8]}…{digest[-4:]}" if len(digest) > 14 else digest
