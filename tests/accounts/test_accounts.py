"""Registering, signing in, changing passwords, and what an admin may do."""

from __future__ import annotations

import dataclasses
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import bcrypt
import pytest

from core.accounts import Identity, hashes_from
from core.accounts.passwords import Passwords, _common, require_acceptable
from core.errors import (
    ConflictError,
    InputError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    TooManyRequestsError,
)
from core.store import accounts as table
from tests.accounts.conftest import BETTER, GOOD, Lab
from tests.postgres import emptied


def wrong(lab: Lab, username: str, *, times: int = 1, address: str = "203.0.113.1") -> None:
    for _ in range(times):
        with pytest.raises(NotSignedInError):
            lab.sign_in(username, "not the password", address=address)


def test_the_first_start_makes_an_admin_who_must_choose_a_password(lab: Lab) -> None:
    user = lab.sign_in("admin", "admin")
    assert (user.role, user.must_change_password) == ("admin", True)
    assert lab.accounts.has_first_password()


def test_a_second_start_makes_no_second_admin(lab: Lab) -> None:
    lab.restart()
    assert [user.username for user in lab.accounts.everybody()] == ["admin"]


def test_the_environment_may_give_the_first_password(lab: Lab) -> None:
    lab.store.close()
    emptied(lab.url)
    lab.settings = dataclasses.replace(lab.settings, admin_password=GOOD)
    lab.open()
    assert not lab.sign_in("admin", GOOD).must_change_password
    assert not lab.accounts.has_first_password()


def test_a_weak_password_from_the_environment_is_refused(lab: Lab) -> None:
    lab.store.close()
    emptied(lab.url)
    lab.settings = dataclasses.replace(lab.settings, admin_password="short")
    with pytest.raises(InputError, match="has 5 characters, expected 12 to 128"):
        lab.open()


def test_a_registered_person_is_an_analyst_and_may_sign_in(lab: Lab) -> None:
    lab.accounts.register(" Anna ", GOOD, address="::1")
    assert lab.sign_in("ANNA").role == "analyst"


def test_a_taken_name_is_refused(lab: Lab) -> None:
    lab.accounts.register("anna", GOOD, address="::1")
    with pytest.raises(ConflictError, match='"anna" is taken'):
        lab.accounts.register("Anna", BETTER, address="::1")


@pytest.mark.parametrize(
    "name", ["", "a", "-anna", "an na", "<b>anna</b>", "a" * 65, "ann\u202ea", "anna\n"[:-1] + "\x00"]
)
def test_a_name_that_cannot_be_one_is_refused(lab: Lab, name: str) -> None:
    with pytest.raises(InputError, match="A user name has"):
        lab.accounts.register(name, GOOD, address="::1")


def test_with_approval_nobody_comes_in_before_an_admin_says_so(lab: Lab) -> None:
    lab.accounts.registration = "approval"
    anna = lab.accounts.register("anna", GOOD, address="::1")
    with pytest.raises(NotSignedInError, match="approve"):
        lab.sign_in("anna")
    with pytest.raises(NotSignedInError, match="not right"):
        lab.sign_in("anna", "a wrong password")
    lab.accounts.set_state(lab.admin, anna.user_id, state="active")
    assert lab.sign_in("anna").username == "anna"


def test_thirty_registrations_of_one_address_are_enough_for_a_while_taken_names_included(lab: Lab) -> None:
    for i in range(30):
        with suppress(ConflictError):
            lab.accounts.register(f"anna{i // 2}", GOOD, address="203.0.113.1")
    with pytest.raises(TooManyRequestsError):
        lab.accounts.register("ben", GOOD, address="203.0.113.1")
    assert lab.accounts.register("ben", GOOD, address="203.0.113.2")
    lab.clock.forward(minutes=15)
    assert lab.accounts.register("carl", GOOD, address="203.0.113.1")


def test_registration_can_be_closed(lab: Lab) -> None:
    lab.accounts.registration = "closed"
    with pytest.raises(NotAllowedError, match="takes no registrations"):
        lab.accounts.register("anna", GOOD, address="::1")


