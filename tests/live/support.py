"""Brokers, a store and a publisher for the tests of the live market."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt

from core.live.endpoint import Endpoint
from core.live.feed import Feed, Patience
from core.settings import Settings
from core.store import Store
from core.store.feed import FeedStore
from core.store.pool import Pool
from core.store.quarantine import Quarantine
from tests.patience import PATIENCE_S

QUICK = Patience(first_s=0.02, longest_s=0.2, steady_s=1.0, silence_s=60.0)
TOPIC = "iot-p2p-trading/trades"
GOOD = {"buyer": "HH002", "seller": "HH001", "qty_kwh": 3.5, "price": 6.8}


def trade_payload(**changes: object) -> bytes:
    """The README's example, with fields changed or added."""
    return json.dumps(GOOD | changes).encode()


def wait_until(condition: Callable[[], object], what: str, *, timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:.0f} s in vain until {what}"
        time.sleep(0.01)


def unused_port() -> int:
    """Below the ports that connections begin from: there a client that keeps trying could connect to itself."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(probe.getsockname()[1])


@dataclass
class Bench:
    """A store with what the feed writes to."""

    settings: Settings
    store: Store = field(init=False)
    pool: Pool = field(init=False)
    quarantine: Quarantine = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.settings.resolved_database_url)
        self.pool = Pool(self.store)
        self.quarantine = Quarantine(self.store)

    def feed(self, endpoint: Endpoint, **options: Any) -> Feed:
        return Feed(self.settings, self.pool, self.quarantine, endpoint=endpoint, **{"patience": QUICK, **options})

    def reported(self) -> str | None:
        """What the feed's own process says."""
        found = FeedStore(self.store).report()
        return found[0] if found else None

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(row.body) for row in self.pool.pending(1_000_000)]


class Publisher:
    """A paho client at QoS 1 that sends again what a broker did not acknowledge."""

    def __init__(self, endpoint: Endpoint, client_id: str = "test-publisher") -> None:
        self.acknowledged = 0
        self._sent = 0
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
        self._client.username_pw_set(endpoint.username, endpoint.password)
        self._client.max_inflight_messages_set(500)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._count
        self._connected = threading.Event()
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.connect(endpoint.host, endpoint.port, keepalive=10)
        self._client.loop_start()
        assert self._connected.wait(PATIENCE_S)

    def _count(self, *_: object) -> None:
        self.acknowledged += 1

    def send(self, payload: bytes, topic: str = TOPIC, *, qos: int = 1, retain: bool = False) -> None:
        self._sent += qos > 0
        self._client.publish(topic, payload, qos=qos, retain=retain)

    def wait(self, timeout_s: float = PATIENCE_S) -> None:
        wait_until(lambda: self.acknowledged >= self._sent, "the broker has everything", timeout_s=timeout_s)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Mosquitto:
    """A real mosquitto with a password, whose sessions survive a restart."""

    def __init__(self, folder: Path, program: str) -> None:
        self._program = program
        self._folder = folder
        folder.mkdir(parents=True)
        self.endpoint = Endpoint("127.0.0.1", unused_port(), username="lab", password="secret")
        self._process: subprocess.Popen[bytes] | None = None
        passwords = folder / "passwords"
        passwords.write_text("lab:secret\n")
        subprocess.run([shutil.which("mosquitto_passwd") or "mosquitto_passwd", "-U", passwords], check=True)
        self._conf = (
            f"listener {self.endpoint.port} 127.0.0.1\n"
            f"password_file {passwords}\n"
            f"persistence true\npersistence_location {folder}/\nautosave_interval 1\n"
            "max_inflight_messages 1000\nmax_queued_messages 0\nset_tcp_nodelay true\nlog_type error\n"
            + (f"user {os.environ.get('USER', 'root')}\n" if os.geteuid() == 0 else "")
        )
        self.configure("")

    def configure(self, more: str) -> None:
        """Add lines to the configuration of the next start."""
        (self._folder / "conf").write_text(f"{self._conf}{more}\n")

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._folder / "conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._listens, "mosquitto listens")

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "mosquitto has ended"
        try:
            socket.create_connection((self.endpoint.host, self.endpoint.port), 0.2).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """As a system stops it: it saves its sessions."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None


class Proxy:
    """A wire to a broker that a test can cut (connections end, none begins) or freeze (nothing passes, none ends)."""

    def __init__(self, target: Endpoint) -> None:
        self.endpoint = replace(target, port=unused_port())
        self._target = target
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._up = True
        self._flowing = threading.Event()
        self._flowing.set()
        self._closing = False
        self._listener = socket.create_server((self.endpoint.host, self.endpoint.port))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while not self._closing:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if not self._up or self._closing:
                    near.close()
                    continue
                try:
                    far = socket.create_connection((self._target.host, self._target.port), 5)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    self._threads.append(threading.Thread(target=self._pump, args=(source, sink), daemon=True))
                    self._threads[-1].start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while found := source.recv(65_536):
                self._flowing.wait()
                sink.sendall(found)
        except OSError:
            pass
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        with self._lock:
            self._up = False
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
            self._open.clear()

    def restore(self) -> None:
        with self._lock:
            self._up = True

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def close(self) -> None:
        self._closing = True
        self.thaw()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(PATIENCE_S)
