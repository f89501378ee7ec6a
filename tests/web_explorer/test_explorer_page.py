from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.chain import Chain
from core.ledger import transaction
from core.settings import Settings
from tests.web_explorer.support import START_MS, links_of, text_of, trade

Opened = Callable[..., AppTest]
Mine = Callable[..., None]
FOREIGN = "<script>alert(1)</script> ![x](http://127.0.0.1:9/leak.png) [x](javascript:alert(1))"


def test_a_chain_without_transactions_says_the_next_step(page: Opened) -> None:
    app = page()
    assert "No transactions yet" in text_of(app)
    assert {"Watch the live market", "Run a comparison"} <= set(links_of(app))


def test_the_block_list_shows_the_newest_first(page: Opened, mine: Mine) -> None:
    for number in range(3):
        mine(trade(number))
    assert re.findall(r"\s(\d+)\s+2026-01-01", text_of(page(tab="Blocks"))) == ["3", "2", "1", "0"]


def test_the_block_list_is_paged_by_height(page: Opened, mine: Mine) -> None:
    for number in range(45):
        mine(trade(number))
    newest = page(tab="Blocks")
    assert links_of(newest)["Older →"] == "?tab=Blocks&before=26"
    older = page(tab="Blocks", before="26")
    assert re.findall(r"\s(\d+)\s+2026-01-01", text_of(older))[:2] == ["25", "24"]
    assert links_of(older)["← Newer"] == "?tab=Blocks&before=46"
    assert links_of(older)["Older →"] == "?tab=Blocks&before=6"
    assert "Older →" not in links_of(page(tab="Blocks", before="6"))


def test_a_block_page_shows_recomputed_beside_recorded_values(page: Opened, mine: Mine, chain: Chain) -> None:
    mine(trade(0), trade(1, buyer="HH007"))
    app = page(block="1")
    text = text_of(app)
    assert app.subheader[0].value == "Block 1"
    assert app.code[0].value == chain.status().tip_hash
    assert text.count("✓ same") == 5
    assert re.search(r"trade\s+HH001\s+HH007\s+3\.500\s+6\.80\s+23\.80", text)
    assert "2026-01-01 05:32:40.000 IST (UTC+05:30)" in text
    assert links_of(app)["← Block 0"] == "?block=0"


def test_a_block_page_names_what_differs_after_an_edit(page: Opened, mine: Mine, settings: Settings) -> None:
    mine(trade(0))
    path: Path = settings.ledger_path
    path.write_bytes(path.read_bytes().replace(b'"energy_wh":3500', b'"energy_wh":9500'))
    app = page(block="1")
    assert "differ from the recorded ones: body, tx_root" in app.error[0].value
    assert text_of(app).count("✗ differs") == 2


@pytest.mark.parametrize("subject", ["7", "-1", "1e3", "three", "9" * 30, "٣"])
def test_a_block_that_is_not_there_is_said_in_a_sentence(page: Opened, mine: Mine, subject: str) -> None:
    mine(trade(0))
    app = page(block=subject)
    assert "There is no block" in app.warning[0].value
    assert "All blocks" in links_of(app)


def test_a_long_block_shows_its_transactions_in_parts(page: Opened, mine: Mine) -> None:
    mine(*(trade(number) for number in range(120)))
    app = page(block="1")
    assert "Transactions 0 to 99 of 120" in text_of(app).replace("\\", "")
    assert links_of(app)["Later →"] == "?block=1&first=100"
    assert links_of(page(block="1", first="100"))["← Earlier"] == "?block=1&first=0"


def test_foreign_text_in_a_transaction_stays_text(page: Opened, mine: Mine) -> None:
    mine(transaction.note(text=FOREIGN, author="ada", at_ms=START_MS))
    app = page(block="1")
    markup = "".join(element.proto.body for element in app.get("html"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in markup
    assert "<script" not in markup
    assert not any(FOREIGN in str(element.value) for element in app.markdown)


def test_verifying_ends_in_a_sentence(page: Opened, mine: Mine) -> None:
    mine(trade(0))
    app = page(tab="Verify")
    app.button[0].click().run()
    assert "All 2 blocks with 1 transactions are sound at level 2" in app.success[0].value.replace("\\", "")


def test_verifying_names_height_and_byte_of_damage(page: Opened, mine: Mine, settings: Settings) -> None:
    mine(trade(0))
    found = settings.ledger_path.read_bytes()
    offset = found.index(b'{"amount_micro"')
    settings.ledger_path.write_bytes(found.replace(b'"energy_wh":3500', b'"energy_wh":9500'))
    app = page(tab="Verify")
    app.button[0].click().run()
    assert "damaged in block 1" in app.error[0].value.replace("\\", "")
    assert f"Height 1, byte {offset:,}." in app.error[0].value


def test_the_verify_view_says_what_it_does_not_prove(page: Opened) -> None:
    text = text_of(page(tab="Verify"))
    assert "proof of work adds no security" in text
    assert "older checkpoint" in text.replace("\n", " ")


TABS = ("Blocks", "Transactions", "Charts", "Households", "Verify")


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("harm", ["last block", "missing"])
def test_a_ledger_that_opens_damaged_can_be_looked_at(
    page: Opened, mine: Mine, services: SimpleNamespace, settings: Settings, tab: str, harm: str
) -> None:
    for number in range(3):
        mine(trade(number))
    services.chain.close()
    if harm == "missing":
        settings.ledger_path.unlink()
    else:
        found = settings.ledger_path.read_bytes()
        settings.ledger_path.write_bytes(found[:-40] + b"#" + found[-39:])
    services.chain = Chain(settings, services.store)
    try:
        assert services.chain.status().damage
        app = page(tab=tab)
        assert app.title[0].value == "Explorer"
        if harm == "missing" and tab != "Verify":
            assert "is missing" in app.error[0].value.replace("\\", "")
        elif tab == "Blocks":
            assert re.findall(r"\s(\d+)\s+2026-01-01", text_of(app)) == ["3", "2", "1", "0"]
    finally:
        services.chain.close()
