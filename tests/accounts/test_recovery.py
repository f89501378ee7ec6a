"""A link for a new password: once, for a day, whoever made it."""

from __future__ import annotations

import pytest

from core.accounts.passwords import Passwords
from core.accounts.people import SERVER
from core.accounts.recovery import Recovery, link
from core.errors import InputError, NotAllowedError, NotFoundError, NotSignedInError, TooManyRequestsError
from core.settings import Settings
from tests.accounts.conftest import BETTER, GOOD, Lab


@pytest.fixture
def recovery(lab: Lab) -> Recovery:
    passwords = Passwords(memory_kib=8, passes=1)
    return Recovery(lab.store, audit=lab.audit, passwords=passwords, clock=lab.clock)


def test_a_link_sets_the_password_once_ends_sessions_and_forgets_failures(lab: Lab, recovery: Recovery) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    session = lab.sessions.open(anna)
    for _ in range(5):
        with pytest.raises(NotSignedInError):
            lab.sign_in("anna", "a wrong guess")
    with pytest.raises(TooManyRequestsError):
        lab.sign_in("anna", GOOD)
    token = recovery.offer(lab.admin, anna.user_id)
    assert recovery.whose(token).username == "anna"
    assert recovery.redeem(token, BETTER).user_id == anna.user_id
    assert lab.sessions.user_of(session) is None
    assert lab.sign_in("anna", BETTER)
    with pytest.raises(NotSignedInError, match="spent, late"):
        recovery.redeem(token, GOOD)
    assert [action for action, *_ in lab.audits][-3:] == ["password.reset-offered", "password.reset", "sign-in"]


def test_a_link_ends_after_a_day_and_with_the_next_one(lab: Lab, recovery: Recovery) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    first = recovery.offer(SERVER, anna.user_id)
    second = recovery.offer(SERVER, anna.user_id)
    with pytest.raises(NotSignedInError):
        recovery.whose(first)
    lab.clock.forward(minutes=24 * 60)
    with pytest.raises(NotSignedInError):
        recovery.redeem(second, BETTER)
    assert lab.sign_in("anna", GOOD)


def test_a_bad_password_leaves_the_link_as_it_is(lab: Lab, recovery: Recovery) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    token = recovery.offer(lab.admin, anna.user_id)
    with pytest.raises(InputError):
        recovery.redeem(token, "short")
    assert recovery.redeem(token, BETTER)


def test_only_an_admin_offers_and_only_for_somebody(lab: Lab, recovery: Recovery) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    with pytest.raises(NotAllowedError):
        recovery.offer(anna, lab.admin.user_id)
    with pytest.raises(NotFoundError):
        recovery.offer(lab.admin, "nobody")


def test_the_link_is_the_address_people_use() -> None:
    assert link(Settings(public_url="https://lab.example.org"), "x") == "https://lab.example.org/?reset=x"
    assert link(Settings(host="0.0.0.0", port=9000), "x") == "http://127.0.0.1:9000/?reset=x"
