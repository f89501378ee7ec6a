"""What a stranger, another user, another site or a hostile text can do to a page: nothing."""

from __future__ import annotations

import base64
import re
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from core.web.frame import PLACES, WATCH_S
from tests.browser.conftest import open_page
from tests.browser.people import People, settled
from tests.chromium import sign_in
from tests.running import App

ADDRESSES = ["/", *(f"/{place[0]}" for place in PLACES[1:])]
HEADINGS = re.compile("^(Live|Compare|Explorer|Account|People)$")


@pytest.fixture(scope="module")
def people(app: App, admin_state: object) -> Iterator[People]:
    known = People(app)
    yield known
    known.close()


def door(page: Page) -> None:
    """Nothing but the sign-in is there."""
    expect(page.get_by_label("Username").first).to_be_visible()
    expect(page.get_by_role("heading", name=HEADINGS)).to_have_count(0)
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_shows_a_stranger_the_door(chromium: Browser, people: People, address: str) -> None:
    context = people.browser(chromium, None)
    page = open_page(context)
    page.goto(f"{address}?block=0&tx={'0' * 64}")
    door(page)
    assert page.problems == []  # type: ignore[attr-defined]
    context.close()


def test_a_sign_in_leads_to_the_address_that_was_asked_for_and_survives_a_reload(
    chromium: Browser, people: People
) -> None:
    people.person("rita")
    context = people.browser(chromium, None)
    page = open_page(context)
    page.goto("/explorer?block=0")
    sign_in(page, username="rita")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert page.url.endswith("/explorer?block=0")
    (cookie,) = [cookie for cookie in context.cookies() if cookie["name"] == "lab_session"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert "lab_session" not in page.evaluate("document.cookie")
    page.reload()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert page.problems == []  # type: ignore[attr-defined]
    context.close()


@pytest.mark.parametrize("token", ["forged", "A" * 43, "../../x", "' OR 1=1 --", ""])
def test_a_forged_cookie_opens_nothing(chromium: Browser, people: People, token: str) -> None:
    context = people.with_token(chromium, token)
    page = context.new_page()
    page.goto("/account")
    door(page)
    assert context.request.get("/api/me").status == 401
    context.close()


def test_after_sign_out_a_copy_of_the_cookie_opens_nothing(chromium: Browser, people: People) -> None:
    user = people.person("rita")
    token = people.sessions.open(user)
    context = people.with_token(chromium, token)
    page = context.new_page()
    page.goto("/account")
    page.get_by_role("button", name="Sign out").click()
    door(page)
    page.reload()
    door(page)
    context.close()
    thief = people.with_token(chromium, token)
    stolen = thief.new_page()
    stolen.goto("/account")
    door(stolen)
    assert thief.request.get("/api/me").status == 401
    thief.close()


def test_ending_a_session_closes_its_open_pages_within_five_seconds(chromium: Browser, people: People) -> None:
    user = people.person("rita")
    context = people.browser(chromium, user)
    pages = []
    for address in ("/", "/compare", "/explorer", "/account"):
        page = context.new_page()
        page.goto(address)
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        settled(page)
        pages.append(page)
    people.sessions.end_all(user, user_id=user.user_id)
    for page in pages:  # nobody touches them; how soon each looks by itself is WATCH_S, a busy machine aside
        expect(page.get_by_label("Username").first).to_be_visible(timeout=60_000)
    assert WATCH_S < 5.0
    for page in pages:
        door(page)
    context.close()


def test_a_person_ends_a_session_elsewhere_from_the_account_page(chromium: Browser, people: People) -> None:
    user = people.person("olga")
    here, elsewhere = people.browser(chromium, user), people.browser(chromium, user)
    page, other = here.new_page(), elsewhere.new_page()
    other.goto("/account")
    settled(other)
    page.goto("/account")
    row = page.locator('[data-testid="stLayoutWrapper"]', has_text="last used").filter(has_not_text="this one").last
    row.get_by_role("button", name="End").click()
    door(other)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    here.close()
    elsewhere.close()


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_people_is_shown_to_admins_only(chromium: Browser, people: People, role: str) -> None:
    context = people.browser(chromium, people.person(f"not-admin-{role}", role))
    page = context.new_page()
    page.goto("/people")
    expect(page.get_by_text("This page is for admins.")).to_be_visible()
    expect(page.get_by_role("link", name="People")).to_have_count(0)
    expect(page.get_by_test_id("stDataFrame")).to_have_count(0)
    context.close()


def test_an_upload_into_a_page_is_for_whoever_opened_that_page(chromium: Browser, people: People) -> None:
    anna, ben = (people.browser(chromium, people.person(name)) for name in ("anna", "ben"))
    page = anna.new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/upload_file/" in request.url else None)
    page.goto("/compare")
    settled(page)
    file = {"name": "HH001.csv", "mimeType": "text/csv", "buffer": b"timestamp,load_kw\n"}
    page.set_input_files('[data-testid="stFileUploaderDropzone"] input[type=file]', file)
    deadline = time.monotonic() + 10
    while not sent and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    place = sent[0].rsplit("/", 1)[0] + "/00000000-0000-4000-8000-000000000001"
    parts = {"file": {"name": "HH002.csv", "mimeType": "text/csv", "buffer": b"x"}}
    stranger = people.browser(chromium, None)
    assert stranger.request.put(place, multipart=parts).status == 401
    assert stranger.request.delete(place).status == 401
    assert ben.request.put(place, multipart=parts).status == 404
    assert ben.request.delete(place).status == 404
    for context in (anna, ben, stranger):
        context.close()


def refused_to_others(chromium: Browser, people: People, address: str) -> None:
    """The file is there for nobody but the one it was offered to."""
    ben, admin = people.person("ben"), people.person("boss", "admin")
    for user, status in ((ben, 404), (admin, 404), (None, 401)):
        context = people.browser(chromium, user)
        assert context.request.get(address).status == status
        context.close()


def test_a_download_is_for_whoever_was_offered_it(chromium: Browser, people: People) -> None:
    user = people.person("anna")
    context = people.browser(chromium, user)
    page = context.new_page()
    page.goto("/explorer?tab=Verify")
    with page.expect_download() as offered:
        page.get_by_role("button", name="Download the checkpoint").click()
    address = offered.value.url
    assert "/media/" in address
    assert context.request.get(address).status == 200
    refused_to_others(chromium, people, address)
    people.sessions.end_all(user, user_id=user.user_id)
    assert context.request.get(address).status == 401
    context.close()


def test_a_file_made_on_a_click_is_for_whoever_clicked_and_its_export_is_chained(
    chromium: Browser, people: People
) -> None:
    context = people.browser(chromium, people.person("anna"))
    rows = "".join(f"2026-03-01 {hour:02d}:00,0.5,{hour % 3}\n" for hour in range(24))
    readings = f"timestamp,load_kw,solar_kw\n{rows}".encode()
    file = {"name": "HH001.csv", "mimeType": "text/csv", "buffer": readings}
    dataset = context.request.post("/upload", multipart={"files": file}).json()["dataset"]["dataset_id"]
    plan = {"dataset_id": dataset, "algorithms": [{"id": "grid_only"}]}
    run_id = context.request.post("/api/runs", data=plan).json()["run_id"]
    deadline = time.monotonic() + 60
    while context.request.get(f"/api/runs/{run_id}").json()["status"] != "done" and time.monotonic() < deadline:
        time.sleep(0.1)
    page = context.new_page()
    page.goto(f"/compare?run={run_id}")
    page.get_by_role("tab", name="Export").click()
    with page.expect_download() as offered:
        page.get_by_test_id("stDownloadButton").get_by_role("button").first.click()
    assert context.request.get(offered.value.url).status == 200
    refused_to_others(chromium, people, offered.value.url)
    places = ("/api/transactions/pending", "/api/transactions?kind=audit")
    assert any('\\"export\\"' in context.request.get(place).text() for place in places)
    context.close()


def test_the_api_describes_itself_without_anything_from_elsewhere(chromium: Browser, people: People) -> None:
    context = people.browser(chromium, people.person("anna"))
    page = open_page(context)
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.goto("/api/docs")
    expect(page.get_by_text("/api/dashboard-data")).to_be_visible()
    assert hosts - {""} == {urlsplit(people.app.url).netloc}
    assert page.problems == []  # type: ignore[attr-defined]
    context.close()


def shake_hands(app: App, **headers: str) -> int:
    """The status that a WebSocket handshake with these headers gets."""
    parts = urlsplit(app.url)
    named = {
        "Host": parts.netloc,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
        "Sec-WebSocket-Version": "13",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(f"GET /_stcore/stream HTTP/1.1\r\n{lines}\r\n".encode())
        return int(connection.recv(200).split(b" ")[1])


def test_a_websocket_opens_for_our_own_page_only(app: App, people: People) -> None:
    cookie = f"lab_session={people.sessions.open(people.person('rita'))}"
    assert shake_hands(app, Origin=app.url) == 101
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        assert shake_hands(app, Origin=origin, Cookie=cookie) == 403
    assert shake_hands(app, Host="evil.example", Origin="http://evil.example", Cookie=cookie) == 403
