"""What the rest of the lab knows of a person: an id, a name, a role."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from core.errors import InputError

ROLES = ("viewer", "analyst", "admin")
"""Each may do what the ones before it may: look; upload, compare and mine; look after people."""

STATES = ("active", "pending", "disabled")

Clock = Callable[[], datetime]
"""Gives the time now, aware, UTC."""

NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,63}")


class Audit(Protocol):
    """Writes down who did what to whom, in the caller's database transaction."""

    def __call__(self, connection: Connection, *, action: str, actor: str, subject: str) -> None:
        """Ids only: no names, addresses or secrets."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody as an outside provider vouches for them: issuer and subject, a name to show, and when it was said."""

    issuer: str
    subject: str
    name: str
    issued_at: datetime

    @property
    def key(self) -> str:
        """What makes it the same person again."""
        return f"{self.issuer} {self.subject}"


@dataclass(frozen=True, slots=True)
class User:
    """One account. `state` is active, pending (waits for an admin) or disabled."""

    user_id: str
    username: str
    role: str
    state: str
    must_change_password: bool
    has_password: bool
    has_identity: bool
    created_at: datetime
    last_sign_in_at: datetime | None

    @property
    def is_admin(self) -> bool:
        """Whether this is an admin."""
        return self.role == "admin"


SERVER = User("server", "server", "admin", "active", False, False, False, datetime.fromtimestamp(0, UTC), None)
"""Whoever may use the server's command line: no account, but what they do is written down under this id."""


def may(user: User, role: str) -> bool:
    """Whether the user has this role or a higher one."""
    return ROLES.index(user.role) >= ROLES.index(role)


def user_from(row: Any) -> User:
    """A row of `users` (alone or joined) as a User."""
    return User(
        user_id=row.user_id,
        username=row.username,
        role=row.role,
        state=row.state,
        must_change_password=row.must_change_password,
        has_password=row.password_hash != "",
        has_identity=row.identity is not None,
        created_at=at(row.created_at_ms),
        last_sign_in_at=None if row.last_sign_in_at_ms is None else at(row.last_sign_in_at_ms),
    )


def username_from(text: str) -> str:
    """The name in its one spelling. Raises InputError if it cannot be one."""
    name = text.strip().casefold()
    if not NAME.fullmatch(name):
        raise InputError(
            "A user name has 2 to 64 characters: a to z, 0 to 9 and . _ @ + -, beginning with a letter or digit.",
            code="username",
        )
    return name


def now_utc() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def at(ms: int) -> datetime:
    """Milliseconds since 1970 as an aware time."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def ms(moment: datetime) -> int:
    """An aware time as milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def digest(secret: str) -> str:
    """What is kept of a token of 256 random bits: enough to know it again, nothing to use."""
    return hashlib.sha256(secret.encode()).hexdigest()
