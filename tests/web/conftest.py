"""A real lab behind the real middleware and routes, without Streamlit, jobs, broker or slow hashes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from core.accounts import User, accounts
from core.accounts.passwords import Passwords
from core.exchange import Exchange, install
from core.settings import Settings
from core.web.app import middleware, routes

HOST = "127.0.0.1:8501"
ORIGIN = f"http://{HOST}"
GOOD = "correct horse battery"


def settings_in(folder: Path, **changes: object) -> Settings:
    values: dict[str, object] = {
        "data_dir": folder / "data",
        "ledger_path": folder / "ledger.json",
        "uploads_dir": folder / "uploads",
        "proof_of_work": 16,
        "simulator": False,
        "feed": "off",
        **changes,
    }
    return Settings(**values)  # type: ignore[arg-type]


class Client:
    """A browser or program that keeps its cookies; each request runs through the application in a loop of its own."""

    def __init__(self, application: Starlette, *, cookies: dict[str, str], headers: dict[str, str]) -> None:
        self.cookies = httpx.Cookies(cookies)
        self._application, self._headers = application, headers

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._application, raise_app_exceptions=False)
            kept = {"cookies": self.cookies, "headers": self._headers}
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, **kept) as client:
                answer = await client.request(method, path, **content)
                self.cookies = client.cookies
                return answer

        return asyncio.run(ask())

    def get(self, path: str, **content: Any) -> httpx.Response:
        return self.request("GET", path, **content)

    def post(self, path: str, **content: Any) -> httpx.Response:
        return self.request("POST", path, **content)


@dataclass
class House:
    """The lab, its people, and clients that are signed in as them."""

    exchange: Exchange
    application: Starlette

    def person(self, username: str, role: str) -> User:
        admin = next(user for user in self.exchange.accounts.everybody() if user.username == "admin")
        made = self.exchange.accounts.register(username, GOOD, address="::1")
        return self.exchange.accounts.set_role(admin, made.user_id, role=role)

    def client(self, user: User | None = None, *, token: str = "", **headers: str) -> Client:
        cookies = {"lab_session": self.exchange.sessions.open(user)} if user else {}
        if token:
            headers["authorization"] = f"Bearer {token}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client(self.application, cookies=cookies, headers=named)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    yield from opened(settings_in(tmp_path), monkeypatch)


@pytest.fixture
def house_on_both(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    yield from opened(settings_in(tmp_path, database_url=database_url), monkeypatch)


def opened(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(accounts, "Passwords", partial(Passwords, memory_kib=8, passes=1))
    exchange = Exchange(settings)
    exchange.chain.indexer.start()
    install(exchange)
    yield House(exchange, Starlette(routes=list(routes()), middleware=list(middleware())))
    install(None)
    exchange.stop()
