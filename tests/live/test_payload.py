"""A payload is a trade, exactly, or has one clear reason why not."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.live.json_fields import MAX_BYTES
from core.live.payload import CODES, read_meter, read_trade

GOOD = {"buyer": "HH002", "seller": "HH001", "qty_kwh": 3.5, "price": 6.8}


def payload(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()


def test_the_readmes_example_is_a_trade() -> None:
    trade = read_trade(payload())
    assert (trade.buyer, trade.seller) == ("HH002", "HH001")
    assert (trade.energy_wh, trade.price_micro_per_kwh) == (3500, 6_800_000)
    assert (trade.message_id, trade.publisher, trade.seq, trade.traded_at_ms, trade.slot_ms) == (
        None,
        "",
        None,
        None,
        None,
    )


def test_every_optional_field_is_kept() -> None:
    trade = read_trade(
        payload(
            id="t-1", publisher="roof_7", seq=41, timestamp="2026-01-05T10:15:00Z", slot=1767607200, simulated=True, x=1
        )
    )
    assert (trade.message_id, trade.publisher, trade.seq, trade.simulated) == ("t-1", "roof_7", 41, True)
    assert trade.traded_at_ms == 1_767_608_100_000
    assert trade.slot_ms == 1_767_607_200_000


@pytest.mark.parametrize(
    ("text", "energy_wh"),
    [
        ("0.0015", 2),  # 1.5 Wh: half to even, 2
        ("0.0025", 2),  # 2.5 Wh: half to even, 2
        ("1.0015", 1002),  # 1001.5 Wh exactly; as a float it would be 1001.4999… and become 1001
        ("1.0025", 1002),
        ("1e1", 10_000),
        ("10000", 10_000_000),
        ("0.00050000000000000000000000001", 1),
    ],
)
def test_energy_is_rounded_half_to_even_from_its_decimal_text(text: str, energy_wh: int) -> None:
    assert read_trade(payload().replace(b"3.5", text.encode())).energy_wh == energy_wh


@pytest.mark.parametrize(
    ("bad", "code", "words"),
    [
        (b"", "not_json", "not JSON"),
        (b"\xff\xfe", "not_utf8", "Byte 0"),
        (payload().decode().encode("utf-16"), "not_utf8", "Byte 0"),
        (b'{"buyer": "HH002"', "not_json", "not JSON"),
        (b"[1, 2]", "not_an_object", "[1, 2]"),
        (b"3.5", "not_an_object", "3.5"),
        (b" " * (MAX_BYTES + 1), "too_large", "16,385 bytes"),
        (payload(qty_kwh=float("nan")), "not_a_number", "NaN"),
        (payload(price=float("-inf")), "not_a_number", "-Infinity"),
        (payload()[:-1] + b', "price": 1}', "duplicate_key", '"price"'),
        (payload()[:-1] + b', "x": {"a": 1, "a": 2}}', "duplicate_key", '"a"'),
        (b'{"a":' * 3000, "too_deep", "deep"),
        (b"[" * 16_000, "too_deep", "deep"),
        (payload(x=[[[[[1]]]]]), "too_deep", '"x"'),
        (payload(**{f"x{i}": i for i in range(40)}), "too_many_fields", "44 fields"),
        (without("price"), "missing_field", "price is missing"),
        (without("buyer"), "missing_field", "buyer is missing"),
        (payload(qty_kwh="3.5"), "wrong_type", 'the text "3.5"'),
        (payload(price=True), "wrong_type", "price is true"),
        (payload(price=None), "wrong_type", "price is null"),
        (payload(buyer=2), "wrong_type", "buyer is 2"),
        (payload(simulated="yes"), "wrong_type", "simulated"),
        (payload(seq=1.5), "wrong_type", "seq"),
        (payload(qty_kwh=-1), "negative", "qty_kwh"),
        (payload(price=-0.01), "negative", "price"),
        (payload(seq=-1), "negative", "seq"),
        (payload(qty_kwh=0), "too_small", "half a watt-hour"),
        (payload(qty_kwh=0.0004), "too_small", "half a watt-hour"),
        (payload(qty_kwh=1e9), "absurd", "at most 10,000"),
        (payload(price=1e300), "absurd", "at most 100,000"),
        (payload(seq=2**60), "absurd", "2^53"),
        (payload().replace(b"3.5", b"1e9999999999999999999"), "absurd", "beyond all reason"),
        (payload().replace(b"3.5", b"1e-9999999999999999999"), "absurd", "beyond all reason"),
        (payload().replace(b"3.5", b"9" * 5000), "absurd", "400 characters"),
        (payload(buyer="HH 2"), "bad_id", "HH 2"),
        (payload(buyer=""), "bad_id", "1 to 64"),
        (payload(seller="x" * 65), "bad_id", "1 to 64"),
        (payload(id="a/b"), "bad_id", "id is"),
        (payload(publisher="\ud800"), "bad_id", "publisher"),
        (payload(buyer="HH001"), "same_household", "HH001"),
        (payload(timestamp="yesterday"), "bad_time", "yesterday"),
        (payload(timestamp=1e30), "bad_time", "timestamp"),
        (payload(timestamp="1815-01-01T00:00:00Z"), "bad_time", "1815"),
        (payload(timestamp=[]), "wrong_type", "timestamp"),
        (payload(slot="noon"), "bad_time", "slot"),
    ],
)
def test_a_payload_that_is_no_trade_has_its_reason(bad: bytes, code: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_trade(bad)
    assert caught.value.code == code
    assert code in CODES
    assert words in caught.value.message


def test_a_reason_quotes_foreign_text_cut_and_escaped() -> None:
    with pytest.raises(InputError) as caught:
        read_trade(payload(buyer="\x1b[31m<script>" + "x" * 10_000))
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 250


@pytest.mark.parametrize(
    ("given", "expected_ms"),
    [
        (1_767_608_100, 1_767_608_100_000),
        (1_767_608_100.25, 1_767_608_100_250),
        (1_767_608_100_250, 1_767_608_100_250),
        ("2026-01-05T15:45:00+05:30", 1_767_608_100_000),
        ("2026-01-05T15:45:00", 1_767_608_100_000),  # no offset: read in the zone that was handed in
    ],
)
def test_a_time_is_a_number_of_seconds_or_milliseconds_or_iso_text(given: object, expected_ms: int) -> None:
    assert read_trade(payload(timestamp=given), zone=ZoneInfo("Asia/Kolkata")).traded_at_ms == expected_ms


def test_a_bare_slot_number_is_allowed_and_has_no_time() -> None:
    assert read_trade(payload(slot=40)).slot_ms is None


def test_a_meter_reading_takes_its_household_from_the_topic() -> None:
    reading = read_meter("HH007", b'{"load_kw": 0.42, "solar_kw": 1, "timestamp": "2026-01-05T10:15:00Z"}')
    assert (reading.household_id, reading.load_kw, reading.solar_kw) == ("HH007", 0.42, 1.0)
    assert reading.at_ms == 1_767_608_100_000


@pytest.mark.parametrize(
    ("household", "bad", "code"),
    [
        ("HH 7", b"{}", "bad_id"),
        ("HH007", b'{"solar_kw": 0}', "missing_field"),
        ("HH007", b'{"load_kw": "0.42", "solar_kw": "1.3", "timestamp": 1767608100}', "wrong_type"),
        ("HH007", b'{"load_kw": 100.5, "solar_kw": 0, "timestamp": 1767608100}', "absurd"),
        ("HH007", b'{"load_kw": -1, "solar_kw": 0, "timestamp": 1767608100}', "negative"),
        ("HH007", b'{"load_kw": 1, "solar_kw": 5000, "timestamp": 1767608100}', "absurd"),
    ],
)
def test_a_reading_that_is_none_has_its_reason(household: str, bad: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_meter(household, bad)
    assert caught.value.code == code


@given(st.binary(max_size=300))
def test_random_bytes_never_raise_anything_else(found: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read_trade(found)
    assert caught.value.code in CODES


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "id", "seq", "timestamp", "slot", "publisher", "simulated", "x"]), json_values
    )
)
def test_any_value_in_any_field_is_a_trade_or_a_reason(changes: dict[str, object]) -> None:
    try:
        trade = read_trade(payload(**changes))
    except InputError as error:
        assert error.code in CODES  # noqa: PT017  (a trade is as good an end)
    else:
        assert 0 < trade.energy_wh <= 10_000_000


def test_a_reading_may_be_spelled_as_in_a_csv_file() -> None:
    found = read_meter("HH001", b'{"load_kW": 1.5, "solar_kW": 0, "timestamp": "2026-01-05T10:15:00Z"}')
    assert (found.load_kw, found.solar_kw) == (1.5, 0.0)
    with pytest.raises(InputError, match="load_kW and load_kw are the same field"):
        read_meter("HH001", b'{"load_kW": 1, "load_kw": 2, "solar_kw": 0, "timestamp": 1767225740}')


def test_a_home_without_panels_and_a_device_without_a_clock_leave_fields_out() -> None:
    found = read_meter("HH001", b'{"load_kw": 1.5}')
    assert (found.load_kw, found.solar_kw, found.at_ms) == (1.5, None, None)
    with pytest.raises(InputError, match='load_kw is missing; found: "power"'):
        read_meter("HH001", b'{"power": 1.5}')


@pytest.mark.parametrize(
    ("fields", "energy_wh"),
    [
        ({"qty_kwh": 3.5, "unit": "kWh"}, 3500),
        ({"qty_wh": 3500}, 3500),
        ({"qty_wh": 3500, "unit": "wh"}, 3500),
        ({"qty_mwh": 0.0035}, 3500),
        ({"qty": 3500, "unit": "Wh"}, 3500),
        ({"qty": 3.5, "unit": "KWH"}, 3500),
        ({"qty": 0.0035, "unit": "MWh"}, 3500),
        ({"qty_wh": 0.5}, None),
        ({"qty_mwh": 10.1}, None),
        ({"qty_kwh": 3500, "unit": "Wh"}, None),
        ({"qty_kwh": 3.5, "unit": "kW"}, None),
        ({"qty_kwh": 3.5, "qty_wh": 3500}, None),
        ({"qty": 3.5}, None),
        ({"qty": 3.5, "unit": 1}, None),
    ],
)
def test_energy_is_converted_where_its_unit_is_said_and_refused_where_it_contradicts(
    fields: dict[str, object], energy_wh: int | None
) -> None:
    sent = json.dumps({name: value for name, value in GOOD.items() if name != "qty_kwh"} | fields).encode()
    if energy_wh is None:
        with pytest.raises(InputError) as caught:
            read_trade(sent)
        assert caught.value.code in {"contradiction", "too_small", "absurd", "missing_field", "wrong_type"}
    else:
        assert read_trade(sent).energy_wh == energy_wh


@pytest.mark.parametrize("currency", ["₹", "INR", "inr", "Rs."])
def test_a_currency_that_is_the_ledgers_is_fine_and_another_is_refused(currency: str) -> None:
    assert read_trade(payload(currency=currency), currency="₹").energy_wh == 3500
    with pytest.raises(InputError, match="the ledger's is") as caught:
        read_trade(payload(currency=currency), currency="€")
    assert caught.value.code == "contradiction"
    with pytest.raises(InputError) as caught:
        read_trade(payload(currency=5), currency="€")
    assert caught.value.code == "wrong_type"
