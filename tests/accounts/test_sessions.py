"""Sessions and tokens: who holds one is known, until it ends."""

from __future__ import annotations

import pytest

from core.errors import ConflictError, InputError, NotFoundError
from core.store import accounts as table
from tests.accounts.conftest import GOOD, Lab


def test_a_session_is_known_by_its_token_and_kept_as_a_digest(lab: Lab) -> None:
    token = lab.sessions.open(lab.admin, browser="Firefox")
    assert lab.sessions.user_of(token) == lab.admin
    assert len(token) >= 43  # 256 bits in base64
    with lab.store.read() as connection:
        assert token not in str(connection.execute(table.sessions.select()).all())


@pytest.mark.parametrize("token", [None, "", "x", "../../x", "0" * 43, "ё" * 43])
def test_a_made_up_token_is_nobody(lab: Lab, token: str | None) -> None:
    lab.sessions.open(lab.admin)
    assert lab.sessions.user_of(token) is None


def test_a_digest_from_the_store_is_no_token(lab: Lab) -> None:
    lab.sessions.open(lab.admin)
    with lab.store.read() as connection:
        (row,) = connection.execute(table.sessions.select()).all()
    assert lab.sessions.user_of(row.token_hash) is None
    assert lab.sessions.user_of(row.session_id) is None


def test_thirty_minutes_without_use_end_a_session(lab: Lab) -> None:
    token = lab.sessions.open(lab.admin)
    lab.clock.forward(minutes=29)
    assert lab.sessions.user_of(token)
    lab.clock.forward(minutes=29)
    assert lab.sessions.user_of(token)
    lab.clock.forward(minutes=30)
    assert lab.sessions.user_of(token) is None


def test_a_page_that_refreshes_itself_is_not_use(lab: Lab) -> None:
    token = lab.sessions.open(lab.admin)
    for _ in range(29):
        lab.clock.forward(minutes=1)
        assert lab.sessions.user_of(token, touch=False)
    lab.clock.forward(minutes=1)
    assert lab.sessions.user_of(token, touch=False) is None


def test_twelve_hours_end_a_session_however_busy(lab: Lab) -> None:
    token = lab.sessions.open(lab.admin)
    for _ in range(36):
        assert lab.sessions.user_of(token)
        lab.clock.forward(minutes=20)
    assert lab.sessions.user_of(token) is None


def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(lab: Lab) -> None:
    token, other = lab.sessions.open(lab.admin), lab.sessions.open(lab.admin)
    lab.sessions.end(token)
    assert lab.sessions.user_of(token) is None
    assert lab.sessions.user_of(other)
    assert lab.audits[-1] == ("sign-out", lab.admin.user_id, lab.admin.user_id)


def test_a_session_outlives_a_restart(lab: Lab) -> None:
    token = lab.sessions.open(lab.admin)
    lab.restart()
    assert lab.sessions.user_of(token)


def test_people_see_and_end_their_own_sessions_and_admins_anybodys(lab: Lab) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    of_admin, of_anna = lab.sessions.open(lab.admin), lab.sessions.open(anna, browser="Firefox")
    (listed,) = lab.sessions.of(anna.user_id)
    assert listed.browser == "Firefox"
    assert listed.session_id == lab.sessions.id_of(of_anna)
    with pytest.raises(NotFoundError):
        lab.sessions.end_one(anna, lab.sessions.id_of(of_admin), user_id=lab.admin.user_id)
    with pytest.raises(NotFoundError):
        lab.sessions.end_one(anna, lab.sessions.id_of(of_admin), user_id=anna.user_id)
    with pytest.raises(NotFoundError):
        lab.sessions.end_all(anna, user_id=lab.admin.user_id)
    lab.sessions.end_one(lab.admin, listed.session_id, user_id=anna.user_id)
    assert lab.sessions.user_of(of_anna) is None
    assert lab.sessions.user_of(of_admin)


def test_a_ticket_opens_one_session_once_within_thirty_seconds(lab: Lab) -> None:
    ticket = lab.sessions.ticket(lab.admin)
    token = lab.sessions.redeem(ticket)
    assert lab.sessions.user_of(token)
    assert lab.sessions.redeem(ticket) is None
    late = lab.sessions.ticket(lab.admin)
    lab.clock.forward(seconds=30)
    assert lab.sessions.redeem(late) is None
    assert lab.sessions.redeem("made up") is None
    assert lab.sessions.redeem("") is None


def test_a_ticket_of_somebody_disabled_meanwhile_is_worth_nothing(lab: Lab) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    ticket = lab.sessions.ticket(anna)
    lab.accounts.set_state(lab.admin, anna.user_id, state="disabled")
    assert lab.sessions.redeem(ticket) is None


def test_old_sessions_are_swept_when_new_ones_open(lab: Lab) -> None:
    lab.sessions.open(lab.admin)
    lab.clock.forward(hours=13)
    lab.sessions.open(lab.admin)
    with lab.store.read() as connection:
        assert len(connection.execute(table.sessions.select()).all()) == 1


def test_a_token_is_known_until_it_expires_or_is_revoked(lab: Lab) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    secret, token = lab.tokens.create(anna, name="meter script", scopes=["write", "read"], days=7)
    assert lab.tokens.user_of(secret) == (anna, ("read", "write"))
    lab.clock.forward(days=7)
    assert lab.tokens.user_of(secret) is None
    fresh, kept = lab.tokens.create(anna, name="another", scopes=["read"], days=7)
    lab.tokens.revoke(anna, kept.token_id)
    assert lab.tokens.user_of(fresh) is None
    assert [t.name for t in lab.tokens.of(anna.user_id)] == [token.name]


def test_a_token_is_kept_as_a_digest_and_belongs_to_one_person(lab: Lab) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    secret, token = lab.tokens.create(anna, name="mine", scopes=["read"], days=1)
    with lab.store.read() as connection:
        assert secret not in str(connection.execute(table.tokens.select()).all())
    with pytest.raises(NotFoundError):
        lab.tokens.revoke(lab.admin, token.token_id)
    for made_up in ("", "p2p_", token.token_id, secret[:-1], secret.removeprefix("p2p_")):
        assert lab.tokens.user_of(made_up) is None


def test_somebody_who_must_choose_a_password_has_no_working_token(lab: Lab) -> None:
    secret, _ = lab.tokens.create(lab.admin, name="early", scopes=["read"], days=1)
    assert lab.tokens.user_of(secret) is None


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("", ["read"], 1),
        ("x" * 65, ["read"], 1),
        ("a\nb", ["read"], 1),
        ("x", [], 1),
        ("x", ["root"], 1),
        ("x", ["read"], 0),
        ("x", ["read"], 366),
    ],
)
def test_a_token_outside_its_limits_is_refused(lab: Lab, name: str, scopes: list[str], days: int) -> None:
    with pytest.raises(InputError, match="token"):
        lab.tokens.create(lab.admin, name=name, scopes=scopes, days=days)


def test_twenty_tokens_are_enough(lab: Lab) -> None:
    for i in range(20):
        lab.tokens.create(lab.admin, name=f"t{i}", scopes=["read"], days=1)
    with pytest.raises(ConflictError, match="20 tokens"):
        lab.tokens.create(lab.admin, name="one more", scopes=["read"], days=1)
