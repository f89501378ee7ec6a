"""Transactions, searches, households and runs as the page shows them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.chain import Chain, Search
from core.ledger import commitment, transaction
from core.settings import Settings
from core.store import Store
from core.store.pool import PendingRow
from core.store.quarantine import Quarantine, Refused
from core.web.explorer.search import Target, only_target
from core.web.explorer.transaction import recompute
from tests.web_explorer.support import START_MS, Ticking, links_of, text_of, trade

Opened = Callable[..., AppTest]
Mine = Callable[..., None]


def run_transaction(run_id: str = "run-7") -> transaction.Transaction:
    figures = {"community_cost": 123.456, "traded_kwh": 4.7713, "avg_p2p_price": float("nan")}
    result = transaction.result(
        algorithm_id="simple_auction",
        source_digest="cd" * 32,
        parameters={"k": 0.5},
        figures=figures,
        invariants={"energy_balance": True, "money_balance": False},
        result_digest="ef" * 32,
        tariff={"retail": 7.0, "feed_in": 3.0},
        seed=3,
    )
    run = transaction.run(run_id=run_id, at_ms=START_MS, dataset_digest="ab" * 32, results=[result], actor="u9")
    return transaction.from_document({**run.document, "name": "A week"})  # as runs were recorded before


def charts_of(app: AppTest) -> list[str]:
    return [element.proto.id for element in app.get("plotly_chart")]


# ---- a transaction


def test_a_transaction_says_what_a_person_reads_and_shows_its_line(page: Opened, mine: Mine, chain: Chain) -> None:
    mine(*(trade(number) for number in range(5)))
    line = chain.block(1).lines[3]
    app = page(tx=line.tx_hash)
    text = text_of(app)
    assert "HH002 bought 3.5 kWh from HH001 at ₹6.80/kWh" in text.replace("\\", "")
    assert re.search(r"Energy\s+3\.5 kWh\s+Price\s+₹6\.80/kWh\s+Amount\s+₹23\.80", text)
    assert "number 3 of 5 in block 1" in text
    assert "20.0 s after it was received" in text
    assert line.body.decode() in [code.value for code in app.code]
    assert "all hold" in text
    assert len(charts_of(app)) == 2


def test_the_shell_command_reads_the_very_line(page: Opened, mine: Mine, chain: Chain, settings: Settings) -> None:
    mine(*(trade(number) for number in range(5)))
    line = chain.block(1).lines[3]
    command = recompute(line.offset, len(line.body))
    assert command in [code.value for code in page(tx=line.tx_hash).code]
    start, length = (int(number) for number in re.findall(r"tail -c \+(\d+) .* head -c (\d+)", command)[0])
    found = settings.ledger_path.read_bytes()[start - 1 : start - 1 + length]
    assert hashlib.sha256(b"\0" + found).hexdigest() == line.tx_hash


def test_a_pending_transaction_says_that_it_waits(page: Opened, chain: Chain) -> None:
    waiting = trade(1)
    chain.submit([waiting])
    app = page(tx=waiting.tx_hash)
    assert "Pending" in text_of(app)
    assert "stored durably" in text_of(app)
    assert waiting.body.decode() in [code.value for code in app.code]


def test_a_hash_that_was_never_seen_is_said_in_a_sentence(page: Opened, mine: Mine) -> None:
    mine(trade(0))
    app = page(tx="0" * 64)
    assert "0000" in app.warning[0].value
    assert "All blocks" in links_of(app)


# ---- search


@pytest.mark.parametrize(
    ("what", "parameter"),
    [("height", "block"), ("hash", "tx"), ("prefix", "tx"), ("household", "household"), ("run", "run")],
)
def test_a_search_that_can_mean_one_thing_leads_there(
    page: Opened, mine: Mine, chain: Chain, what: str, parameter: str
) -> None:
    mine(trade(0, buyer="HH902"), run_transaction())
    tx_hash = chain.block(1).lines[0].tx_hash
    texts = {"height": "1", "hash": tx_hash, "prefix": tx_hash[:12], "household": "HH902", "run": "run-7"}
    app = page(q=texts[what])
    expected = {"height": "1", "hash": tx_hash, "prefix": tx_hash}.get(what, texts[what])
    assert app.query_params == {parameter: expected}


def test_a_search_that_can_mean_several_things_leads_nowhere() -> None:
    row = PendingRow(1, "ab" * 32, b"{}", START_MS)
    assert only_target(Search("abab", "", pending=(row,))) == Target("tx", "ab" * 32)
    assert only_target(Search("abab", "", pending=(row, replace(row, seq=2)))) is None
    assert only_target(Search("abab", "", pending=(row,), households=("abab-7",))) is None
    assert only_target(Search("abab", "")) is None


def test_a_search_for_the_beginning_of_a_household_lists_them(page: Opened, mine: Mine) -> None:
    mine(trade(0, buyer="HH011"), trade(1, buyer="HH012"))
    text = text_of(page(q="HH01"))
    assert "HH011" in text
    assert "HH012" in text


def test_a_pending_transaction_is_found_by_its_beginning(page: Opened, chain: Chain) -> None:
    waiting = trade(1)
    chain.submit([waiting])
    assert page(q=waiting.tx_hash[:10]).query_params == {"tx": waiting.tx_hash}


def test_a_search_says_when_something_was_never_seen(page: Opened, mine: Mine) -> None:
    mine(trade(0))
    app = page(q="nowhere-to-be-found")
    assert "never seen" in text_of(app).replace("\\", "")
    assert "neither mined, nor pending, nor in quarantine" in app.info[0].value


def test_a_search_says_when_something_is_in_quarantine(page: Opened, mine: Mine, store: Store) -> None:
    mine(trade(0))
    payload = b'{"buyer":"HH777","id":"abc-123","qty_kwh":-1}'
    refused = Refused(
        "negative", "qty_kwh is -1, expected a positive number", "iot-p2p-trading/trades", payload, START_MS
    )
    with store.begin() as connection:
        Quarantine(store).insert(connection, [refused])
    app = page(q="abc-123")
    assert "Quarantined: 1 refused message mentions it" in app.warning[0].value
    assert "qty_kwh is -1, expected a positive number" in text_of(app)


def test_a_day_lists_its_blocks_and_leads_to_its_transactions(page: Opened, mine: Mine) -> None:
    for number in range(3):
        mine(trade(number))
    app = page(q="1 Jan 2026")
    assert re.findall(r"\s(\d+)\s+2026-01-01", text_of(app)) == ["3", "2", "1", "0"]
    assert links_of(app)["Transactions of the day"] == "?tab=Transactions&from=2026-01-01&to=2026-01-01"
    minute = page(q="2026-01-01 05:32")
    assert re.findall(r"\s(\d+)\s+2026-01-01", text_of(minute)) == ["1", "0"]


def test_a_day_without_blocks_says_so(page: Opened, mine: Mine) -> None:
    mine(trade(0))
    assert "No block was mined" in page(q="2025-06-01").info[0].value


def test_a_day_that_does_not_exist_is_refused(page: Opened) -> None:
    assert "is not a time that exists" in page(q="2026-02-30").warning[0].value


def test_what_is_typed_becomes_part_of_the_address(page: Opened, mine: Mine) -> None:
    mine(trade(0, buyer="HH902"))
    app = page()
    app.text_input(key="explorer_search").set_value("HH902").run()
    assert app.query_params == {"household": "HH902"}
    assert app.text_input(key="explorer_search").value == ""


# ---- lists


def test_transactions_are_filtered_by_what_the_address_says(page: Opened, mine: Mine) -> None:
    mine(trade(0, buyer="HH011"), trade(1, buyer="HH012"), run_transaction())
    assert text_of(page(tab="Transactions")).count("2026-01-01") >= 3
    assert "HH012" not in text_of(page(tab="Transactions", who="HH011"))
    assert "simple_auction" in text_of(page(tab="Transactions", kind="run"))
    assert "HH011" not in text_of(page(tab="Transactions", kind="run"))
    assert "No transaction fits" in page(tab="Transactions", least_kwh="3.6").info[0].value
    assert "HH011" in text_of(page(tab="Transactions", least_kwh="3.5", most_price="6.8"))
    assert "No transaction fits" in page(tab="Transactions", **{"from": "2026-01-02"}).info[0].value


def test_a_long_list_is_paged_and_keeps_its_filter(page: Opened, mine: Mine) -> None:
    mine(*(trade(number) for number in range(120)))
    older = links_of(page(tab="Transactions", who="HH001"))["Older →"]
    assert older == "?tab=Transactions&who=HH001&before=70"
    again = page(tab="Transactions", who="HH001", before="70")
    assert links_of(again)["Older →"] == "?tab=Transactions&who=HH001&before=20"
    assert "Older →" not in links_of(page(tab="Transactions", who="HH001", before="20"))


def test_a_chain_without_trades_shows_no_empty_charts(page: Opened) -> None:
    app = page(tab="Charts")
    assert "No transactions yet" in app.info[0].value
    assert not charts_of(app)


def test_the_charts_are_all_there(page: Opened, mine: Mine) -> None:
    for number in range(4):
        mine(trade(number))
    app = page(tab="Charts")
    assert len(charts_of(app)) == 2  # energy and price, trading network; the others are folded away
    app.session_state["more_charts"] = True
    assert len(charts_of(app.run())) == 6


# ---- households


def test_a_household_page_adds_up_what_was_bought_and_sold(page: Opened, mine: Mine) -> None:
    mine(trade(0), trade(1), trade(2, buyer="HH003", seller="HH002"))
    app = page(household="HH002")
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Bought"] == "7.000 kWh"
    assert shown["Sold"] == "3.500 kWh"
    assert shown["Paid"] == "₹47.60"
    assert shown["Earned"] == "₹23.80"
    assert shown["Net"] == "−₹23.80"
    assert re.search(r"Total\s+3\s+7\.000\s+3\.500\s+47\.60\s+23\.80\s+−23\.80", text_of(app))


def test_a_statement_is_of_a_period(page: Opened, mine: Mine, ticking: Ticking) -> None:
    mine(trade(0))
    ticking.now_ms += 86_400_000
    mine(trade(1, at_ms=ticking.now_ms))
    app = page(household="HH002", **{"from": "2026-01-02", "to": "2026-01-02"})
    assert {metric.label: metric.value for metric in app.metric}["Bought"] == "3.500 kWh"
    empty = page(household="HH002", **{"from": "2026-01-05"})
    assert "No trade in this period" in empty.info[0].value


def test_a_household_without_trades_is_not_found(page: Opened, mine: Mine) -> None:
    mine(trade(0))
    assert "No trade of the household" in page(household="HH999").warning[0].value


def test_all_households_are_listed_with_links(page: Opened, mine: Mine) -> None:
    mine(trade(0))
    app = page(tab="Households")
    assert '<a href="?household=HH001">HH001</a>' in "".join(element.proto.body for element in app.get("html"))


# ---- runs


def test_a_run_page_shows_figures_invariants_and_lineage(page: Opened, mine: Mine) -> None:
    mine(run_transaction())
    text = text_of(page(run="run-7"))
    assert re.search(r"Community cost \(₹\)\s+Average P2P price \(₹/kWh\)\s+Traded energy \(kWh\)", text)
    assert re.search(r"simple_auction\s+123\.46\s+–\s+4\.77\s+✗ money balance", text)
    assert "k = 0.5" in text
    assert "feed_in = 3.0, retail = 7.0" in text
    assert "ab" * 32 in text
    assert "kept by whoever ran it" in text


class OneRun:
    """Runs of which one is kept, and can be repeated."""

    replay = None

    def __init__(self) -> None:
        self.repeated: list[tuple[str, str]] = []

    def state(self, run_id: str, *, user_id: str) -> SimpleNamespace:
        return SimpleNamespace(ended=True)

    def again(self, run_id: str, *, user_id: str) -> str:
        self.repeated.append((run_id, user_id))
        return "run-8"


def test_a_run_is_repeated_and_its_result_opens_on_compare(page: Opened, mine: Mine, services: SimpleNamespace) -> None:
    mine(run_transaction())
    services.runs, services.user = OneRun(), replace(services.user, role="analyst")
    app = page(run="run-7")
    assert "compare" in links_of(app)["Open the result"]
    next(button for button in app.button if button.label == "Run again and compare").click().run()
    assert services.runs.repeated == [("run-7", "u1")]
    assert app.title[0].value == "compare"
    assert app.query_params == {"run": "run-8"}


def test_a_viewer_may_look_at_a_run_and_not_repeat_it(page: Opened, mine: Mine, services: SimpleNamespace) -> None:
    mine(run_transaction())
    services.runs = OneRun()
    assert "Run again and compare" not in [button.label for button in page(run="run-7").button]


SALT = b"s" * 32


def test_a_private_run_shows_its_commitment_alone(page: Opened, mine: Mine) -> None:
    sealed = commitment.seal(run_transaction(), salt=SALT)
    mine(sealed)
    text = text_of(page(run="run-7"))
    assert sealed.document["commitment"] in text
    assert "only a salted commitment to them" in text
    assert "123.46" not in text
    assert "Private comparison run-7" in text_of(page(tx=sealed.tx_hash)).replace("\\", "")


def test_its_owner_sees_a_private_run_opened(page: Opened, mine: Mine, services: SimpleNamespace) -> None:
    mine(commitment.seal(run_transaction(), salt=SALT))
    services.runs = OneRun()
    services.runs.opening = lambda run_id, *, user_id: commitment.opening(run_transaction(), salt=SALT)
    text = text_of(page(run="run-7"))
    assert "123.46" in text
    assert "held against the commitment on the ledger" in text


def test_a_run_that_is_not_on_the_chain_is_not_found(page: Opened, mine: Mine) -> None:
    mine(trade(0))
    assert "No run" in page(run="run-8").warning[0].value


# ---- receipts


def test_a_receipt_of_a_mined_transaction_checks_out(page: Opened, mine: Mine, chain: Chain) -> None:
    mine(trade(0), trade(1))
    made = chain.receipt(chain.block(1).lines[1].tx_hash)
    app = page(tab="Verify")
    app.file_uploader[0].upload("receipt.json", json.dumps(made).encode()).run()
    assert "The receipt holds" in app.success[0].value
    assert "transaction 1 of block 1" in app.success[0].value


def test_a_changed_receipt_does_not_hold(page: Opened, mine: Mine, chain: Chain) -> None:
    mine(trade(0))
    made = chain.receipt(chain.block(1).lines[0].tx_hash)
    made["transaction"]["energy_wh"] = 9500
    app = page(tab="Verify")
    app.file_uploader[0].upload("receipt.json", json.dumps(made).encode()).run()
    assert "does not hold" in app.error[0].value


def test_a_file_that_is_no_receipt_is_refused(page: Opened, mine: Mine) -> None:
    mine(trade(0))
    app = page(tab="Verify")
    app.file_uploader[0].upload("receipt.json", b'{"a": 1}').run()
    assert "not a receipt" in app.error[0].value


def test_a_receipt_of_another_lab_is_told_apart(page: Opened, mine: Mine, tmp_path: Path, settings: Settings) -> None:
    other_settings = Settings(data_dir=tmp_path / "b", ledger_path=tmp_path / "b" / "ledger.json", proof_of_work=1)
    other_store = Store(other_settings.resolved_database_url)
    other = Chain(other_settings, other_store)
    other.submit([trade(0)])
    other.mine()
    made = other.receipt(other.block(1).lines[0].tx_hash)
    other.close()
    other_store.close()
    mine(trade(0))
    app = page(tab="Verify")
    app.file_uploader[0].upload("receipt.json", json.dumps(made).encode()).run()
    assert "signed by another log" in app.error[0].value


def test_a_receipt_shows_that_the_ledger_was_changed_since(
    page: Opened, mine: Mine, chain: Chain, settings: Settings
) -> None:
    mine(trade(0))
    made = chain.receipt(chain.block(1).lines[0].tx_hash)
    settings.ledger_path.write_bytes(settings.ledger_path.read_bytes().replace(b"HH002", b"HH003"))
    app = page(tab="Verify")
    app.file_uploader[0].upload("receipt.json", json.dumps(made).encode()).run()
    assert "something else" in app.error[0].value
    assert "Keep the receipt" in app.error[0].value


def test_a_run_is_found_by_its_name_by_whom_may_see_it(
    page: Callable[..., AppTest], services: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def history(user_id: str, *, text: str, limit: int) -> tuple[SimpleNamespace, ...]:
        mine = [("r1", "Summer in Delhi"), ("r2", "summer again"), ("r3", "by its dataset only")]
        return tuple(SimpleNamespace(run_id=run_id, name=name) for run_id, name in mine) if user_id == "u1" else ()

    monkeypatch.setattr(services.runs, "history", history)
    found = text_of(page(q="SUMMER"))
    assert "2 runs by name" in found
    assert "Summer in Delhi" in found
    assert "by its dataset only" not in found
    services.user = replace(services.user, user_id="somebody else")
    assert "was never seen on the chain" in text_of(page(q="SUMMER"))
