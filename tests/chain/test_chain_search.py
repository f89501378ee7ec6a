"""Whatever is asked of the chain is answered as a look through the whole file would answer it."""

from __future__ import annotations

import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from core.chain import Chain, Entry, Filter
from core.errors import InputError, NotFoundError, UnavailableError
from core.ledger import merkle, receipt
from core.ledger.generate import generate
from core.ledger.transaction import Transaction, audit, leaf_hash, note, result, run
from core.settings import Settings
from core.store import Store
from core.store import columns as columns_module
from tests.patience import PATIENCE_S

Opener = Callable[..., Chain]
Trades = Callable[..., list[Transaction]]
Row = tuple[int, str, dict[str, object]]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """3,000 made-up trades in 60 blocks, then a block with one of each other kind."""
    folder = tmp_path_factory.mktemp("search")
    generate(folder / "ledger.json", transactions=3_000, blocks=60)
    settings = Settings(data_dir=folder, ledger_path=folder / "ledger.json", uploads_dir=folder, proof_of_work=16)
    store = Store(settings.resolved_database_url)
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(columns_module, "PART", 1_000)  # so that there are whole parts and a tail
    opened = Chain(settings, store)
    entry = result(
        algorithm_id="a", source_digest="ab" * 32, parameters={}, figures={}, invariants={}, result_digest="cd" * 32
    )
    opened.submit(
        [
            run(run_id="run-7", at_ms=1_767_300_000_000, dataset_digest="ef" * 32, results=[entry]),
            audit(action="sign_in", actor="ann", subject="ann", at_ms=1_767_300_000_001),
            note(text="HH001 moved.", author="ann", at_ms=1_767_300_000_002),
        ]
    )
    opened.mine()
    assert opened.indexer.wait_for(61, timeout_s=PATIENCE_S)
    yield opened
    opened.close()
    store.close()
    monkeypatch.undo()


@pytest.fixture(scope="module")
def rows(chain: Chain) -> list[Row]:
    """Every transaction, the newest first: (height, hash, document)."""
    found = []
    for height in range(1, 62):
        found += [(height, leaf_hash(line), orjson.loads(line)) for line in chain.explorer.lines(height)]
    return found[::-1]


def hashes(entries: list[Entry]) -> list[str]:
    return [entry.tx_hash for entry in entries]


def test_a_transaction_page_has_the_line_its_block_and_a_path_that_leads_to_the_root(
    chain: Chain, rows: list[Row]
) -> None:
    for height, tx_hash, document in random.Random(1).sample(rows, 40):
        page = chain.transaction(tx_hash.upper())
        assert (page.block.height, page.line.tx_hash, page.line.document) == (height, tx_hash, document)
        assert all(page.checks.values())
        assert chain.explorer.read(page.line.offset, len(page.line.body)) == page.line.body
        found = bytes.fromhex(tx_hash)
        for step in page.steps:
            sibling = bytes.fromhex(step.sibling)
            found = merkle.node(sibling, found) if step.sibling_is_left else merkle.node(found, sibling)
            assert found.hex() == step.parent
        assert found.hex() == page.tx_root


def test_receipts_of_mined_transactions_hold(chain: Chain, rows: list[Row]) -> None:
    public = bytes.fromhex(chain.status().log_key)
    for height, tx_hash, _ in random.Random(2).sample(rows, 20):
        checked = receipt.check(receipt.encode(chain.receipt(tx_hash)), public=public)
        assert (checked.tx_hash, checked.height) == (tx_hash, height)


@pytest.mark.parametrize("length", [4, 8, 15, 16, 17, 40, 64])
def test_hashes_are_found_by_any_beginning_of_four_digits_and_more(chain: Chain, rows: list[Row], length: int) -> None:
    for _, tx_hash, _ in random.Random(3).sample(rows, 15):
        prefix = tx_hash[:length]
        expected = {other for _, other, _ in rows if other.startswith(prefix)}
        assert set(hashes(list(chain.find(prefix).mined))) == expected


def test_heights_block_hashes_households_and_runs_are_found(chain: Chain) -> None:
    block = chain.blocks(before_height=8, limit=1)[0]
    assert [found.height for found in chain.find("7").blocks] == [7]
    assert [found.height for found in chain.find(block.hash[:12]).blocks] == [7]
    assert chain.find("HH00").households == tuple(f"HH{n:03}" for n in range(1, 10))
    (entry,) = chain.find("run-7").mined
    assert entry.document["run_id"] == "run-7"


def test_what_was_never_seen_is_said_after_a_look_through_the_whole_file(chain: Chain) -> None:
    found = chain.find("ab" * 32)
    assert found.nothing
    assert found.complete
    assert "never seen" in found.sentence
    with pytest.raises(NotFoundError, match="No transaction on the chain"):
        chain.transaction("ab" * 32)
    with pytest.raises(NotFoundError, match="64 hex digits"):
        chain.transaction("x'; drop table tx; --")
    for text in ("", " ", "%", "_", "'", "\x00", "9" * 40, "😀", "a" * 10_000):
        assert chain.find(text) is not None


