"""Who reaches which route: every route of the API against every kind of caller."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.routing import APIRoute
from starlette.types import Message

from core.errors import NotSignedInError
from core.web import api, gate
from core.web.api import chain, datasets, docs, insight, lab, runs, staging
from core.web.gate import Buckets, Gate, Rate
from tests.web.conftest import GOOD, HOST, ORIGIN, Client, House

READ, WRITE = "read", "write"
NEEDS = {
    "GET /api/dashboard-data": READ,
    "GET /api/me": READ,
    "GET /api/status": READ,
    "GET /api/blocks": READ,
    "GET /api/blocks/{height}": READ,
    "GET /block/{index}": READ,
    "POST /mine": WRITE,
    "GET /api/transactions": READ,
    "GET /api/transactions/pending": READ,
    "GET /api/transactions/{tx_hash}": READ,
    "GET /api/receipts/{tx_hash}": READ,
    "GET /api/search": READ,
    "POST /api/verify": WRITE,
    "POST /upload": WRITE,
    "POST /api/staged/{batch}": WRITE,
    "GET /api/datasets": READ,
    "GET /api/datasets/{dataset_id}": READ,
    "GET /api/datasets/{dataset_id}/report": READ,
    "DELETE /api/datasets/{dataset_id}": WRITE,
    "GET /api/algorithms": READ,
    "GET /api/runs": READ,
    "POST /api/runs": WRITE,
    "GET /api/runs/{run_id}": READ,
    "POST /api/runs/{run_id}/cancel": WRITE,
    "GET /api/runs/{run_id}/receipt": READ,
    "GET /api/runs/{run_id}/slots/{slot}": READ,
    "GET /api/runs/{run_id}/stability": READ,
    "GET /api/runs/{run_id}/result": READ,
    "GET /api/runs/{run_id}/figures": READ,
    "GET /api/runs/{run_id}/figures.csv": READ,
    "DELETE /api/runs/{run_id}": WRITE,
    "GET /api/docs": READ,
    "GET /api/docs/{name}": READ,
    "GET /api/openapi.json": READ,
}
"""Every route but the way in and the way out. A new one must be entered here before its tests pass."""
BODIES = {
    "POST /upload": {"files": {"files": ("HH001.csv", b"no readings")}},
    "POST /api/staged/{batch}": {"files": {"files": ("HH001.csv", b"no readings")}},
    "POST /api/runs": {"json": {"dataset_id": "x", "algorithms": [{"id": "grid_only"}]}},
    "POST /api/verify": {"json": {"level": 1}},
}
PLACES = {
    "height": "0",
    "index": "0",
    "tx_hash": "0" * 64,
    "dataset_id": "0" * 16,
    "batch": "0" * 16,
    "run_id": "0" * 16,
    "slot": "0",
    "name": "start.js",
}


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in headers.items()}


def listed() -> Iterator[str]:
    """Every route of every part of the application, in the description or not."""
    for part in (lab, chain, datasets, runs, insight, staging, docs):
        for route in part.router.routes:
            assert isinstance(route, APIRoute)
            if route.path not in ("/session", "/logout"):
                yield from (f"{method} {route.path}" for method in sorted(route.methods))


def call(house: House, what: str, client: Client) -> int:
    method, path = what.split(" ")
    query = "?q=HH001" if path == "/api/search" else ""
    return int(client.request(method, path.format(**PLACES) + query, **BODIES.get(what, {})).status_code)


def test_every_route_is_in_the_table() -> None:
    assert sorted(listed()) == sorted(NEEDS)
    assert len(api.build().routes) == 8  # the seven parts and the answer for what is not there


def test_nobody_unknown_reaches_a_route(house: House) -> None:
    anna = house.person("anna", "analyst")
    ended = house.exchange.sessions.open(anna)
    house.exchange.sessions.end(ended)
    strangers = (
        house.client(),
        house.client(token="p2p_made-up"),
        house.client(cookie=f"lab_session={ended}"),
        house.client(cookie="lab_session=forged"),
        house.client(authorization="Basic YWRtaW46YWRtaW4="),
    )
    for what in NEEDS:
        assert {call(house, what, client) for client in strangers} == {401}, what


def test_the_first_password_opens_no_route(house: House) -> None:
    (admin,) = house.exchange.accounts.everybody()
    client = house.client(admin)
    assert client.get("/api/me").json()["error"]["code"] == "password_change_required"
    assert {what: call(house, what, client) for what in NEEDS} == dict.fromkeys(NEEDS, 403)


def test_a_viewer_looks_and_an_analyst_does(house: House) -> None:
    viewer, analyst = (house.client(house.person(role, role)) for role in ("viewer", "analyst"))
    refused = {what: call(house, what, viewer) == 403 for what in NEEDS}
    assert refused == {what: NEEDS[what] == WRITE for what in NEEDS}
    statuses = {what: call(house, what, analyst) for what in NEEDS}
    assert {what: status for what, status in statuses.items() if status in (401, 403) or status >= 500} == {}


def test_a_token_does_what_its_scopes_say(house: House) -> None:
    anna = house.person("anna", "analyst")
    for scope in (READ, WRITE):
        secret, _ = house.exchange.tokens.create(anna, name=scope, scopes=[scope], days=1)
        refused = {what: call(house, what, house.client(token=secret)) == 403 for what in NEEDS}
        assert refused == {what: NEEDS[what] != scope for what in NEEDS}


def test_a_viewers_token_may_not_write_whatever_its_scopes(house: House) -> None:
    secret, _ = house.exchange.tokens.create(house.person("vera", "viewer"), name="t", scopes=["write"], days=1)
    assert house.client(token=secret).post("/mine").status_code == 403


def test_somebody_elses_datasets_and_runs_are_not_found(house: House) -> None:
    anna, ben = house.person("anna", "analyst"), house.person("ben", "analyst")
    sample = house.exchange.datasets.sample(anna.user_id)
    begun = house.client(anna).post(
        "/api/runs", json={"dataset_id": sample.dataset_id, "algorithms": [{"id": "grid_only"}]}
    )
    run_id = begun.json()["run_id"]
    own = [f"/api/datasets/{sample.dataset_id}", f"/api/datasets/{sample.dataset_id}/report", f"/api/runs/{run_id}"]
    for path in own:
        assert house.client(anna).get(path).status_code == 200
        assert house.client(ben).get(path).status_code == 404
    others = house.client(ben)
    assert others.request("DELETE", f"/api/datasets/{sample.dataset_id}").status_code == 404
    assert others.request("DELETE", f"/api/runs/{run_id}").status_code == 404
    assert others.post(f"/api/runs/{run_id}/cancel").status_code == 404
    assert others.get(f"/api/runs/{run_id}/result").status_code == 404
    assert others.get(f"/api/runs/{run_id}/receipt").status_code == 404
    begun = others.post("/api/runs", json={"dataset_id": sample.dataset_id, "algorithms": [{"id": "grid_only"}]})
    assert begun.status_code == 404
    assert others.get("/api/datasets").json()["items"] == []
    assert others.get("/api/runs").json()["items"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_sites_page_changes_nothing(house: House, headers: dict[str, str]) -> None:
    anna = house.person("anna", "analyst")
    for method, path in (("POST", "/mine"), ("POST", "/upload"), ("DELETE", "/api/runs/x"), ("GET", "/logout")):
        answer = house.client(anna, **named(headers)).request(method, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "cross_origin"), path
    ticket = house.exchange.sessions.ticket(anna)
    assert house.client(**named(headers)).post("/session", headers={"x-ticket": ticket}).status_code == 403


def test_our_own_page_and_a_program_may_change_things(house: House) -> None:
    anna = house.person("anna", "analyst")
    assert house.client(anna, origin=ORIGIN).post("/mine").status_code == 200
    assert house.client(anna).post("/mine").status_code == 200


def test_a_token_needs_no_origin_and_a_cookie_beside_it_does_not_count(house: House) -> None:
    anna, vera = house.person("anna", "analyst"), house.person("vera", "viewer")
    secret, _ = house.exchange.tokens.create(vera, name="t", scopes=["read", "write"], days=1)
    both = house.client(anna, token=secret)
    assert both.get("/api/me").json()["username"] == "vera"
    assert both.post("/mine").status_code == 403


def test_a_ticket_becomes_an_unreadable_cookie_once(house: House) -> None:
    anna = house.person("anna", "analyst")
    ticket = house.exchange.sessions.ticket(anna)
    client = house.client(origin=ORIGIN)
    answer = client.post("/session", headers={"x-ticket": ticket})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert client.get("/api/me").json()["username"] == "anna"
    assert client.post("/session", headers={"x-ticket": ticket}).status_code == 401


def test_a_cookie_set_beforehand_is_not_taken_over(house: House) -> None:
    """Fixation: what the browser brought is replaced by a token nobody has seen."""
    anna = house.person("anna", "analyst")
    client = house.client(cookie="lab_session=planted")
    answer = client.post("/session", headers={"x-ticket": house.exchange.sessions.ticket(anna)})
    assert "planted" not in answer.headers["set-cookie"]
    assert house.client(cookie="lab_session=planted").get("/api/me").status_code == 401


def test_signing_in_again_ends_what_the_browser_had_before(house: House) -> None:
    anna = house.person("anna", "analyst")
    before = house.exchange.sessions.open(anna)
    client = house.client(cookie=f"lab_session={before}")
    assert client.post("/session", headers={"x-ticket": house.exchange.sessions.ticket(anna)}).status_code == 204
    assert house.exchange.sessions.user_of(before) is None


def test_what_is_for_one_caller_is_kept_by_no_cache(house: House) -> None:
    client = house.client(house.person("anna", "analyst"))
    for path in ("/api/me", "/api/nope", "/api/openapi.json"):
        assert client.get(path).headers["cache-control"] == "no-store"


def test_after_sign_out_the_cookie_is_worth_nothing(house: House) -> None:
    client = house.client(house.person("anna", "analyst"))
    kept = client.cookies["lab_session"]
    answer = client.get("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert house.client(cookie=f"lab_session={kept}").get("/api/me").status_code == 401


@pytest.mark.parametrize(
    "path", ["/api/nope", "/api/", "/block/abc", "/block/-1", "/block/1e3", "/api/runs/x%0Ay", "/block/" + "9" * 30]
)
def test_what_is_not_there_is_said_in_json(house: House, path: str) -> None:
    answer = house.client(house.person("anna", "analyst")).get(path)
    assert answer.status_code in (400, 404)
    assert set(answer.json()["error"]) == {"code", "message", "fix"}


def test_every_refusal_has_the_one_shape(house: House) -> None:
    anna = house.client(house.person("anna", "analyst"))
    for answer in (
        anna.get("/mine"),
        anna.get("/api/blocks?limit=0"),
        anna.post("/api/runs", json={"dataset_id": 1}),
        anna.post("/api/runs", content=b"{", headers={"content-type": "application/json"}),
        anna.post("/api/verify", content=b"x" * 2_000_000, headers={"content-type": "application/json"}),
        anna.get("/api/transactions/zz"),
        house.client().get("/api/me"),
        house.client(host="evil.example").get("/api/me"),
    ):
        assert 400 <= answer.status_code < 500
        assert set(answer.json()["error"]) == {"code", "message", "fix"}, answer.text


def test_a_file_above_twenty_megabytes_is_refused_by_name(house: House) -> None:
    client = house.client(house.person("anna", "analyst"))
    large = {"files": ("<HH001>.csv", b"0" * (20 * 2**20 + 1))}
    answer = client.post("/upload", files=large)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert "<HH001>.csv is larger than 20 MB" in answer.json()["error"]["message"]


def test_an_upload_that_cannot_be_read_is_refused_with_the_place(house: House) -> None:
    client = house.client(house.person("anna", "analyst"))
    bad = b"timestamp,household_id,load_kw\n2026-03-01 00:00,HH001,abc\n2026-03-01 01:00,HH001,1\n"
    answer = client.post("/upload", files={"files": ("HH001.csv", bad)})
    assert answer.status_code == 400
    assert "line 2" in answer.json()["error"]["message"]
    assert client.get("/api/datasets").json()["items"] == []


def test_a_page_under_another_name_is_not_answered(house: House) -> None:
    answer = house.client(house.person("anna", "analyst"), host="evil.example:8501").get("/api/me")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "host")


def test_every_answer_carries_the_policy(house: House) -> None:
    anna = house.person("anna", "analyst")
    for client in (house.client(), house.client(anna)):
        headers = client.get("/api/me").headers
        assert "script-src 'self' 'sha256-" in headers["content-security-policy"]
        assert "unsafe-inline'; img" not in headers["content-security-policy"].split("script-src")[1].split(";")[0]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert "strict-transport-security" not in headers


def test_behind_tls_the_cookie_is_secure_and_browsers_are_told_to_stay_there(house: House) -> None:
    house.exchange.settings = replace(house.exchange.settings, public_url="https://lab.example.org")
    ticket = house.exchange.sessions.ticket(house.person("anna", "analyst"))
    answer = house.client(origin="https://lab.example.org").post("/session", headers={"x-ticket": ticket})
    assert answer.headers["set-cookie"].startswith("__Host-lab_session=")
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_what_happens_to_accounts_is_chained_by_ids(house: House) -> None:
    anna = house.person("anna", "analyst")
    with pytest.raises(NotSignedInError):
        house.exchange.accounts.check("anna", "not the password", address="203.0.113.9")
    documents = [json.loads(row.body) for row in house.exchange.pool.pending(50)]
    of_anna = [d["action"] for d in documents if d["subject"] == anna.user_id]
    assert of_anna == ["account.made", "sign-in", "role.analyst", "sign-in.refused"]
    assert "anna" not in str(documents)
    assert "203.0.113.9" not in str(documents)


def test_floods_are_told_how_long_to_wait(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "WRITES", Rate(per_s=0.1, burst=2))
    client = house.client(house.person("anna", "analyst"))
    assert [client.post("/mine").status_code for _ in range(3)] == [200, 200, 429]
    refused = client.post("/mine")
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert client.get("/api/me").status_code == 200


def test_strangers_who_keep_knocking_are_told_to_wait(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "REFUSALS", Rate(per_s=0.1, burst=3))
    client = house.client()
    assert [client.get("/api/me").status_code for _ in range(4)] == [401, 401, 401, 429]


def test_streamlits_own_side_doors_are_for_members(house: House) -> None:
    for path in ("/_stcore/metrics", "/_stcore/agent/interact", "/media/x.csv"):
        assert house.client().get(path).status_code == 401
    for method in ("PUT", "DELETE"):
        assert house.client().request(method, "/_stcore/upload_file/s/f", content=b"x").status_code == 401


def test_a_member_reaches_no_page_and_no_file_of_which_nothing_is_known(house: House) -> None:
    client = house.client(house.person("anna", "analyst"))
    assert client.request("PUT", "/_stcore/upload_file/s/f", content=b"x").status_code == 404
    assert client.get("/media/x.csv").status_code == 404


# ---- pages: WebSockets of people without a session


async def _open(opened: Gate, received: list[Message], *, address: str = "203.0.113.1") -> list[Message]:
    """What comes back when a page is opened and sends `received`."""
    sent: list[Message] = []
    waiting = [{"type": "websocket.connect"}, *received]

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/_stcore/stream",
        "headers": [(b"host", HOST.encode())],
        "client": (address, 1),
        "query_string": b"",
    }
    await opened(scope, receive, send)
    return sent


async def _echo(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
    while True:
        message = await receive()
        await send({"type": "got", "what": message["type"], "code": message.get("code")})
        if message["type"] == "websocket.disconnect":
            return


def test_strangers_may_open_few_pages_and_send_little(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "STRANGERS_OF_ONE_ADDRESS", 2)

    async def scene() -> None:
        opened = Gate(_echo)
        small, large = (
            {"type": "websocket.receive", "bytes": b"x"},
            {"type": "websocket.receive", "bytes": b"x" * 70_000},
        )
        sent = await _open(opened, [small, large, small])
        assert [message["what"] for message in sent] == [
            "websocket.connect",
            "websocket.receive",
            "websocket.disconnect",
        ]
        assert sent[-1]["code"] == 1009
        assert (await _open(opened, []))[0]["type"] == "got"
        assert await _open(opened, []) == [{"type": "websocket.close", "code": 1013}]
        assert (await _open(opened, [], address="198.51.100.1"))[0]["type"] == "got"
        opened._forget("203.0.113.1")
        assert (await _open(opened, []))[0]["type"] == "got"

    asyncio.run(scene())


def test_a_visitor_who_finds_no_room_reads_a_sentence(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "STRANGERS_OF_ONE_ADDRESS", 0)
    page = {"accept": "text/html,application/xhtml+xml"}
    answer = house.client().get("/explorer", headers=page)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "Too many pages without a sign-in are open" in answer.text
    assert "content-security-policy" in answer.headers
    anna = house.client(house.person("anna", "analyst"))
    assert "Too many pages" not in anna.get("/explorer", headers=page).text


def test_buckets_of_the_gate_are_those_of_the_constants() -> None:
    opened = Gate(_echo)
    assert isinstance(opened._reads, Buckets)
    assert opened._reads._rate == gate.READS


def test_registering_is_no_way_around_the_roles(house: House) -> None:
    anna = house.exchange.accounts.register("anna", GOOD, address="::1")
    assert anna.role == "analyst"
