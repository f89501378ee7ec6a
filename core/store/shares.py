"""Read-only links to a dataset or a run: only their hashes are kept, they expire and can be revoked."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import BigInteger, Column, Connection, String, Table, select

from core.store.database import Store, metadata

Kind = Literal["dataset", "run"]

links = Table(
    "share_links",
    metadata,
    Column("link_id", String(16), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("kind", String(8), nullable=False),
    Column("item_id", String(32), nullable=False, index=True),
    Column("created_by", String(64), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("revoked_at_ms", BigInteger),
)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One link as kept; the token itself is not."""

    link_id: str
    kind: str
    item_id: str
    created_by: str
    created_at_ms: int
    expires_at_ms: int
    revoked_at_ms: int | None


class ShareRows:
    """The table of links. What writes does so inside the caller's transaction (`store.begin()`)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self,
        connection: Connection,
        kind: Kind,
        item_id: str,
        *,
        created_by: str,
        now_ms: int,
        expires_at_ms: int,
    ) -> tuple[str, str]:
        """Make a link. Returns its id and its token; the token is seen this once."""
        token = secrets.token_urlsafe(32)
        link_id = secrets.token_hex(8)
        connection.execute(
            links.insert().values(
                link_id=link_id,
                token_hash=_hash(token),
                kind=kind,
                item_id=item_id,
                created_by=created_by,
                created_at_ms=now_ms,
                expires_at_ms=expires_at_ms,
            )
        )
        return link_id, token

    def opens(self, token: str, kind: Kind, item_id: str, *, now_ms: int) -> bool:
        """Whether `token` is a link to this very item that is neither revoked nor expired."""
        if not token:
            return False
        query = select(links.c.link_id).where(
            links.c.token_hash == _hash(token),
            links.c.kind == kind,
            links.c.item_id == item_id,
            links.c.revoked_at_ms.is_(None),
            links.c.expires_at_ms > now_ms,
        )
        with self._store.read() as connection:
            return connection.execute(query).first() is not None

    def of(self, kind: Kind, item_id: str) -> tuple[LinkRow, ...]:
        """The links to an item, newest first, ended ones included."""
        columns = [links.c[name] for name in LinkRow.__dataclass_fields__]
        query = (
            select(*columns)
            .where(links.c.kind == kind, links.c.item_id == item_id)
            .order_by(links.c.created_at_ms.desc(), links.c.link_id)
        )
        with self._store.read() as connection:
            return tuple(LinkRow(*row) for row in connection.execute(query))

    def revoke(self, connection: Connection, kind: Kind, item_id: str, *, link_id: str, now_ms: int) -> bool:
        """End a link at once. Returns whether there was such a link, ended or not."""
        which = (links.c.kind == kind) & (links.c.item_id == item_id) & (links.c.link_id == link_id)
        connection.execute(links.update().where(which, links.c.revoked_at_ms.is_(None)).values(revoked_at_ms=now_ms))
        return connection.execute(select(links.c.link_id).where(which)).first() is not None


def drop_links(connection: Connection, kind: Kind, item_id: str) -> None:
    """Delete every link to an item, inside the caller's transaction."""
    connection.execute(links.delete().where(links.c.kind == kind, links.c.item_id == item_id))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