def test_a_pending_transaction_is_found_as_pending_until_it_is_mined(open_chain: Opener, trades: Trades) -> None:
    chain = open_chain()
    (made,) = trades(1)
    chain.submit([made])
    found = chain.find(made.tx_hash[:10])
    assert [row.tx_hash for row in found.pending] == [made.tx_hash]
    assert found.sentence.endswith("1 pending transaction.")
    with pytest.raises(NotFoundError, match="is pending") as refused:
        chain.transaction(made.tx_hash)
    assert refused.value.code == "pending"
    chain.mine()
    found = chain.find(made.tx_hash[:10])
    assert (len(found.pending), hashes(list(found.mined))) == (0, [made.tx_hash])


FILTERS = [
    Filter(),
    Filter(kind="trade"),
    Filter(kind="run"),
    Filter(kind="audit"),
    Filter(household="HH007"),
    Filter(household="HH007", counterparty="HH012"),
    Filter(household="nobody"),
    Filter(least_wh=200, most_wh=210),
    Filter(least_micro_per_kwh=6_600_000, most_micro_per_kwh=6_605_000),
    Filter(from_ms=1_767_225_700_000, until_ms=1_767_225_760_000),
    Filter(kind="trade", household="HH007", least_wh=100, from_ms=1_767_226_000_000),
]


def passes(document: dict[str, object], wanted: Filter) -> bool:
    at = int(str(document.get("received_at_ms", document.get("at_ms"))))
    parties = {document.get("buyer"), document.get("seller")}
    energy, price = document.get("energy_wh"), document.get("price_micro_per_kwh")
    return (
        wanted.kind in ("", document["kind"])
        and all(one in parties for one in (wanted.household, wanted.counterparty) if one)
        and (wanted.from_ms is None or at >= wanted.from_ms)
        and (wanted.until_ms is None or at < wanted.until_ms)
        and (wanted.least_wh is None or (energy is not None and energy >= wanted.least_wh))  # type: ignore[operator]
        and (wanted.most_wh is None or (energy is not None and energy <= wanted.most_wh))  # type: ignore[operator]
        and (wanted.least_micro_per_kwh is None or (price is not None and price >= wanted.least_micro_per_kwh))  # type: ignore[operator]
        and (wanted.most_micro_per_kwh is None or (price is not None and price <= wanted.most_micro_per_kwh))  # type: ignore[operator]
    )


@pytest.mark.parametrize("wanted", FILTERS, ids=str)
def test_a_filtered_list_paged_by_key_is_the_same_as_a_look_at_every_transaction(
    chain: Chain, rows: list[Row], wanted: Filter
) -> None:
    expected = [tx_hash for _, tx_hash, document in rows if passes(document, wanted)]
    found: list[str] = []
    before = None
    while page := chain.transactions(wanted, before_seq=before, limit=700):
        found += hashes(page)
        before = page[-1].seq
    assert found == expected


def test_an_unknown_kind_is_refused_with_the_known_ones(chain: Chain) -> None:
    with pytest.raises(InputError, match="expected one of trade, run, audit, note"):
        chain.transactions(Filter(kind="x"))


def test_charts_add_up_to_what_is_in_the_file(chain: Chain, rows: list[Row]) -> None:
    trades = [document for _, _, document in rows if document["kind"] == "trade"]
    hours: Counter[int] = Counter()
    money: Counter[int] = Counter()
    pairs: Counter[tuple[object, object]] = Counter()
    bought: Counter[object] = Counter()
    counterparties: dict[object, Counter[str]] = defaultdict(Counter)
    for one in trades:
        hour = int(str(one["received_at_ms"])) // 3_600_000 * 3_600_000
        hours[hour] += int(str(one["energy_wh"]))
        money[hour] += int(str(one["amount_micro"]))
        pairs[one["seller"], one["buyer"]] += int(str(one["energy_wh"]))
        bought[one["buyer"]] += int(str(one["energy_wh"]))
        for me, other in ((one["buyer"], one["seller"]), (one["seller"], one["buyer"])):
            counterparties[me][str(other)] += 1
    over_time = chain.figures.over_time()
    assert dict(zip(over_time["at_ms"].tolist(), over_time["energy_wh"].tolist(), strict=True)) == hours
    assert over_time["amount_micro"].sum() == sum(money.values())
    assert over_time["trades"].sum() == len(trades)
    shown = chain.figures.pairs(most=1_000)
    assert {(s, b): e for s, b, e in zip(shown["seller"], shown["buyer"], shown["energy_wh"], strict=True)} == pairs
    households = chain.figures.households()
    assert dict(zip(households["household"], households["bought_wh"].tolist(), strict=True)) == {
        name: bought[name] for name in households["household"]
    }
    statement = chain.figures.statement("HH007")
    assert dict(zip(statement["counterparty"], statement["trades"].tolist(), strict=True)) == counterparties["HH007"]
    by_hour = chain.figures.household_over_time("HH007")
    assert by_hour["bought_wh"].sum() == bought["HH007"]
    kinds = chain.figures.kinds()
    assert kinds["transactions"].tolist() == [3_000, 1, 1, 1]


