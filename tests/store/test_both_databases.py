"""What holds while many write at once, and over a restart of the database, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from core.accounts import Accounts, Tokens, User
from core.accounts.passwords import Passwords
from core.accounts.tokens import MOST
from core.errors import ConflictError, LabError, NotSignedInError, TooManyRequestsError
from core.settings import Settings
from core.store import Store
from core.store.pool import Pool
from core.store.runs import RunRow, RunRows
from tests import postgres
from tests.store.test_pool import made

GOOD = "correct horse battery"


def unaudited(*_: object, **__: object) -> None:
    """Nothing is chained here."""


def accounts_on(store: Store) -> Accounts:
    return Accounts(store, Settings(), audit=unaudited, passwords=Passwords(memory_kib=8, passes=1))


def at_once(count: int, work: Callable[[int], object]) -> list[Any]:
    """What became of `count` calls that begin together: what they returned or raised."""
    together, results = threading.Barrier(count), []

    def one(number: int) -> None:
        together.wait()
        try:
            results.append(work(number))
        except LabError as refusal:
            results.append(refusal)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count
    return results


def test_of_a_crowd_of_guesses_five_are_answered(store: Store) -> None:
    accounts = accounts_on(store)
    results = at_once(12, lambda _: accounts.check("admin", "a wrong guess", address="192.0.2.1"))
    assert sum(isinstance(result, NotSignedInError) for result in results) == 5
    assert sum(isinstance(result, TooManyRequestsError) for result in results) == 7


def test_of_two_admins_who_disable_each_other_one_is_left(store: Store) -> None:
    accounts = accounts_on(store)
    first = accounts.everybody()[0]
    second = accounts.register("anna", GOOD, address="::1")
    second = accounts.set_role(first, second.user_id, role="admin")
    pair = (first, second)
    results = at_once(2, lambda n: accounts.set_state(pair[n], pair[1 - n].user_id, state="disabled"))
    assert sum(isinstance(result, ConflictError) for result in results) == 1
    assert sum(user.state == "active" for user in accounts.everybody()) == 1


def test_of_many_tokens_made_at_once_no_more_than_allowed(store: Store) -> None:
    user = accounts_on(store).everybody()[0]
    tokens = Tokens(store, audit=unaudited)
    results = at_once(MOST + 5, lambda n: tokens.create(user, name=f"token {n}", scopes=["read"], days=1))
    assert sum(isinstance(result, ConflictError) for result in results) == 5
    assert len(tokens.of(user.user_id)) == MOST


def test_a_name_is_taken_once_however_many_register_it(store: Store) -> None:
    accounts = accounts_on(store)
    results = at_once(4, lambda _: accounts.register("anna", GOOD, address="::1"))
    assert sum(isinstance(result, User) for result in results) == 1


def test_whoever_pages_while_others_write_misses_no_row(database_url: str) -> None:
    """Two processes write: each has a store of its own. Numbers must become visible in their order."""
    stores = [Store(database_url) for _ in range(3)]
    reader, *writers = [Pool(store) for store in stores]
    done, seen = threading.Event(), list[int]()

    def follow() -> None:
        while True:
            ended = done.is_set()
            rows = reader.pending(50, after_seq=seen[-1] if seen else 0)
            seen.extend(row.seq for row in rows)
            if ended and not rows:
                return

    following = threading.Thread(target=follow)
    following.start()
    submit = lambda n: [writers[n % 2].submit([made(f"{n}-{i}-{j}") for j in range(3)]) for i in range(15)]  # noqa: E731
    at_once(8, submit)
    done.set()
    following.join()
    assert len(seen) == len(set(seen)) == reader.pending_count() == 8 * 15 * 3
    for store in stores:
        store.close()


def test_one_process_is_told_new_and_the_other_pending(database_url: str) -> None:
    stores = [Store(database_url) for _ in range(2)]
    pools = [Pool(store) for store in stores]
    results = at_once(8, lambda n: pools[n % 2].submit([made(str(i)) for i in range(40)]))
    for column in zip(*results, strict=True):
        assert sorted(column) == ["new", *["pending"] * 7]
    for store in stores:
        store.close()


def test_a_text_with_a_nul_is_kept_and_looked_for_without_an_error(store: Store) -> None:
    rows = RunRows(store)
    names = ("dataset_id", "dataset_name", "dataset_digest", "time_zone", "plan")
    rows.insert(
        RunRow("r", "anna", "a\0b", "[]", status="queued", message="", queued_at_ms=1, **dict.fromkeys(names, ""))
    )
    (found,) = rows.history("anna", text="", dataset_id="", before=None, limit=9)
    assert found.name in ("a\0b", "a\ufffdb")
    assert rows.history("anna", text="\0", dataset_id="", before=None, limit=9) is not None


def test_a_restart_of_the_database_is_survived(postgres_server: postgres.Server) -> None:
    store = Store(postgres_server.create())
    pool = Pool(store)
    assert pool.submit([made("before")]) == ["new"]
    postgres_server.stop()
    try:
        with pytest.raises(LabError, match="cannot be written"):
            pool.submit([made("meanwhile")])
    finally:
        postgres_server.start()
    assert pool.submit([made("before"), made("after")]) == ["pending", "new"]
    with store.begin() as connection:
        assert pool.insert(connection, [made("after")]) == ["pending"]
    assert pool.pending_count() == 2
    store.close()
