"""One Chromium and one way into the lab for browser tests, screenshots and benchmarks of pages."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from tests.running import PASSWORD

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def launch(playwright: Playwright) -> Browser:
    """CHROMIUM if it is set, else the system's, else Playwright's own."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if name and (found := shutil.which(name))), None)
    return playwright.chromium.launch(executable_path=path, args=ARGUMENTS)


def sign_in(page: Page, *, username: str = "admin", password: str = PASSWORD) -> None:
    """Fill in the form that is on the screen and send it."""
    page.get_by_label("Username").first.fill(username)
    page.get_by_label("Password", exact=True).first.fill(password)
    page.get_by_role("button", name="Sign in").first.click()


def store_session(context: BrowserContext, page: Page, path: Path) -> Path:
    """Keep the cookies of a page that has just signed in, once its session's cookie is there."""
    expect(page.get_by_role("heading", name="Live", exact=True)).to_be_visible()
    deadline = time.monotonic() + 10
    while not any(cookie.get("httpOnly") for cookie in context.cookies()) and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    context.storage_state(path=path)
    return path
