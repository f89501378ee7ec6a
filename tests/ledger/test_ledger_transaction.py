"""Transactions say what they say in integers, and are the same one when their id is."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import pytest

from core.errors import TransactionError
from core.ledger import schema, transaction
from core.ledger.transaction import audit, from_document, from_line, note, result, run, trade

TRADE: dict[str, Any] = {
    "buyer": "HH002",
    "seller": "HH001",
    "energy_wh": 3_500,
    "price_micro_per_kwh": 6_800_000,
    "received_at_ms": 1_767_225_740_000,
}


def test_the_example_of_the_readme_costs_23_80() -> None:
    assert trade(**TRADE).document["amount_micro"] == 23_800_000  # 3.5 kWh · 6.80


@pytest.mark.parametrize(
    ("energy_wh", "price", "amount"),
    [(1, 500, 0), (1, 501, 1), (1, 1_500, 2), (1, 2_500, 2), (3, 500, 2), (5, 500, 2), (7, 500, 4)],
)
def test_money_is_rounded_half_to_even(energy_wh: int, price: int, amount: int) -> None:
    # 1 Wh · 1500 = 1.5 → 2; 1 Wh · 2500 = 2.5 → 2
    assert schema.amount_micro(energy_wh, price) == amount


def test_a_hash_is_the_merkle_leaf_of_the_line() -> None:
    made = trade(**TRADE)
    assert made.tx_hash == hashlib.sha256(b"\0" + made.body).hexdigest()
    assert from_line(made.body) == made


def test_trades_are_the_same_by_publisher_and_id_else_by_their_bytes() -> None:
    first = trade(**TRADE, publisher="a", message_id="1")
    assert trade(**{**TRADE, "received_at_ms": 9}, publisher="a", message_id="1").dedupe == first.dedupe
    assert trade(**TRADE, publisher="b", message_id="1").dedupe != first.dedupe
    assert (
        trade(**TRADE, publisher='a","', message_id="1").dedupe
        != trade(**TRADE, publisher="a", message_id='","1').dedupe
    )
    assert trade(**TRADE, sequence=1).dedupe != trade(**TRADE, sequence=2).dedupe
    assert transaction.keys_of(first.body)[0] == first.dedupe_digest


def test_a_run_carries_what_is_needed_to_compute_it_again() -> None:
    entry = result(
        algorithm_id="mid_market_rate",
        source_digest="ab" * 32,
        parameters={"share": 0.5, "blocks": 3, "name": "x", "prices": (1.5, 2)},
        figures={"community_cost": 1234.5678915, "avg_p2p_price": math.nan, "zero": None},
        invariants={"energy": True, "budget": False},
        result_digest="cd" * 32,
        seed=7,
        tariff={"retail": 7.0},
    )
    made = run(run_id="r1", at_ms=5, dataset_digest="ef" * 32, results=[entry], actor="ann")
    found = made.document["results"][0]
    assert found["figures"] == {"community_cost_micro": 1_234_567_892, "avg_p2p_price_micro": None, "zero_micro": None}
    assert found["parameters"] == {"share": "0.5", "blocks": 3, "name": "x", "prices": ["1.5", 2]}
    assert (found["seed"], found["tariff"]) == (7, {"retail": "7.0"})
    assert made.dedupe == "run:r1"


def test_an_infinite_figure_is_refused() -> None:
    with pytest.raises(TransactionError, match="infinite"):
        transaction.micro(math.inf)


def test_audits_and_notes_are_transactions() -> None:
    made = audit(action="sign_in", actor="ann", subject="ann", at_ms=1, details={"from": "browser"})
    assert made.document["details"] == {"from": "browser"}
    assert note(text="Meter 7 was replaced.", author="ann", at_ms=1).document["kind"] == "note"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"energy_wh": 0}, "energy_wh"),
        ({"energy_wh": True}, "energy_wh"),
        ({"price_micro_per_kwh": -1}, "price_micro_per_kwh"),
        ({"amount_micro": 1}, "expected 23800000"),
        ({"buyer": "HH001"}, "buyer and seller of the same trade"),
        ({"buyer": ""}, "buyer"),
        ({"buyer": "x" * 129}, "buyer"),
        ({"kind": "gift"}, "expected one of trade"),
        ({"kind": "genesis"}, "expected one of trade"),
        ({"colour": "red"}, "colour"),
        ({"received_at_ms": None}, "received_at_ms"),
        ({"simulated": False}, "simulated"),
        ({"energy_wh": 2**53}, "2^53"),
        ({"energy_wh": 3500.0}, "float"),
    ],
)
def test_a_document_that_is_not_of_its_kind_is_refused_with_field_and_expectation(
    change: dict[str, Any], said: str
) -> None:
    document = {"kind": "trade", **TRADE, "amount_micro": 23_800_000, **change}
    with pytest.raises(TransactionError) as refused:
        from_document(document)
    assert said in str(refused.value)


def test_a_message_with_control_characters_shows_them_escaped_and_cut() -> None:
    with pytest.raises(TransactionError) as refused:
        from_document({"kind": "\x1b[31m" + "x" * 500})
    assert "\\x1b" in str(refused.value)
    assert len(str(refused.value)) < 250
