"""The embedded broker: MQTT 3.1.1 on 127.0.0.1 with a generated password, in a thread and event loop of its own."""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
import socket
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from core.errors import UnavailableError
from core.live.clients import Client
from core.live.endpoint import CLIENT_FILES, Endpoint, read_options, subscribed_topics, write_options
from core.live.sessions import Sessions
from core.settings import Settings

HOST = "127.0.0.1"
PORTS_TRIED = 100
USERNAME = "lab"
MAX_CONNECTIONS = 500

_CONNECT_S = 10.0
_GOODBYE_S = 1.0
_LOOK_S = 1.0
_LOG = logging.getLogger(__name__)


class Broker:
    """A broker for the app itself, `mosquitto_pub` and devices on this computer.

    The user name and password are made on the first start, kept in a 0600 file of the data folder and used again.
    A taken port gives way to the next free one; `sentence` says so. What a publisher was told at QoS 1 is in the pool:
    see `core.live.sessions`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._sessions: Sessions | None = None
        self.endpoint: Endpoint | None = None
        self.sentence = "The embedded broker is not running."

    @property
    def options_file(self) -> Path:
        """The file with address and credentials for `mosquitto_pub`: set XDG_CONFIG_HOME to its folder."""
        return self._settings.data_dir / CLIENT_FILES[0]

    def start(self) -> Endpoint:
        """Listen, and write the credentials; returns where. Raises UnavailableError when no port is free."""
        if self._thread is not None:
            raise UnavailableError("The embedded broker is already running.")
        password = read_options(self.options_file).get("-P") or secrets.token_hex(16)
        port = free_port(self._settings.mqtt_port)
        endpoint = Endpoint(HOST, port, username=USERNAME, password=password, embedded=True)
        write_options(self._settings.data_dir, endpoint)
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(endpoint, started), name="mqtt-broker", daemon=True)
        self._thread.start()
        try:
            started.result()
        except OSError as error:
            self.stop()
            raise UnavailableError(f"The embedded broker did not start on {endpoint.address}: {error}.") from error
        self.endpoint = endpoint
        elsewhere = "" if port == self._settings.mqtt_port else f" Port {self._settings.mqtt_port} is taken."
        self.sentence = f"The embedded broker listens on {endpoint.address}.{elsewhere}"
        _LOG.info("embedded broker on %s", endpoint.address)
        return endpoint

    def undelivered(self, client_id: str) -> int:
        """Messages that the session of `client_id` has not acknowledged yet."""
        if self._loop is None or self._sessions is None or self._thread is None:
            return 0
        return asyncio.run_coroutine_threadsafe(_undelivered(self._sessions, client_id), self._loop).result()

    def stop(self) -> None:
        """Close the port and end the thread. What is not acknowledged is with its publishers, who send it again."""
        thread, loop, stopping = self._thread, self._loop, self._stopping
        self._thread = None
        if thread is not None and loop is not None and stopping is not None and thread.is_alive():
            loop.call_soon_threadsafe(stopping.set)
        if thread is not None:
            thread.join()
        self.endpoint = None
        self.sentence = "The embedded broker is not running."

    def _run(self, endpoint: Endpoint, started: Future[None]) -> None:
        try:
            asyncio.run(self._serve(endpoint, started))
        except Exception as error:
            if not started.done():
                started.set_exception(error)
                return
            _LOG.exception("the embedded broker failed")
            self.sentence = f"The embedded broker failed ({type(error).__name__}); start the lab again."

    async def _serve(self, endpoint: Endpoint, started: Future[None]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        settings = self._settings
        self._sessions = Sessions(
            username=endpoint.username,
            password=endpoint.password,
            keeper=settings.mqtt_client_id,
            topics=subscribed_topics(settings),
        )
        connections: set[Connection] = set()
        server = await self._loop.create_server(
            lambda: Connection(self._sessions, connections), endpoint.host, endpoint.port
        )
        started.set_result(None)
        while not self._stopping.is_set():
            for connection in list(connections):
                connection.look(self._loop.time())
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._stopping.wait()
            except TimeoutError:
                continue
        server.close()
        await _closed(connections)


class Connection(asyncio.Protocol):
    """The wire of one client: writes of one turn of the loop go out together."""

    def __init__(self, sessions: Any, connections: set[Connection]) -> None:
        self._client = Client(sessions, self)
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._out: list[bytes] = []
        self._heard_at = self._loop.time()

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        self._transport = transport
        if len(self._connections) >= MAX_CONNECTIONS:
            _LOG.warning("more than %d connections: one is refused", MAX_CONNECTIONS)
            transport.abort()
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came. An error of ours ends this connection and no other."""
        self._heard_at = self._loop.time()
        try:
            self._client.received(data)
        except Exception:
            _LOG.exception("a client's connection ends by an error of the broker")
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._connections.discard(self)
        self._client.lost()

    def pause_writing(self) -> None:
        """The client does not keep up."""
        self._client.congested = True

    def resume_writing(self) -> None:
        """It does again."""
        self._client.congested = False

    def look(self, now: float) -> None:
        """End it if the client has been silent for longer than it promised, or never said who it is."""
        if not self._transport.is_reading():
            self._heard_at = now
        allowed_s = 1.5 * self._client.keepalive_s if self._client.session is not None else _CONNECT_S
        if allowed_s and now - self._heard_at > allowed_s:
            self._transport.abort()

    # ---- what the sessions ask for

    def send(self, found: bytes) -> None:
        """Write; never waits."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(found)

    def _flush(self) -> None:
        if self._out and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def close(self) -> None:
        """End it after what was sent."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """End it now."""
        self._transport.abort()

    def reading(self, wanted: bool) -> None:
        """Read on, or leave what comes in the client's hands."""
        if not self._transport.is_closing() and wanted != self._transport.is_reading():
            (self._transport.resume_reading if wanted else self._transport.pause_reading)()


async def _closed(connections: set[Connection]) -> None:
    """End every connection; one that does not take its last bytes is cut off."""
    for connection in list(connections):
        connection.close()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _GOODBYE_S
    while connections and loop.time() < deadline:
        await asyncio.sleep(0.005)
    for connection in list(connections):
        connection.abort()
    await asyncio.sleep(0)


async def _undelivered(sessions: Sessions, client_id: str) -> int:
    return sessions.undelivered(client_id)


def free_port(wanted: int) -> int:
    """`wanted`, or the next port above it that nobody listens on. Raises UnavailableError without one."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65_536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
                continue
            return port
    raise UnavailableError(
        f"No port from {wanted} to {wanted + PORTS_TRIED - 1} is free on {HOST}.", fix="Set MQTT_PORT to a free one."
    )
