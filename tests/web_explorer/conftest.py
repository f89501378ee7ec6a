"""A small chain with known trades, and the page over it without a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts import User
from core.chain import Chain
from core.ledger.transaction import Transaction
from core.runs import Datasets, Runs
from core.settings import Settings
from core.store import Store
from core.store.quarantine import Quarantine
from tests.web_explorer.support import Ticking

REPO = Path(__file__).resolve().parents[2]
SCRIPT = """
import streamlit as st
from core.web.explorer.view import PAGES
names = ("explorer", "live", "compare")
st.navigation([st.Page(PAGES / f"{name}.py", url_path=name, default=name == "explorer") for name in names]).run()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path, uploads_dir=tmp_path / "uploads", ledger_path=tmp_path / "ledger.json", proof_of_work=1
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = Store(settings.resolved_database_url)
    yield opened
    opened.close()


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


@pytest.fixture
def chain(settings: Settings, store: Store, ticking: Ticking) -> Iterator[Chain]:
    """Only the genesis block."""
    opened = Chain(settings, store, clock=ticking)
    yield opened
    opened.close()


@pytest.fixture
def mine(chain: Chain, ticking: Ticking) -> Callable[..., None]:
    """Submit some transactions and put them into a block 20 s later."""

    def mined(*transactions: Transaction) -> None:
        chain.submit(transactions)
        ticking.now_ms += 20_000
        assert chain.mine() is not None

    return mined


@pytest.fixture
def services(chain: Chain, settings: Settings, store: Store) -> SimpleNamespace:
    """What the page sees of a lab."""
    return SimpleNamespace(
        chain=chain,
        settings=settings,
        store=store,
        quarantine=Quarantine(store),
        runs=Runs(store, settings, datasets=Datasets(store, settings), pool=chain.pool),
        user=User("u1", "ada", "viewer", "active", False, True, False, datetime.now(UTC), None),
    )


@pytest.fixture
def page(services: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Open the explorer at an address as somebody who is signed in."""
    from core import exchange
    from core.web import session
    from core.web.explorer import view as view_module

    pages = tmp_path / "pages"
    pages.mkdir()
    shutil.copy(REPO / "pages" / "explorer.py", pages / "explorer.py")
    for name in ("live", "compare"):
        (pages / f"{name}.py").write_text(f"import streamlit as st\nst.title('{name}')\n")
    monkeypatch.setattr(view_module, "PAGES", pages)
    monkeypatch.setattr(session, "signed_in", lambda: services.user)
    monkeypatch.setattr(exchange, "current", lambda: services)

    def opened(**parameters: str) -> AppTest:
        app = AppTest.from_string(SCRIPT, default_timeout=20)
        for name, value in parameters.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, app.exception
        return app

    return opened
