"""People of a running app, made in its database, and browsers that are signed in as them."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import Connection

from core.accounts import Accounts, Sessions, Tokens, User
from core.accounts.passwords import Passwords
from core.settings import Settings
from core.store import Store
from tests.running import PASSWORD, App


def unchained(_: Connection, *, action: str, actor: str, subject: str) -> None:
    """The test's own changes are not part of what it looks at."""


@dataclass
class People:
    """The accounts of an app, seen from outside its process."""

    app: App

    def __post_init__(self) -> None:
        self.store = Store(f"sqlite:///{self.app.folder / 'data' / 'lab.db'}")
        self.accounts = Accounts(self.store, Settings(), audit=unchained, passwords=Passwords(memory_kib=8, passes=1))
        self.sessions = Sessions(self.store, audit=unchained)
        self.tokens = Tokens(self.store, audit=unchained)

    def close(self) -> None:
        self.store.close()

    def person(self, username: str, role: str = "analyst") -> User:
        known = {user.username: user for user in self.accounts.everybody()}
        if username not in known:
            made = self.accounts.register(username, PASSWORD, address="::1")
            known[username] = self.accounts.set_role(known["admin"], made.user_id, role=role)
        return known[username]

    def browser(self, chromium: Browser, user: User | None) -> BrowserContext:
        """A browser of its own, signed in as the user."""
        return self.with_token(chromium, self.sessions.open(user, browser="Chrome") if user else "")

    def with_token(self, chromium: Browser, token: str) -> BrowserContext:
        context = chromium.new_context(base_url=self.app.url, viewport={"width": 1280, "height": 900})
        context.set_default_timeout(30_000)
        if token:
            context.add_cookies([{"name": "lab_session", "value": token, "url": self.app.url, "httpOnly": True}])
        return context


def settled(page: Page) -> None:
    """Wait until the page's script has run to its end."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
