"""The Compare page in a browser: one click to a result, many files, linked charts, links, and what is taken away."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from core.market.algorithms import find
from tests.browser.conftest import open_page
from tests.browser.people import People, settled
from tests.running import App

DROP = """(zone, files) => { const transfer = new DataTransfer();
for (const file of files) transfer.items.add(new File([file.text], file.name, {type: "text/csv"}));
for (const name of ["dragenter", "dragover", "drop"])
  zone.dispatchEvent(new DragEvent(name, {bubbles: true, cancelable: true, dataTransfer: transfer})); }"""


@pytest.fixture(scope="module")
def result(chromium: Browser, app: App, admin_state: Path) -> str:
    """The address of the sample's finished comparison, made by the one click."""
    context = chromium.new_context(base_url=app.url, storage_state=admin_state)
    context.set_default_timeout(30_000)
    page = open_page(context)
    page.goto("/compare")
    page.get_by_role("button", name="Try the sample community").click()
    page.get_by_role("region", name="Figures of each algorithm").wait_for()
    address = page.url
    assert not page.problems, page.problems  # type: ignore[attr-defined]
    context.close()
    return address


@pytest.fixture
def people(app: App) -> Iterator[People]:
    known = People(app)
    yield known
    known.close()


def drop_zone(page: Page) -> Locator:
    """The place for many files, once it takes them."""
    zone = page.get_by_test_id("compareBulkDrop")
    expect(zone.get_by_role("button", name="Choose files")).to_be_enabled()
    return zone


def charts(page: Page) -> Locator:
    return page.locator(".js-plotly-plot:visible")


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page).to_have_url(re.compile("view=" + name.replace(" ", r"(\+|%20)")))
    settled(page)


def names_of(line: Locator) -> list[str]:
    """The algorithms of one line of a table of figures: more than one where they are alike."""
    return str(line.locator("th").get_attribute("title")).split(", ")


def names_in(table: Locator) -> list[str]:
    return [name for line in table.locator("tbody tr:not(.band)").all() for name in names_of(line)]


def homes(count: int, *, hours: int = 24) -> list[dict[str, str]]:
    rows = [(f"2024-06-01 {hour:02d}:00", 0.3 + hour % 5 / 10, max(0, 6 - abs(12 - hour)) / 3) for hour in range(hours)]
    files = []
    for number in range(1, count + 1):
        lines = [f"{at},HH{number:04d},{load * (1 + number / 100):.3f},{sun:.3f}" for at, load, sun in rows]
        text = "\n".join(["timestamp,household_id,load_kW,solar_kW", *lines, ""])
        files.append({"name": f"HH{number:04d}.csv", "text": text})
    return files


def test_one_click_leads_to_a_finished_comparison_in_a_block(page: Page, result: str) -> None:
    page.goto(result)
    table = page.get_by_role("region", name="Figures of each algorithm")
    table.wait_for()
    assert sorted(names_in(table)) == sorted(algorithm.name for algorithm in find().values())
    expect(table.locator("tbody tr", has_text="Grid only")).to_contain_text("baseline")
    expect(page.get_by_role("button", name=re.compile("In block"))).to_be_visible(timeout=30_000)
    page.get_by_role("button", name=re.compile("In block")).click()
    link = page.get_by_test_id("stMarkdownContainer").locator("a[href*='/explorer?tx=']")
    assert re.fullmatch(r"[0-9a-f]{64}", link.inner_text())


def test_hundreds_of_dropped_files_arrive_in_batches_and_are_read(page: Page) -> None:
    page.goto("/compare")
    zone = drop_zone(page)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if "/api/staged/" in request.url else None)
    zone.evaluate(DROP, homes(230))
    expect(page.locator("[data-testid=stMetric]", has_text="Households")).to_contain_text("230")
    assert [url.partition("?")[2] for url in requests] == ["first=0", "first=100", "first=200"]


def test_the_ordinary_uploader_loses_none_of_many_files(page: Page) -> None:
    page.goto("/compare")
    zone = page.get_by_test_id("stFileUploaderDropzone")
    settled(page)
    zone.evaluate(DROP, homes(150))
    expect(page.locator("[data-testid=stMetric]", has_text="Households")).to_contain_text("150")


