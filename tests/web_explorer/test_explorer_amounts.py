from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.web.format import Amounts, decimal, fixed, short

RUPEES = Amounts("₹", "1,234.5")
EUROS = Amounts("€", "1.234,5")


@pytest.mark.parametrize(
    ("energy_wh", "text"),
    [(3500, "3.5 kWh"), (4, "0.004 kWh"), (0, "0 kWh"), (12_345_678, "12,345.678 kWh"), (-250, "−0.25 kWh")],
)
def test_energy_reads_as_kilowatt_hours_with_every_digit_that_counts(energy_wh: int, text: str) -> None:
    assert RUPEES.energy(energy_wh) == text


@pytest.mark.parametrize(
    ("micro", "text"),
    [(6_800_000, "₹6.80"), (23_800_000, "₹23.80"), (1, "₹0.000001"), (-3_100_000, "−₹3.10"), (0, "₹0.00")],
)
def test_money_reads_with_at_least_two_decimals(micro: int, text: str) -> None:
    assert RUPEES.money(micro) == text


def test_the_readme_trade_reads_as_its_publisher_wrote_it() -> None:
    # 3.5 kWh at ₹6.80: 3500 Wh × 6.8 ₹/kWh = ₹23.80
    assert RUPEES.energy(3500) == "3.5 kWh"
    assert RUPEES.price(6_800_000) == "₹6.80/kWh"


@given(st.integers(-(2**53), 2**53), st.integers(0, 6))
def test_fixed_decimals_round_half_to_even_as_decimal_arithmetic_does(value: int, decimals: int) -> None:
    expected = (Decimal(value) / Decimal(10**6)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    text = fixed(value, digits=6, decimals=decimals)
    assert Decimal(text.replace("−", "-").replace(",", "")) == expected
    assert not text.startswith("−") or expected < 0


@given(st.integers(-(2**53), 2**53))
def test_exact_text_loses_nothing(value: int) -> None:
    text = decimal(value, digits=6, least=2).replace("−", "-").replace(",", "")
    assert Decimal(text) * 10**6 == value


def test_sizes_and_counts_read_naturally() -> None:
    assert RUPEES.size(1) == "1 byte"
    assert RUPEES.size(24_883) == "24.9 kB"
    assert RUPEES.size(254_000_000) == "254 MB"
    assert RUPEES.count(1, "trade") == "1 trade"
    assert RUPEES.count(12_000, "household") == "12,000 households"


def test_a_hash_is_shortened_and_a_short_id_is_not() -> None:
    assert short("0123456789abcdef" * 4) == "01234567…cdef"
    assert short("HH001") == "HH001"


def test_the_number_style_of_the_lab_is_kept_everywhere() -> None:
    assert EUROS.energy(12_345_678) == "12.345,678 kWh"
    assert EUROS.money(-1_234_500_000) == "−€1.234,50"
    assert EUROS.rounded(-99_154_999) == "−€99,15"
    assert EUROS.money_column(1_234_567_890) == "1.234,57"
    assert EUROS.count(12_000, "household") == "12.000 households"
    assert EUROS.size(24_883) == "24,9 kB"
    assert EUROS.seconds(28_403) == "28,4 s"
    assert EUROS.separators == ",."
    assert Amounts("₹", "1 234,5").whole(12_000) == "12\u202f000"
