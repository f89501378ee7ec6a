"""A slow or full disk holds messages back in the broker; a flood of nonsense costs neither the thread nor memory."""

from __future__ import annotations

import ctypes
import gc
import os
import random
import string
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import event

from core.live.broker import Broker
from core.live.feed import Feed
from core.live.intake import Arrived, Intake
from core.live.payload import CODES
from core.settings import Settings
from core.store.meters import Meters
from core.store.quarantine import MAX_ROWS
from tests.live.support import TOPIC, Bench, Publisher, trade_payload, wait_until
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow
Opener = Callable[..., Publisher]


def intake_of(bench: Bench) -> Intake:
    return Intake(bench.settings, bench.pool, quarantine=bench.quarantine, meters=Meters(bench.store))


def started(bench: Bench, broker: Broker) -> Feed:
    assert broker.endpoint is not None
    feed = bench.feed(broker.endpoint)
    feed.start()
    wait_until(lambda: feed.cache.snapshot().connected, "the feed is connected")
    return feed


# ---- the disk


def test_nothing_is_acknowledged_before_a_slow_disk_has_it(
    bench: Bench, broker: Broker, publish: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = started(bench, broker)
    released = threading.Event()
    commit = Intake.store

    def slowly(self: Intake, batch: list[Arrived]) -> object:
        assert released.wait(PATIENCE_S)
        return commit(self, batch)

    monkeypatch.setattr(Intake, "store", slowly)
    publisher = publish(broker.endpoint)
    for number in range(3_000):
        publisher.send(trade_payload(id=f"t-{number}"))
    wait_until(lambda: broker.undelivered(bench.settings.mqtt_client_id) == 500, "as many as the client has in flight")
    assert publisher.acknowledged == 0
    assert bench.pool.pending_count() == 0
    released.set()
    publisher.wait()
    assert bench.pool.pending_count() == 3_000
    feed.stop()


def test_a_full_database_holds_messages_back_and_says_so(bench: Bench, broker: Broker, publish: Opener) -> None:
    """SQLite's own limit on pages stands for the disk: it raises the same error as ENOSPC."""
    limit = {"pages": 200}

    @event.listens_for(bench.store.engine, "begin")
    def bound(connection: object) -> None:
        connection.connection.cursor().execute(f"PRAGMA max_page_count={limit['pages']}")  # type: ignore[attr-defined]

    feed = started(bench, broker)
    publisher = publish(broker.endpoint)
    for number in range(5_000):
        publisher.send(trade_payload(id=f"t-{number}"))
    wait_until(lambda: feed.cache.snapshot().state == "blocked", "the feed says that it is blocked")
    assert "full" in feed.cache.snapshot().sentence
    assert "nothing is acknowledged" in feed.cache.snapshot().sentence
    stored = bench.pool.pending_count()
    assert 0 < stored < 5_000
    assert publisher.acknowledged <= stored
    limit["pages"] = 1_000_000
    wait_until(lambda: bench.pool.pending_count() == 5_000, "there is room and everything arrives")
    wait_until(lambda: feed.cache.snapshot().connected, "the feed says so")
    feed.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=24m") != 0:
        pytest.skip("a disk of our own (tmpfs) needs the right to mount")
    yield folder
    libc.umount2(os.fsencode(folder), 2)


def test_a_full_disk_holds_messages_back_until_there_is_room(small_disk: Path, broker: Broker, publish: Opener) -> None:
    bench = Bench(Settings(data_dir=small_disk))
    feed = started(bench, broker)
    publisher = publish(broker.endpoint)
    ballast = small_disk / "ballast"
    free = os.statvfs(small_disk)
    ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - 300_000))
    for number in range(2_000):
        publisher.send(trade_payload(id=f"t-{number}"))
    wait_until(lambda: feed.cache.snapshot().state == "blocked", "the feed says that it is blocked")
    assert publisher.acknowledged <= bench.pool.pending_count() < 2_000
    ballast.unlink()
    wait_until(lambda: bench.pool.pending_count() == 2_000, "there is room and everything arrives")
    feed.stop()
    bench.store.close()


@pytest.fixture
def hasty(bench: Bench) -> Bench:
    """A bench that does not wait for the disk, for tests of other things."""

    @event.listens_for(bench.store.engine, "connect")
    def hurry(connection: object, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]

    bench.store.engine.dispose()
    return bench


# ---- nonsense


def mutated(chance: random.Random) -> bytes:
    """A trade with a few bytes changed, cut, doubled or put in; or plain noise; or a hard nut."""
    kind = chance.randrange(10)
    if kind == 0:
        return chance.randbytes(chance.randrange(200))
    if kind == 1:
        return chance.choice(
            [b"[" * 10_000, b'{"a":' * 2_000, b"\xef\xbb\xbf{}", b"null", b'"\\ud800"', b"9" * 9_000, b"\0" * 300]
        )
    found = bytearray(
        trade_payload(id=f"m-{chance.randrange(50)}", timestamp="2026-01-05T10:15:00Z", seq=chance.randrange(99))
    )
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(found))
        match chance.randrange(4):
            case 0:
                found[at] = chance.randrange(256)
            case 1:
                del found[at : at + chance.randrange(1, 20)]
            case 2:
                found[at:at] = found[: chance.randrange(1, 20)]
            case _:
                found[at:at] = bytes(chance.choice([b"NaN", b"1e999", b"\\u0000", b'"', b"}", b"-", b"\xff", b"true"]))
        if not found:
            break
    return bytes(found)


