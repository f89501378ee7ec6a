from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.ledger.transaction import Transaction, trade
from core.settings import Settings
from tests.restarts import Restarts

EASY = 16
"""Expected hashes a block in tests that are not about the proof of work."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        ledger_path=tmp_path / "ledger.json",
        uploads_dir=tmp_path / "uploads",
        proof_of_work=EASY,
    )


@pytest.fixture
def open_chain(settings: Settings) -> Iterator[Restarts]:
    """Opens the chain of `settings`; `open_chain()` again is a restart."""
    restarts = Restarts(settings)
    yield restarts
    restarts.close()


@pytest.fixture
def trades() -> Callable[..., list[Transaction]]:
    def made(count: int, *, first: int = 0) -> list[Transaction]:
        return [
            trade(
                buyer=f"HH{n % 7 + 1:03}",
                seller=f"HH{n % 5 + 11:03}",
                energy_wh=100 + n,
                price_micro_per_kwh=6_800_000,
                received_at_ms=1_767_225_740_000 + n,
                publisher="meter",
                message_id=str(n),
            )
            for n in range(first, first + count)
        ]

    return made
