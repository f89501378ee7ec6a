"""TLS, passwords and the feed as a process of its own, which the app follows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.errors import InputError
from core.live.broker import Broker
from core.live.endpoint import external
from core.live.link import Link, LinkError, publish_once
from core.live.report import SILENT_S, Follower, Reporter
from core.live.snapshot import Counts, FeedSnapshot, Gap, LiveTrade, MeterSlot
from core.settings import Settings
from core.store import feed as rows
from core.store.feed import FeedStore
from tests.live.support import TOPIC, Bench, Mosquitto, Publisher, trade_payload, wait_until
from tests.patience import PATIENCE_S

REPO = Path(__file__).resolve().parents[2]
Key = ec.EllipticCurvePrivateKey


class Certificates:
    """An authority, a server at 127.0.0.1 and a client, as PEM files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca_key = ec.generate_private_key(ec.SECP256R1())
        self._ca = self._signed("authority", self._ca_key, issuer=None)
        self.ca = self._write("ca.pem", self._ca.public_bytes(serialization.Encoding.PEM))
        self.server, self.server_key = self._pair("server")
        self.client, self.client_key = self._pair("client")

    def _pair(self, name: str) -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(name, key, issuer=self._ca)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = certificate.public_bytes(serialization.Encoding.PEM)
        return self._write(f"{name}.pem", public), self._write(f"{name}.key", private)

    def _signed(self, name: str, key: Key, *, issuer: x509.Certificate | None) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._ca_key.public_key()), critical=False
            )
        )
        return builder.sign(self._ca_key, hashes.SHA256())

    def _write(self, name: str, found: bytes) -> str:
        path = self._folder / name
        path.write_bytes(found)
        return str(path)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def test_the_feed_reads_over_tls_with_a_client_certificate(
    bench: Bench, mosquitto: Mosquitto, certificates: Certificates
) -> None:
    made = certificates
    mosquitto.stop()
    mosquitto.configure(
        f"cafile {made.ca}\ncertfile {made.server}\nkeyfile {made.server_key}\nrequire_certificate true"
    )
    mosquitto.start()
    endpoint = replace(mosquitto.endpoint, ca=made.ca, certificate=made.client, key=made.client_key)
    feed = bench.feed(endpoint)
    feed.start()
    wait_until(lambda: feed.cache.snapshot().connected, "the feed is connected")
    sender = Link(endpoint, client_id="sender", topics=(), clean=True)
    sender.open()
    for number in range(300):
        sender.publish(TOPIC, trade_payload(id=f"t-{number}"))
    sender.confirm()
    sender.close()
    wait_until(lambda: bench.pool.pending_count() == 300, "every trade is stored")
    feed.stop()
    with pytest.raises(LinkError):  # no client certificate
        publish_once(replace(endpoint, certificate="", key=""), TOPIC, b"x", client_id="stranger")


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho leaves the socket to the collector
def test_a_server_that_an_unknown_authority_signed_is_refused_in_a_sentence(
    mosquitto: Mosquitto, certificates: Certificates, tmp_path: Path
) -> None:
    other = Certificates(tmp_path)
    mosquitto.stop()
    mosquitto.configure(f"certfile {certificates.server}\nkeyfile {certificates.server_key}")
    mosquitto.start()
    with pytest.raises(LinkError, match="cannot be reached: unable to get local issuer certificate"):
        publish_once(replace(mosquitto.endpoint, ca=other.ca), TOPIC, b"x", client_id="careful")


