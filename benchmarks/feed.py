"""The feed's figures: durable rate against a bare paho counter in the same run, and delay until a page sees a trade.

Run as `python -m benchmarks.feed` (mosquitto on loopback, 120-byte payloads). Prints one JSON object. With `--pages`
also how much longer a live page's refresh takes while 1,000 messages a second arrive and blocks are mined (Chromium).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.live.broker import Broker  # noqa: E402
from core.live.endpoint import Endpoint  # noqa: E402
from core.live.feed import Feed  # noqa: E402
from core.settings import Settings  # noqa: E402
from core.store import Store  # noqa: E402
from core.store.feed import FeedStore  # noqa: E402
from core.store.pool import Pool  # noqa: E402
from core.store.quarantine import Quarantine  # noqa: E402

TOPIC = "iot-p2p-trading/trades"


def payload(number: int) -> bytes:
    """A trade of 120 bytes."""
    fields = {"id": f"m-{number:012d}", "buyer": "HH002", "seller": "HH001", "qty_kwh": 3.512, "price": 6.8}
    text = json.dumps(fields | {"publisher": "bench", "seq": number})
    return text.ljust(120).encode()


def wait(condition: Callable[[], object], timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the benchmark waited in vain")
        time.sleep(0.005)


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mosquitto(folder: Path) -> Iterator[Endpoint]:
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        sys.exit("mosquitto is not installed (Debian: apt-get install mosquitto)")
    endpoint = Endpoint("127.0.0.1", unused_port())
    conf = folder / "mosquitto.conf"
    conf.write_text(
        f"listener {endpoint.port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\n"
        "max_queued_messages 0\nset_tcp_nodelay true\npersistence false\nlog_type error\n"
    )
    process = subprocess.Popen([program, "-c", str(conf)], stderr=subprocess.DEVNULL)
    wait(lambda: _listens(endpoint))
    try:
        yield endpoint
    finally:
        process.terminate()
        process.wait()


def _listens(endpoint: Endpoint) -> bool:
    try:
        socket.create_connection((endpoint.host, endpoint.port), 0.2).close()
    except OSError:
        return False
    return True


def new_client(client_id: str, *, clean: bool) -> mqtt.Client:
    return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean)


def publish(endpoint: Endpoint, messages: int) -> None:
    """Publish at QoS 1 and wait until the broker has everything."""
    acknowledged = threading.Semaphore(0)
    client = new_client("bench-publisher", clean=True)
    client.max_inflight_messages_set(2_000)
    client.on_publish = lambda *_: acknowledged.release()
    client.connect(endpoint.host, endpoint.port)
    client.loop_start()
    for number in range(messages):
        client.publish(TOPIC, payload(number), qos=1)
    for _ in range(messages):
        acknowledged.acquire()
    client.disconnect()
    client.loop_stop()


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages a second by the clock, and microseconds of CPU a message, which other load disturbs less."""

    per_s: float
    cpu_us: float


def bare_rate(endpoint: Endpoint, messages: int) -> Rate:
    """A subscriber that only counts, over a backlog."""
    client_id = "bench-bare"
    registered = new_client(client_id, clean=False)
    subscribed = threading.Event()
    registered.on_connect = lambda client, *_: client.subscribe(TOPIC, 1)
    registered.on_subscribe = lambda *_: subscribed.set()
    registered.connect(endpoint.host, endpoint.port)
    registered.loop_start()
    subscribed.wait(10)
    registered.disconnect()
    registered.loop_stop()
    publish(endpoint, messages)
    seen: list[tuple[float, float]] = []
    counted = 0
    done = threading.Event()

    def count(*_: Any) -> None:
        nonlocal counted
        counted += 1
        if counted in (1, messages):
            seen.append((time.perf_counter(), time.process_time()))
        if counted == messages:
            done.set()

    client = new_client(client_id, clean=False)
    client.on_message = count
    client.connect(endpoint.host, endpoint.port)
    client.loop_start()
    done.wait(120)
    client.disconnect()
    client.loop_stop()
    _forget(endpoint, client_id)
    (began, cpu_before), (ended, cpu_after) = seen
    return Rate(messages / (ended - began), (cpu_after - cpu_before) / messages * 1e6)


def _forget(endpoint: Endpoint, client_id: str) -> None:
    client = new_client(client_id, clean=True)
    ready = threading.Event()
    client.on_connect = lambda *_: ready.set()
    client.connect(endpoint.host, endpoint.port)
    client.loop_start()
    ready.wait(10)
    client.disconnect()
    client.loop_stop()


def durable_rate(endpoint: Endpoint, messages: int, folder: Path) -> Rate:
    """`python -m core feed` over a backlog, every message stored and acknowledged."""
    settings = Settings(data_dir=folder)
    store = Store(settings.resolved_database_url)
    pool, rows = Pool(store), FeedStore(store)
    environment = {
        **os.environ,
        "DATA_DIR": str(folder),
        "MQTT_HOST": endpoint.host,
        "MQTT_PORT": str(endpoint.port),
    }
    command = [sys.executable, "-m", "core", "feed", "--quiet"]

    def run() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=ROOT, env=environment)

    process = run()
    wait(lambda: "Connected" in str(rows.report()))
    process.terminate()
    process.wait()
    publish(endpoint, messages)
    process = run()
    wait(lambda: stored(pool))
    began, cpu_before, first = time.perf_counter(), _cpu_s(process.pid), stored(pool)
    wait(lambda: stored(pool) >= messages)
    count = messages - first
    rate = Rate(count / (time.perf_counter() - began), (_cpu_s(process.pid) - cpu_before) / count * 1e6)
    process.terminate()
    process.wait()
    store.close()
    _forget(endpoint, settings.mqtt_client_id)
    return rate


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def stored(pool: Pool) -> int:
    newest = pool.newest(1)
    return newest[0].seq if newest else 0


