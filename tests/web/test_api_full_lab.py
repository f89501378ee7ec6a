"""The API over a lab in which everything has happened: every answer has the form that its description says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from core.web import api
from tests.web import full
from tests.web.conftest import House

TWO_HOURS = b"timestamp,household_id,load_kw\n2026-03-01 00:00,HH009,1\n2026-03-01 01:00,HH009,2\n"
NOTHING = {"GET /logout", "POST /session"}  # lead elsewhere; tests/web/test_gate.py tries them


def test_the_dashboard_answers_after_a_live_trade(house: House) -> None:
    full.live_trades(house.exchange)
    answer = house.client(house.person("vera", "viewer")).get("/api/dashboard-data")
    assert answer.status_code == 200, answer.text
    feed = answer.json()["feed"]
    assert [trade["message_id"] for trade in feed["recent"]] == ["t-5", "t-2", "t-1"]
    assert feed["counts"]["trades"] == 3
    assert feed["counts"]["quarantined"] == 3
    assert feed["gaps"][0]["first_seq"] == 3


def described() -> dict[str, Any]:
    return api.build().openapi()


def operations(description: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


def schema_of(operation: dict[str, Any], status: int, description: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of a JSON answer, whole; None where none is described."""
    content = operation["responses"].get(str(status), {}).get("content", {})
    found = content.get("application/json", {}).get("schema")
    return None if found is None else {**found, "components": description["components"]}


def test_every_route_says_the_form_of_its_answer() -> None:
    description = described()
    for name, operation in operations(description).items():
        (good,) = [code for code in operation["responses"] if code[0] in "23"]
        content = operation["responses"][good].get("content", {})
        if good in ("204", "303"):
            assert not content, name
            continue
        assert content, name
        if schema := schema_of(operation, int(good), description):
            reference = schema["$ref"].rsplit("/", 1)[-1]
            assert description["components"]["schemas"][reference]["properties"], name


def calls(there: full.Full) -> list[tuple[str, dict[str, Any]]]:
    """Requests that lead somewhere; every described route is among them."""
    run = there.runs["done"]
    upload = {"files": {"files": ("HH009.csv", TWO_HOURS)}}
    odd = {"files": {"files": ("HH009.csv", b"timestamp,household_id,load_kw\nsoon,HH009,1\n")}}
    wanted: list[tuple[str, dict[str, Any]]] = [
        *[
            (f"GET {path}", {})
            for path in (
                "/api/dashboard-data",
                "/api/me",
                "/api/status",
                "/api/blocks",
                "/api/blocks?limit=1",
                "/api/blocks/0",
                "/api/blocks/1",
                "/api/blocks/1?first=2&limit=2",
                "/api/blocks/99",
                "/block/1",
                "/api/transactions",
                "/api/transactions?kind=trade&household=HH001",
                "/api/transactions/pending?limit=2",
                f"/api/transactions/{there.tx_hash}",
                f"/api/receipts/{there.tx_hash}",
                *(f"/api/search?q={q}" for q in (there.tx_hash, there.tx_hash[:5], "1", "HH001", run, "nobody")),
                "/api/datasets",
                f"/api/datasets/{there.dataset_id}",
                f"/api/datasets/{there.dataset_id}/report",
                f"/api/datasets/{there.shared_id}/report",
                "/api/algorithms",
                "/api/runs",
                "/api/runs?limit=2",
                "/api/runs?text=%3DDone",
                *(f"/api/runs/{run_id}" for run_id in there.runs.values()),
                *(f"/api/runs/{run_id}/result" for run_id in there.runs.values()),
                *(f"/api/runs/{run_id}/receipt" for run_id in there.runs.values()),
                *(f"/api/runs/{run_id}/slots/12" for run_id in there.runs.values()),
                f"/api/runs/{there.runs['done']}/slots/99999",
                *(f"/api/runs/{run_id}/stability" for run_id in there.runs.values()),
                f"/api/runs/{run}/figures",
                f"/api/runs/{run}/figures?link={there.link}",
                f"/api/runs/{run}/figures.csv",
                f"/api/runs/{run}/receipt",
            )
        ],
        ("POST /api/runs", {"json": {"dataset_id": there.dataset_id, "algorithms": [{"id": "grid_only"}]}}),
        ("POST /api/verify", {"json": {"level": 2}}),
        ("POST /upload", upload),
        ("POST /upload", odd),
        ("POST /api/staged/0123456789abcdef", upload),
        (f"POST /api/runs/{there.runs['queued']}/cancel", {}),
        (f"DELETE /api/runs/{there.runs['failed']}", {}),
        (f"DELETE /api/runs/{there.runs['running']}", {}),
        (f"DELETE /api/datasets/{there.shared_id}", {}),
        ("POST /mine", {}),
    ]
    return wanted


