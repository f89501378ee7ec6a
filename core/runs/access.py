"""Who may see a dataset or a run: its owner, everybody if shared so, or a link's bearer; others do not find it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from core.errors import InputError, NotFoundError
from core.store import Store
from core.store.shares import Kind, LinkRow, ShareRows

log = logging.getLogger(__name__)

LONGEST_LINK_DAYS = 366.0
MS_A_DAY = 86_400_000


class Owned(Protocol):
    """A row that belongs to somebody."""

    @property
    def owner_id(self) -> str:
        """Whose it is."""

    @property
    def shared(self) -> bool:
        """Whether everybody may see it."""


Row = TypeVar("Row", bound=Owned)
Row_co = TypeVar("Row_co", bound=Owned, covariant=True)


class Rows(Protocol[Row_co]):
    """A table of such rows."""

    def get(self, item_id: str, /) -> Row_co | None:
        """One row."""

    def change(self, connection: Connection, item_id: str, /, **values: object) -> None:
        """Set columns of one row, inside the caller's transaction."""


class Audit(Protocol):
    """Writes down who did what to which thing, in the caller's database transaction."""

    def __call__(self, connection: Connection, *, action: str, actor: str, subject: str) -> None:
        """Ids only: no names and nothing foreign."""


def unaudited(connection: Connection, *, action: str, actor: str, subject: str) -> None:
    """Nobody keeps a record."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link just made; its token is not kept and cannot be shown again."""

    link_id: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """A link as its maker sees it later."""

    link_id: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    ended: bool


class Access(Generic[Row]):
    """The rules for one kind of thing, and its sharing; every change is audited in its own database transaction."""

    def __init__(
        self, store: Store, kind: Kind, *, rows: Rows[Row], clock: Callable[[], int], audit: Audit = unaudited
    ) -> None:
        """clock: milliseconds since 1970 UTC."""
        self._store = store
        self._kind: Kind = kind
        self._rows = rows
        self._links = ShareRows(store)
        self._clock = clock
        self._audit = audit

    def seen(self, item_id: str, *, user_id: str, link: str = "") -> Row:
        """The row if this user or link may read it. Raises NotFoundError, the same whether it exists or not."""
        row = self._rows.get(item_id)
        if row is not None and (
            row.owner_id == user_id or row.shared or self._links.opens(link, self._kind, item_id, now_ms=self._clock())
        ):
            return row
        raise self._not_found(item_id)

    def owned(self, item_id: str, *, user_id: str, is_admin: bool = False) -> Row:
        """The row if it belongs to this user, or an admin asks. Raises NotFoundError."""
        row = self._rows.get(item_id)
        if row is not None and (row.owner_id == user_id or is_admin):
            return row
        raise self._not_found(item_id)

    def share(self, item_id: str, *, user_id: str, everybody: bool) -> None:
        """Let everybody who signs in read one's item, or no longer."""
        self.owned(item_id, user_id=user_id)
        with self._store.begin() as connection:
            self._rows.change(connection, item_id, shared=everybody)
            self._say(connection, "shared" if everybody else "unshared", user_id, item_id)

    def create_link(self, item_id: str, *, user_id: str, days: float) -> NewLink:
        """Make a link that opens one's item for reading for `days`. Raises InputError on a span out of range."""
        self.owned(item_id, user_id=user_id)
        if not 0.0 < days <= LONGEST_LINK_DAYS:
            raise InputError(
                f"The link is to last {days:g} days, expected more than 0 and at most {LONGEST_LINK_DAYS:g}."
            )
        now_ms = self._clock()
        expires_at_ms = now_ms + round(days * MS_A_DAY)
        with self._store.begin() as connection:
            link_id, token = self._links.create(
                connection, self._kind, item_id, created_by=user_id, now_ms=now_ms, expires_at_ms=expires_at_ms
            )
            self._say(connection, "link.made", user_id, item_id)
        return NewLink(link_id, token, at(expires_at_ms))

    def links(self, item_id: str, *, user_id: str) -> tuple[Link, ...]:
        """The links to one's item, newest first."""
        self.owned(item_id, user_id=user_id)
        return tuple(self._link(row) for row in self._links.of(self._kind, item_id))

    def revoke(self, item_id: str, link_id: str, *, user_id: str) -> None:
        """End a link to one's item at once. Raises NotFoundError when the item has no such link."""
        self.owned(item_id, user_id=user_id)
        with self._store.begin() as connection:
            if not self._links.revoke(connection, self._kind, item_id, link_id=link_id, now_ms=self._clock()):
                raise NotFoundError(f'There is no link "{link_id[:80]}" to this {self._kind}.')
            self._say(connection, "link.revoked", user_id, item_id)

    def _say(self, connection: Connection, what: str, user_id: str, item_id: str) -> None:
        self._audit(connection, action=f"{self._kind}.{what}", actor=user_id, subject=item_id)
        log.info("user %s: %s %s %s", user_id, self._kind, item_id, what)

    def _link(self, row: LinkRow) -> Link:
        return Link(
            link_id=row.link_id,
            created_at=at(row.created_at_ms),
            expires_at=at(row.expires_at_ms),
            revoked_at=None if row.revoked_at_ms is None else at(row.revoked_at_ms),
            ended=row.revoked_at_ms is not None or row.expires_at_ms <= self._clock(),
        )

    def _not_found(self, item_id: str) -> NotFoundError:
        return NotFoundError(f'There is no {self._kind} "{item_id[:80]}", or it is not yours.')


def at(time_ms: int) -> datetime:
    """Milliseconds since 1970 as an aware time in UTC."""
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC)