def test_a_password_file_must_be_for_the_owner_alone(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    settings = Settings(mqtt_host="broker.example", mqtt_password_file=str(secret))
    secret.chmod(0o640)
    with pytest.raises(InputError, match="chmod 600"):
        external(settings)
    secret.chmod(0o600)
    assert external(settings).password == "hush"
    with pytest.raises(InputError, match="cannot be read"):
        external(replace(settings, mqtt_password_file=str(tmp_path / "none")))
    with pytest.raises(InputError, match="MQTT_CA names"):
        external(replace(settings, mqtt_ca=str(tmp_path / "none.pem")))


def test_a_wrong_password_is_said_and_the_right_one_still_works_later(bench: Bench, mosquitto: Mosquitto) -> None:
    endpoints = [replace(mosquitto.endpoint, password="wrong"), mosquitto.endpoint]
    feed = bench.feed(lambda: endpoints[0])  # type: ignore[arg-type]
    feed.start()
    wait_until(lambda: "refuses the sign-in" in feed.cache.snapshot().sentence, "the refusal is said")
    assert "wrong" not in feed.cache.snapshot().sentence
    endpoints.pop(0)
    wait_until(lambda: feed.cache.snapshot().connected, "the feed is connected")
    feed.stop()


# ---- the feed as its own process


@pytest.fixture
def process(bench: Bench, broker: Broker) -> Iterator[subprocess.Popen[str]]:
    """`python -m core feed` beside an app that runs the embedded broker."""
    environment = {**os.environ, "DATA_DIR": str(bench.settings.data_dir), "MQTT_HOST": ""}
    found = subprocess.Popen(
        [sys.executable, "-m", "core", "feed"], cwd=REPO, env=environment, stdout=subprocess.PIPE, text=True
    )
    yield found
    found.kill()
    found.wait(PATIENCE_S)
    assert found.stdout is not None
    found.stdout.close()


def test_the_app_follows_the_feeds_own_process(
    bench: Bench, broker: Broker, process: subprocess.Popen[str], publish: Callable[..., Publisher]
) -> None:
    follower = Follower(bench.settings, bench.quarantine)
    follower.start()
    wait_until(lambda: follower.cache.snapshot().connected, "the process has connected")
    publisher = publish(broker.endpoint)
    publisher.send(trade_payload(id="t-1", publisher="roof", seq=7))
    publisher.send(b"nonsense")
    wait_until(lambda: follower.cache.snapshot().counts.received == 2, "the app sees both messages")
    snapshot = follower.cache.snapshot()
    assert (snapshot.counts.trades, snapshot.counts.quarantined) == (1, 1)
    assert snapshot.recent[0].message_id == "t-1"
    assert snapshot.publishers[0].last_seq == 7
    assert bench.pool.pending_count() == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    wait_until(lambda: follower.cache.snapshot().state == "off", "the app sees that it has ended")
    follower.stop()
    assert process.stdout is not None
    assert "Connected to" in process.stdout.read()


def test_a_process_that_falls_silent_is_said_with_what_to_do(bench: Bench) -> None:
    now_ms = [1_000_000]
    stored = FeedStore(bench.store)
    follower = Follower(bench.settings, bench.quarantine, clock=lambda: now_ms[0])
    follower.look()
    assert follower.cache.snapshot().state == "unreported"
    assert "has never reported. Start it with: python -m core feed" in follower.cache.snapshot().sentence
    Reporter(stored, lambda: now_ms[0]).report(FeedSnapshot(state="connected", sentence="Connected."))
    follower.look()
    assert follower.cache.snapshot().state == "connected"
    now_ms[0] += round(SILENT_S * 1000) + 1
    follower.look()
    assert follower.cache.snapshot().state == "unreported"
    Reporter(stored, lambda: now_ms[0]).report(FeedSnapshot(state="connected", sentence="Connected."))
    follower.look()
    assert follower.cache.snapshot().state == "connected"


def test_a_report_carries_the_whole_snapshot(bench: Bench) -> None:
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    snapshot = FeedSnapshot(
        version=3,
        state="blocked",
        sentence="Full.",
        changed_at=at,
        last_message_at=at,
        recent=(LiveTrade(at, "HH002", "HH001", 3.5, 6.8, "roof", "t-1", "00ff", True),),
        counts=Counts(received=2, trades=1, quarantined=1),
        reasons=(("not_json", 1),),
        publishers=(rows.Publisher("roof", 1, 7, 0, 0, 5),),
        gaps=(Gap("roof", 1, 2, at),),
        traded_kwh=3.5,
        traded_value=23.8,
        meters=(MeterSlot(at, 2, 1, 0, 1, 0.75, "Cleared."),),
    )
    Reporter(FeedStore(bench.store), lambda: 5).report(snapshot)
    follower = Follower(bench.settings, bench.quarantine, clock=lambda: 6)
    follower.look()
    assert replace(follower.cache.snapshot(), version=3) == snapshot