def answered(house: House, there: full.Full) -> dict[str, set[int]]:
    """Every call made and held against the description; the statuses by route."""
    description = described()
    routes = operations(description)
    client = house.client(there.anna)
    statuses: dict[str, set[int]] = {}
    for what, content in calls(there):
        method, path = what.split(" ", 1)
        answer = client.request(method, path, **content)
        name = next(name for name in routes if _fits(name, method, path))
        assert str(answer.status_code) in routes[name]["responses"], (what, answer.text)
        schema = schema_of(routes[name], answer.status_code, description)
        if schema is not None:
            errors = list(jsonschema_rs.validator_for(_shut(schema)).iter_errors(json.loads(answer.text)))
            assert not errors, (what, str(errors[0])[:500])
        statuses.setdefault(name, set()).add(answer.status_code)
    assert set(statuses) == set(routes) - NOTHING
    return statuses


def _fits(name: str, method: str, path: str) -> bool:
    its_method, pattern = name.split(" ", 1)
    parts = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(pattern))
    return its_method == method and re.fullmatch(parts, path.split("?")[0]) is not None


def _shut(schema: Any) -> Any:
    """The same description, by which an object has no field that is not described."""
    if isinstance(schema, list):
        return [_shut(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {name: _shut(part) for name, part in schema.items()}
    if isinstance(shut.get("properties"), dict) and shut.get("type") == "object":
        shut.setdefault("additionalProperties", False)
    return shut


@pytest.mark.slow
def test_every_answer_of_a_full_lab_has_the_form_that_is_described(house_on_both: House) -> None:
    house = house_on_both
    anna, ben = house.person("anna", "analyst"), house.person("ben", "analyst")
    statuses = answered(house, full.fill(house.exchange, anna, ben))
    lacking = {name: found for name, found in statuses.items() if not any(code < 300 for code in found)}
    assert lacking == {"DELETE /api/datasets/{dataset_id}": {404}}, "the only one of these that is ben's"
    assert max(max(found) for found in statuses.values()) < 500


def bytes_changed(ledger: Path) -> None:
    """A committed byte that is not what it was."""
    content = bytearray(ledger.read_bytes())
    place = content.rindex(b'"energy_wh":3500') + 14
    content[place : place + 1] = b"9"
    ledger.write_bytes(bytes(content))


def cut_off(ledger: Path) -> None:
    content = ledger.read_bytes()
    ledger.write_bytes(content[: content.rindex(b",\n{")] + b"\n]\n")


def replaced_by_a_folder(ledger: Path) -> None:
    ledger.unlink()
    ledger.mkdir()


@pytest.mark.slow
@pytest.mark.parametrize("harm", [bytes_changed, cut_off, replaced_by_a_folder, Path.unlink])
def test_a_damaged_and_a_read_only_lab_answer_as_described_too(house: House, tmp_path: Path, harm: Any) -> None:
    there = full.fill(house.exchange, house.person("anna", "analyst"), house.person("ben", "analyst"))
    house.exchange.stop()
    harm(tmp_path / "ledger.json")
    with full.reopened(tmp_path) as damaged:
        statuses = answered(damaged, there)
        assert statuses["POST /mine"] == {503}
        assert 500 not in set().union(*statuses.values())
        status = damaged.client(there.anna).get("/api/status").json()
        assert not status["writable"]
        assert status["damage"] or status["notice"]
        for path in ("/api/status", "/api/dashboard-data", "/api/blocks/1"):
            assert str(tmp_path) not in damaged.client(there.anna).get(path).text
        assert str(tmp_path) not in damaged.client(there.anna).post("/mine").text
