"""The embedded broker by itself: its packets, what it tells publishers and when, and that kills lose nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.live import clients, packets, sessions
from core.live.broker import Broker
from core.live.clients import Client
from core.live.endpoint import Endpoint
from core.live.packets import Bare, Connect, Numbered, Packet, Parser, ProtocolError, Publish, Subscribe
from core.live.sessions import Sessions
from core.settings import Settings
from tests.live.support import Bench, Publisher, trade_payload, wait_until
from tests.patience import PATIENCE_S

REPO = Path(__file__).resolve().parents[2]
KEEPER = "the-feed"

# ---- packets

topics = st.text(st.characters(exclude_characters="+#\0", codec="utf-8"), min_size=1, max_size=40)
publishes = st.builds(
    Publish,
    topics,
    st.binary(max_size=300),
    st.just(1),
    st.booleans(),
    st.booleans(),
    st.integers(1, 65_535),
)


@given(st.lists(publishes, max_size=5), st.lists(st.integers(0, 2_000), max_size=8))
def test_messages_are_read_as_they_were_written_however_they_are_cut(found: list[Publish], cuts: list[int]) -> None:
    written = b"".join(map(packets.publish, found))
    parser, places = Parser(), sorted({0, *(cut for cut in cuts if cut < len(written)), len(written)})
    parts = [written[start:end] for start, end in pairwise(places)]
    assert [packet for part in parts for packet in parser.feed(part)] == found


@given(st.binary(max_size=200))
def test_random_bytes_are_packets_or_a_protocol_error(found: bytes) -> None:
    try:
        for packet in Parser().feed(found):
            assert isinstance(packet, Packet.__args__)  # type: ignore[attr-defined]
    except ProtocolError:
        pass


@pytest.mark.parametrize(
    "found",
    [
        b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
        b"\x30\xff\xff\xff\x7f",  # 256 MB
        b"\x32\x05\x00\x01a\x00\x00",  # packet id 0
        b"\x36\x05\x00\x01a\x00\x01",  # QoS 3
        b"\x30\x03\x00\x01+",  # a wildcard in a topic
        b"\x30\x02\x00\x00",  # no topic
        b"\x30\x03\x00\x05a",  # cut short inside
        b"\x30\x03\x00\x01\xff",  # not UTF-8
        b"\x80\x05\x00\x01\x00\x01a",  # SUBSCRIBE with the wrong flags
        b"\x82\x02\x00\x01",  # a subscription to nothing
        b"\xf0\x00",
        b"\x00\x00",
        b"\x10\x04\x00\x04MQ",
    ],
)
def test_what_breaks_the_rules_is_a_protocol_error(found: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Parser().feed(found))


def test_a_client_of_mqtt_5_is_told_in_its_own_words() -> None:
    hello = b"\x10\x0f\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x02ab"
    with pytest.raises(ProtocolError) as caught:
        list(Parser().feed(hello))
    assert caught.value.answer == packets.UNKNOWN_VERSION_5


@pytest.mark.parametrize(
    ("topic_filter", "topic", "matched"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/+", "a", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("+", "", True),
        ("a", "A", False),
    ],
)
def test_filters_match_as_the_standard_says(topic_filter: str, topic: str, matched: bool) -> None:
    assert packets.matches(topic_filter, topic) is matched


def test_filters_that_mean_nothing_are_refused() -> None:
    assert [packets.is_filter(found) for found in ("a/b", "+/a", "#", "a/#", "", "a+", "#/a", "a#")] == [
        True,
        True,
        True,
        True,
        False,
        False,
        False,
        False,
    ]


# ---- sessions, without a socket


class Paper:
    """A wire that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.open = True
        self.read = True

    def send(self, found: bytes) -> None:
        self.sent.append(found)

    def close(self) -> None:
        self.open = False

    def reading(self, wanted: bool) -> None:
        self.read = wanted

    def take(self) -> list[bytes]:
        taken, self.sent = self.sent, []
        return taken