def test_files_can_be_chosen_with_the_keyboard_alone(page: Page, tmp_path: Path) -> None:
    page.goto("/compare")
    button = page.get_by_test_id("compareBulkDrop").get_by_role("button", name="Choose files")
    expect(button).to_be_enabled()
    settled(page)
    for file in homes(2):
        (tmp_path / file["name"]).write_text(file["text"])
    button.focus()
    with page.expect_file_chooser() as chooser:
        expect(button).to_be_focused()
        page.keyboard.press("Enter")
    chooser.value.set_files(sorted(tmp_path.glob("*.csv")))
    expect(page.locator("[data-testid=stMetric]", has_text="Households")).to_contain_text("2")


def test_what_is_no_csv_is_said_and_nothing_is_sent(page: Page) -> None:
    page.goto("/compare")
    zone = drop_zone(page)
    zone.evaluate(DROP, [{"name": "photo.jpg", "text": "x"}])
    expect(zone.get_by_role("status")).to_have_text("No file of readings among them.")


def still(part: Locator) -> FloatRect:
    """Where it stands, once it has stopped moving: what loads above it pushes it down."""
    before = None
    for _ in range(100):
        found = part.bounding_box()
        if found is not None and found == before:
            return found
        before = found
        part.page.wait_for_timeout(400)
    raise AssertionError("it never stands still")


def test_a_chosen_home_and_a_dragged_period_change_every_chart_and_the_address_brings_them_back(
    page: Page, result: str
) -> None:
    page.goto(result)
    open_tab(page, "Households")
    page.get_by_role("region", name="Savings by home").get_by_role("link").nth(3).click()
    expect(page).to_have_url(re.compile("household=HH"))
    household = str(re.search(r"household=(HH\d+)", page.url)[1])  # type: ignore[index]
    expect(page.get_by_role("heading", name=household)).to_be_visible()
    open_tab(page, "Over time")
    expect(page.get_by_text(f"Load and solar of {household}")).to_be_visible()
    plane = charts(page).first.locator(".nsewdrag").first
    plane.scroll_into_view_if_needed()
    box = still(plane)
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 60, steps=6)
    page.mouse.up()
    expect(page).to_have_url(re.compile("period="))
    address = page.url
    page.goto("/live")
    page.goto(address)
    expect(page.get_by_role("button", name="All days")).to_be_visible()
    expect(page.get_by_text(f"Load and solar of {household}")).to_be_visible()
    page.get_by_role("button", name="All days").click()
    expect(page).not_to_have_url(re.compile("period="))


def test_the_csv_equals_the_table_on_the_screen(page: Page, result: str) -> None:
    page.goto(result)
    table = page.get_by_role("region", name="Figures of each algorithm")
    table.wait_for()
    on_screen = {
        name: line.locator("td").first.inner_text().removeprefix("★\xa0")
        for line in table.locator("tbody tr:not(.band)").all()
        for name in names_of(line)
    }
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    found = {row["algorithm"]: f"{float(row['Community cost (₹)']):,.2f}" for row in rows}
    assert found == on_screen


def test_the_camera_of_a_chart_saves_a_png_or_an_svg(page: Page, result: str) -> None:
    page.goto(f"{result}&view=Over+time")
    assert picture_of(page) == ("price-and-traded-energy.png", b"\x89PNG")
    open_tab(page, "Export")
    page.get_by_text("SVG", exact=True).click()
    settled(page)
    page.get_by_role("tab", name="Over time").click()
    assert picture_of(page) == ("price-and-traded-energy.svg", b"<svg")


def picture_of(page: Page) -> tuple[str, bytes]:
    charts(page).nth(1).wait_for()
    settled(page)
    chart = charts(page).first
    chart.hover()
    with page.expect_download() as download:
        chart.locator("[data-title*='ownload']").click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()[:4]


def test_a_download_is_for_the_one_who_made_it(page: Page, result: str, chromium: Browser, people: People) -> None:
    page.goto(result)
    media: list[str] = []
    page.on("request", lambda request: media.append(request.url) if "/media/" in request.url else None)
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    download.value.path()
    address = download.value.url
    assert "/media/" in address
    assert page.request.get(address).status == 200
    stranger = people.browser(chromium, people.person("stranger"))
    assert stranger.request.get(address).status in (403, 404)
    nobody = people.browser(chromium, None)
    assert nobody.request.get(address).status == 401
    stranger.close()
    nobody.close()


