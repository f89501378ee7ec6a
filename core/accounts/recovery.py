"""The way back in for somebody who lost the password: a link from an admin or the server, good once, for a day."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta

from core.accounts import throttle
from core.accounts.passwords import Passwords, require_acceptable
from core.accounts.people import Audit, Clock, User, digest, ms, now_utc, user_from
from core.errors import NotAllowedError, NotFoundError, NotSignedInError
from core.settings import Settings
from core.store import Store
from core.store import accounts as table

log = logging.getLogger(__name__)

GOOD_FOR = timedelta(hours=24)
PARAMETER = "reset"
"""The name of the token in the link's query."""


class Recovery:
    """Makes links and redeems them. Whoever has one may set the password: it is shown once and kept as a digest."""

    def __init__(self, store: Store, *, audit: Audit, passwords: Passwords, clock: Clock = now_utc) -> None:
        self._store, self._audit, self._passwords, self._clock = store, audit, passwords, clock

    def offer(self, admin: User, user_id: str) -> str:
        """The token of a new link for this user; an earlier one is worth nothing any more. Raises NotFoundError."""
        if not admin.is_admin:
            raise NotAllowedError("Only an admin looks after people.")
        token = secrets.token_urlsafe(32)
        with self._store.begin() as connection:
            if table.user_by(connection, user_id=user_id) is None:
                raise NotFoundError("No such user.")
            table.forget_resets(connection, user_id=user_id)
            expires_at_ms = ms(self._clock() + GOOD_FOR)
            table.add_reset(connection, token_hash=digest(token), user_id=user_id, expires_at_ms=expires_at_ms)
            self._audit(connection, action="password.reset-offered", actor=admin.user_id, subject=user_id)
        log.info("%s offered a new password to %s", admin.user_id, user_id)
        return token

    def whose(self, token: str) -> User:
        """For whom the link is. Raises NotSignedInError if it is spent, late or made up."""
        with self._store.read() as connection:
            row = table.reset_and_user(connection, digest(token))
        if row is None or row.expires_at_ms <= ms(self._clock()):
            raise NotSignedInError(
                "This link is spent, late or not whole.", fix="Ask an admin for a new one.", code="reset_link"
            )
        return user_from(row)

    def redeem(self, token: str, new: str) -> User:
        """Set the password, end every session, spend the link. Raises NotSignedInError, InputError."""
        user = self.whose(token)
        require_acceptable(new, username=user.username)
        password_hash = self._passwords.hash(new)
        with self._store.begin() as connection:
            if not table.forget_resets(connection, token_hash=digest(token)):
                raise NotSignedInError("This link was used a moment ago.", fix="Sign in.", code="reset_link")
            table.change_user(connection, user.user_id, password_hash=password_hash, must_change_password=False)
            table.end_sessions(connection, user_id=user.user_id)
            table.forget_failures(connection, account=throttle.account_key(user.username), failure_id=-1)
            self._audit(connection, action="password.reset", actor=user.user_id, subject=user.user_id)
            row = table.user_by(connection, user_id=user.user_id)
        log.info("user %s set a new password by a link", user.user_id)
        return user_from(row)


def link(settings: Settings, token: str) -> str:
    """The address to hand to the person."""
    scheme = "https" if settings.tls_certificate else "http"
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    place = settings.public_url or f"{scheme}://{host}:{settings.port}"
    return f"{place}/?{PARAMETER}={token}"
