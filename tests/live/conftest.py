"""Brokers, a store and a publisher for the tests of the live market."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.live.broker import Broker
from core.live.endpoint import Endpoint
from core.settings import Settings
from tests.live.support import Bench, Mosquitto, Publisher, unused_port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", mqtt_port=unused_port())


@pytest.fixture
def bench(settings: Settings) -> Iterator[Bench]:
    made = Bench(settings)
    yield made
    made.store.close()


@pytest.fixture
def broker(settings: Settings) -> Iterator[Broker]:
    made = Broker(settings)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def publish() -> Iterator[Callable[..., Publisher]]:
    opened: list[Publisher] = []

    def opener(endpoint: Endpoint, client_id: str = "test-publisher") -> Publisher:
        opened.append(Publisher(endpoint, client_id))
        return opened[-1]

    yield opener
    for publisher in opened:
        publisher.close()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None or shutil.which("mosquitto_passwd") is None:
        pytest.skip("mosquitto is not installed (Debian: apt-get install mosquitto mosquitto-clients)")
    made = Mosquitto(tmp_path / "mosquitto", program)
    made.start()
    yield made
    made.stop()
