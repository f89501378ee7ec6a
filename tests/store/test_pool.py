from __future__ import annotations

import threading

import pytest
from sqlalchemy import Dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg

from core.errors import UnavailableError
from core.ledger.transaction import Transaction, trade
from core.store import Store
from core.store import pool as pool_module
from core.store.pool import Arrival, Pool
from core.store.prepared import PreparedForKeys


def made(message_id: str | None = "1", sequence: int | None = None) -> Transaction:
    return trade(
        buyer="HH002",
        seller="HH001",
        energy_wh=3500,
        price_micro_per_kwh=6_800_000,
        received_at_ms=1_767_225_740_000,
        publisher="meter",
        message_id=message_id,
        sequence=sequence,
    )


def lines(*transactions: Transaction) -> list[bytes]:
    return [transaction.body for transaction in transactions]


def test_the_same_transaction_is_accepted_once_and_told_where_it_is(store: Store) -> None:
    pool = Pool(store)
    assert pool.submit([made(), made(), made("2")]) == ["new", "pending", "new"]
    assert pool.submit([made()]) == ["pending"]
    with store.begin() as connection:
        pool.mined(connection, lines(made()), 1)
    assert pool.submit([made(), made("2")]) == ["mined", "pending"]
    assert pool.pending_count() == 1
    assert (pool.state(made().dedupe), pool.state(made("2").dedupe), pool.state("x")) == ("mined", "pending", None)


def test_what_submit_returned_is_there_for_another_reader(store: Store, database_url: str) -> None:
    Pool(store, clock=lambda: 7).submit([made()])
    other = Store(database_url)
    (row,) = Pool(other).pending(10)
    assert (row.body, row.tx_hash, row.submitted_at_ms) == (made().body, made().tx_hash, 7)
    other.close()


def test_the_same_message_without_an_id_twice_is_two_trades(store: Store) -> None:
    pool = Pool(store)
    first = Arrival(made(None, 1), packet_id=7, payload=b"{}", redelivered=False)
    second = Arrival(made(None, 2), packet_id=8, payload=b"{}", redelivered=False)
    assert pool.submit([first, second]) == ["new", "new"]


def test_a_redelivered_message_without_an_id_is_the_same_trade(store: Store) -> None:
    pool = Pool(store)
    assert pool.submit([Arrival(made(None, 1), packet_id=7, payload=b"{}", redelivered=False)]) == ["new"]
    again = Arrival(made(None, 2), packet_id=7, payload=b"{}", redelivered=True)
    assert pool.submit([again]) == ["pending"]
    with store.begin() as connection:
        pool.mined(connection, lines(made(None, 1)), 1)
    assert pool.submit([again]) == ["mined"]
    assert pool.pending_count() == 0


def test_a_redelivered_message_that_was_never_committed_is_a_new_trade(store: Store) -> None:
    pool = Pool(store)
    pool.submit([Arrival(made(None, 1), packet_id=7, payload=b"{}", redelivered=False)])
    other_packet = Arrival(made(None, 2), packet_id=8, payload=b"{}", redelivered=True)
    other_payload = Arrival(made(None, 3), packet_id=7, payload=b"{ }", redelivered=True)
    assert pool.submit([other_packet, other_payload]) == ["new", "new"]


def test_a_packet_id_taken_again_with_the_same_payload_is_a_new_trade(store: Store) -> None:
    pool = Pool(store)
    for sequence in (1, 2):
        arrival = Arrival(made(None, sequence), packet_id=7, payload=b"{}", redelivered=False)
        assert pool.submit([arrival]) == ["new"]
    assert pool.submit([Arrival(made(None, 3), packet_id=7, payload=b"{}", redelivered=True)]) == ["pending"]
    assert pool.pending_count() == 2


def test_only_the_recent_arrivals_are_remembered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(store)
    arrivals = [
        Arrival(made(None, n), packet_id=n % 65_536, payload=b"%d" % n, redelivered=False)
        for n in range(pool_module.WINDOW + 1)
    ]
    pool.submit(arrivals)
    with store.read() as connection:
        remembered = connection.exec_driver_sql("select count(*) from arrivals").scalar_one()
    assert remembered == pool_module.WINDOW


def test_a_submit_inside_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    pool = Pool(store)

    def give_up() -> None:
        with store.begin() as connection:
            assert pool.insert(connection, [made()]) == ["new"]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        give_up()
    assert pool.pending_count() == 0


def test_a_failed_commit_fails_every_submitter_that_shared_it(store: Store) -> None:
    pool = Pool(store)
    with store.begin() as connection:
        connection.exec_driver_sql("drop table pending")
    with pytest.raises(UnavailableError, match="cannot be written"):
        pool.submit([made()])


def test_many_threads_share_commits_and_lose_nothing(store: Store) -> None:
    pool = Pool(store)
    commits = 0
    begin = store.begin

    def counted() -> object:
        nonlocal commits
        commits += 1
        return begin()

    store.begin = counted  # type: ignore[method-assign, assignment]
    start = threading.Barrier(16)

    def submit(thread: int) -> None:
        start.wait()
        for n in range(20):
            assert pool.submit([made(f"{thread}-{n}")]) == ["new"]

    threads = [threading.Thread(target=submit, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pool.pending_count() == 320
    assert commits < 320


def test_pending_is_read_oldest_first_newest_first_and_by_prefix(store: Store) -> None:
    times = iter([5, 6, 7])
    pool = Pool(store, clock=lambda: next(times))
    for message_id in "abc":
        pool.submit([made(message_id)])
    assert [row.body for row in pool.pending(2)] == [made("a").body, made("b").body]
    assert [row.body for row in pool.pending(9, after_seq=pool.pending(2)[-1].seq)] == [made("c").body]
    assert [row.body for row in pool.newest(1)] == [made("c").body]
    assert [row.body for row in pool.find(made("b").tx_hash[:9])] == [made("b").body]
    assert pool.oldest_at_ms() == 5


@pytest.mark.parametrize(("dialect", "written"), [(sqlite.dialect(), "IN (?, ?)"), (psycopg.dialect(), "%(k0)s")])
def test_statements_are_written_in_the_way_of_each_database(dialect: Dialect, written: str) -> None:
    ran: list[tuple[str, object]] = []

    def execute(text: str, values: object) -> list[object]:
        ran.append((text, values))
        return []

    asked = PreparedForKeys(pool_module._known_among, dialect)
    assert list(asked.rows(execute, [b"a", b"b"])) == []
    ((text, values),) = ran
    filled = {f"k{n}": key for n, key in enumerate([b"a", b"b", *[b"a"] * 6])}
    assert written.split(",")[0] in text
    assert values == (filled if isinstance(values, dict) else tuple(filled.values()) * 2)


@pytest.mark.parametrize("count", [1, 2, 8, 9, 100, 513, 1_500])
def test_any_number_at_once_is_accepted_and_recognised(store: Store, count: int) -> None:
    pool = Pool(store)
    batch = [made(str(n)) for n in range(count)]
    assert pool.submit(batch) == ["new"] * count
    assert pool.submit(batch) == ["pending"] * count
    with store.begin() as connection:
        pool.mined(connection, lines(*batch), 1)
    assert pool.submit(batch) == ["mined"] * count
    assert pool.pending_count() == 0