def test_the_heat_map_is_of_the_households_that_trade_most(chain: Chain) -> None:
    households = chain.figures.households()
    busiest = set(households["household"][:5])
    shown = chain.figures.pairs(most=5)
    assert set(shown["seller"]) | set(shown["buyer"]) <= busiest


def test_latency_is_from_arrival_to_the_time_of_the_block(chain: Chain, rows: list[Row]) -> None:
    longest = max(
        chain.explorer.placed(height).head.header.time_ms - int(str(document["received_at_ms"]))
        for height, _, document in rows
        if document["kind"] == "trade"
    )
    latency = chain.figures.latency(Filter(kind="trade"))
    assert latency["most_ms"].max() == longest
    assert (latency["p50_ms"] <= latency["p95_ms"]).all()


def test_block_series_have_intervals_between_neighbours(chain: Chain) -> None:
    series = chain.figures.blocks(most=10)
    assert series["height"].tolist() == list(range(52, 62))
    assert series["interval_ms"][:9].tolist() == [20_000] * 9
    whole = chain.figures.blocks()
    assert (len(whole["height"]), whole["interval_ms"][0]) == (62, 0)
    assert whole["transactions"].sum() == 3_004  # the genesis line is one of them


def test_a_chart_is_computed_once_until_the_chain_grows(open_chain: Opener, trades: Trades) -> None:
    chain = open_chain()
    chain.submit(trades(5))
    chain.mine()
    assert chain.indexer.wait_for(1, timeout_s=PATIENCE_S)
    first = chain.figures.over_time()
    assert chain.figures.over_time() is first
    chain.submit(trades(5, first=5))
    chain.mine()
    assert chain.indexer.wait_for(2, timeout_s=PATIENCE_S)
    assert chain.figures.over_time()["trades"].sum() == 10


def test_an_index_that_points_elsewhere_is_found_out_and_built_anew(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    chain = open_chain()
    made = trades(6)
    for each in made:
        chain.submit([each])
        chain.mine()
    assert chain.indexer.wait_for(6, timeout_s=PATIENCE_S)
    chain.indexer.ask(lambda index, _: index._all("update tx set offset = offset + 3, height = 2"))
    with pytest.raises(UnavailableError, match="built anew"):
        chain.transactions()
    assert chain.transaction(made[0].tx_hash).block.height == 1
    assert chain.indexer.wait_for(6, timeout_s=PATIENCE_S)
    assert hashes(chain.transactions()) == [each.tx_hash for each in reversed(made)]


def test_a_row_taken_out_of_the_index_hides_nothing(open_chain: Opener, trades: Trades) -> None:
    chain = open_chain()
    made = trades(3)
    chain.submit(made)
    chain.mine()
    assert chain.indexer.wait_for(1, timeout_s=PATIENCE_S)
    chain.indexer.ask(lambda index, _: index._all("delete from tx where seq = 1"))
    assert chain.transaction(made[1].tx_hash).checks["hash"]


def test_a_second_instance_reads_the_index_of_the_first_as_it_grows(
    settings: Settings, open_chain: Opener, trades: Trades
) -> None:
    first = open_chain()
    first.submit(trades(2))
    first.mine()
    assert first.indexer.wait_for(1, timeout_s=PATIENCE_S)
    store = Store(settings.resolved_database_url)
    second = Chain(settings, store)
    try:
        assert len(second.transactions()) == 2
        first.submit(trades(1, first=2))
        first.mine()
        assert first.indexer.wait_for(2, timeout_s=PATIENCE_S)
        assert len(second.transactions()) == 3
        assert second.figures.over_time()["trades"].sum() == 3
        first.indexer.anew()
        assert len(second.transactions()) == 3
    finally:
        second.close()
        store.close()


def test_the_index_of_another_chain_is_not_used(tmp_path: Path) -> None:
    found = []
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        generate(folder / "ledger.json", transactions=50, blocks=5, seed=seed)
        if seed == 2:
            shutil.copytree(tmp_path / "1" / "index", folder / "index")
        settings = Settings(data_dir=folder, ledger_path=folder / "ledger.json", uploads_dir=folder, proof_of_work=16)
        store = Store(settings.resolved_database_url)
        chain = Chain(settings, store)
        assert chain.indexer.wait_for(5, timeout_s=PATIENCE_S)
        found.append(set(hashes(chain.transactions(limit=50))))
        assert found[-1] == {leaf_hash(line) for height in range(1, 6) for line in chain.explorer.lines(height)}
        chain.close()
        store.close()
    assert not found[0] & found[1]