def test_an_unknown_name_and_a_wrong_password_read_the_same_and_both_cost_a_hash(lab: Lab) -> None:
    asked: list[str] = []
    passwords = lab.accounts._passwords
    lab.accounts._passwords = type(
        "Counting",
        (),
        {"fits": lambda _, p, h: asked.append(h) or passwords.fits(p, h), "outdated": passwords.outdated},
    )()
    said = []
    for name in ("admin", "nobody"):
        with pytest.raises(NotSignedInError) as refusal:
            lab.sign_in(name, "not the password")
        said.append(str(refusal.value))
    assert said[0] == said[1]
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("eleven-char", "password_length"),
        ("x" * 129, "password_length"),
        ("leavemealone", "password_common"),
        ("LeaveMeAlone", "password_common"),
        ("annabelle.smith", "password_username"),
        ("AnnaBelle-Smith-99", "password_username"),
        (" twelve or more", "password_spaces"),
    ],
)
def test_a_bad_password_is_refused_with_the_reason(password: str, code: str) -> None:
    with pytest.raises(InputError) as refusal:
        require_acceptable(password, username="annabelle.smith")
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "password", ["x1y2" * 3, "x1y2" * 32, "пароль из слов", "密码密码密码密码一二三四", "🔋🌞 sunny batteries"]
)
def test_twelve_to_128_characters_of_any_kind_are_a_password(lab: Lab, password: str) -> None:
    lab.accounts.register("anna", password, address="::1")
    assert lab.sign_in("anna", password).username == "anna"


def test_the_tail_of_a_long_password_counts(lab: Lab) -> None:
    lab.accounts.register("anna", "x1y2" * 31 + "tail", address="::1")
    with pytest.raises(NotSignedInError):
        lab.sign_in("anna", "x1y2" * 31 + "tali")


def test_more_than_ten_thousand_common_passwords_are_known() -> None:
    assert len(_common()) >= 10_000
    assert {"123456", "password", "qwerty"} <= _common()


def test_changing_the_password_needs_the_current_one_and_ends_every_session(lab: Lab) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    token = lab.sessions.open(anna)
    with pytest.raises(NotSignedInError, match="current password"):
        lab.accounts.change_password(anna.user_id, current="not the password", new=BETTER, address="::1")
    assert lab.sessions.user_of(token)
    lab.accounts.change_password(anna.user_id, current=GOOD, new=BETTER, address="::1")
    assert lab.sessions.user_of(token) is None
    assert lab.sign_in("anna", BETTER)
    wrong(lab, "anna")


def test_the_new_password_must_be_another(lab: Lab) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    with pytest.raises(InputError, match="is the current one"):
        lab.accounts.change_password(anna.user_id, current=GOOD, new=GOOD, address="::1")


def test_choosing_the_first_real_password_opens_the_lab(lab: Lab) -> None:
    lab.accounts.change_password(lab.admin.user_id, current="admin", new=GOOD, address="::1")
    assert not lab.sign_in("admin", GOOD).must_change_password
    assert not lab.accounts.has_first_password()


def test_a_hash_of_weaker_parameters_is_made_anew_at_sign_in(lab: Lab) -> None:
    lab.accounts.register("anna", GOOD, address="::1")
    lab.accounts._passwords = Passwords(memory_kib=16, passes=1)
    lab.sign_in("anna")
    with lab.store.read() as connection:
        row = table.user_by(connection, username="anna")
    assert row is not None
    assert "m=16," in row.password_hash


def test_an_imported_bcrypt_hash_is_accepted_once_and_becomes_argon2id(lab: Lab) -> None:
    long = GOOD * 5  # bcrypt itself raises above 72 bytes
    imported = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()
    lab.accounts.import_hashes(lab.admin, {"anna": imported})
    assert lab.sign_in("anna", long).role == "analyst"
    with lab.store.read() as connection:
        row = table.user_by(connection, username="anna")
    assert row is not None
    assert row.password_hash.startswith("$argon2id$")
    assert lab.sign_in("anna", long)
    wrong(lab, "anna")


def test_five_failures_slow_an_account_down_from_any_address(lab: Lab) -> None:
    lab.accounts.register("anna", GOOD, address="::1")
    for i in range(5):
        wrong(lab, "anna", address=f"203.0.113.{i}")
    with pytest.raises(TooManyRequestsError) as refusal:
        lab.sign_in("anna", address="203.0.113.99")
    assert 0 < refusal.value.retry_after_s <= 900
    assert "Wait 15 minutes" in str(refusal.value)


def test_the_right_password_before_the_fifth_failure_clears_the_count(lab: Lab) -> None:
    lab.accounts.register("anna", GOOD, address="::1")
    for _ in range(3):
        wrong(lab, "anna", times=4)
        lab.sign_in("anna")


def test_thirty_failures_slow_an_address_down_whatever_the_names(lab: Lab) -> None:
    lab.accounts.register("anna", GOOD, address="::1")
    for i in range(30):
        wrong(lab, f"nobody{i}", address="2001:db8::1")
    with pytest.raises(TooManyRequestsError):
        lab.sign_in("anna", address="2001:db8::2")  # the same subscriber's /64
    assert lab.sign_in("anna", address="2001:db8:0:1::1")