def text(found: str) -> bytes:
    return len(found).to_bytes(2, "big") + found.encode()


def framed(first: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([first, len(body)]) + body


def connect(made: Sessions, client_id: str, *, clean: bool = False, password: str = "secret") -> tuple[Client, Paper]:
    wire = Paper()
    client = Client(made, wire)
    flags = 0xC0 | (2 if clean else 0)
    body = text("MQTT") + bytes([4, flags, 0, 60]) + text(client_id) + text("lab") + text(password)
    client.received(framed(0x10, body))
    return client, wire


def publish(number: int, payload: bytes = b"x", *, qos: int = 1, dup: bool = False, topic: str = "t") -> bytes:
    return packets.publish(Publish(topic, payload, qos, False, dup, number))


@pytest.fixture
def made() -> Sessions:
    return Sessions(username="lab", password="secret", keeper=KEEPER, topics=("t", "m/+"))


def delivered(wire: Paper) -> list[Publish]:
    messages = [found for found in wire.take() if found[0] >> 4 == packets.PUBLISH]
    return [packet for packet in Parser().feed(b"".join(messages)) if isinstance(packet, Publish)]


def without_hello(wire: Paper) -> Paper:
    assert wire.take()[0][0] == 0x20
    return wire


@pytest.mark.parametrize(("qos", "answer"), [(1, packets.PUBACK), (2, packets.PUBREC)])
def test_a_publisher_is_told_when_the_feed_has_told_us_and_not_before(made: Sessions, qos: int, answer: int) -> None:
    device, heard = connect(made, "device")
    without_hello(heard)
    device.received(publish(7, qos=qos))
    assert heard.take() == []  # the feed is away
    feed, wire = connect(made, KEEPER)
    hello, *rest = wire.take()
    assert hello == packets.connack(0, session_present=False)  # nothing of an older run is known
    (message,) = [packet for packet in Parser().feed(b"".join(rest)) if isinstance(packet, Publish)]
    assert heard.take() == []
    feed.received(packets.numbered(packets.PUBACK, message.packet_id))
    assert heard.take() == [packets.numbered(answer, 7)]
    device.received(packets.numbered(packets.PUBREL, 7))
    assert heard.take() == [packets.numbered(packets.PUBCOMP, 7)]


def test_what_the_feed_does_not_want_is_acknowledged_at_once(made: Sessions) -> None:
    device, heard = connect(made, "device")
    without_hello(heard)
    device.received(publish(1, topic="elsewhere"))
    assert heard.take() == [packets.numbered(packets.PUBACK, 1)]


def test_a_message_that_comes_again_is_the_same_one_while_it_is_held_and_after(made: Sessions) -> None:
    feed, wire = connect(made, KEEPER)
    without_hello(wire)
    device, _ = connect(made, "device")
    device.received(publish(7))
    device.lost()
    device, heard = connect(made, "device")
    assert heard.take() == [packets.connack(0, session_present=True)]
    device.received(publish(7, dup=True))
    (message,) = delivered(wire)  # once
    device.lost()  # before it is told
    feed.received(packets.numbered(packets.PUBACK, message.packet_id))
    device, heard = connect(made, "device")
    without_hello(heard)
    device.received(publish(7, dup=True))
    assert heard.take() == [packets.numbered(packets.PUBACK, 7)]
    assert delivered(wire) == []
    device.received(publish(7, b"another", dup=True))  # not the one it was told of
    device.received(publish(7))  # nor a repetition
    assert [message.payload for message in delivered(wire)] == [b"another", b"x"]


def test_a_number_used_again_too_early_is_not_acknowledged_for_the_older_message(made: Sessions) -> None:
    feed, wire = connect(made, KEEPER)
    without_hello(wire)
    device, heard = connect(made, "device")
    without_hello(heard)
    device.received(publish(7, b"first") + publish(7, b"second"))
    first, second = delivered(wire)
    feed.received(packets.numbered(packets.PUBACK, first.packet_id))
    assert heard.take() == []
    feed.received(packets.numbered(packets.PUBACK, second.packet_id))
    assert heard.take() == [packets.numbered(packets.PUBACK, 7)]


def test_a_feed_that_comes_back_gets_what_it_did_not_acknowledge_marked_as_repeated(made: Sessions) -> None:
    feed, wire = connect(made, KEEPER)
    device, _ = connect(made, "device")
    for number in range(1, sessions.WINDOW + 11):
        device.received(publish(number, str(number).encode()))
    first = delivered(wire)
    assert len(first) == sessions.WINDOW
    feed.lost()
    feed, wire = connect(made, KEEPER)
    assert wire.take()[0] == packets.connack(0, session_present=True)
    feed.lost()
    feed, wire = connect(made, KEEPER)
    again = delivered(wire)
    assert [(one.payload, one.packet_id) for one in again] == [(one.payload, one.packet_id) for one in first]
    assert all(one.dup for one in again)
    for one in again:
        feed.received(packets.numbered(packets.PUBACK, one.packet_id))
    assert len(delivered(wire)) == 10
    assert made.undelivered(KEEPER) == 10


def test_a_publisher_with_too_much_unacknowledged_is_not_read(made: Sessions) -> None:
    device, heard = connect(made, "device")
    for number in range(1, clients.HELD + 1):
        device.received(publish(number))
    assert not heard.read
    feed, wire = connect(made, KEEPER)
    feed.received(packets.numbered(packets.PUBACK, delivered(wire)[0].packet_id))
    assert heard.read


def test_when_too_much_waits_for_the_feed_nobody_is_read_until_it_has_taken_some(
    made: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_QUEUED", 3)
    device, heard = connect(made, "device")
    for number in range(1, 4):
        device.received(publish(number))
    assert not heard.read
    feed, wire = connect(made, KEEPER)
    feed.received(packets.numbered(packets.PUBACK, delivered(wire)[0].packet_id))
    assert heard.read
    assert [made.undelivered(KEEPER)] == [2]  # none was dropped


def test_a_newer_connection_of_a_client_id_ends_the_older_one_if_its_password_is_right(made: Sessions) -> None:
    _, first = connect(made, "device")
    _, stranger = connect(made, "device", password="guess")
    assert stranger.take() == [packets.connack(packets.BAD_CREDENTIALS)]
    assert (first.open, stranger.open) == (True, False)
    connect(made, "device")
    assert not first.open


@pytest.mark.parametrize("before", [b"", b"\xc0\x00"])
def test_who_does_not_begin_with_connect_is_cut_off(made: Sessions, before: bytes) -> None:
    wire = Paper()
    client = Client(made, wire)
    client.received(before + publish(1))
    assert not wire.open
    assert made.undelivered(KEEPER) == 0


def test_a_lost_clients_last_will_is_published_and_a_good_byes_is_not(made: Sessions) -> None:
    _, wire = connect(made, KEEPER)
    without_hello(wire)
    for goodbye in (b"", b"\xe0\x00"):
        client = Client(made, Paper())
        body = text("MQTT") + bytes([4, 0xC0 | 4 | 8 | 2, 0, 60]) + text("w") + text("t") + text("gone")
        client.received(framed(0x10, body + text("lab") + text("secret")))
        client.received(goodbye)
        client.lost()
    assert [message.payload for message in delivered(wire)] == [b"gone"]


def test_clients_that_are_away_are_remembered_up_to_a_number(made: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_CLIENTS", 5)
    for number in range(50):
        connect(made, f"device-{number}")[0].lost()
    assert len(made.sessions) <= 6
    assert KEEPER in made.sessions


def test_the_last_retained_message_of_a_topic_is_sent_to_a_new_subscriber_and_an_empty_one_removes_it(
    made: Sessions,
) -> None:
    device, _ = connect(made, "device")
    for payload in (b"old", b"new"):
        device.received(packets.publish(Publish("r", payload, 1, True, False, 1)))
    subscription = framed(0x82, b"\x00\x01" + text("r") + b"\x01")
    reader, wire = connect(made, "reader", clean=True)
    reader.received(subscription)
    (found,) = delivered(wire)
    assert (found.payload, found.retain, found.qos) == (b"new", True, 1)
    device.received(packets.publish(Publish("r", b"", 1, True, False, 2)))
    reader, wire = connect(made, "reader", clean=True)
    reader.received(subscription)
    assert delivered(wire) == []
    assert Subscribe(1, (("r", 1),)) == next(iter(Parser().feed(subscription)))
    assert Numbered(packets.PUBREL, 5) == next(iter(Parser().feed(packets.numbered(packets.PUBREL, 5))))
    assert Bare(packets.PINGREQ) == next(iter(Parser().feed(b"\xc0\x00")))
    assert isinstance(Connect("", True, 0), Connect)


# ---- the running broker


def test_a_stop_under_load_ends_at_once(settings: Settings) -> None:
    broker = Broker(settings)
    endpoint = broker.start()
    silent = [socket.create_connection((endpoint.host, endpoint.port)) for _ in range(20)]
    publisher = Publisher(endpoint)
    for number in range(5_000):
        publisher.send(trade_payload(id=f"t-{number}"))
    wait_until(lambda: broker.undelivered(settings.mqtt_client_id) > 0, "messages have come")
    broker.stop()  # joins its thread: hangs here if it cannot
    with socket.socket() as probe:
        assert probe.connect_ex((endpoint.host, endpoint.port)) != 0
    publisher.close()
    for one in silent:
        one.close()


class Lab:
    """Broker and feed in one process, as in the app."""

    PROGRAM = """
import sys, threading
from core import settings as core_settings
from core.live.broker import Broker
from core.live.clients import Client
from core.live.feed import Feed
from core.store import Store
from core.store.pool import Pool
from core.store.quarantine import Quarantine
settings = core_settings.load()
store = Store(settings.resolved_database_url)
broker = Broker(settings)
endpoint = broker.start()
feed = Feed(settings, Pool(store), Quarantine(store), endpoint=endpoint)
feed.start()
print("ready", flush=True)
threading.Event().wait()
"""

    def __init__(self, settings: Settings) -> None:
        self._environment = {
            **os.environ,
            "DATA_DIR": str(settings.data_dir),
            "MQTT_PORT": str(settings.mqtt_port),
            "PYTHONPATH": str(REPO),
        }
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM], cwd=REPO, env=self._environment, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(PATIENCE_S)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None


@pytest.fixture
def lab(settings: Settings) -> Iterator[Lab]:
    made = Lab(settings)
    made.start()
    yield made
    made.kill()


@pytest.mark.slow
def test_twenty_kills_of_broker_and_feed_lose_nothing_that_was_acknowledged(
    settings: Settings, bench: Bench, lab: Lab
) -> None:
    password = (settings.data_dir / "mosquitto_pub").read_text().split("-P ")[1].split()[0]
    endpoint = Endpoint("127.0.0.1", settings.mqtt_port, username="lab", password=password)
    publisher = Publisher(endpoint)
    sent = 0
    for kill in range(20):
        before = publisher.acknowledged
        for number in range(sent, sent + 400):
            publisher.send(trade_payload(id=f"t-{number}"))
        sent += 400
        wait_until(lambda before=before, kill=kill: publisher.acknowledged > before + 17 * kill, "some are told")
        lab.kill()
        told, stored = publisher.acknowledged, bench.pool.pending_count()
        assert told <= stored  # whoever was told is in the pool, at every kill
        lab.start()
    publisher.wait()
    publisher.close()
    counted = Counter(document["message_id"] for document in bench.documents())
    assert counted == Counter(f"t-{number}" for number in range(sent))
