from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pyarrow.parquet as pq
import pytest

from core.chain import Chain, export
from core.chain.records import Filter
from core.ledger import transaction
from core.web.explorer import transactions
from core.web.explorer.households import Account, statement_csv
from core.web.format import Amounts
from tests.web_explorer.support import START_MS, trade

Mine = Callable[..., None]


@pytest.fixture
def filled(chain: Chain, mine: Mine) -> Chain:
    mine(*(trade(number, buyer=f"HH{number % 3 + 2:03d}") for number in range(30)))
    mine(transaction.note(text="=cmd|'/C calc'!A0", author="@ada", at_ms=START_MS))
    chain.indexer.wait_for(2, timeout_s=10)
    return chain


def test_an_export_has_every_transaction_that_the_filter_lets_through(filled: Chain) -> None:
    found = export.gather(filled, Filter(household="HH003"))
    assert len(found) == 10
    assert {entry.document["buyer"] for entry in found} == {"HH003"}
    assert len(export.gather(filled, Filter())) == 31


def test_an_export_is_gathered_in_pages_and_has_a_limit(filled: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 7)
    assert [entry.seq for entry in export.gather(filled, Filter())] == [*range(30, -1, -1)]
    monkeypatch.setattr(export, "MOST", 10)
    assert len(export.gather(filled, Filter())) == 10


def test_the_formats_agree_with_the_ledger(filled: Chain) -> None:
    entries = export.gather(filled, Filter())
    rows = list(csv.DictReader(io.StringIO(export.to_csv(entries).decode())))
    lines = [json.loads(line) for line in export.to_jsonl(entries).splitlines()]
    table = pq.read_table(io.BytesIO(export.to_parquet(entries))).to_pylist()
    for entry, row, line, record in zip(entries, rows, lines, table, strict=True):
        assert row["tx_hash"] == line["tx_hash"] == record["tx_hash"] == entry.tx_hash
        assert line["transaction"] == json.loads(record["transaction"]) == entry.document
        assert int(row["height"]) == line["height"] == record["height"] == entry.height
        if entry.document["kind"] == "trade":
            assert int(row["energy_wh"]) == record["energy_wh"] == 3500
            assert int(row["amount_micro"]) == record["amount_micro"] == 23_800_000


def test_a_spreadsheet_takes_no_cell_for_a_formula(filled: Chain) -> None:
    text = export.to_csv(export.gather(filled, Filter(kind="note"))).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["text"] == "'=cmd|'/C calc'!A0"
    assert rows[0]["author"] == "'@ada"


def test_a_statement_keeps_every_digit_and_ends_with_the_total() -> None:
    partners = [Account("=HH1", 1, 3500, 0, 23_800_001, 0), Account("HH002", 2, 0, 1, 0, 7)]
    rows = list(csv.reader(io.StringIO(statement_csv(partners, currency="₹").decode())))
    assert rows[0] == ["counterparty", "trades", "bought_kWh", "sold_kWh", "paid_₹", "earned_₹", "net_₹"]
    assert rows[1] == ["'=HH1", "1", "3.500", "0.000", "23.800001", "0.000000", "-23.800001"]
    assert rows[-1] == ["Total", "3", "3.500", "0.001", "23.800001", "0.000007", "-23.799994"]


TYPED = [(3.5, 1000, 3500), (1.001, 1000, 1001), (0.1 + 0.2, 10**6, 300_000), (6.81, 10**6, 6_810_000)]


@pytest.mark.parametrize(("typed", "factor", "expected"), TYPED)
def test_bounds_are_the_decimals_that_were_typed(typed: float, factor: int, expected: int) -> None:
    assert transactions._scaled(typed, factor) == expected


def test_amounts_of_a_figure_that_is_not_defined_is_a_dash() -> None:
    assert Amounts().number(float("nan"), 2) == "–"
