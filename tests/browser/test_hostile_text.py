"""Hostile text in every field that shows foreign text: no script runs, no foreign server is asked, nothing is blocked.

That the policy had nothing to block shows that escaping alone is enough; that it is there is another test's business.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import paho.mqtt.client as mqtt
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core.accounts import User
from core.live.endpoint import embedded
from tests.browser.hostile import TEXTS, Attacker
from tests.browser.people import People, settled
from tests.running import App

WATCH = """
window.__ran = []; window.__blocked = [];
for (const name of ["alert", "confirm", "prompt"]) window[name] = text => window.__ran.push(String(text));
const note = event => {
  if (event.blockedURI !== "wasm-eval")  // Streamlit's protobuf library tries it once and does without
    window.__blocked.push(event.blockedURI + " " + event.violatedDirective);
};
document.addEventListener("securitypolicyviolation", note);
"""
HOURS = [f"2026-03-01 {hour:02d}:00,HH001,0.5,{hour % 3}\n" for hour in range(24)]
READINGS = "timestamp,household_id,load_kw,solar_kw\n" + "".join(HOURS)


@dataclass
class Watched:
    """A browser whose every script, request and blocked attempt is noted."""

    context: BrowserContext
    page: Page
    host: str
    foreign: list[str] = field(default_factory=list)

    def look(self, address: str) -> None:
        self.page.goto(address)
        settled(self.page)
        self.check(address)

    def check(self, where: str) -> None:
        for frame in self.page.frames:
            assert frame.evaluate("window.__ran") == [], where
            assert frame.evaluate("window.__blocked") == [], where
        links = "[...document.querySelectorAll('a')].map(a => a.getAttribute('href') || '')"
        bad = [href for href in self.page.evaluate(links) if href.strip().lower().startswith(("javascript:", "data:"))]
        assert bad == [], where
        assert [href for href in self.page.evaluate(links) if "evil.example" in href] == [], where
        assert self.foreign == [], where

    def press_every(self, selector: str) -> None:
        """Look at every view of the page that a tab or a segment opens."""
        for i in range(self.page.locator(selector).count()):
            button = self.page.locator(selector).nth(i)
            if button.is_visible() and button.is_enabled():
                button.click()
                settled(self.page)
                self.check(f"{self.page.url} {selector} {i}")


@pytest.fixture(scope="module")
def attacker() -> Iterator[Attacker]:
    with Attacker() as listening:
        yield listening


@pytest.fixture(scope="module")
def people(app: App, admin_state: object) -> Iterator[People]:
    known = People(app)
    yield known
    known.close()


@pytest.fixture(scope="module")
def victim(people: People) -> User:
    return people.person("victim", "admin")


@pytest.fixture(scope="module")
def watched(chromium: Browser, people: People, victim: User) -> Iterator[Watched]:
    context = people.browser(chromium, victim)
    context.add_init_script(WATCH)
    page = context.new_page()
    opened = Watched(context, page, urlsplit(people.app.url).netloc)

    def note(url: str) -> None:
        if urlsplit(url).netloc not in ("", opened.host) and not url.startswith(("data:", "blob:")):
            opened.foreign.append(url)

    page.on("request", lambda request: note(request.url))
    page.on("websocket", lambda opened_socket: note(opened_socket.url.replace("ws://", "http://")))
    yield opened
    context.close()


def publish(app: App, payloads: list[bytes]) -> None:
    """Publish to the app's own broker as a device would."""
    endpoint = embedded(app.folder / "data")
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.username_pw_set(endpoint.username, endpoint.password)
    client.connect(endpoint.host, endpoint.port)
    client.loop_start()
    for payload in payloads:
        client.publish("iot-p2p-trading/trades", payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


@pytest.fixture(scope="module")
def planted(app: App, people: People, victim: User, attacker: Attacker, watched: Watched) -> list[str]:
    """Hostile text wherever text comes in from outside."""
    texts = [text.replace("LEAK", attacker.address) for text in TEXTS]
    trade = {"buyer": "HH002", "seller": "HH001", "qty_kwh": 1.0, "price": 5.0}
    payloads = [json.dumps(trade | {"message_id": text[:256], "publisher": "meter-1"}).encode() for text in texts]
    for name in ("buyer", "seller", "publisher", "price"):
        payloads += [json.dumps(trade | {name: text}).encode() for text in texts]
    payloads += [text.encode() for text in texts]
    payloads += [json.dumps({text: text}).encode() for text in texts]
    publish(app, payloads)
    request = watched.context.request
    for text in texts:
        people.tokens.create(victim, name=text[:64].replace("\u202e", ""), scopes=["read"], days=1)
        file = {"name": f"{text[:200]}.csv", "mimeType": "text/csv", "buffer": READINGS.encode()}
        request.post("/upload", multipart={"files": file, "name": text[:120]})
    datasets = request.get("/api/datasets").json()["items"]
    assert datasets, "no hostile file name was taken"
    for text, dataset in zip(texts, datasets * len(texts), strict=False):
        plan = {"algorithms": [{"id": "grid_only"}], "scenarios": [{"name": text[:120]}]}
        named = {"dataset_id": dataset["dataset_id"], "name": text[:120], "tags": [text[:40]]}
        answer = request.post("/api/runs", data=plan | named)
        assert answer.status == 202, answer.text()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        states = {run["status"] for run in request.get("/api/runs?limit=100").json()["items"]}
        if not states & {"queued", "running"}:
            break
        watched.page.wait_for_timeout(200)
    return texts


@pytest.mark.usefixtures("planted")
def test_live_shows_hostile_trades_and_quarantine_as_text(watched: Watched, attacker: Attacker) -> None:
    watched.look("/")
    watched.press_every('[role="tab"]')
    watched.press_every('[data-testid^="stBaseButton-segmented_control"]')
    assert attacker.asked == []


@pytest.mark.usefixtures("planted")
def test_the_account_page_shows_hostile_names_as_text(watched: Watched, attacker: Attacker) -> None:
    watched.look("/account")
    expect(watched.page.get_by_text("<script>alert(1)</script>", exact=False).first).to_be_visible()
    assert attacker.asked == []


@pytest.mark.usefixtures("planted")
def test_the_people_page_stays_quiet(watched: Watched, attacker: Attacker) -> None:
    watched.look("/people")
    assert attacker.asked == []


def test_compare_shows_hostile_datasets_and_runs_as_text(
    watched: Watched, planted: list[str], attacker: Attacker
) -> None:
    watched.look("/compare")
    runs = watched.context.request.get("/api/runs?limit=100").json()["items"]
    assert any(run["name"] == planted[1] for run in runs)
    watched.look(f"/compare?run={runs[0]['run_id']}")
    watched.press_every('[role="tab"]')
    for run in runs[1:3]:
        watched.look(f"/compare?run={run['run_id']}")
    assert attacker.asked == []


def test_a_hostile_file_dropped_on_the_page_is_refused_as_text(
    watched: Watched, planted: list[str], attacker: Attacker
) -> None:
    for text in planted[:4]:
        watched.look("/compare")
        cells = f"timestamp,load_kw,{text}\n2026-03-01 00:00,{text},{text}\n"
        name = re.sub(r"[/\\\\]", "_", text)
        file = {"name": f"{name}.csv", "mimeType": "text/csv", "buffer": cells.encode()}
        watched.page.set_input_files('[data-testid="stFileUploaderDropzone"] input[type=file]', file)
        watched.page.wait_for_timeout(300)
        settled(watched.page)
        watched.check(f"upload of {text[:40]}")
    assert attacker.asked == []


def test_the_explorer_shows_hostile_addresses_and_transactions_as_text(
    watched: Watched, planted: list[str], attacker: Attacker
) -> None:
    for text, name in zip(planted[:10], ("q", "tx", "block", "household") * 3, strict=False):
        watched.look(f"/explorer?{name}={quote(text)}")
    blocks = watched.context.request.get("/api/blocks?limit=2").json()["items"]
    for block in blocks:
        watched.look(f"/explorer?block={block['height']}")
        lines = watched.context.request.get(f"/api/blocks/{block['height']}?limit=20").json()["lines"]
        for line in lines[:2]:
            watched.look(f"/explorer?tx={line['tx_hash']}")
    assert attacker.asked == []
