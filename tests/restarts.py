"""One ledger, opened again and again: every call is a restart."""

from __future__ import annotations

from core.chain import Chain
from core.settings import Settings
from core.store import Store


class Restarts:
    """Calling it opens the chain of `settings`, after the one that was open is closed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: list[tuple[Chain, Store]] = []

    def __call__(self, **options: object) -> Chain:
        self.close()
        store = Store(self._settings.resolved_database_url)
        chain = Chain(self._settings, store, **options)  # type: ignore[arg-type]
        self._opened.append((chain, store))
        return chain

    def close(self) -> None:
        """Stop what is open."""
        while self._opened:
            chain, store = self._opened.pop()
            chain.close()
            store.close()
