"""The explorer in a browser: from the list of blocks to a receipt that checks out, by links, search and address."""

from __future__ import annotations

import csv
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.ledger.generate import generate
from core.ledger.receipt import check
from tests.browser.conftest import drop, watched
from tests.chromium import sign_in, store_session
from tests.running import PASSWORD, App, start_app

BLOCKS, TRANSACTIONS = 60, 1_200
CHART_MS = 30_000
"""Plotly is several megabytes of script for a busy machine to read."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A lab that goes on with a made-up ledger, and mines nothing new."""
    folder = tmp_path_factory.mktemp("lab")
    generate(folder / "ledger.json", transactions=TRANSACTIONS, blocks=BLOCKS)
    running = start_app(
        folder, DATA_DIR=str(folder), ADMIN_PASSWORD=PASSWORD, SIMULATOR="off", BLOCK_INTERVAL_S="3600", FEED="off"
    )
    yield running
    assert running.stop() in (0, -signal.SIGTERM)
    assert "Traceback" not in running.log.read_text(), running.log.read_text()[-6000:]


@pytest.fixture(scope="module")
def state(chromium: Browser, lab: App, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cookies of somebody who has signed in."""
    context = chromium.new_context(base_url=lab.url)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto("/")
    sign_in(page)
    path = store_session(context, page, tmp_path_factory.mktemp("explorer_state") / "admin.json")
    context.close()
    return path


@pytest.fixture
def explorer(chromium: Browser, lab: App, state: Path) -> Iterator[Page]:
    with watched(chromium, lab, state) as opened:
        yield opened


def table(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def search(page: Page, text: str) -> None:
    box = page.get_by_placeholder(re.compile("^hash"))
    box.fill(text)
    box.press("Enter")


def test_from_the_list_of_blocks_to_a_receipt_that_checks_out(explorer: Page, tmp_path: Path) -> None:
    explorer.goto("/explorer?tab=Blocks")
    blocks = table(explorer, "Blocks, newest first")
    expect(blocks.locator("tbody tr")).to_have_count(20)
    blocks.get_by_role("link", name=str(BLOCKS), exact=True).click()
    expect(explorer.get_by_role("heading", name=f"Block {BLOCKS}")).to_be_visible()
    expect(explorer.get_by_text("Every recomputed value equals the recorded one")).to_be_visible()
    explorer.get_by_role("link", name=f"← Block {BLOCKS - 1}", exact=True).click()
    expect(explorer.get_by_role("heading", name=f"Block {BLOCKS - 1}")).to_be_visible()
    table(explorer, "Transactions of the block").locator("tbody a").first.click()
    expect(explorer.get_by_role("heading", name="Transaction", exact=True)).to_be_visible()
    expect(explorer.get_by_text("Hash, path and block recomputed: all hold")).to_be_visible()
    expect(explorer.locator("[data-testid=stPlotlyChart] .main-svg").first).to_be_visible(timeout=CHART_MS)
    with explorer.expect_download() as download:
        explorer.get_by_role("button", name="Download the receipt").click()
    receipt = tmp_path / "receipt.json"
    download.value.save_as(receipt)
    assert check(receipt.read_bytes()).height == BLOCKS - 1
    explorer.goto("/explorer?tab=Verify")
    expect(explorer.get_by_test_id("stFileUploaderDropzone")).to_be_visible()
    drop(explorer, [receipt])
    expect(explorer.get_by_text("The receipt holds")).to_be_visible()


def test_the_ledger_is_verified_with_a_sentence(explorer: Page) -> None:
    explorer.goto("/explorer?tab=Blocks")
    explorer.get_by_role("tab", name="Verify").click()
    expect(explorer).to_have_url(re.compile("tab=Verify"))
    explorer.get_by_role("button", name="Verify", exact=True).click()
    expect(explorer.get_by_text(re.compile(r"All \d+ blocks with \d+ transactions are sound"))).to_be_visible()


def test_one_search_box_answers_for_households_days_and_the_unknown(explorer: Page) -> None:
    explorer.goto("/explorer?tab=Blocks")
    search(explorer, "HH001")
    expect(explorer).to_have_url(re.compile("household=HH001"))
    expect(explorer.get_by_role("heading", name="Household HH001")).to_be_visible()
    expect(table(explorer, "Statement by counterparty").get_by_text("Total")).to_be_visible()
    search(explorer, "2026-01-01")
    expect(table(explorer, "Blocks, newest first")).to_be_visible()
    search(explorer, "17")
    expect(explorer).to_have_url(re.compile("block=17$"))
    expect(explorer.get_by_role("heading", name="Block 17")).to_be_visible()
    search(explorer, "nowhere")
    expect(explorer.get_by_text("never seen")).to_be_visible()


def test_a_filtered_list_is_a_link_and_a_file(explorer: Page, tmp_path: Path) -> None:
    explorer.goto("/explorer?tab=Transactions&who=HH001&least_kwh=0.1")
    rows = table(explorer, "Transactions, newest first").locator("tbody tr")
    expect(rows.first).to_contain_text("HH001")
    expect(explorer.get_by_role("textbox", name="Household")).to_have_value("HH001")
    found = rows.all_inner_texts()
    bound = explorer.get_by_role("spinbutton", name="kWh from", exact=True).last
    bound.fill("0.15")
    bound.press("Enter")
    expect(explorer).to_have_url(re.compile("least_kwh=0.15"))
    expect(rows).not_to_have_count(len(found))
    fewer = rows.all_inner_texts()
    assert set(fewer) < set(found)
    explorer.reload()
    expect(rows).to_have_count(len(fewer))
    with explorer.expect_download() as download:
        explorer.get_by_role("button", name="CSV").click()
    path = tmp_path / "transactions.csv"
    download.value.save_as(path)
    exported = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert len(exported) == len(fewer)
    assert all("HH001" in (row["buyer"], row["seller"]) and int(row["energy_wh"]) >= 150 for row in exported)


def test_back_and_forward_walk_through_what_was_seen(explorer: Page) -> None:
    explorer.goto("/explorer?block=9")
    explorer.get_by_role("link", name="Block 10 →", exact=True).click()
    expect(explorer.get_by_role("heading", name="Block 10")).to_be_visible()
    explorer.go_back()
    expect(explorer.get_by_role("heading", name="Block 9")).to_be_visible()
    explorer.go_forward()
    expect(explorer.get_by_role("heading", name="Block 10")).to_be_visible()


def test_the_charts_show_what_the_chain_holds(explorer: Page) -> None:
    explorer.goto("/explorer?tab=Charts")
    charts = explorer.locator("[data-testid=stPlotlyChart] .js-plotly-plot")
    expect(charts).to_have_count(2, timeout=CHART_MS)  # energy and price, trading network
    explorer.get_by_text("Pairs, latency and blocks").click()
    expect(charts).to_have_count(6, timeout=CHART_MS)
    for title in ("energy (kWh)", "price (₹/kWh)", "transactions a block", "seconds since the block before", "buyer"):
        expect(explorer.get_by_text(title).first).to_be_visible()


VIEWS = ("", "?block=9", "?household=HH001", "?tab=Transactions", "?tab=Charts", "?tab=Verify")


@pytest.mark.parametrize("address", VIEWS)
def test_nothing_is_wider_than_a_telephone(explorer: Page, address: str) -> None:
    explorer.set_viewport_size({"width": 390, "height": 844})
    explorer.goto(f"/explorer{address}")
    expect(explorer.get_by_role("heading", name="Explorer")).to_be_visible()
    expect(explorer.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    assert explorer.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
