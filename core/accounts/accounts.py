"""Accounts: register, sign in, change a password, and what an admin may change of others.

Every change and the audit record of it are one database transaction.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Connection

from core.accounts import throttle
from core.accounts.passwords import Passwords, require_acceptable
from core.accounts.people import ROLES, STATES, Audit, Clock, Identity, User, ms, now_utc, user_from, username_from
from core.errors import ConflictError, InputError, NotAllowedError, NotFoundError, NotSignedInError
from core.settings import Settings
from core.store import Store
from core.store import accounts as table

log = logging.getLogger(__name__)

FIRST_ADMIN = "admin"
FIRST_PASSWORD = "admin"
"""Opens one thing only: choosing a real one."""
BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
STATEMENT = timedelta(minutes=5)
"""How long what an outside provider said of somebody is taken."""
REFUSED = "The user name or the password is not right."
"""The same words whatever was wrong."""


class Accounts:
    """The people of one lab. The first start makes an admin."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        audit: Audit,
        clock: Clock = now_utc,
        passwords: Passwords | None = None,
    ) -> None:
        self.registration = settings.registration_rule
        self.refused = 0  # sign-ins since the start, for a monitor
        self._store, self._audit, self._clock = store, audit, clock
        self._passwords = passwords or Passwords()
        with store.read() as connection:
            empty = table.count_users(connection) == 0
        if empty:
            self._first_admin(settings.admin_password)
        elif settings.admin_password:
            self._replace_first_password(settings.admin_password)

    @property
    def passwords(self) -> Passwords:
        """What makes and checks hashes, and bounds how many at once."""
        return self._passwords

    def _first_admin(self, password: str) -> None:
        if password:
            require_acceptable(password, username=FIRST_ADMIN)
        password_hash = self._passwords.hash(password or FIRST_PASSWORD)
        with self._store.begin() as connection:
            if table.count_users(connection) == 0:
                self._insert(connection, FIRST_ADMIN, password_hash=password_hash, role="admin", must=not password)

    def _replace_first_password(self, password: str) -> None:
        """ADMIN_PASSWORD counts as long as the password of the first start stands, and never again."""
        with self._store.read() as connection:
            row = table.user_by(connection, username=FIRST_ADMIN)
        if row is None or not row.must_change_password or not self._passwords.fits(FIRST_PASSWORD, row.password_hash):
            return
        require_acceptable(password, username=FIRST_ADMIN)
        password_hash = self._passwords.hash(password)
        with self._store.begin() as connection:
            table.change_user(connection, row.user_id, password_hash=password_hash, must_change_password=False)
            table.end_sessions(connection, user_id=row.user_id)
            self._audit(connection, action="password.changed", actor=row.user_id, subject=row.user_id)
        log.info("the first password of admin was replaced by ADMIN_PASSWORD")

    def has_first_password(self) -> bool:
        """Whether somebody still has to replace the password of the first start."""
        with self._store.read() as connection:
            return table.count_users(connection, must_change_password=True, state="active") > 0

    def register(self, username: str, password: str, *, address: str) -> User:
        """Make an analyst, waiting for an admin's approval if the lab asks for it.

        Raises InputError, ConflictError, TooManyRequestsError.
        """
        if self.registration == "closed":
            raise NotAllowedError("This lab takes no registrations.", fix="Ask an admin for an account.")
        name = username_from(username)
        require_acceptable(password, username=name)
        with self._store.begin() as connection:
            throttle.begin_registration(connection, address=address, now_ms=ms(self._clock()))
        password_hash = self._passwords.hash(password)
        state = "pending" if self.registration == "approval" else "active"
        with self._store.begin() as connection:
            if table.user_by(connection, username=name):
                raise ConflictError(f'The user name "{name}" is taken.', fix="Choose another.")
            made = self._insert(connection, name, password_hash=password_hash, role="analyst", state=state)
            return self._welcome(connection, made.user_id)

    def _insert(
        self,
        connection: Connection,
        username: str,
        *,
        password_hash: str,
        role: str,
        state: str = "active",
        must: bool = False,
        identity: str | None = None,
    ) -> User:
        user_id = f"u-{secrets.token_hex(8)}"
        table.add_user(
            connection,
            user_id=user_id,
            username=username,
            password_hash=password_hash,
            identity=identity,
            role=role,
            state=state,
            must_change_password=must,
            created_at_ms=ms(self._clock()),
        )
        self._audit(connection, action="account.made", actor=user_id, subject=user_id)
        log.info("account %s made, %s, %s", user_id, role, state)
        return self._user(connection, user_id)

    def check(self, username: str, password: str, *, address: str) -> User:
        """The user with this name and password. Raises NotSignedInError or TooManyRequestsError.

        A wrong name takes as long as a wrong password and reads the same.
        """
        name = username.strip().casefold()
        attempt, row = self._begin(name, address)
        kept = row.password_hash if row else ""
        if not self._passwords.fits(password, kept) or row is None:
            self._refuse(row.user_id if row else "")
            raise NotSignedInError(REFUSED, code="wrong_credentials")
        better = self._passwords.hash(password) if self._passwords.outdated(kept) else ""
        with self._store.begin() as connection:
            throttle.succeed(connection, username=name, address=address, attempt=attempt, now_ms=ms(self._clock()))
            if better:
                table.change_user(connection, row.user_id, password_hash=better)
            user = self._welcome(connection, row.user_id)
        _require_active(user)
        return user

    def check_identity(self, identity: Identity) -> User:
        """The user whom an outside provider vouches for; made now if the lab takes registrations.

        Each statement of the provider is good once, for five minutes: a copy of it opens nothing later.
        Raises NotSignedInError, NotAllowedError.
        """
        with self._store.begin() as connection:
            row = table.user_by(connection, identity=identity.key)
            self._require_fresh(identity, row.identity_at_ms if row else 0)
            user = user_from(row) if row else self._newcomer(connection, identity)
            table.change_user(connection, user.user_id, identity_at_ms=ms(identity.issued_at))
            user = self._welcome(connection, user.user_id)
        _require_active(user)
        return user

    def link_identity(self, user: User, identity: Identity) -> None:
        """Let an outside sign-in open the user's account from now on. Raises ConflictError if it opens another."""
        with self._store.begin() as connection:
            self._require_fresh(identity, 0)
            if table.user_by(connection, identity=identity.key):
                raise ConflictError("That outside sign-in belongs to an account already.")
            issued_at_ms = ms(identity.issued_at)
            table.change_user(connection, user.user_id, identity=identity.key, identity_at_ms=issued_at_ms)
            self._audit(connection, action="identity.linked", actor=user.user_id, subject=user.user_id)

    def _newcomer(self, connection: Connection, identity: Identity) -> User:
        if self.registration == "closed":
            raise NotAllowedError("This lab takes no registrations.", fix="Ask an admin for an account.")
        name = re.sub(r"[^a-z0-9._@+-]", "-", identity.name.casefold()).strip("-._@+")[:48] or "person"
        if table.user_by(connection, username=name) or len(name) < 2:
            name = f"{name}-{secrets.token_hex(3)}"
        state = "pending" if self.registration == "approval" else "active"
        return self._insert(connection, name, password_hash="", role="analyst", state=state, identity=identity.key)

    def _require_fresh(self, identity: Identity, last_ms: int) -> None:
        if self._clock() - identity.issued_at > STATEMENT or ms(identity.issued_at) <= last_ms:
            raise NotSignedInError("The outside sign-in is no longer fresh.", fix="Sign in again.", code="stale")

    def _begin(self, name: str, address: str) -> tuple[int, table.UserRow | None]:
        with self._store.begin() as connection:
            attempt = throttle.begin_attempt(connection, username=name, address=address, now_ms=ms(self._clock()))
            return attempt, table.user_by(connection, username=name)

    def _welcome(self, connection: Connection, user_id: str) -> User:
        if self._user(connection, user_id).state == "active":
            table.change_user(connection, user_id, last_sign_in_at_ms=ms(self._clock()))
            self._audit(connection, action="sign-in", actor=user_id, subject=user_id)
            log.info("user %s signed in", user_id)
        return self._user(connection, user_id)

    def _refuse(self, user_id: str) -> None:
        self.refused += 1
        with self._store.begin() as connection:
            self._audit(connection, action="sign-in.refused", actor="", subject=user_id or "unknown")
        log.info("sign-in refused, account %s", user_id or "unknown")

    def change_password(self, user_id: str, *, current: str, new: str, address: str) -> User:
        """Replace the password and end every session of the user. Raises NotSignedInError, InputError."""
        name = self.get(user_id).username
        attempt, row = self._begin(name, address)
        if row is None or not self._passwords.fits(current, row.password_hash):
            self._refuse(user_id)
            raise NotSignedInError("The current password is not right.", code="wrong_credentials")
        require_acceptable(new, username=name)
        if new == current:
            raise InputError("The new password is the current one.", code="password_same")
        password_hash = self._passwords.hash(new)
        with self._store.begin() as connection:
            throttle.succeed(connection, username=name, address=address, attempt=attempt, now_ms=ms(self._clock()))
            table.change_user(connection, user_id, password_hash=password_hash, must_change_password=False)
            table.end_sessions(connection, user_id=user_id)
            self._audit(connection, action="password.changed", actor=user_id, subject=user_id)
        log.info("user %s changed the password", user_id)
        return self.get(user_id)

    def get(self, user_id: str) -> User:
        """The user with this id. Raises NotFoundError."""
        with self._store.read() as connection:
            return self._user(connection, user_id)

    def named(self, username: str) -> User:
        """The user with this name. Raises NotFoundError."""
        with self._store.read() as connection:
            row = table.user_by(connection, username=username.strip().casefold())
        if row is None:
            raise NotFoundError(f'There is no user "{username[:64]}".')
        return user_from(row)

    def delete(self, admin: User, user_id: str) -> None:
        """Delete a disabled account; what it owned is somebody else's by now. Raises ConflictError, NotFoundError."""
        _require_admin(admin)
        with self._store.begin() as connection:
            if self._user(connection, user_id).state != "disabled":
                raise ConflictError("Only a disabled account is deleted.", fix="Disable it first.")
            table.delete_user(connection, user_id)
            self._audit(connection, action="account.deleted", actor=admin.user_id, subject=user_id)
        log.info("admin %s deleted account %s", admin.user_id, user_id)

    def import_hashes(self, admin: User, hashes: Mapping[str, str]) -> list[User]:
        """Make analysts from user names and their bcrypt hashes, as a streamlit-authenticator file has them.

        Names that exist already are left alone. Each hash works until the first sign-in replaces it by argon2id.
        """
        _require_admin(admin)
        for username, password_hash in hashes.items():
            if not BCRYPT.fullmatch(password_hash):
                raise InputError(f'The password of "{username[:64]}" is no bcrypt hash.', code="hash")
        named = {username_from(username): password_hash for username, password_hash in hashes.items()}
        with self._store.begin() as connection:
            fresh = {name: kept for name, kept in named.items() if table.user_by(connection, username=name) is None}
            return [self._insert(connection, name, password_hash=kept, role="analyst") for name, kept in fresh.items()]

    def everybody(self) -> list[User]:
        """All users by name."""
        with self._store.read() as connection:
            return [user_from(row) for row in table.all_users(connection)]

    def set_role(self, admin: User, user_id: str, *, role: str) -> User:
        """Give somebody another role."""
        if role not in ROLES:
            raise InputError(f"A role is one of: {', '.join(ROLES)}.", code="role")
        return self._change(admin, user_id, action=f"role.{role}", role=role)

    def set_state(self, admin: User, user_id: str, *, state: str) -> User:
        """Approve (active) or disable somebody; disabling ends their sessions and tokens at once."""
        if state not in STATES:
            raise InputError(f"A state is one of: {', '.join(STATES)}.", code="state")
        return self._change(admin, user_id, action=f"account.{state}", state=state)

    def _change(self, admin: User, user_id: str, *, action: str, **values: str) -> User:
        _require_admin(admin)
        with self._store.begin() as connection:
            self._user(connection, user_id)
            table.change_user(connection, user_id, **values)
            if table.count_users(connection, role="admin", state="active") == 0:
                raise ConflictError("This is the last active admin.", fix="Make somebody else an admin first.")
            if values.get("state", "active") != "active":
                table.end_sessions(connection, user_id=user_id)
                table.end_tokens(connection, user_id=user_id)
            self._audit(connection, action=action, actor=admin.user_id, subject=user_id)
            log.info("admin %s: %s on %s", admin.user_id, action, user_id)
            return self._user(connection, user_id)

    def _user(self, connection: Connection, user_id: str) -> User:
        row = table.user_by(connection, user_id=user_id)
        if row is None:
            raise NotFoundError("No such user.")
        return user_from(row)


def _require_admin(user: User) -> None:
    if not user.is_admin:
        raise NotAllowedError("Only an admin looks after people.")


def _require_active(user: User) -> None:
    """Said only to somebody who knows the password."""
    if user.state == "pending":
        raise NotSignedInError("An admin has to approve this account first.", code="account_pending")
    if user.state == "disabled":
        raise NotSignedInError("This account is disabled.", fix="Ask an admin.", code="account_disabled")
