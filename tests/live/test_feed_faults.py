"""Whatever dies when: nothing that a broker was told is safe gets lost, and nothing counts twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.live.broker import Broker
from core.live.endpoint import Endpoint
from core.live.feed import Patience
from tests.live.support import Bench, Mosquitto, Proxy, Publisher, trade_payload, wait_until
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.slow
REPO = Path(__file__).resolve().parents[2]
Opener = Callable[..., Publisher]
MESSAGES = 30_000
KILLS = 10


class FeedProcess:
    """`python -m core feed` against a broker, on the store of a bench."""

    def __init__(self, bench: Bench, endpoint: Endpoint) -> None:
        self._bench = bench
        self._environment = {
            **os.environ,
            "DATA_DIR": str(bench.settings.data_dir),
            "MQTT_HOST": endpoint.host,
            "MQTT_PORT": str(endpoint.port),
            "MQTT_USERNAME": endpoint.username,
            "MQTT_PASSWORD": endpoint.password,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "core", "feed", "--quiet"], cwd=REPO, env=self._environment
        )

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(PATIENCE_S)

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(PATIENCE_S)


@pytest.fixture
def feed_process(bench: Bench) -> Iterator[Callable[[Endpoint], FeedProcess]]:
    started: list[FeedProcess] = []

    def opener(endpoint: Endpoint) -> FeedProcess:
        started.append(FeedProcess(bench, endpoint))
        started[-1].start()
        return started[-1]

    yield opener
    for process in started:
        process.kill()


def publish_all(publisher: Publisher, *, messages: int) -> int:
    """Every third without an id (told apart by its price), every fiftieth bad; returns how many are bad."""
    bad = 0
    for number in range(messages):
        if number % 50 == 7:
            publisher.send(trade_payload(id=f"t-{number}", qty_kwh=-number))
            bad += 1
        elif number % 3:
            publisher.send(trade_payload(id=f"t-{number}"))
        else:
            publisher.send(trade_payload(price=number))
    return bad


def kill_ten_times(bench: Bench, process: FeedProcess, *, messages: int) -> None:
    """Kill the subscriber whenever so many messages are stored, at ten random numbers, and start it again."""
    chance = random.Random(6)
    for stored in sorted(chance.randrange(messages * 9 // 10) for _ in range(KILLS)):
        wait_until(lambda stored=stored: bench.pool.pending_count() >= stored, "the feed is at work")
        time.sleep(chance.uniform(0.0, 0.03))  # anywhere between a commit, its acknowledgements and the next
        process.kill()
        process.start()


def check_exactly_once(bench: Bench, *, messages: int) -> None:
    documents = bench.documents()
    with_id = Counter(document["message_id"] for document in documents if "message_id" in document)
    without = Counter(document["price_micro_per_kwh"] // 10**6 for document in documents if "sequence" in document)
    good = [number for number in range(messages) if number % 50 != 7]
    assert set(with_id) == {f"t-{number}" for number in good if number % 3}
    assert set(without) == {number for number in good if not number % 3}
    assert set(with_id.values()) == set(without.values()) == {1}


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"])
def test_ten_kills_in_30000_messages_lose_nothing_and_double_nothing(
    kind: str,
    bench: Bench,
    publish: Opener,
    feed_process: Callable[[Endpoint], FeedProcess],
    request: pytest.FixtureRequest,
) -> None:
    server: Mosquitto | Broker = request.getfixturevalue("mosquitto" if kind == "mosquitto" else "broker")
    endpoint = server.endpoint
    assert endpoint is not None
    process = feed_process(endpoint)
    wait_until(lambda: "Connected" in (bench.reported() or ""), "the feed has its session")
    publisher = publish(endpoint)
    bad = publish_all(publisher, messages=MESSAGES)
    expected = MESSAGES - bad
    kill_ten_times(bench, process, messages=expected)
    publisher.wait()
    wait_until(lambda: bench.pool.pending_count() >= expected, "every good message is stored")
    wait_until(lambda: sum(bench.quarantine.totals().values()) >= bad, "every bad message is in quarantine")
    check_exactly_once(bench, messages=MESSAGES)
    assert set(bench.quarantine.totals()) == {"negative"}
    assert len(bench.quarantine.newest(10_000)) == bad
    assert process.stop() == 0


def test_a_broker_restarted_under_load_loses_nothing(bench: Bench, mosquitto: Mosquitto, publish: Opener) -> None:
    feed = bench.feed(mosquitto.endpoint)
    feed.start()
    wait_until(lambda: feed.cache.snapshot().connected, "the feed is connected")
    publisher = publish(mosquitto.endpoint)
    for number in range(6_000):
        publisher.send(trade_payload(id=f"t-{number}"))
        if number in (2_000, 4_000):
            wait_until(lambda number=number: bench.pool.pending_count() > number // 2, "half of it has arrived")
            mosquitto.stop()
            mosquitto.start()
    publisher.wait()
    wait_until(lambda: bench.pool.pending_count() == 6_000, "every trade is stored")
    assert bench.quarantine.totals() == {}
    feed.stop()


def test_a_minute_of_messages_is_drained_after_the_network_was_down_and_pages_go_on(
    bench: Bench, mosquitto: Mosquitto, publish: Opener
) -> None:
    wire = Proxy(mosquitto.endpoint)
    feed = bench.feed(wire.endpoint)
    feed.start()
    wait_until(lambda: feed.cache.snapshot().connected, "the feed is connected")
    wire.cut()
    publisher = publish(mosquitto.endpoint)
    for number in range(MESSAGES):  # a minute at 500 a second
        publisher.send(trade_payload(id=f"t-{number}"))
    publisher.wait()
    snapshot = feed.cache.snapshot()
    assert snapshot.state == "disconnected"
    assert "Next try" in snapshot.sentence
    assert bench.pool.pending_count() == 0
    wire.restore()
    looks = 0
    while feed.cache.snapshot().counts.received < MESSAGES:  # as a page: wake up, look at what is there
        time.sleep(0.02)
        assert len(feed.cache.snapshot().recent) <= 200
        bench.pool.newest(10)
        looks += 1
    assert bench.pool.pending_count() == MESSAGES
    assert looks > 5  # pages went on while it drained; benchmarks/feed.py has their delay
    assert feed.cache.snapshot().connected
    feed.stop()
    wire.close()


def test_two_clients_with_the_same_id_are_told_what_may_be_wrong(bench: Bench, mosquitto: Mosquitto) -> None:
    first, second = bench.feed(mosquitto.endpoint), bench.feed(mosquitto.endpoint)
    first.start()
    second.start()
    hint = f'Another client may be using the client id "{bench.settings.mqtt_client_id}"'
    wait_until(lambda: any(hint in feed.cache.snapshot().sentence for feed in (first, second)), "the hint is given")
    first.stop()
    second.stop()


def test_a_wire_that_passes_nothing_is_noticed_by_its_silence(
    bench: Bench, mosquitto: Mosquitto, publish: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.live.link.ANSWER_S", 0.5)
    wire = Proxy(mosquitto.endpoint)
    feed = bench.feed(wire.endpoint, patience=Patience(first_s=0.02, longest_s=0.2, silence_s=0.3))
    feed.start()
    wait_until(lambda: feed.cache.snapshot().connected, "the feed is connected")
    wire.freeze()
    wait_until(lambda: not feed.cache.snapshot().connected, "the feed asks and gets no answer")
    publisher = publish(mosquitto.endpoint)
    publisher.send(trade_payload())
    wire.thaw()
    wait_until(lambda: bench.pool.pending_count() == 1, "the trade is stored")
    feed.stop()
    wire.close()


def test_a_subscription_that_the_broker_lost_is_asked_for_again(bench: Bench, broker: Broker, publish: Opener) -> None:
    assert broker.endpoint is not None
    feed = bench.feed(broker.endpoint, patience=Patience(silence_s=0.3))
    feed.start()
    wait_until(lambda: feed.cache.snapshot().connected, "the feed is connected")
    assert broker._sessions is not None
    broker._sessions.keeper.filters.clear()
    broker._sessions._routes.clear()
    publisher = publish(broker.endpoint)

    def arrived() -> bool:
        publisher.send(trade_payload())
        return bench.pool.pending_count() > 0

    wait_until(arrived, "a trade arrives again")
    assert feed.cache.snapshot().connected
    feed.stop()