def test_thirty_failures_do_not_keep_out_who_signed_in_from_there_before(lab: Lab) -> None:
    for name in ("anna", "ben"):
        lab.accounts.register(name, GOOD, address="::1")
    lab.sign_in("anna", address="192.0.2.1")
    for i in range(30):
        wrong(lab, f"nobody{i}", address="192.0.2.1")
    assert lab.sign_in("anna", address="192.0.2.1")
    with pytest.raises(TooManyRequestsError):
        lab.sign_in("ben", address="192.0.2.1")
    wrong(lab, "anna", times=5, address="192.0.2.1")
    with pytest.raises(TooManyRequestsError):  # five an account all the same
        lab.sign_in("anna", address="192.0.2.1")
    lab.clock.forward(minutes=31 * 24 * 60)
    for i in range(30):
        wrong(lab, f"nobody{i}", address="192.0.2.1")
    with pytest.raises(TooManyRequestsError):
        lab.sign_in("anna", address="192.0.2.1")


def test_admin_password_is_taken_as_long_as_the_first_one_stands(lab: Lab) -> None:
    lab.settings = replace(lab.settings, admin_password=GOOD)
    lab.restart()
    assert not lab.accounts.has_first_password()
    assert lab.sign_in("admin", GOOD)
    lab.settings = replace(lab.settings, admin_password="another horse battery")
    lab.restart()
    assert lab.sign_in("admin", GOOD)


def test_an_account_is_never_locked_for_good(lab: Lab) -> None:
    lab.accounts.register("anna", GOOD, address="::1")
    wrong(lab, "anna", times=5)
    for _ in range(20):  # turned away, so not counted
        with pytest.raises(TooManyRequestsError):
            lab.sign_in("anna")
    lab.clock.forward(minutes=15)
    assert lab.sign_in("anna")


def test_a_restart_forgets_no_failure(lab: Lab) -> None:
    wrong(lab, "admin", times=5)
    lab.restart()
    with pytest.raises(TooManyRequestsError):
        lab.sign_in("admin", "admin")


