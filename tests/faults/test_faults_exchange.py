"""One lab in one data folder, and a miner that keeps up with its pool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.chain.chain import BLOCK_BYTES, BLOCK_TRANSACTIONS
from core.errors import ConflictError
from core.exchange import Exchange
from core.ledger.transaction import Transaction, note, trade
from core.settings import Settings
from tests.live.support import unused_port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        ledger_path=tmp_path / "ledger.json",
        uploads_dir=tmp_path / "uploads",
        mqtt_port=unused_port(),
        simulator=False,
        proof_of_work=16,
        workers=1,
    )


@pytest.fixture
def exchange(settings: Settings) -> Iterator[Exchange]:
    made = Exchange(settings)
    yield made
    made.stop()


def trades(count: int) -> list[Transaction]:
    return [
        trade(buyer="A", seller="B", energy_wh=1, price_micro_per_kwh=1, received_at_ms=0, message_id=str(number))
        for number in range(count)
    ]


def test_a_second_lab_on_the_same_data_folder_is_refused_before_it_touches_anything(
    exchange: Exchange, settings: Settings, tmp_path: Path
) -> None:
    other = replace(settings, ledger_path=tmp_path / "other" / "ledger.json")
    before = {path.name for path in settings.data_dir.iterdir()}
    with pytest.raises(ConflictError, match="Another lab uses the data folder"):
        Exchange(other)
    assert {path.name for path in settings.data_dir.iterdir()} == before
    assert not other.ledger_path.exists()


def test_a_lab_that_stopped_or_could_not_start_leaves_the_folder_free(settings: Settings, tmp_path: Path) -> None:
    Exchange(settings).stop()
    unusable = tmp_path / "folder"
    (unusable / "x").mkdir(parents=True)
    with pytest.raises(Exception, match="cannot be used"):
        Exchange(replace(settings, database_url=f"sqlite:///{unusable}"))
    Exchange(settings).stop()


def test_the_miner_mines_until_less_than_a_block_is_pending(exchange: Exchange) -> None:
    others = exchange.pool.pending_count()  # the first account
    exchange.pool.submit(trades(2 * BLOCK_TRANSACTIONS + 10 - others))
    exchange._mine_on_time()
    status = exchange.chain.status()
    assert (status.height, status.pending) == (2, 10)
    exchange._mine_on_time()  # at the next interval the rest
    assert exchange.chain.status().pending == 0


def test_a_block_is_full_by_its_bytes_too(exchange: Exchange) -> None:
    longest = "x" * 4_096
    count = 2 * BLOCK_BYTES // len(longest)
    exchange.pool.submit([note(text=longest, author=str(number), at_ms=0) for number in range(count)])
    exchange._mine_on_time()
    assert exchange.chain.status().height > 1
    assert not exchange.chain.full_block_waits()
