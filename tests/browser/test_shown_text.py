"""The escape function alone, in Streamlit without our headers: every character is shown, nothing is made of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from core.web.escape import visible
from tests.browser.hostile import TEXTS, Attacker
from tests.running import REPO, free_port

SCRIPT = Path(__file__).with_name("shown_text_app.py")


@pytest.fixture(scope="module")
def attacker() -> Iterator[Attacker]:
    with Attacker() as listening:
        yield listening


@pytest.fixture(scope="module")
def texts(attacker: Attacker) -> list[str]:
    return [text.replace("LEAK", attacker.address) for text in TEXTS]


@pytest.fixture(scope="module")
def shown(chromium: Browser, texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    port = free_port()
    environment = {**os.environ, "TEXTS": json.dumps(texts), "PYTHONPATH": str(REPO)}
    command = [sys.executable, "-m", "streamlit", "run", str(SCRIPT), "--server.port", str(port)]
    log = (tmp_path_factory.mktemp("shown") / "log").open("wb")
    server = subprocess.Popen(command, cwd=REPO, env=environment, stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    context = chromium.new_context()
    page = context.new_page()
    page.add_init_script("window.__ran = []; window.alert = text => window.__ran.push(String(text));")
    page.goto(f"http://127.0.0.1:{port}/")
    page.get_by_text("DONE", exact=True).wait_for(timeout=60_000)
    yield page
    context.close()
    server.send_signal(signal.SIGTERM)
    server.wait(30)
    log.close()


def test_every_character_is_shown_as_it_is(shown: Page, texts: list[str]) -> None:
    for number, text in enumerate(texts):
        seen = shown.locator(f".st-key-text-{number}").inner_text().replace("\u2060", "")
        assert " ".join(seen.split()) == " ".join(visible(text, limit=500).split()), text


def test_nothing_is_made_of_it(shown: Page, attacker: Attacker) -> None:
    main = '[data-testid="stMain"]'
    assert shown.evaluate("window.__ran") == []
    assert shown.locator(f"{main} a[href]:not([href^='#'])").count() == 0
    assert shown.locator(f"{main} img").count() == 0
    assert shown.locator(f"{main} script").count() == 0
    assert shown.locator(f"{main} .katex").count() == 0
    assert shown.locator(f"{main} [class*=st-key-text] [data-testid=stIconMaterial]").count() == 0
    assert attacker.asked == []
