"""Commands for people's accounts, for whoever is at the server: `account list`, `reset`, `disable`, `enable`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import NotFoundError

if TYPE_CHECKING:
    from core.accounts import Accounts
    from core.accounts.recovery import Recovery
    from core.settings import Settings


def register(commands: Any) -> None:
    """Add the commands of this family to the command line."""
    account = commands.add_parser("account", help="list accounts, let somebody back in, disable somebody")
    what = account.add_subparsers(dest="what", required=True, metavar="WHAT")
    listing = what.add_parser("list", help="everybody: name, role, state, last sign-in")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=run_list)
    for name, does in (
        ("reset", "print a link that sets a new password: good once, for a day"),
        ("disable", "keep somebody out; sessions and tokens end at once"),
        ("enable", "let somebody in again"),
    ):
        one = what.add_parser(name, help=does, description=f"{does.capitalize()}. The lab may run meanwhile.")
        one.add_argument("name", metavar="NAME", help="user name")
        one.set_defaults(run=run_reset if name == "reset" else run_state)


def run_list(arguments: argparse.Namespace) -> int:
    """Print everybody."""
    with _opened() as (accounts, _, _settings):
        rows = [
            {
                "name": user.username,
                "role": user.role,
                "state": user.state,
                "last_sign_in": None if user.last_sign_in_at is None else f"{user.last_sign_in_at:%Y-%m-%dT%H:%M:%SZ}",
            }
            for user in accounts.everybody()
        ]
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    width = max(len(str(row["name"])) for row in rows)
    for row in rows:
        print(f"{row['name']:<{width}}  {row['role']:<8}{row['state']:<10}{row['last_sign_in'] or 'never signed in'}")
    return 0


def run_reset(arguments: argparse.Namespace) -> int:
    """Print the link."""
    from core.accounts.people import SERVER
    from core.accounts.recovery import link

    with _opened() as (accounts, recovery, settings):
        token = recovery.offer(SERVER, accounts.named(arguments.name).user_id)
    print(link(settings, token))
    return 0


def run_state(arguments: argparse.Namespace) -> int:
    """Disable or enable, and say so."""
    from core.accounts.people import SERVER

    state = "disabled" if arguments.what == "disable" else "active"
    with _opened() as (accounts, _, _settings):
        user = accounts.set_state(SERVER, accounts.named(arguments.name).user_id, state=state)
    print(f"{user.username} is {user.state}.")
    return 0


@contextmanager
def _opened() -> Iterator[tuple[Accounts, Recovery, Settings]]:
    """The accounts of the lab of these settings. What is done is chained with the lab's next block."""
    from sqlalchemy import Connection
    from sqlalchemy.engine import make_url

    from core import settings as core_settings
    from core.accounts import Accounts
    from core.accounts.recovery import Recovery
    from core.ledger.transaction import audit
    from core.store import Store
    from core.store.pool import Pool

    settings = core_settings.load()
    url = settings.resolved_database_url
    if url.startswith("sqlite") and not Path(make_url(url).database or "").is_file():
        raise NotFoundError("There is no lab here yet.", fix="Name its folder with DATA_DIR, or start the lab once.")
    store = Store(url)
    pool = Pool(store)

    def chained(connection: Connection, *, action: str, actor: str, subject: str) -> None:
        at_ms = time.time_ns() // 1_000_000
        pool.insert(connection, [audit(action=action, actor=actor, subject=subject, at_ms=at_ms)])

    try:
        accounts = Accounts(store, settings, audit=chained)
        yield accounts, Recovery(store, audit=chained, passwords=accounts.passwords), settings
    finally:
        store.close()
