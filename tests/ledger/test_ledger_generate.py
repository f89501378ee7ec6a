"""Test ledgers are real ones: sound at every level, with checkpoints, and the same from the same seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ConflictError, InputError
from core.ledger import checkpoint
from core.ledger.generate import WORK, generate
from core.ledger.heads import Heads
from core.ledger.merkle import Frontier, leaf
from core.ledger.verify import reading, verify
from core.ledger.walk import Walker


def test_it_has_the_asked_for_blocks_and_transactions_and_extends_its_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.json"
    generate(path, transactions=1_000, blocks=37)
    with reading(path) as (read, size):
        walker = Walker(read, size)
        walker.step()
    rules = walker.tip.genesis
    assert rules is not None
    assert rules.schedule == ((0, WORK),)
    notes = (path.parent / "checkpoints.txt").read_text()
    roots = checkpoint.roots_of(notes, origin=rules.origin, public=bytes.fromhex(rules.log_key))
    assert sorted(roots) == list(range(1, 39))
    verdict = verify(path, 3, roots=roots)
    assert verdict.ok, verdict.sentence
    assert (verdict.blocks, verdict.transactions, verdict.checkpoints) == (38, 1_000, 38)
    assert (path.parent / "ledger.key").stat().st_mode & 0o777 == 0o600


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    made = {}
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        generate(tmp_path / name / "ledger.json", transactions=20, blocks=4, seed=seed)
        made[name] = (tmp_path / name / "ledger.json").read_bytes()
    assert made["a"] == made["b"] != made["c"]


def test_nothing_is_overwritten_and_numbers_must_fit(tmp_path: Path) -> None:
    generate(tmp_path / "ledger.json", transactions=2, blocks=1)
    with pytest.raises(ConflictError, match=r"ledger\.json exists"):
        generate(tmp_path / "ledger.json", transactions=2, blocks=1)
    with pytest.raises(InputError, match="3 transactions do not fill 5 blocks"):
        generate(tmp_path / "x" / "ledger.json", transactions=3, blocks=5)


def test_the_table_of_heads_has_the_log_root_and_frontier_of_every_size(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    generate(path, transactions=70, blocks=70)
    heads, frontier = Heads(), Frontier()
    with reading(path) as (read, size):
        heads.extend(read, size - 3)
        assert len(heads) == 71
        for height in range(71):
            assert heads.root(height) == frontier.root()
            assert heads.peaks(height) == frontier.peaks
            placed = heads.placed(read, height)
            assert placed.head.header.log_root == frontier.root().hex()
            frontier.push(leaf(placed.head.header_bytes))
