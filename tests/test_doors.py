"""The server's own doors, over real sockets: half-sent requests, spoofed addresses."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from core.web import connections
from tests.running import free_port

HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"


async def says_who(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    await PlainTextResponse(request.client.host if request.client else "")(scope, receive, send)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    connections.harden()
    monkeypatch.setattr(connections, "HEADERS_S", 1.0)
    chosen = free_port()
    server = uvicorn.Server(uvicorn.Config(says_who, host="127.0.0.1", port=chosen, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield chosen
    server.should_exit = True
    thread.join()


def opened(port: int, sent: bytes) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    made.sendall(sent)
    return made


def answer(port: int, extra: bytes = b"") -> bytes:
    with opened(port, HEAD + extra + b"Connection: close\r\n\r\n") as asking:
        return b"".join(iter(lambda: asking.recv(4096), b""))


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_half_sent_requests_are_closed_and_others_are_answered_meanwhile(port: int) -> None:
    half = [opened(port, sent) for sent in (b"", b"GET / HT", HEAD, HEAD + b"X-Slow: ")]
    kept = opened(port, HEAD + b"\r\n")
    assert b"200 OK" in kept.recv(4096)
    kept.sendall(b"GET /again HT")  # the second request of a connection counts like the first
    assert b"200 OK" in answer(port)
    for connection in (*half, kept):
        assert is_closed(connection)
        connection.close()
    assert not connections.waiting.timers


def test_a_request_that_comes_slowly_but_in_time_is_answered(port: int) -> None:
    with opened(port, HEAD[:10]) as slow:
        time.sleep(0.2)
        slow.sendall(HEAD[10:] + b"Connection: close\r\n\r\n")
        assert b"200 OK" in b"".join(iter(lambda: slow.recv(4096), b""))


def test_beyond_the_bound_the_one_that_waits_longest_goes(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections.waiting, "most", 3)
    monkeypatch.setattr(connections, "HEADERS_S", 60.0)
    first, *others = [opened(port, HEAD) for _ in range(3)]
    while len(connections.waiting.timers) < 3:
        time.sleep(0.01)
    assert b"200 OK" in answer(port)
    assert is_closed(first)
    for connection in others:
        connection.sendall(b"Connection: close\r\n\r\n")
        assert b"200 OK" in connection.recv(4096)
        connection.close()
    first.close()


def test_the_server_itself_believes_no_header_about_addresses(port: int) -> None:
    assert answer(port, b"X-Forwarded-For: 198.51.100.1\r\n").endswith(b"127.0.0.1")


def test_the_limit_of_descriptors_is_raised_to_what_the_system_allows() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
        connections.harden()
        raised, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert raised == min(hard, 65_536) or raised == 65_536
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
