from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.chain import Chain
from core.settings import Settings
from core.web.explorer.amounts import Amounts
from core.web.explorer.times import Clock
from core.web.trust import trust
from tests.web_explorer.support import trade

DELHI = Clock("Asia/Kolkata")
Mine = Callable[..., None]


def test_an_unverified_ledger_says_so(chain: Chain) -> None:
    found = trust(chain.status(), DELHI, amounts=Amounts())
    assert (found.word, found.colour) == ("Not verified yet", "gray")


def test_a_verified_ledger_names_height_level_time_and_zone(chain: Chain, mine: Mine) -> None:
    mine(trade(0))
    chain.verify(2)
    found = trust(chain.status(), DELHI, amounts=Amounts())
    assert (found.word, found.colour) == ("Verified", "green")
    assert found.sentence == "to block 1 at level 2, 1 Jan 2026, 05:32:40 IST."


def test_newer_blocks_are_counted(chain: Chain, mine: Mine) -> None:
    chain.verify(2)
    mine(trade(0))
    assert trust(chain.status(), DELHI, amounts=Amounts()).sentence.endswith(", 1 block since.")
    mine(trade(1))
    assert trust(chain.status(), DELHI, amounts=Amounts()).sentence.endswith(", 2 blocks since.")


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
