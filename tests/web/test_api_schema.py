"""Whatever is sent to the API, it answers as its own description says, and never with a server error."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.runs import runs
from core.web import api, gate
from core.web.gate import Rate
from tests.running import free_port
from tests.web import full
from tests.web.conftest import House
from tests.web.test_api_full_lab import operations

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PLENTY = Rate(per_s=10_000, burst=100_000)


@pytest.fixture
def served(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the API on a port of its own."""
    for name in ("READS", "WRITES", "FILES", "REFUSALS"):
        monkeypatch.setattr(gate, name, PLENTY)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(house.application, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


REFUSED_UNLESS_ASKED_RIGHT = {"POST /session", "POST /upload", "POST /api/staged/{batch}"}
"""A ticket, files: what is drawn is never one; tests/web/test_gate.py and test_api_full_lab.py send real ones."""


class There:
    """Names that lead somewhere: made-up ones alone would try refusals only."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._full = full.fill(house.exchange, house.person("anna", "analyst"), house.person("ben", "analyst"))

    def token(self) -> str:
        tokens = self._house.exchange.tokens
        return tokens.create(self._full.anna, name="all", scopes=["read", "write"], days=1)[0]

    def draw(self, case: schemathesis.Case, draws: Random) -> None:
        """Put names that are there into a case, now and then; what is deleted or ended was made for it."""
        for name in set(case.path_parameters or {}) & {"dataset_id", "run_id", "height", "index", "tx_hash"}:
            if draws.random() < 0.5:
                case.path_parameters[name] = self._name(name, case.operation.label, draws)
        if case.operation.label == "POST /api/runs" and draws.random() < 0.5:
            drawn = case.body if isinstance(case.body, dict) else {}
            real = {"dataset_id": self._full.dataset_id, "algorithms": [{"id": "grid_only"}]}
            case.body = real | {name: drawn[name] for name in ("scenarios", "name", "tags") if name in drawn}

    def _name(self, name: str, operation: str, draws: Random) -> str:
        exchange, anna = self._house.exchange, self._full.anna
        if name == "dataset_id":
            if operation.startswith("DELETE"):
                return full.street(exchange, anna).dataset_id
            return draws.choice([self._full.dataset_id, self._full.shared_id])
        if name == "run_id":
            if operation.endswith("/cancel") or operation.startswith("DELETE"):
                run_id = exchange.runs.start(anna.user_id, self._full.shared_id, plan=full.PLAN)
                if operation.startswith("DELETE") and draws.random() < 0.8:
                    exchange.runs.cancel(run_id, user_id=anna.user_id)
                return run_id
            return self._full.runs["done"] if draws.random() < 0.5 else draws.choice(list(self._full.runs.values()))
        return self._full.tx_hash if name == "tx_hash" else draws.choice(["0", "1"])


@pytest.mark.slow
def test_the_api_answers_as_it_describes_itself(house: House, served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "QUEUED_A_USER", 10_000)
    there = There(house)
    headers = {"authorization": f"Bearer {there.token()}"}
    schema = schemathesis.openapi.from_url(f"{served}/api/openapi.json", headers=headers)
    statuses: dict[str, Counter[int]] = {}

    for operation in (found.ok() for found in schema.get_all_operations()):

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy(), draws=some.randoms())
        def try_it(case: schemathesis.Case, draws: Random) -> None:
            there.draw(case, draws)
            answer = case.call_and_validate(headers=headers, checks=CHECKS, timeout=60, allow_redirects=False)
            statuses.setdefault(case.operation.label, Counter())[answer.status_code] += 1

        try_it()
    assert set(statuses) == set(operations(api.build().openapi()))
    assert not [name for name, found in statuses.items() if 429 in found], "throttled, so nothing was tried"
    never = {name for name, found in statuses.items() if not any(status < 400 for status in found)}
    assert never <= REFUSED_UNLESS_ASKED_RIGHT, statuses


def test_every_route_says_what_it_does_and_how_it_refuses() -> None:
    for path, methods in api.build().openapi()["paths"].items():
        for method, described in methods.items():
            where = f"{method.upper()} {path}"
            assert described.get("description"), where
            assert described.get("tags"), where
            if path != "/logout":
                assert {"400", "401", "403", "404", "429", "503"} <= set(described["responses"]), where
