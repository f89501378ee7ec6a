from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.chain import Chain
from core.settings import Settings
from core.web import trust as module
from core.web.format import Amounts, Clock
from core.web.trust import is_due, trust
from tests.web_explorer.support import trade

DELHI = Clock("Asia/Kolkata")
Mine = Callable[..., None]


def test_an_unverified_ledger_says_so(chain: Chain) -> None:
    found = trust(chain.status(), DELHI, amounts=Amounts())
    assert (found.word, found.colour) == ("Not verified yet", "gray")


def test_a_verified_ledger_counts_its_blocks_and_says_when(chain: Chain, mine: Mine) -> None:
    mine(trade(0))
    chain.verify(2)
    found = trust(chain.status(), DELHI, amounts=Amounts())
    assert (found.word, found.colour) == ("Verified", "green")
    assert found.sentence == "2 blocks sound, 1 Jan 2026 05:32."


def test_newer_blocks_are_counted(chain: Chain, mine: Mine) -> None:
    chain.verify(2)
    mine(trade(0))
    assert trust(chain.status(), DELHI, amounts=Amounts()).sentence.startswith("1 of 2 blocks sound")
    mine(trade(1))
    assert trust(chain.status(), DELHI, amounts=Amounts()).sentence.startswith("1 of 3 blocks sound")


def test_damage_is_red_and_names_height_and_offset(chain: Chain, mine: Mine, settings: Settings) -> None:
    mine(trade(0))
    found = settings.ledger_path.read_bytes()
    settings.ledger_path.write_bytes(found.replace(b'"energy_wh":3500', b'"energy_wh":9500'))
    verdict = chain.verify(1)
    said = trust(chain.status(), DELHI, amounts=Amounts())
    assert (said.word, said.colour) == ("Damaged", "red")
    assert f"block 1 at byte {verdict.offset}" in said.sentence


@pytest.mark.parametrize("notice", ["Another process writes this ledger.", None])
def test_a_ledger_that_cannot_be_written_says_why(chain: Chain, notice: str | None) -> None:
    said = trust(replace(chain.status(), writable=False, notice=notice), DELHI, amounts=Amounts())
    assert (said.word, said.colour) == ("Read-only", "orange")
    assert said.sentence == (notice or "The ledger cannot be written now.")


def test_what_fails_in_the_background_is_said_first(chain: Chain) -> None:
    said = trust(replace(chain.status(), problems=("The checkpoint could not be written.",)), DELHI, amounts=Amounts())
    assert (said.word, said.colour) == ("Look here", "orange")
    assert said.sentence.startswith("The checkpoint could not be written. Not verified yet: The ledger ends at block 0")


@pytest.fixture
def bar(services: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The bar alone on a page of somebody who is signed in."""
    monkeypatch.setattr(module, "current", lambda: services)
    monkeypatch.setattr(module, "still_signed_in", lambda: None)
    app = AppTest.from_string("from core.web.trust import trust_bar\ntrust_bar()", default_timeout=20)
    return app.run()


def test_the_bar_verifies_on_demand_and_says_the_result(bar: AppTest, mine: Mine) -> None:
    assert "Not verified yet" in bar.markdown[0].value
    mine(trade(0))
    bar.button(key="verify_now").click().run()
    assert "All 2 blocks with 1 transactions are sound at level 2" in bar.success[0].value.replace("\\", "")
    assert "2 blocks sound" in bar.markdown[0].value.replace("\\", "")


def test_the_bar_turns_red_when_a_byte_has_changed(bar: AppTest, mine: Mine, settings: Settings) -> None:
    mine(trade(0))
    found = settings.ledger_path.read_bytes()
    settings.ledger_path.write_bytes(found.replace(b'"energy_wh":3500', b'"energy_wh":9500'))
    bar.button(key="verify_now").click().run()
    assert "Height 1, byte" in bar.error[0].value
    assert "Damaged" in bar.markdown[0].value
    assert "block 1 at byte" in bar.markdown[0].value


def test_a_verification_in_the_background_is_said(chain: Chain) -> None:
    said = trust(replace(chain.status(), verifying=0.43), DELHI, amounts=Amounts())
    assert (said.word, said.sentence) == ("Verifying", "43% of the ledger.")


@pytest.mark.parametrize(
    ("height", "since_ms", "due"), [(0, 90_000, False), (1, 90_000, True), (1, 5_000, False), (200, 90_000, True)]
)
def test_a_ledger_that_has_grown_is_verified_again_by_itself(
    chain: Chain, height: int, since_ms: int, due: bool
) -> None:
    status = replace(chain.status(), height=height, verified_height=0, verified_at_ms=1_000, verified_level=2)
    assert is_due(status, now_ms=1_000 + since_ms) == due
    assert not is_due(replace(status, verifying=0.5), now_ms=1_000 + since_ms)


def test_a_long_ledger_is_not_read_whole_for_every_block(chain: Chain) -> None:
    status = replace(chain.status(), height=1_010, verified_height=1_000, verified_at_ms=0, verified_level=2)
    assert not is_due(status, now_ms=10_000_000)
    assert is_due(replace(status, height=1_021), now_ms=10_000_000)
