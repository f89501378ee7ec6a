"""The app as `make run` starts it, on a free port with folders of its own, and one Chromium."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.chromium import launch, sign_in, store_session
from tests.running import PASSWORD, App, start_app

expect.set_options(timeout=30_000)
"""A loaded machine is slow, not wrong: five seconds, the default, are too few where cores are shared."""

HARMLESS = ("favicon", "ResizeObserver loop", "_stcore/health", "_stcore/host-config")
"""Opened at a deep link, Streamlit's client first asks for these two below the page's own path, and gets a 404."""


@pytest.hookimpl(tryfirst=True)  # before `-m` looks at the markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` runs these after the others, one by one: they share an app, and Chromium takes the second core."""
    for item in items:
        if Path(__file__).parent in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(180))


@pytest.fixture(scope="package")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    running = start_app(tmp_path_factory.mktemp("app"))
    yield running
    assert running.stop() in (0, -signal.SIGTERM)
    assert "Traceback" not in running.log.read_text(), running.log.read_text()[-6000:]


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = launch(playwright)
    yield browser
    browser.close()


def open_page(context: BrowserContext) -> Page:
    """A page whose uncaught errors and console errors are collected in `page.problems`."""
    page = context.new_page()
    problems: list[str] = []
    page.problems = problems  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
    page.on(
        "console",
        lambda message: (
            problems.append(f"console: {message.text} {message.location}")
            if message.type == "error" and not any(word in message.text + str(message.location) for word in HARMLESS)
            else None
        ),
    )
    return page


@pytest.fixture(scope="package")
def admin_state(chromium: Browser, app: App, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored cookies of an admin who has chosen a password; a sign-in costs seconds, so it is done once."""
    context = chromium.new_context(base_url=app.url)
    context.set_default_timeout(30_000)
    page = open_page(context)
    page.goto("/")
    sign_in(page, password="admin")
    page.get_by_label("Current password").fill("admin")
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("Repeat the new password").fill(PASSWORD)
    page.get_by_role("button", name="Save the new password").click()
    path = store_session(context, page, tmp_path_factory.mktemp("state") / "admin.json")
    context.close()
    return path


@contextmanager
def watched(chromium: Browser, app: App, state: Path) -> Iterator[Page]:
    """A page of whoever has these cookies; what happens to it fails on any uncaught error or console error."""
    context = chromium.new_context(
        base_url=app.url, storage_state=state, viewport={"width": 1280, "height": 900}, accept_downloads=True
    )
    context.set_default_timeout(30_000)
    opened = open_page(context)
    yield opened
    problems = list(opened.problems)  # type: ignore[attr-defined]
    context.close()
    assert not problems, "\n".join(problems)


@pytest.fixture
def page(chromium: Browser, app: App, admin_state: Path) -> Iterator[Page]:
    """An admin's page."""
    with watched(chromium, app, admin_state) as opened:
        yield opened


def drop(page: Page, paths: list[Path], *, target: str = '[data-testid="stFileUploaderDropzone"]') -> None:
    """A real drag and drop: dragenter, dragover and drop with File objects."""
    files = [{"name": path.name, "text": path.read_text(encoding="utf-8")} for path in paths]
    transfer = page.evaluate_handle(
        """files => { const transfer = new DataTransfer();
        for (const file of files) transfer.items.add(new File([file.text], file.name, {type: "text/csv"}));
        return transfer; }""",
        files,
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event(target, event, {"dataTransfer": transfer})
