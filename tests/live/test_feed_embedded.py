"""From `mosquitto_pub` to the pool over the embedded broker, as the README tells it."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import threading
from collections.abc import Callable

import pytest

from core.errors import UnavailableError
from core.live.announcer import Announcer
from core.live.broker import Broker
from core.live.endpoint import Endpoint, resolve
from core.live.link import Link, LinkError, publish_once
from core.settings import Settings
from tests.live.support import TOPIC, Bench, Publisher, trade_payload, wait_until

Opener = Callable[..., Publisher]


def connected(bench: Bench, broker: Broker, **options: object) -> object:
    assert broker.endpoint is not None
    feed = bench.feed(broker.endpoint, **options)
    feed.start()
    wait_until(lambda: feed.cache.snapshot().connected, "the feed is connected")
    return feed


def test_the_embedded_broker_asks_for_its_password(broker: Broker) -> None:
    assert broker.endpoint is not None
    stranger = Endpoint(broker.endpoint.host, broker.endpoint.port, username="lab", password="guess")
    with pytest.raises(LinkError, match="refuses the sign-in"):
        publish_once(stranger, TOPIC, b"x", client_id="stranger")
    with pytest.raises(LinkError, match="refuses the sign-in"):
        publish_once(Endpoint(broker.endpoint.host, broker.endpoint.port), TOPIC, b"x", client_id="stranger")
    publish_once(broker.endpoint, "elsewhere", b"x", client_id="friend")


def test_a_stranger_cannot_take_over_the_session_of_the_feed(bench: Bench, broker: Broker, publish: Opener) -> None:
    feed = connected(bench, broker)
    assert broker.endpoint is not None
    stranger = Endpoint(broker.endpoint.host, broker.endpoint.port, username="lab", password="guess")
    with pytest.raises(LinkError):
        Link(stranger, client_id=bench.settings.mqtt_client_id, topics=(TOPIC,)).open()
    publish(broker.endpoint).send(trade_payload())
    wait_until(lambda: bench.pool.pending_count() == 1, "the trade is in the pool")
    feed.stop()


def test_credentials_are_kept_in_a_file_for_the_owner_alone_and_used_again(settings: Settings) -> None:
    first = Broker(settings)
    endpoint = first.start()
    assert stat.S_IMODE(first.options_file.stat().st_mode) == 0o600
    assert resolve(settings) == endpoint
    assert endpoint.password not in repr(endpoint)
    first.stop()
    second = Broker(settings)
    assert second.start().password == endpoint.password
    second.stop()


def test_a_taken_port_gives_way_to_the_next_and_says_so(settings: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.mqtt_port))
        other.listen()
        broker = Broker(settings)
        endpoint = broker.start()
        assert endpoint.port > settings.mqtt_port
        assert f"Port {settings.mqtt_port} is taken" in broker.sentence
        assert str(endpoint.port) in broker.sentence
        broker.stop()


def test_without_an_app_there_is_no_embedded_broker_to_use(settings: Settings) -> None:
    with pytest.raises(UnavailableError, match="MQTT_HOST"):
        resolve(settings)


def test_after_stop_no_thread_and_no_port_is_left(settings: Settings, bench: Bench) -> None:
    before = set(threading.enumerate())
    broker = Broker(settings)
    endpoint = broker.start()
    feed = connected(bench, broker)
    feed.stop()
    broker.stop()
    assert set(threading.enumerate()) == before
    with socket.socket() as probe:
        assert probe.connect_ex((endpoint.host, endpoint.port)) != 0


def test_one_command_publishes_a_trade(bench: Bench, broker: Broker) -> None:
    program = shutil.which("mosquitto_pub")
    if program is None:
        pytest.skip("mosquitto_pub is not installed (Debian: apt-get install mosquitto-clients)")
    feed = connected(bench, broker)
    environment = {**os.environ, "XDG_CONFIG_HOME": str(bench.settings.data_dir)}
    for _ in range(2):
        subprocess.run([program, "-t", TOPIC, "-m", trade_payload().decode()], env=environment, check=True)
    wait_until(lambda: bench.pool.pending_count() == 2, "both trades are in the pool")
    first, second = bench.documents()
    assert (first["energy_wh"], first["price_micro_per_kwh"]) == (3500, 6_800_000)
    assert (first["sequence"], second["sequence"]) == (0, 1)
    wait_until(lambda: len(feed.cache.snapshot().recent) == 2, "the pages see both")
    snapshot = feed.cache.snapshot()
    assert [trade.energy_kwh for trade in snapshot.recent] == [3.5, 3.5]
    assert snapshot.recent[0].price == 6.8
    feed.stop()


def test_what_is_no_trade_is_quarantined_and_the_next_trade_still_arrives(
    bench: Bench, broker: Broker, publish: Opener
) -> None:
    feed = connected(bench, broker)
    publisher = publish(broker.endpoint)
    for bad in (b"", b"\x00\xff", b"{", trade_payload(qty_kwh=-1), trade_payload(qty_kwh=-1)):
        publisher.send(bad)
    publisher.send(trade_payload())
    wait_until(lambda: bench.pool.pending_count() == 1, "the good trade is in the pool")
    wait_until(lambda: sum(bench.quarantine.totals().values()) == 5, "the bad ones are in the quarantine")
    assert bench.quarantine.totals() == {"not_json": 2, "negative": 2, "not_utf8": 1}
    twice = next(row for row in bench.quarantine.newest() if row.code == "negative")
    assert (twice.count, twice.topic) == (2, TOPIC)
    reasons = {"not_json": 2, "negative": 2, "not_utf8": 1}
    wait_until(lambda: dict(feed.cache.snapshot().reasons) == reasons, "the pages see them too")
    feed.stop()


def test_a_publishers_id_counts_once_and_another_trade_under_it_is_refused(
    bench: Bench, broker: Broker, publish: Opener
) -> None:
    feed = connected(bench, broker)
    publisher = publish(broker.endpoint)
    for _ in range(3):
        publisher.send(trade_payload(id="t-1"))
    publisher.send(trade_payload(id="t-1", price=1.0))
    publisher.send(trade_payload(id="t-1", publisher="other"))
    wait_until(lambda: feed.cache.snapshot().counts.received == 5, "all five are counted")
    counts = feed.cache.snapshot().counts
    assert (counts.trades, counts.duplicates, counts.quarantined) == (2, 2, 1)
    assert bench.quarantine.totals() == {"id_reused": 1}
    assert [document["message_id"] for document in bench.documents()] == ["t-1", "t-1"]
    feed.stop()


def test_gaps_in_a_publishers_numbers_are_shown_also_after_a_restart(
    bench: Bench, broker: Broker, publish: Opener
) -> None:
    feed = connected(bench, broker)
    publisher = publish(broker.endpoint)
    for seq in (1, 2, 5, 6):
        publisher.send(trade_payload(publisher="roof", seq=seq, id=f"r{seq}"))
    wait_until(lambda: feed.cache.snapshot().counts.trades == 4, "four trades")
    (gap,) = feed.cache.snapshot().gaps
    assert (gap.publisher_id, gap.first_seq, gap.last_seq) == ("roof", 3, 4)
    feed.stop()
    again = connected(bench, broker)
    publisher.send(trade_payload(publisher="roof", seq=8, id="r8"))
    wait_until(lambda: again.cache.snapshot().counts.trades == 1, "one more")
    (roof,) = again.cache.snapshot().publishers
    assert (roof.messages, roof.last_seq, roof.gaps, roof.missing) == (5, 8, 2, 3)
    again.stop()


def test_messages_wait_in_the_broker_while_the_feed_is_away(bench: Bench, broker: Broker, publish: Opener) -> None:
    feed = connected(bench, broker)
    feed.stop()
    publisher = publish(broker.endpoint)
    for number in range(50):
        publisher.send(trade_payload(id=f"t-{number}"))
    publisher.send(trade_payload())  # no id: a queued message is not a retained one
    wait_until(lambda: broker.undelivered(bench.settings.mqtt_client_id) == 51, "the broker has them")
    assert publisher.acknowledged == 0  # nobody has stored them
    feed = connected(bench, broker)
    wait_until(lambda: bench.pool.pending_count() == 51, "all of them are in the pool")
    wait_until(lambda: broker.undelivered(bench.settings.mqtt_client_id) == 0, "all of them are acknowledged")
    assert bench.quarantine.totals() == {}
    feed.stop()


def test_a_publisher_that_leaves_at_once_loses_nothing(bench: Bench, broker: Broker, publish: Opener) -> None:
    feed = connected(bench, broker)
    for number in range(20):
        publisher = Publisher(broker.endpoint, f"brief-{number}")
        for at in range(20):
            publisher.send(trade_payload(id=f"t-{number}-{at}"))
        publisher.wait()
        publisher.close()
    wait_until(lambda: bench.pool.pending_count() == 400, "all of them are in the pool")
    feed.stop()


@pytest.mark.parametrize("changes", [{"id": "kept"}, {}], ids=["with an id", "without"])
def test_a_retained_message_counts_once_however_often_it_is_replayed(
    changes: dict[str, object], bench: Bench, broker: Broker, publish: Opener
) -> None:
    publisher = publish(broker.endpoint)
    publisher.send(trade_payload(**changes), retain=True)
    for _ in range(3):
        feed = connected(bench, broker)
        wait_until(lambda feed=feed: feed.cache.snapshot().counts.received > 0, "the message was replayed")
        feed.stop()
    assert bench.pool.pending_count() == 1
    assert set(bench.quarantine.totals()) == (set() if changes else {"retained"})


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_network_thread_is_started_again_should_it_ever_end(
    bench: Bench, broker: Broker, publish: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = connected(bench, broker)

    def end(*_: object) -> None:
        monkeypatch.undo()
        raise SystemExit  # passes every `except Exception` and ends the thread

    monkeypatch.setattr(feed, "_store", end)
    publish(broker.endpoint).send(trade_payload())
    wait_until(lambda: bench.pool.pending_count() == 1, "the trade came again and is in the pool")
    assert feed.cache.snapshot().restarts == 1
    feed.stop()


def test_an_error_nobody_expected_ends_the_connection_and_not_the_feed(
    bench: Bench, broker: Broker, publish: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = connected(bench, broker)

    def fail(*_: object) -> None:
        monkeypatch.undo()
        raise RuntimeError("a defect")

    monkeypatch.setattr(feed, "_ask_when_silent", fail)
    publish(broker.endpoint).send(trade_payload())
    wait_until(lambda: bench.pool.pending_count() == 1, "the trade is in the pool")
    assert feed.cache.snapshot().connected
    feed.stop()


def test_what_is_published_before_the_feed_first_connects_waits_for_it(
    bench: Bench, broker: Broker, publish: Opener
) -> None:
    publisher = publish(broker.endpoint)
    publisher.send(trade_payload())
    feed = connected(bench, broker)
    wait_until(lambda: bench.pool.pending_count() == 1, "the trade is in the pool")
    publisher.wait()
    feed.stop()


def test_messages_survive_a_stop_and_start_of_the_broker(bench: Bench, settings: Settings, publish: Opener) -> None:
    first = Broker(settings)
    endpoint = first.start()
    publisher = publish(endpoint)
    for number in range(1_500):  # more than are on their way at once
        publisher.send(trade_payload(price=number) if number % 2 else trade_payload(id=f"t-{number}"))
    wait_until(lambda: first.undelivered(settings.mqtt_client_id) > 0, "some are on their way")
    assert publisher.acknowledged == 0
    first.stop()
    second = Broker(settings)
    second.start()
    feed = connected(bench, second)
    wait_until(lambda: bench.pool.pending_count() == 1_500, "every trade is in the pool")
    publisher.wait()
    assert second.undelivered(settings.mqtt_client_id) == 0
    feed.stop()
    second.stop()


def test_the_newest_checkpoint_is_there_for_whoever_connects_later(broker: Broker, settings: Settings) -> None:
    announcer = Announcer(settings)
    announcer.announce("the first")
    announcer.start()
    assert broker.endpoint is not None
    assert next_message(broker.endpoint, "iot-p2p-trading/checkpoint") == b"the first"
    broker.stop()
    announcer.announce("lost")
    announcer.announce("the second")
    broker.start()
    assert next_message(broker.endpoint, "iot-p2p-trading/checkpoint") == b"the second"
    announcer.stop()


def next_message(endpoint: Endpoint, topic: str) -> bytes:
    link = Link(endpoint, client_id="reader", topics=(topic,), clean=True)
    link.open()
    wait_until(lambda: link.poll(0.05) or link.inbox, "a message comes")
    payload = bytes(link.inbox[0].payload)
    link.close()
    return payload
