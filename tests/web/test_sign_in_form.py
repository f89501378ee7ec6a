"""The form is streamlit-authenticator's, the decision is ours, and its cookie does not exist."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.settings import ROOT
from tests.web.conftest import GOOD, House

UI = str(ROOT / "core" / "web" / "ui.py")


def door() -> AppTest:
    return AppTest.from_file(UI, default_timeout=20).run()


def enter(page: AppTest, username: str, password: str) -> AppTest:
    page.text_input[0].set_value(username)
    page.text_input[1].set_value(password)
    page.button[0].click()
    return page.run()


def said(page: AppTest) -> list[str]:
    assert not page.exception
    return [error.value for error in page.error]


def scripts(page: AppTest) -> list[str]:
    return [element.proto.body for element in page.get("html") if element.proto.unsafe_allow_javascript]


def test_the_right_password_puts_a_ticket_into_the_page_and_nothing_into_its_state(house: House) -> None:
    house.person("anna", "analyst")
    page = enter(door(), "Anna", GOOD)
    (script,) = scripts(page)
    ticket = script.split('data-ticket="')[1].split('"')[0]
    user = house.exchange.sessions.user_of(house.exchange.sessions.redeem(ticket))
    assert user is not None
    assert user.username == "anna"
    for left in ("authentication_status", "username", "roles"):
        assert left not in page.session_state


@pytest.mark.usefixtures("house")
def test_wrong_and_unknown_read_the_same() -> None:
    wrong, unknown = enter(door(), "admin", "not the password"), enter(door(), "nobody", "not the password")
    assert said(wrong) == said(unknown) == ["The user name or the password is not right."]
    assert scripts(wrong) == scripts(unknown) == []


@pytest.mark.usefixtures("house")
def test_five_failures_in_five_browsers_slow_the_sixth_down() -> None:
    for _ in range(5):
        enter(door(), "admin", "not the password")
    assert "Too many attempts." in said(enter(door(), "admin", "admin"))[0]


def test_registering_signs_in_at_once_or_waits_for_an_admin(house: House) -> None:
    def register(name: str) -> AppTest:
        page = door()
        for field, value in zip(page.text_input[2:], (name, GOOD, GOOD), strict=True):
            field.set_value(value)
        next(button for button in page.button if button.label == "Register").click()
        return page.run()

    assert len(scripts(register("anna"))) == 1
    house.exchange.accounts.registration = "approval"
    page = register("ben")
    assert scripts(page) == []
    assert "An admin has to approve" in page.success[0].value
    house.exchange.accounts.registration = "closed"
    assert len(door().text_input) == 2


def test_two_different_passwords_change_nothing(house: House) -> None:
    page = door()
    for field, value in zip(page.text_input[2:], ("anna", GOOD, GOOD + "!"), strict=True):
        field.set_value(value)
    next(button for button in page.button if button.label == "Register").click()
    assert said(page.run()) == ["The two passwords differ."]
    assert [user.username for user in house.exchange.accounts.everybody()] == ["admin"]


@pytest.mark.usefixtures("house")
def test_the_packages_cookie_manager_is_not_even_drawn() -> None:
    assert len(door().get("component_instance")) == 0


def test_a_link_for_a_new_password_opens_its_form_and_signs_in(house: House) -> None:
    anna = house.person("anna", "analyst")
    token = house.exchange.recovery.offer(house.exchange.accounts.named("admin"), anna.user_id)
    page = AppTest.from_file(UI, default_timeout=20)
    page.query_params["reset"] = token
    page.run()
    assert [box.label for box in page.text_input[:2]] == ["New password", "Repeat the new password"]
    for box in page.text_input[:2]:
        box.set_value("another horse battery")
    page.button[0].click().run()
    assert not page.exception
    assert scripts(page)
    assert house.exchange.accounts.check("anna", "another horse battery", address="::1")


@pytest.mark.usefixtures("house")
def test_a_link_that_is_spent_or_made_up_says_so_beside_the_sign_in() -> None:
    page = AppTest.from_file(UI, default_timeout=20)
    page.query_params["reset"] = "made up"
    page.run()
    assert said(page) == ["This link is spent, late or not whole. Ask an admin for a new one."]
    assert "Username" in [box.label for box in page.text_input]
