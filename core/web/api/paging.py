"""Lists come in parts, by the key of the last item: nothing is skipped or shown twice while the list grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=200, description="Items in one answer.")]


def page(items: Sequence[Any], *, limit: int, key: Callable[[Any], int | str]) -> dict[str, object]:
    """The items and the key to hand back for what follows, null when there are fewer than asked for."""
    return {"items": items, "next": key(items[-1]) if len(items) == limit else None}