def test_the_report_opens_by_itself_and_draws_its_charts(
    page: Page, result: str, chromium: Browser, tmp_path: Path
) -> None:
    page.goto(result)
    expect(page.get_by_role("button", name=re.compile("In block"))).to_be_visible(timeout=30_000)
    open_tab(page, "Export")
    with page.expect_download() as download:
        page.get_by_role("button", name="HTML report").click()
    path = tmp_path / "report.html"
    download.value.save_as(path)
    context = chromium.new_context(offline=True)
    alone = open_page(context)
    alone.goto(path.as_uri())
    expect(alone.get_by_role("heading", name="Sample community")).to_be_visible()
    alone.locator(".js-plotly-plot .main-svg").first.wait_for()
    assert alone.locator(".js-plotly-plot").count() == 6
    alone.get_by_text("The receipt", exact=True).click()
    expect(alone.locator("pre")).to_contain_text("dataset_digest")
    assert not alone.problems, alone.problems  # type: ignore[attr-defined]
    context.close()


def test_a_link_lets_somebody_else_read_and_ends_when_it_is_revoked(
    page: Page, result: str, chromium: Browser, people: People
) -> None:
    page.goto(result)
    open_tab(page, "Export")
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("[data-testid=stCode]", has_text="link=").inner_text().replace("\n", "").strip()
    reader = people.browser(chromium, people.person("reader", role="viewer"))
    other = open_page(reader)
    other.goto(result)
    expect(other.get_by_text("There is no run")).to_be_visible()
    other.goto(link)
    expect(other.get_by_role("region", name="Figures of each algorithm")).to_be_visible()
    expect(other.get_by_role("button", name="Repeat")).to_have_count(0)
    page.get_by_role("button", name="Revoke").first.click()
    expect(page.get_by_role("button", name="Revoke")).to_have_count(0)
    other.goto(link)
    expect(other.get_by_text("There is no run")).to_be_visible()
    reader.close()


def test_the_page_can_be_read_on_a_phone(page: Page, result: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for view in ("Figures", "One slot", "Over time", "Households", "Energy", "Certainty", "Export"):
        page.goto(f"{result}&view={view}")
        page.get_by_role("tab", name=view).wait_for()
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, view
        main = page.get_by_test_id("stMain")
        assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 1, view


FIRST_NUMBER = "[data-testid=stMetricValue]"


@pytest.mark.parametrize(("width", "height", "top"), [(1280, 900, 330), (390, 844, 500)])
def test_the_answer_stands_in_the_first_screen(page: Page, result: str, width: int, height: int, top: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(result)
    page.locator(FIRST_NUMBER).first.wait_for()
    settled(page)
    assert still(page.locator(FIRST_NUMBER).first)["y"] <= top


def test_the_keyboard_reaches_the_answer_in_few_steps(page: Page, result: str) -> None:
    page.goto(result)
    page.locator(FIRST_NUMBER).first.wait_for()
    settled(page)
    passed = """number => Boolean(number.compareDocumentPosition(document.activeElement)
        & Node.DOCUMENT_POSITION_FOLLOWING)"""
    stops = []
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(FIRST_NUMBER).first.evaluate(passed):
            break
        stops.append(page.evaluate("document.activeElement.innerText || document.activeElement.outerHTML.slice(0, 80)"))
    assert 3 < len(stops) <= 15, stops


def test_a_reload_in_the_middle_of_a_run_comes_to_its_result(page: Page) -> None:
    page.goto("/compare")
    zone = drop_zone(page)
    zone.evaluate(DROP, homes(12))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page).to_have_url(re.compile("run="))
    page.reload()
    expect(page.get_by_role("region", name="Figures of each algorithm")).to_be_visible(timeout=60_000)


def test_back_leads_from_the_result_to_the_choices(page: Page) -> None:
    page.goto("/compare")
    zone = drop_zone(page)
    zone.evaluate(DROP, homes(3))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("region", name="Figures of each algorithm")).to_be_visible(timeout=60_000)
    page.go_back()
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Try the sample community")).to_be_visible()
