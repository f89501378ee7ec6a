"""The fast way gives the same trade, and the same bytes, as the long way, or nothing."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.ledger.transaction import from_line, trade
from core.live import fast
from core.live.payload import TradeMessage, read_trade

ids = st.text("ABCxyz019_-", min_size=1, max_size=64)
numbers = (
    st.decimals(0, 10_000, allow_nan=False, places=4).map(str)
    | st.integers(0, 10_000).map(str)
    | st.sampled_from(["1.0015", "1.0025", "0.0005", "1e1", "1E-3", "0", "-1", '"3.5"', "null", "true", "NaN", "1e400"])
)
optional = st.fixed_dictionaries(
    {},
    optional={
        "id": ids,
        "publisher": ids | st.just(""),
        "seq": st.integers(-1, 2**53),
        "simulated": st.booleans(),
        "timestamp": st.integers(1_600_000_000, 1_900_000_000),
        "note": st.text(max_size=10),
    },
)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Mostly good trades in any spacing and order of keys, some with a key twice."""
    fields = [("buyer", json.dumps(draw(ids))), ("seller", json.dumps(draw(ids)))]
    fields += [("qty_kwh", draw(numbers)), ("price", draw(numbers))]
    fields += [(name, json.dumps(value)) for name, value in draw(optional).items()]
    if draw(st.integers(0, 9)) == 0:
        fields.append(draw(st.sampled_from(fields)))
    space = draw(st.sampled_from(["", " ", "\n\t"]))
    body = ",".join(f'{space}"{name}"{space}:{space}{value}' for name, value in draw(st.permutations(fields)))
    return ("{" + body + "}").encode()


def judged(payload: bytes) -> TradeMessage | None:
    try:
        return read_trade(payload)
    except InputError:
        return None


@given(payloads())
def test_what_is_read_quickly_is_what_the_long_way_reads(payload: bytes) -> None:
    found = fast.read(payload)
    assert found is None or found == judged(payload)


@given(ids, ids, st.integers(1, 9999), st.integers(0, 99), ids, st.integers(0, 2**53 - 1))
def test_a_plain_trade_takes_the_quick_way(
    buyer: str, seller: str, energy: int, price: int, message_id: str, seq: int
) -> None:
    fields = {"buyer": buyer, "seller": seller, "qty_kwh": energy, "price": price, "id": message_id, "seq": seq}
    payload = json.dumps(fields).encode()
    assert fast.read(payload) == judged(payload)
    assert (fast.read(payload) is None) == (buyer == seller)


def test_a_key_twice_or_a_number_in_quotes_is_left_to_the_long_way() -> None:
    good = b'{"buyer":"A","seller":"B","qty_kwh":1,"price":2}'
    assert fast.read(good) is not None
    assert fast.read(good[:-1] + b',"price":2}') is None
    assert fast.read(good[:-1] + b',"buyer":"A"}') is None
    assert fast.read(good.replace(b":1", b':"1"')) is None
    assert fast.read(good.replace(b'"A"', b'"\\u0041"')) is None


@given(
    st.builds(
        TradeMessage,
        buyer=st.just("HH002"),
        seller=ids.filter(lambda text: text != "HH002"),
        energy_wh=st.integers(1, 10_000_000),
        price_micro_per_kwh=st.integers(0, 10**11),
        publisher=ids | st.just(""),
        message_id=ids | st.none(),
        traded_at_ms=st.integers(0, 2**52) | st.none(),
        slot_ms=st.integers(0, 2**52) | st.none(),
        simulated=st.booleans(),
    ),
    st.integers(0, 2**52),
    st.integers(0, 10**9),
)
def test_the_frozen_transaction_is_the_ledgers_own(message: TradeMessage, received_at_ms: int, sequence: int) -> None:
    number = sequence if message.message_id is None else None
    found = fast.freeze(message, received_at_ms=received_at_ms, sequence=number)
    expected = trade(
        buyer=message.buyer,
        seller=message.seller,
        energy_wh=message.energy_wh,
        price_micro_per_kwh=message.price_micro_per_kwh,
        received_at_ms=received_at_ms,
        publisher=message.publisher,
        message_id=message.message_id,
        sequence=number,
        slot_ms=message.slot_ms,
        traded_at_ms=message.traded_at_ms,
        simulated=message.simulated,
    )
    assert found == expected
    assert from_line(found.body) == expected
