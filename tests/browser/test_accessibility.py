"""Every page, light and dark, passes axe: nothing serious and nothing critical."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.people import settled
from tests.running import App

PLACES = {
    "live": ("/", "Live"),
    "compare": ("/compare", "Compare"),
    "explorer": ("/explorer?tab=Blocks", "Explorer"),
    "learn": ("/learn", "Learn"),
    "charts": ("/explorer", "Explorer"),
    "verify": ("/explorer?tab=Verify", "Explorer"),
    "block": ("/explorer?block=0", "Explorer"),
    "account": ("/account", "Account"),
    "people": ("/people", "People"),
}
GRAVE = ("serious", "critical")


def grave_findings(page: Page) -> list[str]:
    """What axe holds against the page, each with the first element it is about."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['help']} {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in GRAVE]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_can_be_used_by_everybody(chromium: Browser, app: App, admin_state: Path, theme: str) -> None:
    context = chromium.new_context(base_url=app.url, storage_state=admin_state, color_scheme=theme)
    page = context.new_page()
    found: dict[str, list[str]] = {}
    for name, (address, heading) in PLACES.items():
        page.goto(address)
        expect(page.get_by_role("heading", name=heading, exact=True).first).to_be_visible()
        settled(page)
        found[name] = grave_findings(page)
    page.goto("/compare")
    page.get_by_role("button", name="Try the sample community").click()
    page.get_by_role("region", name="Figures of each algorithm").wait_for()
    for view in ("Figures", "One slot", "Over time", "Households", "Energy", "Certainty", "Export"):
        page.get_by_role("tab", name=view).click()
        page.wait_for_timeout(300)
        settled(page)
        found[f"result, {view}"] = grave_findings(page)
    context.close()
    assert {name: grave for name, grave in found.items() if grave} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_sign_in_can_be_used_by_everybody(chromium: Browser, app: App, theme: str) -> None:
    context = chromium.new_context(base_url=app.url, color_scheme=theme)
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_role("button", name="Sign in").first).to_be_visible()
    settled(page)
    assert grave_findings(page) == []
    context.close()