def delays_s(endpoint: Endpoint, folder: Path, *, rate: int, seconds: float) -> list[float]:
    """From publish to visible in the shared cache, for each message at a steady rate."""
    settings = Settings(data_dir=folder, mqtt_client_id="bench-cache")
    store = Store(settings.resolved_database_url)
    feed = Feed(settings, Pool(store), Quarantine(store), endpoint=endpoint)
    feed.start()
    wait(lambda: feed.cache.snapshot().connected)
    sent: dict[str, float] = {}
    visible: dict[str, float] = {}
    stop = threading.Event()

    def look() -> None:
        version = -1
        while not stop.is_set():
            snapshot = feed.cache.snapshot()
            if snapshot.version != version:
                version = snapshot.version
                now = time.perf_counter()
                for trade in snapshot.recent:
                    visible.setdefault(str(trade.message_id), now)
            time.sleep(0.001)

    watcher = threading.Thread(target=look)
    watcher.start()
    client = new_client("bench-steady", clean=True)
    client.username_pw_set(endpoint.username, endpoint.password)
    client.connect(endpoint.host, endpoint.port)
    client.loop_start()
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        pause = began + number / rate - time.perf_counter()
        if pause > 0:
            time.sleep(pause)
        sent[f"m-{number:012d}"] = time.perf_counter()
        client.publish(TOPIC, payload(number), qos=1)
    wait(lambda: len(visible) >= len(sent), 30)
    stop.set()
    watcher.join()
    client.disconnect()
    client.loop_stop()
    feed.stop()
    store.close()
    return [visible[key] - at for key, at in sent.items()]


@contextmanager
def steadily(endpoint: Endpoint, rate: int) -> Iterator[None]:
    """Publish at a steady rate from a process of its own for as long as the block runs."""
    code = (
        "import sys, time; from benchmarks.feed import *\n"
        "client = new_client('bench-load', clean=True); client.max_inflight_messages_set(2_000)\n"
        "client.connect(sys.argv[1], int(sys.argv[2])); client.loop_start(); rate = int(sys.argv[3])\n"
        "began = time.perf_counter(); number = 0\n"
        "while True:\n"
        "    while number < (time.perf_counter() - began) * rate:\n"
        "        client.publish(TOPIC, payload(number), qos=1); number += 1\n"
        "    time.sleep(0.01)\n"
    )
    command = [sys.executable, "-c", code, endpoint.host, str(endpoint.port), str(rate)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def refreshes(endpoint: Endpoint, folder: Path) -> dict[str, Any]:
    """A live page's refresh with and without 1,000 messages a second at the in-app feed, a block every 5 s."""
    from playwright.sync_api import sync_playwright

    from benchmarks import pages
    from tests.chromium import launch
    from tests.running import PASSWORD, start_app

    folder.mkdir()
    app = start_app(
        folder,
        ADMIN_PASSWORD=PASSWORD,
        MQTT_HOST=endpoint.host,
        MQTT_PORT=str(endpoint.port),
        SIMULATOR="off",
        BLOCK_INTERVAL_S="5",
    )
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            context = pages.signed_in(browser, app.url)
            cookie = "; ".join(f"{c['name']}={c['value']}" for c in context.cookies())
            browser.close()
        quiet = asyncio.run(pages.crowd(app, cookie, 1))
        with steadily(endpoint, 1_000):
            loaded = asyncio.run(pages.crowd(app, cookie, 1))
    finally:
        app.stop()
    return {
        "refresh_p95_ms_quiet": quiet["tick_p95_ms"],
        "refresh_p95_ms_at_1000_msg_per_s": loaded["tick_p95_ms"],
        "refresh_delayed_p95_ms": round(loaded["tick_p95_ms"] - quiet["tick_p95_ms"], 1),
        "cpu_share_at_1000_msg_per_s": loaded["cpu_share"],
    }


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(messages: int, rounds: int, *, with_pages: bool) -> dict[str, Any]:
    bare, durable, pages = [], [], dict[str, Any]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with mosquitto(folder) as endpoint:
            for number in range(rounds):
                bare.append(bare_rate(endpoint, messages))
                durable.append(durable_rate(endpoint, messages, folder / f"durable-{number}"))
            steady = delays_s(endpoint, folder / "steady", rate=200, seconds=10.0)
            if with_pages:
                pages = refreshes(endpoint, folder / "app")
        broker = Broker(Settings(data_dir=folder / "embedded", mqtt_port=unused_port()))
        embedded = delays_s(broker.start(), folder / "embedded", rate=200, seconds=5.0)
        broker.stop()
    return {
        "messages": messages,
        "payload_bytes": len(payload(1)),
        "bare_msg_per_s": round(statistics.median(rate.per_s for rate in bare)),
        "durable_msg_per_s": round(statistics.median(rate.per_s for rate in durable)),
        "durable_over_bare": round(statistics.median(d.per_s / b.per_s for d, b in zip(durable, bare, strict=True)), 3),
        "bare_cpu_us": round(statistics.median(rate.cpu_us for rate in bare), 1),
        "durable_cpu_us": round(statistics.median(rate.cpu_us for rate in durable), 1),
        "visible_p50_ms": round(percentile(steady, 0.50) * 1000, 1),
        "visible_p95_ms": round(percentile(steady, 0.95) * 1000, 1),
        "visible_p95_ms_embedded": round(percentile(embedded, 0.95) * 1000, 1),
        **pages,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", action="store_true", help="also measure a live page (needs Chromium)")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.messages, arguments.rounds, with_pages=arguments.pages)))


if __name__ == "__main__":
    main()
