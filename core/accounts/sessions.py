"""A session is an opaque token in the browser and its digest in the store; ending it there ends it everywhere.

Thirty minutes without use, or twelve hours, end it too.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.accounts.people import Audit, Clock, User, at, digest, ms, now_utc, user_from
from core.errors import NotFoundError
from core.store import Store
from core.store import accounts as table

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
TOUCH = timedelta(minutes=1)
"""Use is noted at most this often: every note is a durable write."""
TICKET = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in."""

    session_id: str
    opened_at: datetime
    seen_at: datetime
    browser: str


class Sessions:
    """Opens, knows and ends sessions; carries a sign-in from the page to the route that sets the cookie."""

    def __init__(self, store: Store, *, audit: Audit, clock: Clock = now_utc) -> None:
        self._store, self._audit, self._clock = store, audit, clock
        self._tickets: dict[str, tuple[str, datetime]] = {}
        self._lock = threading.Lock()  # owns _tickets

    def open(self, user: User, *, browser: str = "") -> str:
        """A new session of the user; returns its token, which is kept nowhere."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._store.begin() as connection:
            table.forget_old_sessions(connection, opened_before_ms=ms(now - ABSOLUTE), seen_before_ms=ms(now - IDLE))
            table.add_session(
                connection,
                token_hash=digest(token),
                session_id=f"s-{secrets.token_hex(6)}",
                user_id=user.user_id,
                opened_at_ms=ms(now),
                seen_at_ms=ms(now),
                browser=browser[:80],
            )
        return token

    def user_of(self, token: str | None, *, touch: bool = True) -> User | None:
        """The active user whose session this is, or None. `touch` counts it as use by a person."""
        found = self._find(token)
        if found is None:
            return None
        token_hash, seen_at, user = found
        if touch and self._clock() - seen_at >= TOUCH:
            with self._store.begin() as connection:
                table.touch_session(connection, token_hash, seen_at_ms=ms(self._clock()))
        return user

    def _find(self, token: str | None) -> tuple[str, datetime, User] | None:
        if not token:
            return None
        token_hash = digest(token)
        with self._store.read() as connection:
            row = table.session_and_user(connection, token_hash)
        if row is None or row.state != "active":
            return None
        now = self._clock()
        if now - at(row.opened_at_ms) >= ABSOLUTE or now - at(row.seen_at_ms) >= IDLE:
            return None
        return token_hash, at(row.seen_at_ms), user_from(row)

    def id_of(self, token: str | None) -> str:
        """The public id of this session, "" if there is none."""
        with self._store.read() as connection:
            row = table.session_and_user(connection, digest(token or ""))
        return row.session_id if row else ""

    def of(self, user_id: str) -> list[Session]:
        """The sessions of one user that are alive, last used first."""
        now = self._clock()
        with self._store.read() as connection:
            rows = table.sessions_of(connection, user_id)
        found = [Session(row.session_id, at(row.opened_at_ms), at(row.seen_at_ms), row.browser) for row in rows]
        return [s for s in found if now - s.opened_at < ABSOLUTE and now - s.seen_at < IDLE]

    def counts(self) -> dict[str, int]:
        """How many sessions each user has."""
        now = self._clock()
        with self._store.read() as connection:
            return table.count_sessions(connection, opened_from_ms=ms(now - ABSOLUTE), seen_from_ms=ms(now - IDLE))

    def end(self, token: str | None) -> None:
        """Sign this browser out."""
        with self._store.begin() as connection:
            row = table.session_and_user(connection, digest(token or ""))
            if row and table.end_sessions(connection, token_hash=digest(token or "")):
                self._audit(connection, action="sign-out", actor=row.user_id, subject=row.user_id)

    def end_one(self, actor: User, session_id: str, *, user_id: str) -> None:
        """End one session of the user: one's own, or anybody's for an admin. Raises NotFoundError."""
        self._require_own(actor, user_id)
        with self._store.begin() as connection:
            if not table.end_sessions(connection, session_id=session_id, user_id=user_id):
                raise NotFoundError("No such session.")
            self._audit(connection, action="session.ended", actor=actor.user_id, subject=user_id)

    def end_all(self, actor: User, *, user_id: str) -> int:
        """End every session of the user; how many there were."""
        self._require_own(actor, user_id)
        with self._store.begin() as connection:
            count = table.end_sessions(connection, user_id=user_id)
            self._audit(connection, action="session.ended", actor=actor.user_id, subject=user_id)
        return count

    def _require_own(self, actor: User, user_id: str) -> None:
        if actor.user_id != user_id and not actor.is_admin:
            raise NotFoundError("No such session.")

    def ticket(self, user: User) -> str:
        """A word that the sign-in route changes into a session: once, within half a minute, in this process."""
        ticket = secrets.token_urlsafe(32)
        now = self._clock()
        with self._lock:
            self._tickets = {key: kept for key, kept in self._tickets.items() if kept[1] > now}
            self._tickets[digest(ticket)] = (user.user_id, now + TICKET)
        return ticket

    def redeem(self, ticket: str, *, browser: str = "") -> str | None:
        """The token of a new session for the ticket's user, or None if the ticket is spent, late or made up."""
        with self._lock:
            user_id, until = self._tickets.pop(digest(ticket), ("", self._clock()))
        if not user_id or until <= self._clock():
            return None
        with self._store.read() as connection:
            row = table.user_by(connection, user_id=user_id)
        if row is None or row.state != "active":
            return None
        return self.open(user_from(row), browser=browser)
