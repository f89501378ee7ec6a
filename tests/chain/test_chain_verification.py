"""The whole ledger is verified in the background, and damage found there ends the writing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from core.chain import Chain
from core.chain import verification as verification_module
from core.errors import LedgerReadOnlyError, UnavailableError
from core.ledger import commitment
from core.ledger.transaction import Transaction, result, run
from core.settings import Settings
from tests.patience import PATIENCE_S

Opener = Callable[..., Chain]
Trades = Callable[..., list[Transaction]]


def grown(chain: Chain, trades: Trades, blocks: int = 5) -> Chain:
    for number in range(blocks):
        chain.submit(trades(1, first=number))
        chain.mine()
    return chain


def wait(chain: Chain) -> None:
    assert chain.verification._thread is not None
    chain.verification._thread.join(PATIENCE_S)


def test_the_background_verification_says_how_far_and_when(open_chain: Opener, trades: Trades) -> None:
    chain = grown(open_chain(clock=lambda: 77), trades)
    assert (chain.status().verified_height, chain.status().verifying) == (None, None)
    chain.start_verification()
    wait(chain)
    status = chain.status()
    assert (status.verified_height, status.verified_level, status.verified_at_ms) == (5, 2, 77)
    chain.submit(trades(1, first=9))
    chain.mine()
    assert chain.status().verified_height == 5


def test_damage_found_while_running_makes_the_ledger_read_only_and_names_it(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    chain = grown(open_chain(), trades)
    with settings.ledger_path.open("r+b") as file:
        content = file.read()
        file.seek(content.index(b'"energy_wh":101'))
        file.write(b'"energy_wh":901')
    chain.start_verification()
    wait(chain)
    status = chain.status()
    assert not status.writable
    assert "damaged in block 2 at byte" in str(status.damage)
    assert status.verified_height is None
    chain.submit(trades(1, first=9))
    with pytest.raises(LedgerReadOnlyError, match="damaged in block 2"):
        chain.mine()
    assert chain.status().pending == 1


def test_progress_goes_up_to_the_whole_file(open_chain: Opener, trades: Trades, settings: Settings) -> None:
    chain = grown(open_chain(), trades)
    moved: list[tuple[int, int]] = []
    verdict = chain.verify(3, progress=lambda done, size: moved.append((done, size)))
    assert verdict.ok
    assert verdict.seconds > 0
    assert moved == sorted(moved)
    assert moved[-1] == (settings.ledger_path.stat().st_size - 3, settings.ledger_path.stat().st_size)


def test_closing_stops_a_verification_that_runs(
    open_chain: Opener, trades: Trades, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = grown(open_chain(), trades)
    begun = threading.Event()
    monkeypatch.setattr(verification_module, "_WORK_S", 0.0)
    monkeypatch.setattr(verification_module, "_REST_S", 30.0)
    plain = chain.verification._end

    def end() -> int | None:
        begun.set()
        return plain()

    monkeypatch.setattr(chain.verification, "_end", end)
    chain.start_verification()
    assert begun.wait(PATIENCE_S)
    chain.close()
    wait(chain)
    with pytest.raises(UnavailableError, match="stopped"):
        chain.verify(1)


def recorded(digest: str) -> Transaction:
    entry = result(
        algorithm_id="mid", source_digest="ab" * 32, parameters={}, figures={}, invariants={}, result_digest=digest
    )
    return run(run_id=f"run-{digest[:2]}", at_ms=1, dataset_digest="ef" * 32, results=[entry, entry])


def test_level_4_replays_recorded_runs_and_counts_those_without_their_dataset(open_chain: Opener) -> None:
    chain = open_chain()
    chain.submit([recorded("aa" * 32), recorded("bb" * 32)])
    chain.mine()
    verdict = chain.verify(4, replay=lambda document, _: "aa" * 32 if document["run_id"] == "run-aa" else None)
    assert verdict.ok
    assert (verdict.replayed, verdict.not_replayed) == (2, 2)


class Opener4:
    """Replays what it can open."""

    def __init__(self, openings: dict[str, dict[str, Any]]) -> None:
        self.openings = openings

    def __call__(self, document: dict[str, Any], entry: dict[str, Any], /) -> str | None:
        return "aa" * 32

    def opened(self, document: dict[str, Any], /) -> dict[str, Any] | None:
        opening = self.openings.get(document["run_id"])
        return None if opening is None else commitment.opened(document, opening)


def test_level_4_replays_private_runs_that_can_be_opened_and_counts_the_others(open_chain: Opener) -> None:
    chain, salt = open_chain(), b"s" * 32
    mine, foreign = recorded("aa" * 32), recorded("bb" * 32)
    chain.submit([commitment.seal(each, salt=salt) for each in (mine, foreign)])
    chain.mine()
    replay = Opener4({"run-aa": commitment.opening(mine, salt=salt)})
    verdict = chain.verify(4, replay=replay)
    assert verdict.ok
    assert (verdict.replayed, verdict.not_replayed) == (2, 1)
    assert chain.verify(3).ok
    assert chain.verify(4).not_replayed == 2  # nobody opens anything


def test_level_4_names_the_run_that_does_not_give_the_recorded_result(open_chain: Opener) -> None:
    chain = open_chain()
    chain.submit([recorded("aa" * 32)])
    chain.mine()
    verdict = chain.verify(4, replay=lambda _, entry: "00" * 32)
    assert not verdict.ok
    assert verdict.sentence.startswith("Run run-aa (block 1, transaction 0, byte")


def test_a_background_verification_that_fails_is_seen_in_the_status_until_one_ends(
    open_chain: Opener, trades: Trades, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = grown(open_chain(announcing=lambda: "No broker takes it."), trades)

    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as broken:
        broken.setattr(verification_module.verify, "verify", fail)
        chain.start_verification()
        wait(chain)
    failed, unannounced = chain.status().problems
    assert "background verification failed" in failed
    assert "Permission denied" in failed
    assert unannounced == "No broker takes it."
    chain.start_verification()
    wait(chain)
    assert chain.status().problems == ("No broker takes it.",)
