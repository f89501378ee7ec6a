"""Which of its own numbers (`seq`) a publisher skipped, exact over a crash because it commits with the trades."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from core.live.snapshot import Gap
from core.store.feed import MAX_PUBLISHERS, Publisher


class Publishers:
    """What each publisher sent last. Work on a copy (`begin`), and `adopt` it when its batch is committed."""

    def __init__(self, known: Iterable[Publisher] = ()) -> None:
        self._known = {publisher.publisher_id: publisher for publisher in known}

    def begin(self) -> Draft:
        """A draft to note the messages of one batch in."""
        return Draft(self._known)

    def adopt(self, draft: Draft) -> None:
        """The draft's batch is committed."""
        self._known.update(draft.changed)
        for publisher_id in draft.forgotten():
            del self._known[publisher_id]


class Draft:
    """The publishers as they will be once a batch is committed."""

    def __init__(self, known: dict[str, Publisher]) -> None:
        self._known = known
        self.changed: dict[str, Publisher] = {}
        self.gaps: list[Gap] = []

    def note(self, publisher_id: str, *, seq: int | None, at_ms: int) -> None:
        """One new message of a publisher. A number that is not above the last one starts a new count."""
        old = self.changed.get(publisher_id) or self._known.get(publisher_id) or Publisher(publisher_id)
        new = replace(old, messages=old.messages + 1, last_at_ms=at_ms)
        if seq is not None:
            skipped = seq - old.last_seq - 1 if old.last_seq is not None else 0
            if skipped > 0:
                at = datetime.fromtimestamp(at_ms / 1000, UTC)
                self.gaps.append(Gap(publisher_id, seq - skipped, seq - 1, at))
                new = replace(new, gaps=old.gaps + 1, missing=old.missing + skipped)
            new = replace(new, last_seq=seq)
        self.changed[publisher_id] = new

    def forgotten(self) -> list[str]:
        """Publishers beyond MAX_PUBLISHERS: those silent longest."""
        every = {**self._known, **self.changed}
        by_age = sorted(every.values(), key=lambda publisher: -publisher.last_at_ms)
        return [publisher.publisher_id for publisher in by_age[MAX_PUBLISHERS:]]
