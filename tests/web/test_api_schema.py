"""Whatever is sent to the API, it answers as its own description says, and never with a server error."""

from __future__ import annotations

import threading
import time
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

from core.runs import RunPlan, Selection
from core.web import api, gate
from core.web.gate import Rate
from tests.running import free_port
from tests.web.conftest import House

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PLENTY = Rate(per_s=10_000, burst=100_000)


@pytest.fixture
def served(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """The address of the API on a port of its own, and a token for it."""
    for name in ("READS", "WRITES", "REFUSALS"):
        monkeypatch.setattr(gate, name, PLENTY)
    secret, _ = house.exchange.tokens.create(
        house.person("anna", "analyst"), name="all", scopes=["read", "write"], days=1
    )
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(house.application, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}", secret
    server.should_exit = True
    thread.join()


def things_that_are_there(house: House) -> dict[str, str]:
    """Names that lead somewhere: made-up ones alone would try refusals only."""
    anna = next(user for user in house.exchange.accounts.everybody() if user.username == "anna")
    dataset = house.exchange.datasets.sample(anna.user_id)
    run_id = house.exchange.runs.start(anna.user_id, dataset.dataset_id, plan=RunPlan((Selection("grid_only"),)))
    block = house.exchange.mine().block
    assert block is not None
    places = {"height": "1", "index": "0", "tx_hash": block.tx_hashes[0]}
    return {"dataset_id": dataset.dataset_id, "run_id": run_id, **places}


@pytest.mark.slow
def test_the_api_answers_as_it_describes_itself(house: House, served: tuple[str, str]) -> None:
    address, secret = served
    headers = {"authorization": f"Bearer {secret}"}
    schema = schemathesis.openapi.from_url(f"{address}/api/openapi.json", headers=headers)
    tried, real = set(), things_that_are_there(house)

    for operation in (found.ok() for found in schema.get_all_operations()):

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy(), draws=some.randoms())
        def try_it(case: schemathesis.Case, draws: Random) -> None:
            tried.add(case.operation.label)
            case.path_parameters.update({name: real[name] for name in case.path_parameters if draws.random() < 0.3})
            case.call_and_validate(headers=headers, checks=CHECKS, timeout=20)

        try_it()
    assert len(tried) >= 25


def test_every_route_says_what_it_does_and_how_it_refuses() -> None:
    for path, methods in api.build().openapi()["paths"].items():
        for method, described in methods.items():
            where = f"{method.upper()} {path}"
            assert described.get("description"), where
            assert described.get("tags"), where
            if path != "/logout":
                assert {"400", "401", "403", "404", "429", "503"} <= set(described["responses"]), where
