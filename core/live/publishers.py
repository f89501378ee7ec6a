"""Which of its own numbers (`seq`) a publisher skipped, exact over a crash because it commits with the trades."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from core.live.snapshot import Gap
from core.store.feed import MAX_PUBLISHERS, Publisher


class Publishers:
    """What each publisher sent last. Note a batch in a draft (`begin`), and `adopt` it when the batch is committed."""

    def __init__(self, known: Iterable[Publisher] = ()) -> None:
        self._known = {publisher.publisher_id: publisher for publisher in known}

    def begin(self, at_ms: int) -> Draft:
        """A draft to note the messages of one batch in, all of which arrived at `at_ms`."""
        return Draft(self._known, at_ms)

    def adopt(self, draft: Draft) -> None:
        """The draft's batch is committed."""
        self._known.update((publisher.publisher_id, publisher) for publisher in draft.changed())
        for publisher_id in draft.forgotten():
            del self._known[publisher_id]


class Draft:
    """The publishers as they will be once a batch is committed."""

    def __init__(self, known: dict[str, Publisher], at_ms: int) -> None:
        self._known = known
        self._at_ms = at_ms
        self._noted: dict[str, _Noted] = {}
        self.gaps: list[Gap] = []

    def note(self, publisher_id: str, seq: int | None) -> None:
        """One new message of a publisher. A number that is not above the last one starts a new count."""
        noted = self._noted.get(publisher_id)
        if noted is None:
            noted = self._noted[publisher_id] = _Noted(self._known.get(publisher_id) or Publisher(publisher_id))
        noted.messages += 1
        if seq is None:
            return
        if noted.last_seq is not None and seq > noted.last_seq + 1:
            at = datetime.fromtimestamp(self._at_ms / 1000, UTC)
            self.gaps.append(Gap(publisher_id, noted.last_seq + 1, seq - 1, at))
            noted.gaps += 1
            noted.missing += seq - noted.last_seq - 1
        noted.last_seq = seq

    def changed(self) -> list[Publisher]:
        """Those that sent something in this batch."""
        return [
            Publisher(publisher_id, noted.messages, noted.last_seq, noted.gaps, noted.missing, self._at_ms)
            for publisher_id, noted in self._noted.items()
        ]

    def forgotten(self) -> list[str]:
        """Publishers beyond MAX_PUBLISHERS: those silent longest."""
        latest = {publisher_id: publisher.last_at_ms for publisher_id, publisher in self._known.items()}
        latest.update(dict.fromkeys(self._noted, self._at_ms))
        if len(latest) <= MAX_PUBLISHERS:
            return []
        return sorted(latest, key=lambda publisher_id: -latest[publisher_id])[MAX_PUBLISHERS:]


class _Noted:
    """One publisher while a batch is noted."""

    __slots__ = ("gaps", "last_seq", "messages", "missing")

    def __init__(self, before: Publisher) -> None:
        self.messages = before.messages
        self.last_seq = before.last_seq
        self.gaps = before.gaps
        self.missing = before.missing
