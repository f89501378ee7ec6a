from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pandas as pd
import pytest

from core.chain import Chain
from core.chain import chain as chain_module
from core.errors import LedgerReadOnlyError, NotFoundError
from core.ledger.transaction import Transaction
from core.settings import Settings

Opener = Callable[..., Chain]
Trades = Callable[..., list[Transaction]]


def test_the_first_start_writes_the_genesis_block_over_the_empty_array(settings: Settings, open_chain: Opener) -> None:
    settings.ledger_path.write_text("[\n]\n")
    chain = open_chain()
    status = chain.status()
    assert (status.height, status.transactions, status.writable, status.damage) == (0, 0, True, None)
    genesis = json.loads(settings.ledger_path.read_text())[0]["txs"][0]
    assert genesis["chain_id"] == status.chain_id
    assert (genesis["kind"], genesis["currency"], genesis["rounding"]) == ("genesis", "₹", "half_even")
    assert genesis["work"] == [{"from_height": 0, "hashes": settings.proof_of_work}]
    assert (settings.data_dir / "ledger.key").stat().st_mode & 0o777 == 0o600


def test_mining_an_empty_pool_makes_no_block(open_chain: Opener) -> None:
    chain = open_chain()
    assert chain.mine() is None
    assert chain.status().height == 0


def test_what_was_submitted_is_in_the_next_block(open_chain: Opener, trades: Trades) -> None:
    chain = open_chain(clock=lambda: 1_800_000_000_000)
    made = trades(3)
    assert chain.submit(made) == ["new"] * 3
    assert chain.status().pending == 3
    mined = chain.mine()
    assert mined is not None
    assert mined.tx_hashes == tuple(t.tx_hash for t in made)
    status = chain.status()
    assert (status.height, status.tip_hash, status.pending, status.transactions) == (1, mined.hash, 0, 3)
    page = chain.block(1)
    assert [line.body for line in page.lines] == [t.body for t in made]
    assert all(page.checks.values())
    assert chain.submit(made) == ["mined"] * 3


def test_the_file_is_valid_json_for_every_reader_after_every_operation(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    chain = open_chain()
    for number in range(4):
        text = settings.ledger_path.read_text()
        blocks = json.loads(text)
        assert [block["header"]["height"] for block in blocks] == list(range(number + 1))
        jq = subprocess.run(["jq", "length", settings.ledger_path], capture_output=True, text=True, check=True)
        assert int(jq.stdout) == number + 1
        assert len(pd.read_json(settings.ledger_path)) == number + 1
        chain.submit(trades(2, first=2 * number))
        chain.mine()


def test_a_block_is_bounded_in_number_and_bytes_and_the_rest_waits(
    open_chain: Opener, trades: Trades, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = open_chain()
    chain.submit(trades(5))
    monkeypatch.setattr(chain_module, "BLOCK_TRANSACTIONS", 3)
    first = chain.mine()
    monkeypatch.setattr(chain_module, "BLOCK_BYTES", 10)
    second = chain.mine()
    assert first is not None
    assert second is not None
    assert (first.transactions, second.transactions, chain.status().pending) == (3, 1, 1)


def test_the_time_of_a_block_never_goes_back(settings: Settings, open_chain: Opener, trades: Trades) -> None:
    times = [5_000, 5_000, 4_000, 3_000, 6_000, 6_000]
    chain = open_chain(clock=lambda: times.pop(0) if len(times) > 1 else times[0])
    for n in range(3):
        chain.submit(trades(1, first=n))
        chain.mine()
    recorded = [block.time_ms for block in chain.blocks()]
    assert recorded == sorted(recorded, reverse=True)
    assert chain.verify(3).ok


def test_a_second_instance_reads_only_and_says_so_in_one_sentence(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    first = open_chain()
    first.submit(trades(2))
    first.mine()
    second = Chain(settings, first._store)
    status = second.status()
    assert (status.height, status.writable, status.damage) == (1, False, None)
    assert status.notice is not None
    assert "Another process writes the ledger" in status.notice
    with pytest.raises(LedgerReadOnlyError, match="Another process writes"):
        second.mine()
    second.submit(trades(1, first=9))
    first.mine()
    assert (second.status().height, second.status().tip_hash) == (2, first.status().tip_hash)
    second.close()


def test_a_restart_goes_on_where_the_chain_stood(open_chain: Opener, trades: Trades) -> None:
    chain = open_chain()
    chain.submit(trades(2))
    chain.mine()
    before = chain.status()
    chain = open_chain()
    after = chain.status()
    assert (after.tip_hash, after.transactions, after.chain_id) == (before.tip_hash, 2, before.chain_id)
    chain.submit(trades(1, first=5))
    chain.mine()
    assert chain.verify(3).ok


def test_an_unknown_block_is_not_found(open_chain: Opener) -> None:
    with pytest.raises(NotFoundError, match=r"There is no block 7; the last one is 0\."):
        open_chain().block(7)
