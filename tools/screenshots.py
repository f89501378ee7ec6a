"""Every page, light and dark, at 1280 and 390 pixels, into docs/img/: `make screenshots`.

Starts a lab of its own in a temporary folder, lets the simulated community trade, runs a comparison of the sample
community, and photographs what a person would see.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.chromium import launch, sign_in
from tests.running import PASSWORD, REPO, start_app

OUT = REPO / "docs" / "img"
WIDTHS = (1280, 390)
THEMES = ("light", "dark")
TALLEST = 3200
SEEN, SHARE = 24, 0.02
"""A pixel has changed if a channel moved by more than SEEN of 255; a picture, if more than SHARE of its pixels have."""


def main() -> int:
    """Photograph; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app = start_app(Path(folder), ADMIN_PASSWORD=PASSWORD, BLOCK_INTERVAL_S="5")
        browser = launch(playwright)
        try:
            photograph(browser, app.url, out)
        finally:
            browser.close()
            app.stop()
    return 0


def photograph(browser: Browser, url: str, out: Path) -> None:
    """Sign in once, make a comparison, then every page in every look."""
    door = browser.new_context(base_url=url)
    page = opened(door, "/")
    page.get_by_label("Username").first.wait_for()
    for theme in THEMES:
        for width in WIDTHS:
            shoot(
                browser.new_context(base_url=url, color_scheme=theme), "/", out / f"sign-in-{theme}-{width}.png", width
            )
    sign_in(page)
    page.get_by_role("heading", name="Live", exact=True).wait_for()
    run = compared(page)
    page.goto("/explorer")
    settle(page)
    state = door.storage_state()
    places = {"live": "/", "compare": run, "explorer": "/explorer", "block": "/explorer?block=1"}
    places |= {"households": f"{run}&view=Households", "slot": f"{run}&view=One+slot", "setup": "/compare"}
    places |= {"account": "/account", "people": "/people"}
    for theme in THEMES:
        for width in WIDTHS:
            context = browser.new_context(base_url=url, storage_state=state, color_scheme=theme)
            for name, place in places.items():
                shoot(context, place, out / f"{name}-{theme}-{width}.png", width)
            context.close()
    door.close()


def compared(page: Page) -> str:
    """Run the sample community; returns the address that restores the comparison."""
    page.goto("/compare")
    page.get_by_role("button", name="sample community").first.click()
    page.get_by_role("region", name="Figures of each algorithm").wait_for(timeout=60_000)
    settle(page)
    return page.url


def opened(context: BrowserContext, place: str) -> Page:
    """A page of the context at this address."""
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(place)
    return page


def settle(page: Page) -> None:
    """Wait until nothing is being computed or drawn."""
    page.wait_for_timeout(1_500)
    page.locator("[data-testid=stSkeleton], [data-testid=stSpinner]").first.wait_for(state="detached")
    page.wait_for_timeout(1_500)


def shoot(context: BrowserContext, place: str, path: Path, width: int) -> None:
    """The whole page at this width."""
    page = opened(context, place)
    page.set_viewport_size({"width": width, "height": 900})
    settle(page)
    height = page.evaluate("(document.querySelector('[data-testid=stMain]') || document.body).scrollHeight")
    page.set_viewport_size({"width": width, "height": min(max(int(height), 700), TALLEST)})
    settle(page)
    taken = page.screenshot()
    page.close()
    if not path.is_file() or differs(path.read_bytes(), taken):
        path.write_bytes(taken)


def differs(before: bytes, after: bytes) -> bool:
    """Whether somebody who looks at both pictures sees another page."""
    old, new = (np.asarray(Image.open(io.BytesIO(each)).convert("RGB"), dtype=np.int16) for each in (before, after))
    if old.shape != new.shape:
        return True
    changed = (np.abs(old - new) > SEEN).any(axis=2)
    return float(changed.mean()) > SHARE


if __name__ == "__main__":
    sys.exit(main())