def test_a_crowd_of_guesses_at_once_gets_five_answers(lab: Lab) -> None:
    answers: list[type[Exception]] = []

    def guess() -> None:
        try:
            lab.sign_in("admin", "not the password")
        except Exception as refusal:
            answers.append(type(refusal))

    crowd = [threading.Thread(target=guess) for _ in range(20)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert answers.count(NotSignedInError) == 5
    assert answers.count(TooManyRequestsError) == 15


def test_addresses_are_forgotten_when_they_no_longer_count(lab: Lab) -> None:
    wrong(lab, "nobody", times=3)
    lab.clock.forward(minutes=16)
    wrong(lab, "admin")
    with lab.store.read() as connection:
        kept = connection.execute(table.failures.select()).all()
    assert len(kept) == 1
    assert "nobody" not in str(kept)


def test_only_an_admin_changes_roles_and_states(lab: Lab) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    with pytest.raises(NotAllowedError):
        lab.accounts.set_role(anna, anna.user_id, role="admin")
    with pytest.raises(NotAllowedError):
        lab.accounts.set_state(anna, lab.admin.user_id, state="disabled")
    assert lab.accounts.set_role(lab.admin, anna.user_id, role="viewer").role == "viewer"


def test_disabling_ends_sessions_and_tokens_at_once(lab: Lab) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    session = lab.sessions.open(anna)
    secret, _ = lab.tokens.create(anna, name="script", scopes=["read"], days=1)
    lab.accounts.set_state(lab.admin, anna.user_id, state="disabled")
    assert lab.sessions.user_of(session) is None
    assert lab.tokens.user_of(secret) is None
    with pytest.raises(NotSignedInError, match="disabled"):
        lab.sign_in("anna")


def test_the_last_admin_stays(lab: Lab) -> None:
    for change in ({"role": "viewer"}, {"state": "disabled"}):
        call = lab.accounts.set_role if "role" in change else lab.accounts.set_state
        with pytest.raises(ConflictError, match="last active admin"):
            call(lab.admin, lab.admin.user_id, **change)
    assert lab.admin.role == "admin"


def test_nobody_changes_a_user_who_is_not_there(lab: Lab) -> None:
    with pytest.raises(NotFoundError):
        lab.accounts.set_role(lab.admin, "u-none", role="viewer")


def test_what_happened_to_accounts_is_audited_by_id_only(lab: Lab) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    lab.sign_in("anna")
    wrong(lab, "anna")
    wrong(lab, "nobody")
    lab.accounts.change_password(anna.user_id, current=GOOD, new=BETTER, address="::1")
    lab.accounts.set_role(lab.admin, anna.user_id, role="viewer")
    admin = lab.admin.user_id
    assert lab.audits[1:] == [
        ("account.made", anna.user_id, anna.user_id),
        ("sign-in", anna.user_id, anna.user_id),
        ("sign-in", anna.user_id, anna.user_id),
        ("sign-in.refused", "", anna.user_id),
        ("sign-in.refused", "", "unknown"),
        ("password.changed", anna.user_id, anna.user_id),
        ("role.viewer", admin, anna.user_id),
    ]


def identity(lab: Lab, *, subject: str = "42", name: str = "Anna Smith", age_s: float = 0) -> Identity:
    return Identity("https://id.example", subject, name, lab.clock() - timedelta(seconds=age_s))


def test_an_outside_sign_in_makes_an_account_once_and_finds_it_again(lab: Lab) -> None:
    made = lab.accounts.check_identity(identity(lab))
    assert (made.username, made.role, made.has_password) == ("anna-smith", "analyst", False)
    lab.clock.forward(minutes=1)
    assert lab.accounts.check_identity(identity(lab, name="Anna Jones")).user_id == made.user_id


def test_what_a_provider_said_is_good_once_and_for_five_minutes(lab: Lab) -> None:
    said = identity(lab)
    lab.accounts.check_identity(said)
    with pytest.raises(NotSignedInError, match="no longer fresh"):
        lab.accounts.check_identity(said)
    with pytest.raises(NotSignedInError, match="no longer fresh"):
        lab.accounts.check_identity(identity(lab, subject="43", age_s=301))


def test_an_outside_sign_in_never_takes_over_an_account_of_the_same_name(lab: Lab) -> None:
    anna = lab.accounts.register("anna-smith", GOOD, address="::1")
    made = lab.accounts.check_identity(identity(lab))
    assert made.user_id != anna.user_id
    assert made.username.startswith("anna-smith-")


def test_an_account_without_a_password_cannot_be_signed_in_with_an_empty_one(lab: Lab) -> None:
    lab.accounts.check_identity(identity(lab))
    for password in ("", " ", "nobody has this password"):
        with pytest.raises(NotSignedInError):
            lab.sign_in("anna-smith", password)


def test_the_rules_of_registration_hold_for_outside_sign_ins(lab: Lab) -> None:
    lab.accounts.registration = "closed"
    with pytest.raises(NotAllowedError):
        lab.accounts.check_identity(identity(lab))
    lab.accounts.registration = "approval"
    with pytest.raises(NotSignedInError, match="approve"):
        lab.accounts.check_identity(identity(lab))
    assert [user.state for user in lab.accounts.everybody() if user.username == "anna-smith"] == ["pending"]


def test_a_person_may_link_an_outside_sign_in_that_opens_no_other_account(lab: Lab) -> None:
    anna = lab.accounts.register("anna", GOOD, address="::1")
    lab.accounts.link_identity(anna, identity(lab))
    lab.clock.forward(minutes=1)
    assert lab.accounts.check_identity(identity(lab)).user_id == anna.user_id
    with pytest.raises(ConflictError, match="belongs to an account"):
        lab.accounts.link_identity(lab.admin, identity(lab))


CREDENTIALS = """credentials:
  usernames:
    Anna: {email: anna@example.org, password: HASH, roles: [admin]}
    admin: {password: HASH}
cookie: {name: c, key: k, expiry_days: 30}
"""


def test_a_credentials_file_brings_its_users_as_analysts_and_changes_nobody(lab: Lab) -> None:
    kept = bcrypt.hashpw(GOOD.encode(), bcrypt.gensalt(4)).decode()
    hashes = hashes_from(CREDENTIALS.replace("HASH", kept).encode())
    made = lab.accounts.import_hashes(lab.admin, hashes)
    assert [(user.username, user.role) for user in made] == [("anna", "analyst")]
    assert lab.sign_in("anna").username == "anna"
    wrong(lab, "admin")
    assert lab.sign_in("admin", "admin")


@pytest.mark.parametrize(
    "content", [b"", b"[", b"credentials: 3", b"credentials: {usernames: {anna: {}}}", b"\xff\xfe"]
)
def test_a_file_without_credentials_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match=r"Give a file such as credentials"):
        hashes_from(content)


def test_a_file_with_one_plain_password_brings_nobody(lab: Lab) -> None:
    kept = bcrypt.hashpw(GOOD.encode(), bcrypt.gensalt(4)).decode()
    with pytest.raises(InputError, match='password of "ben" is no bcrypt hash'):
        lab.accounts.import_hashes(lab.admin, {"anna": kept, "ben": "plain"})
    with pytest.raises(NotAllowedError):
        lab.accounts.import_hashes(lab.accounts.register("vera", GOOD, address="::1"), {"anna": kept})
    assert [user.username for user in lab.accounts.everybody()] == ["admin", "vera"]
