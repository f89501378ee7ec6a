"""From the first sign-in to the run's transaction in a block, as a person walks it."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import drop, open_page
from tests.chromium import sign_in
from tests.running import PASSWORD, SHARED, App, publish, start_app

WEEK = SHARED / "data" / "delhi-week"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[App]:
    app = start_app(tmp_path, SIMULATOR="off")
    yield app
    app.stop()
    assert "Traceback" not in app.log.read_text(), app.log.read_text()[-4000:]


def metric(page: Page, label: str) -> str:
    return page.locator("[data-testid=stMetric]", has_text=label).locator("[data-testid=stMetricValue]").inner_text()


def test_from_sign_in_to_the_block(chromium: Browser, fresh: App) -> None:
    if not WEEK.is_dir():
        pytest.skip("../shared/data/delhi-week is not here")
    context = chromium.new_context(base_url=fresh.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    page = open_page(context)
    page.goto("/explorer")  # a deep link opens nothing but the sign-in
    sign_in(page, password="admin")
    expect(page.get_by_text("Choose a password")).to_be_visible()
    assert page.request.get("/api/dashboard-data").status in (401, 403)  # nothing else opens before that
    page.get_by_label("Current password").fill("admin")
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("Repeat the new password").fill(PASSWORD)
    page.get_by_role("button", name="Save the new password").click()
    expect(page.get_by_role("heading", name="Explorer", exact=True)).to_be_visible()
    walk_live(page, fresh)
    tx_hash = walk_compare(page)
    walk_explorer(page, fresh, tx_hash)
    page.mouse.move(700, 500)  # away from what explains itself while it is pointed at
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Username").first).to_be_visible()
    assert page.request.get("/api/dashboard-data").status == 401
    problems = list(page.problems)  # type: ignore[attr-defined]
    context.close()
    assert not problems, "\n".join(problems)


def walk_live(page: Page, app: App) -> None:
    page.get_by_role("link", name="Live").click()
    expect(page.get_by_role("heading", name="Live", exact=True)).to_be_visible()
    expect(page.get_by_text("simulated", exact=True)).to_be_visible()
    first = metric(page, "Trading price")
    publish(app, '{"buyer": "HH002", "seller": "HH001", "qty_kwh": 3.5, "price": 6.8}')
    expect(page.locator("[data-testid=stMetric]", has_text="Last trade")).to_contain_text("3.500 kWh")
    expect(page.locator("[data-testid=stMetric]", has_text="Trading price")).to_contain_text("6.80")
    assert first.startswith("₹")
    page.get_by_role("button", name="Mine now").click()
    expect(page.get_by_text(re.compile(r"Block \d+ mined with|Nothing is pending")).first).to_be_visible()


def walk_compare(page: Page) -> str:
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    page.wait_for_selector("[data-testid=stFileUploaderDropzone]")
    drop(page, sorted(WEEK.glob("HH*.csv")))
    expect(page.locator("[data-testid=stMetric]", has_text="Households")).to_contain_text("10")
    expect(page.locator("[data-testid=stMetric]", has_text="Load")).to_contain_text("353.8 kWh")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("region", name="Figures of each algorithm").wait_for(timeout=60_000)
    expect(page.get_by_role("table").first).to_contain_text("Mid-market rate")
    link = page.locator("a[href*='tx=']").first
    for _ in range(6):  # the chip's label changes once when the block is mined, which closes what it opened
        if link.count():
            break
        page.get_by_role("button", name=re.compile("In block|Pending")).click()
        page.wait_for_timeout(2_000)
    return str(re.search(r"tx=([0-9a-f]{64})", str(link.get_attribute("href")))[1])  # type: ignore[index]


def walk_explorer(page: Page, app: App, tx_hash: str) -> None:
    deadline = time.monotonic() + 90
    heights, blocks = list[int](), []
    while time.monotonic() < deadline:
        with contextlib.suppress(orjson.JSONDecodeError):  # read in the middle of an append
            blocks = orjson.loads((app.folder / "ledger.json").read_bytes())
        heights = [block["header"]["height"] for block in blocks for tx in block["txs"] if tx["kind"] == "run"]
        if heights:
            break
        page.wait_for_timeout(200)
    assert len(heights) == 1
    page.goto(f"/explorer?tx={tx_hash}")
    expect(page.get_by_text(tx_hash).first).to_be_visible()
    page.goto(f"/explorer?block={heights[0]}")
    expect(page.get_by_text(f"Block {heights[0]}").first).to_be_visible()
    page.goto("/explorer")
    search = page.get_by_placeholder(re.compile("hash"))
    search.fill(tx_hash)
    search.press("Enter")
    expect(page).to_have_url(re.compile("tx="))
    page.goto("/explorer")
    page.get_by_role("tab", name="Verify").click()
    page.get_by_role("button", name=re.compile("^verif", re.IGNORECASE)).last.click()
    expect(page.get_by_text(re.compile(r"verified|holds|intact", re.IGNORECASE)).first).to_be_visible()
