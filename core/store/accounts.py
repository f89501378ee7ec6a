"""People, their sessions, tokens and failed sign-ins: the tables and every statement on them.

Secrets are kept as digests only. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from core.store.database import metadata

users = Table(
    "users",
    metadata,
    Column("user_id", String(32), primary_key=True),
    Column("username", String(64), nullable=False, unique=True),
    Column("password_hash", String(256), nullable=False),  # empty: signs in elsewhere only
    Column("identity", String(512), unique=True),  # issuer and subject of an outside sign-in
    Column("identity_at_ms", BigInteger, nullable=False, default=0),  # when the last one accepted was issued
    Column("role", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("must_change_password", Boolean, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("last_sign_in_at_ms", BigInteger),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("session_id", String(32), nullable=False, unique=True),
    Column("user_id", String(32), ForeignKey("users.user_id"), nullable=False, index=True),
    Column("opened_at_ms", BigInteger, nullable=False),
    Column("seen_at_ms", BigInteger, nullable=False),
    Column("browser", String(80), nullable=False),
)

tokens = Table(
    "api_tokens",
    metadata,
    Column("token_id", String(32), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("user_id", String(32), ForeignKey("users.user_id"), nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("scopes", String(128), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("used_at_ms", BigInteger),
)

failures = Table(
    "sign_in_failures",
    metadata,
    Column("failure_id", Integer, primary_key=True, autoincrement=True),
    Column("account", String(64), nullable=False),  # digest of the name typed: it may be a mistyped password
    Column("address", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("sign_in_failures_account", "account", "at_ms"),
    Index("sign_in_failures_address", "address", "at_ms"),
)

known_places = Table(
    "known_places",
    metadata,
    Column("place", String(64), primary_key=True),  # digest of account and network
    Column("at_ms", BigInteger, nullable=False),
)

resets = Table(
    "password_resets",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user_id", String(32), ForeignKey("users.user_id"), nullable=False, index=True),
    Column("expires_at_ms", BigInteger, nullable=False),
)

UserRow = Row[Any]


def add_user(connection: Connection, **values: Any) -> None:
    """Insert one row of `users`."""
    connection.execute(insert(users).values(**values))


def change_user(connection: Connection, user_id: str, **values: Any) -> None:
    """Set columns of one user."""
    connection.execute(update(users).where(users.c.user_id == user_id).values(**values))


def user_by(connection: Connection, **key: str) -> UserRow | None:
    """The user whose `user_id`, `username` or `identity` is the one given."""
    ((column, value),) = key.items()
    return connection.execute(select(users).where(users.c[column] == value)).one_or_none()


def all_users(connection: Connection) -> Sequence[UserRow]:
    """Every user by name."""
    return connection.execute(select(users).order_by(users.c.username)).all()


def count_users(connection: Connection, **equal: Any) -> int:
    """How many users have these values."""
    wanted = [users.c[column] == value for column, value in equal.items()]
    return int(connection.execute(select(func.count()).select_from(users).where(*wanted)).scalar_one())


def add_session(connection: Connection, **values: Any) -> None:
    """Insert one row of `sessions`."""
    connection.execute(insert(sessions).values(**values))


def session_and_user(connection: Connection, token_hash: str) -> Row[Any] | None:
    """The session with this digest, joined with its user."""
    both = select(users, sessions.c.session_id, sessions.c.opened_at_ms, sessions.c.seen_at_ms)
    joined = both.join_from(sessions, users, sessions.c.user_id == users.c.user_id)
    return connection.execute(joined.where(sessions.c.token_hash == token_hash)).one_or_none()


def touch_session(connection: Connection, token_hash: str, *, seen_at_ms: int) -> None:
    """Note that the session was used."""
    connection.execute(update(sessions).where(sessions.c.token_hash == token_hash).values(seen_at_ms=seen_at_ms))


def sessions_of(connection: Connection, user_id: str) -> Sequence[Row[Any]]:
    """The sessions of one user, last used first."""
    wanted = select(sessions).where(sessions.c.user_id == user_id).order_by(sessions.c.seen_at_ms.desc())
    return connection.execute(wanted).all()


def count_sessions(connection: Connection, *, opened_from_ms: int, seen_from_ms: int) -> dict[str, int]:
    """How many sessions each user has that are within both limits."""
    alive = (sessions.c.opened_at_ms > opened_from_ms) & (sessions.c.seen_at_ms > seen_from_ms)
    counted = select(sessions.c.user_id, func.count()).where(alive).group_by(sessions.c.user_id)
    return {row[0]: row[1] for row in connection.execute(counted)}


def end_sessions(connection: Connection, **key: str) -> int:
    """Delete the sessions with this `token_hash`, `session_id`, `user_id` (all given must fit); how many they were."""
    wanted = [sessions.c[column] == value for column, value in key.items()]
    return connection.execute(delete(sessions).where(*wanted)).rowcount


def forget_old_sessions(connection: Connection, *, opened_before_ms: int, seen_before_ms: int) -> None:
    """Delete sessions past their absolute or idle limit."""
    old = (sessions.c.opened_at_ms < opened_before_ms) | (sessions.c.seen_at_ms < seen_before_ms)
    connection.execute(delete(sessions).where(old))


def add_token(connection: Connection, **values: Any) -> None:
    """Insert one row of `api_tokens`."""
    connection.execute(insert(tokens).values(**values))


def token_and_user(connection: Connection, token_hash: str) -> Row[Any] | None:
    """The token with this digest, joined with its user."""
    both = select(users, tokens.c.token_id, tokens.c.scopes, tokens.c.expires_at_ms, tokens.c.used_at_ms, tokens.c.name)
    joined = both.join_from(tokens, users, tokens.c.user_id == users.c.user_id)
    return connection.execute(joined.where(tokens.c.token_hash == token_hash)).one_or_none()


def touch_token(connection: Connection, token_id: str, *, used_at_ms: int) -> None:
    """Note that the token was used."""
    connection.execute(update(tokens).where(tokens.c.token_id == token_id).values(used_at_ms=used_at_ms))


def tokens_of(connection: Connection, user_id: str) -> Sequence[Row[Any]]:
    """The tokens of one user, newest first."""
    wanted = select(tokens).where(tokens.c.user_id == user_id).order_by(tokens.c.created_at_ms.desc())
    return connection.execute(wanted).all()


def end_tokens(connection: Connection, **key: str) -> int:
    """Delete the tokens with this `token_id` or `user_id` (all given must fit); how many they were."""
    wanted = [tokens.c[column] == value for column, value in key.items()]
    return connection.execute(delete(tokens).where(*wanted)).rowcount


def add_reset(connection: Connection, **values: Any) -> None:
    """Insert one row of `password_resets`."""
    connection.execute(insert(resets).values(**values))


def reset_and_user(connection: Connection, token_hash: str) -> Row[Any] | None:
    """The link with this digest, joined with its user."""
    both = select(users, resets.c.expires_at_ms).join_from(resets, users, resets.c.user_id == users.c.user_id)
    return connection.execute(both.where(resets.c.token_hash == token_hash)).one_or_none()


def forget_resets(connection: Connection, **key: str) -> int:
    """Delete the links with this `token_hash` or `user_id`; how many they were."""
    ((column, value),) = key.items()
    return connection.execute(delete(resets).where(resets.c[column] == value)).rowcount


def delete_user(connection: Connection, user_id: str) -> None:
    """Delete a user with sessions, tokens and links."""
    for table in (sessions, tokens, resets, users):
        connection.execute(delete(table).where(table.c.user_id == user_id))


def add_failure(connection: Connection, *, account: str, address: str, at_ms: int) -> int:
    """Note one failed sign-in; its id."""
    added = insert(failures).values(account=account, address=address, at_ms=at_ms).returning(failures.c.failure_id)
    return int(connection.execute(added).scalar_one())


def failure_times(connection: Connection, since_ms: int, *, limit: int, **key: str) -> list[int]:
    """The latest failures since then for this `account` or `address`, newest first, at most `limit`."""
    ((column, value),) = key.items()
    wanted = select(failures.c.at_ms).where(failures.c[column] == value, failures.c.at_ms > since_ms)
    return list(connection.execute(wanted.order_by(failures.c.at_ms.desc()).limit(limit)).scalars())


def forget_failures(connection: Connection, *, account: str, failure_id: int) -> None:
    """A right password clears what was counted against the account, and this attempt."""
    connection.execute(delete(failures).where((failures.c.account == account) | (failures.c.failure_id == failure_id)))


def is_known_place(connection: Connection, place: str, since_ms: int) -> bool:
    """Whether this account signed in from this network since then."""
    wanted = select(known_places.c.place).where(known_places.c.place == place, known_places.c.at_ms > since_ms)
    return connection.execute(wanted).first() is not None


def remember_place(connection: Connection, place: str, *, at_ms: int, forget_before_ms: int) -> None:
    """Note that this account signed in from this network now; what is older than the bound goes."""
    gone = (known_places.c.place == place) | (known_places.c.at_ms <= forget_before_ms)
    connection.execute(delete(known_places).where(gone))
    connection.execute(insert(known_places).values(place=place, at_ms=at_ms))


def forget_failures_before(connection: Connection, at_ms: int) -> None:
    """Addresses are not kept longer than they are needed."""
    connection.execute(delete(failures).where(failures.c.at_ms <= at_ms))
