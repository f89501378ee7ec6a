"""A lab's people on a fresh database, with a clock the test moves and hashes that take no time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.accounts import Accounts, Sessions, Tokens, User
from core.accounts.passwords import Passwords
from core.settings import Settings
from core.store import Store

GOOD = "correct horse battery"
BETTER = "staple the horse twice"


@dataclass
class Clock:
    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **step: float) -> None:
        self.now += timedelta(**step)


@dataclass
class Lab:
    url: str
    clock: Clock
    settings: Settings
    audits: list[tuple[str, str, str]] = field(default_factory=list)

    def open(self) -> None:
        self.store = Store(self.url)
        kept: dict[str, Any] = {"audit": self.audit, "clock": self.clock}
        self.accounts = Accounts(self.store, self.settings, passwords=Passwords(memory_kib=8, passes=1), **kept)
        self.sessions = Sessions(self.store, **kept)
        self.tokens = Tokens(self.store, **kept)

    def audit(self, _connection: object, *, action: str, actor: str, subject: str) -> None:
        self.audits.append((action, actor, subject))

    def restart(self) -> None:
        self.store.close()
        self.open()

    def sign_in(self, username: str, password: str = GOOD, *, address: str = "203.0.113.1") -> User:
        return self.accounts.check(username, password, address=address)

    @property
    def admin(self) -> User:
        return next(user for user in self.accounts.everybody() if user.username == "admin")


@pytest.fixture
def lab(database_url: str) -> Iterator[Lab]:
    lab = Lab(database_url, Clock(), Settings())
    lab.open()
    yield lab
    lab.store.close()
