"""Who did what to whom, for admins: the audit records of the ledger and those that wait for a block, newest first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from core.accounts import User
from core.chain import Filter
from core.errors import NotAllowedError
from core.exchange import Exchange

PAGE = 200
MOST = 10_000
"""Records of one export."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One record. actor, subject: as they are called now, else their ids; height: None while it waits for a block."""

    at: datetime
    action: str
    actor: str
    subject: str
    height: int | None


def trail(
    exchange: Exchange,
    admin: User,
    *,
    person: str = "",
    action: str = "",
    from_ms: int | None = None,
    until_ms: int | None = None,
    limit: int = PAGE,
) -> tuple[AuditEntry, ...]:
    """The newest records that fit. person: part of a name or id; action: its beginning, such as `sign-in`."""
    if not admin.is_admin:
        raise NotAllowedError("Only an admin reads the audit trail.")
    names = {user.user_id: user.username for user in exchange.accounts.everybody()}
    found: list[AuditEntry] = []
    for document, height in _documents(exchange, from_ms, until_ms):
        entry = _entry(document, height, names)
        sides = (entry.actor, entry.subject, document["actor"], document["subject"])
        if entry.action.startswith(action) and any(person.casefold() in side.casefold() for side in sides):
            found.append(entry)
        if len(found) >= min(limit, MOST):
            break
    return tuple(found)


def to_csv(entries: tuple[AuditEntry, ...]) -> str:
    """The records as CSV. Names hold no character that begins a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["at", "action", "actor", "subject", "block"])
    for entry in entries:
        block = "" if entry.height is None else entry.height
        writer.writerow([entry.at.isoformat(), entry.action, entry.actor, entry.subject, block])
    return text.getvalue()


def _documents(
    exchange: Exchange, from_ms: int | None, until_ms: int | None
) -> Iterator[tuple[dict[str, Any], int | None]]:
    for row in exchange.pool.newest(MOST):
        document = orjson.loads(row.body)
        late = until_ms is not None and document.get("at_ms", 0) >= until_ms
        early = from_ms is not None and document.get("at_ms", 0) < from_ms
        if document["kind"] == "audit" and not late and not early:
            yield document, None
    wanted, before = Filter(kind="audit", from_ms=from_ms, until_ms=until_ms), None
    while entries := exchange.chain.transactions(wanted, before_seq=before, limit=PAGE):
        for entry in entries:
            yield entry.document, entry.height
        before = entries[-1].seq


def _entry(document: dict[str, Any], height: int | None, names: dict[str, str]) -> AuditEntry:
    actor, subject = document["actor"], document["subject"]
    at = datetime.fromtimestamp(document["at_ms"] / 1000, UTC)
    return AuditEntry(at, document["action"], names.get(actor, actor), names.get(subject, subject), height)
