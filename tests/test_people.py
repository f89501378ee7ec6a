"""Looking after people: deleting accounts, the audit trail, and the commands at the server."""

from __future__ import annotations

import csv
import io
import json

import pytest

from core.__main__ import main
from core.audit import to_csv, trail
from core.errors import ConflictError, NotAllowedError, NotFoundError
from tests.web import full
from tests.web.conftest import GOOD, House, house  # noqa: F401  (a fixture)


def admin_of(house: House):  # type: ignore[no-untyped-def]  # noqa: F811
    return house.exchange.accounts.named("admin")


@pytest.mark.slow
@pytest.mark.parametrize("inherits", [True, False])
def test_a_deleted_accounts_runs_go_or_are_handed_over(house: House, inherits: bool) -> None:  # noqa: F811
    lab = house.exchange
    anna, ben = house.person("anna", "analyst"), house.person("ben", "analyst")
    there = full.fill(lab, anna, ben)
    secret, _ = lab.tokens.create(anna, name="t", scopes=["read"], days=1)
    lab.delete_account(admin_of(house), anna.user_id, heir_id=ben.user_id if inherits else "")
    with pytest.raises(NotFoundError):
        lab.accounts.get(anna.user_id)
    assert lab.tokens.user_of(secret) is None
    of_ben = {run.run_id for run in lab.runs.history(ben.user_id)}
    assert (of_ben == set(there.runs.values())) is inherits
    if inherits:
        assert lab.runs.result(there.runs["done"], user_id=ben.user_id).rows
        assert lab.datasets.get(there.dataset_id, user_id=ben.user_id)
    else:
        assert not of_ben
        with pytest.raises(NotFoundError):
            lab.datasets.get(there.dataset_id, user_id=ben.user_id)
    assert lab.accounts.register("anna", GOOD, address="::1").user_id != anna.user_id


def test_the_last_admin_cannot_be_deleted_and_nobody_inherits_from_themselves(house: House) -> None:  # noqa: F811
    admin = admin_of(house)
    with pytest.raises(ConflictError, match="last active admin"):
        house.exchange.delete_account(admin, admin.user_id)
    anna = house.person("anna", "analyst")
    with pytest.raises(ConflictError):
        house.exchange.delete_account(admin, anna.user_id, heir_id=anna.user_id)
    with pytest.raises(NotAllowedError):
        house.exchange.delete_account(anna, admin.user_id)
    with pytest.raises(NotFoundError):
        house.exchange.delete_account(admin, anna.user_id, heir_id="nobody")
    assert house.exchange.accounts.get(anna.user_id).state == "active"


def test_the_trail_has_what_is_mined_and_what_waits_and_is_filtered(house: House) -> None:  # noqa: F811
    lab, admin = house.exchange, admin_of(house)
    anna = house.person("anna", "analyst")
    lab.mine()
    lab.accounts.set_state(admin, anna.user_id, state="disabled")
    found = trail(lab, admin)
    assert (found[0].action, found[0].actor, found[0].subject) == ("account.disabled", "admin", "anna")
    assert found[0].height is None
    assert {entry.height for entry in found} == {None, 1}
    assert {entry.action for entry in trail(lab, admin, action="role")} == {"role.analyst"}
    assert all("anna" in (entry.actor, entry.subject) for entry in trail(lab, admin, person="ANN"))
    assert trail(lab, admin, person="nobody of that name") == ()
    assert trail(lab, admin, until_ms=1_000) == ()
    assert len(trail(lab, admin, limit=2)) == 2
    rows = list(csv.DictReader(io.StringIO(to_csv(found))))
    assert len(rows) == len(found)
    assert rows[0]["action"] == "account.disabled"
    with pytest.raises(NotAllowedError):
        trail(lab, anna)


def test_the_commands_list_reset_disable_and_enable_while_the_lab_runs(
    house: House,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lab = house.exchange
    anna = house.person("anna", "analyst")
    for name in ("data_dir", "ledger_path", "uploads_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(lab.settings, name)))
    assert main(["account", "list", "--json"]) == 0
    assert {row["name"]: row["role"] for row in json.loads(capsys.readouterr().out)} == {
        "admin": "admin",
        "anna": "analyst",
    }
    assert main(["account", "reset", "Anna"]) == 0
    token = capsys.readouterr().out.strip().split("?reset=")[1]
    lab.recovery.redeem(token, "another horse battery")
    assert main(["account", "disable", "anna"]) == 0
    assert capsys.readouterr().out == "anna is disabled.\n"
    assert lab.accounts.get(anna.user_id).state == "disabled"
    assert main(["account", "enable", "anna"]) == 0
    assert main(["account", "disable", "admin"]) == 1
    assert "last active admin" in capsys.readouterr().err
    assert main(["account", "reset", "nobody"]) == 1
    assert 'There is no user "nobody".' in capsys.readouterr().err
    assert [entry.actor for entry in trail(lab, admin_of(house), person="server")][:2] == ["server", "server"]


def test_without_a_lab_the_commands_say_so_and_make_none(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path_factory.mktemp("empty") / "data"
    monkeypatch.setenv("DATA_DIR", str(folder))
    assert main(["account", "list"]) == 1
    assert "There is no lab here yet." in capsys.readouterr().err
    assert not folder.exists()
