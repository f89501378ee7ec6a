"""API tokens: named, scoped, expiring, shown once, kept as a digest."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.accounts.people import Audit, Clock, User, at, digest, ms, now_utc, user_from
from core.errors import ConflictError, InputError, NotFoundError
from core.store import Store
from core.store import accounts as table

SCOPES = ("read", "write")
"""read looks; write uploads, compares and mines."""
PREFIX = "p2p_"
"""A leaked token is recognised by what it looks like."""
MOST = 20
LONGEST_DAYS = 365
TOUCH = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Token:
    """What is shown of a token after the once."""

    token_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class Tokens:
    """Makes, knows and revokes API tokens."""

    def __init__(self, store: Store, *, audit: Audit, clock: Clock = now_utc) -> None:
        self._store, self._audit, self._clock = store, audit, clock

    def create(self, user: User, *, name: str, scopes: Sequence[str], days: int) -> tuple[str, Token]:
        """A new token of the user: its secret, which is shown this once, and what is kept. Raises InputError."""
        label = name.strip()
        if not 1 <= len(label) <= 64 or not label.isprintable():
            raise InputError("A token's name has 1 to 64 characters.", code="token_name")
        if not scopes or not set(scopes) <= set(SCOPES):
            raise InputError(f"A token's scopes are among: {', '.join(SCOPES)}.", code="token_scopes")
        if not 1 <= days <= LONGEST_DAYS:
            raise InputError(f"A token lasts 1 to {LONGEST_DAYS} days, not {days}.", code="token_days")
        now = self._clock()
        secret = PREFIX + secrets.token_urlsafe(32)
        ordered = tuple(scope for scope in SCOPES if scope in scopes)
        token = Token(f"t-{secrets.token_hex(6)}", label, ordered, now, now + timedelta(days=days), None)
        with self._store.begin() as connection:
            if len(table.tokens_of(connection, user.user_id)) >= MOST:
                raise ConflictError(f"You have {MOST} tokens.", fix="Revoke one first.")
            table.add_token(
                connection,
                token_id=token.token_id,
                token_hash=digest(secret),
                user_id=user.user_id,
                name=label,
                scopes=" ".join(ordered),
                created_at_ms=ms(now),
                expires_at_ms=ms(token.expires_at),
            )
            self._audit(connection, action="token.made", actor=user.user_id, subject=token.token_id)
        return secret, token

    def user_of(self, secret: str) -> tuple[User, tuple[str, ...]] | None:
        """The active user whose token this is and what it may do, or None."""
        if not secret.startswith(PREFIX):
            return None
        with self._store.read() as connection:
            row = table.token_and_user(connection, digest(secret))
        now = self._clock()
        if row is None or row.state != "active" or row.must_change_password or at(row.expires_at_ms) <= now:
            return None
        if row.used_at_ms is None or now - at(row.used_at_ms) >= TOUCH:
            with self._store.begin() as connection:
                table.touch_token(connection, row.token_id, used_at_ms=ms(now))
        return user_from(row), tuple(row.scopes.split())

    def of(self, user_id: str) -> list[Token]:
        """The tokens of one user, newest first, expired ones included."""
        with self._store.read() as connection:
            rows = table.tokens_of(connection, user_id)
        return [
            Token(
                row.token_id,
                row.name,
                tuple(row.scopes.split()),
                at(row.created_at_ms),
                at(row.expires_at_ms),
                None if row.used_at_ms is None else at(row.used_at_ms),
            )
            for row in rows
        ]

    def revoke(self, user: User, token_id: str) -> None:
        """End one of the user's own tokens at once. Raises NotFoundError."""
        with self._store.begin() as connection:
            if not table.end_tokens(connection, token_id=token_id, user_id=user.user_id):
                raise NotFoundError("No such token.")
            self._audit(connection, action="token.revoked", actor=user.user_id, subject=token_id)