def any_topic(chance: random.Random) -> str:
    if chance.randrange(3):
        return TOPIC
    letters = string.ascii_letters + "/+#$\0 é\ud800"
    prefix = chance.choice(["iot-p2p-trading/meters/", ""])
    return prefix + "".join(chance.choice(letters) for _ in range(chance.randrange(0, 80)))


def test_100000_random_and_mutated_messages_each_find_their_place(hasty: Bench) -> None:
    chance = random.Random(6)
    intake = intake_of(hasty)
    received = stored = refused = 0
    for _ in range(200):
        batch = [
            Arrived(
                any_topic(chance),
                mutated(chance),
                packet_id=chance.randrange(1, 65_536),
                qos=chance.randrange(2),
                redelivered=chance.random() < 0.1,
                retained=chance.random() < 0.1,
            )
            for _ in range(500)
        ]
        counts = intake.store(batch).counts
        parts = (counts.trades, counts.duplicates, counts.readings, counts.quarantined, counts.ignored)
        assert sum(parts) == counts.received == 500
        received += counts.received
        stored += counts.trades
        refused += counts.quarantined
    assert received == 100_000
    assert stored == hasty.pool.pending_count() > 100
    assert refused > 50_000
    assert set(hasty.quarantine.totals()) <= set(CODES)
    assert {"not_json", "not_utf8", "too_deep", "bad_id", "unexpected_topic", "wrong_type"} <= set(
        hasty.quarantine.totals()
    )
    assert len(hasty.quarantine.newest(10 * MAX_ROWS)) <= MAX_ROWS + 500  # bounded


def test_the_thread_lives_through_5000_of_them_over_a_broker(bench: Bench, broker: Broker, publish: Opener) -> None:
    chance = random.Random(7)
    feed = started(bench, broker)
    publisher = publish(broker.endpoint)
    for number in range(5_000):
        publisher.send(mutated(chance), chance.choice([TOPIC, "iot-p2p-trading/meters/HH001"]))
        if number % 100 == 0:
            publisher.send(trade_payload(id=f"good-{number}"))
    publisher.wait()
    good = {f"good-{number}" for number in range(0, 5_000, 100)}
    wait_until(lambda: feed.cache.snapshot().counts.received == 5_050, "every message is counted")
    assert good <= {document.get("message_id") for document in bench.documents()}
    assert feed.cache.snapshot().restarts == 0
    assert feed.cache.snapshot().connected
    feed.stop()


def test_a_message_that_cannot_be_stored_holds_up_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    intake = intake_of(bench)
    insert = bench.pool.insert

    def insert_unless_poisoned(connection: object, items: list[object]) -> object:
        if any("poison" in str(item) for item in items):
            raise ValueError("a defect somewhere below")
        return insert(connection, items)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.pool, "insert", insert_unless_poisoned)
    batch = [Arrived(TOPIC, trade_payload(id=name)) for name in ("a", "poison", "b")]
    counts = intake.store(batch).counts
    assert (counts.received, counts.trades, counts.quarantined) == (3, 2, 1)
    assert bench.quarantine.totals() == {"not_storable": 1}
    assert [document["message_id"] for document in bench.documents()] == ["a", "b"]


# ---- memory


def test_memory_is_flat_over_500000_messages(hasty: Bench) -> None:
    """Trades with and without an id, duplicates and nonsense, from many publishers; the pool empties as by mining."""
    chance = random.Random(8)
    intake = intake_of(hasty)
    feed = hasty.feed(None)  # type: ignore[arg-type]  # its cache only
    process = psutil.Process()
    sizes = []
    for number in range(1_000):
        batch = []
        for at in range(500):
            publisher = f"p{chance.randrange(5_000)}"
            serial = number * 500 + at
            match at % 10:
                case 0:
                    payload = trade_payload(price=serial % 9_999)
                case 1:
                    payload = b"nonsense %d" % serial
                case _:
                    payload = (
                        b'{"id":"i%d","buyer":"A","seller":"B","qty_kwh":1,"price":2,"publisher":"%s","seq":%d}'
                        % (
                            serial // 2,
                            publisher.encode(),
                            serial,
                        )
                    )
            batch.append(Arrived(TOPIC, payload, packet_id=serial % 65_535 + 1))
        feed.cache.add(intake.store(batch))
        if number % 20 == 0:
            with hasty.store.begin() as connection:
                connection.exec_driver_sql("DELETE FROM pending")
            gc.collect()
            sizes.append(process.memory_info().rss)
    settled = sizes[len(sizes) // 4]
    assert max(sizes[len(sizes) // 4 :]) - settled < 24_000_000, [size // 2**20 for size in sizes]
    snapshot = feed.cache.snapshot()
    assert snapshot.counts.received == 500_000
    assert len(snapshot.recent) == 200
    assert len(snapshot.publishers) == 100
