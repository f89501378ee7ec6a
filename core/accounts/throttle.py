"""Guessing is slowed down, by account and by address, in the store: a restart or another browser does not help.

Nobody is locked out for good: attempts turned away are not counted, and failures count for fifteen minutes.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math

from sqlalchemy import Connection

from core.errors import TooManyRequestsError
from core.store import accounts as table

WINDOW_MS = 15 * 60 * 1000
PER_ACCOUNT = 5
PER_ADDRESS = 30
KNOWN_MS = 30 * 24 * 3600 * 1000
"""How long a network counts as one that somebody signs in from; only a digest of account and network is kept."""
REGISTRATIONS = 30
"""Of one address; names that were taken count too, so that nobody finds out many."""


def begin_attempt(connection: Connection, *, username: str, address: str, now_ms: int) -> int:
    """Count an attempt as failed until `succeed` says otherwise, so that many at once do not slip through; its id.

    Raises TooManyRequestsError when this account or address has failed too often of late.
    """
    since_ms = now_ms - WINDOW_MS
    account, place = account_key(username), network(address)
    _require_few(table.failure_times(connection, since_ms, limit=PER_ACCOUNT, account=account), PER_ACCOUNT, since_ms)
    if not table.is_known_place(connection, place_key(username, address), now_ms - KNOWN_MS):
        _require_few(table.failure_times(connection, since_ms, limit=PER_ADDRESS, address=place), PER_ADDRESS, since_ms)
    table.forget_failures_before(connection, since_ms)
    return table.add_failure(connection, account=account, address=place, at_ms=now_ms)


def begin_registration(connection: Connection, *, address: str, now_ms: int) -> None:
    """Count somebody who registers. Raises TooManyRequestsError when this address did so too often of late."""
    since_ms = now_ms - WINDOW_MS
    place = f"register {network(address)}"
    _require_few(table.failure_times(connection, since_ms, limit=REGISTRATIONS, address=place), REGISTRATIONS, since_ms)
    table.forget_failures_before(connection, since_ms)
    table.add_failure(connection, account="", address=place, at_ms=now_ms)


def succeed(connection: Connection, *, username: str, address: str, attempt: int, now_ms: int) -> None:
    """The attempt was right: it and the account's earlier failures no longer count.

    From now on the failures of others at this address do not keep this account out.
    """
    table.forget_failures(connection, account=account_key(username), failure_id=attempt)
    place = place_key(username, address)
    table.remember_place(connection, place, at_ms=now_ms, forget_before_ms=now_ms - KNOWN_MS)


def _require_few(times: list[int], limit: int, since_ms: int) -> None:
    """`times` newest first: one attempt is free again when the oldest of the last `limit` is past."""
    if len(times) >= limit:
        wait_s = (times[-1] - since_ms) / 1000
        raise TooManyRequestsError(
            "Too many attempts.", retry_after_s=wait_s, fix=f"Wait {_spoken(wait_s)} and try again."
        )


def account_key(username: str) -> str:
    """A digest: what was typed as a name may have been a password."""
    return hashlib.sha256(username.encode()).hexdigest()


def place_key(username: str, address: str) -> str:
    """A digest of who and from which network."""
    return hashlib.sha256(f"{username}\0{network(address)}".encode()).hexdigest()


def network(address: str) -> str:
    """The address; of IPv6 the /64 that one subscriber has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes + bool(rest)} minutes" if minutes else f"{rest} seconds"
