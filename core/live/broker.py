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
from core.live import broker_memory
from core.live.broker_memory import KeptSession
from core.live.endpoint import CLIENT_FILES, Endpoint, read_options, subscribed_topics, write_options
from core.settings import Settings

HOST = "127.0.0.1"
PORTS_TRIED = 100
USERNAME = "lab"

_START_S = 15.0
_STOP_S = 10.0
_AGAIN_S = 1.0
_LOG = logging.getLogger(__name__)


class Broker:
    """Starts amqtt for the app itself, `mosquitto_pub` and devices on this computer.

    The user name and password are made on the first start, kept in a 0600 file of the data folder and used again.
    A taken port gives way to the next free one; `sentence` says so. The feed's session is there before the port
    opens, so nothing that is published early is lost; sessions survive `stop` and `start`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._server: Any = None
        self._ended = threading.Event()
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
        self._ended.clear()
        self._thread = threading.Thread(target=self._run, args=(endpoint, started), name="mqtt-broker", daemon=True)
        self._thread.start()
        try:
            started.result(timeout=_START_S)
        except Exception as error:
            self.stop()
            raise UnavailableError(f"The embedded broker did not start on {endpoint.address}: {error}.") from error
        self.endpoint = endpoint
        _LOG.info("embedded broker on %s", endpoint.address)
        return endpoint

    def undelivered(self, client_id: str) -> int:
        """Messages that the session of `client_id` has not acknowledged yet."""
        if self._loop is None or self._server is None:
            return 0
        return asyncio.run_coroutine_threadsafe(_undelivered(self._server, client_id), self._loop).result(_STOP_S)

    def stop(self) -> None:
        """Close the port and end the thread."""
        thread, loop, stopping = self._thread, self._loop, self._stopping
        self._thread = None
        self._ended.set()
        if loop is not None and stopping is not None and not loop.is_closed():
            loop.call_soon_threadsafe(stopping.set)
        if thread is not None:
            thread.join(timeout=_STOP_S)
        self.endpoint = None
        self.sentence = "The embedded broker is not running."

    def _run(self, endpoint: Endpoint, started: Future[None]) -> None:
        """Serve until `stop`; a server that fails after its start is started again with what it remembers."""
        while True:
            try:
                asyncio.run(self._serve(endpoint, started))
                return
            except Exception as error:
                if not started.done():
                    started.set_exception(error)
                    return
                _LOG.exception("the embedded broker failed")
                self.sentence = f"The embedded broker failed ({type(error).__name__}) and starts again."
            if self._ended.wait(_AGAIN_S):
                return

    async def _serve(self, endpoint: Endpoint, started: Future[None]) -> None:
        from core.live.broker_sessions import LosslessBroker  # amqtt takes 0.3 s to import

        logging.getLogger("amqtt").setLevel(logging.ERROR)
        logging.getLogger("transitions").setLevel(logging.WARNING)
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = LosslessBroker(configuration(endpoint), kept=self._sessions())
        await server.start()
        self._server = server
        if not started.done():
            started.set_result(None)
        self.sentence = f"The embedded broker listens on {endpoint.address}.{self._elsewhere(endpoint)}"
        try:
            await server.serve_until(self._stopping)
        finally:
            self._server = None
            kept = await asyncio.wait_for(server.closing_memory(), _STOP_S / 2)
            broker_memory.save(self._settings.data_dir, kept)
            await asyncio.wait_for(server.shutdown(), _STOP_S / 2)

    def _elsewhere(self, endpoint: Endpoint) -> str:
        wanted = self._settings.mqtt_port
        return "" if endpoint.port == wanted else f" Port {wanted} is taken by another program."

    def _sessions(self) -> list[KeptSession]:
        """Those of the last stop, and the feed's."""
        kept = broker_memory.take(self._settings.data_dir)
        client_id = self._settings.mqtt_client_id
        if all(session.client_id != client_id for session in kept):
            subscriptions = tuple((topic, 1) for topic in subscribed_topics(self._settings))
            kept.append(KeptSession(client_id, subscriptions, secrets.randbelow(65_535)))
        return kept


async def _undelivered(server: Any, client_id: str) -> int:
    return int(server.undelivered(client_id))


def configuration(endpoint: Endpoint) -> dict[str, Any]:
    """amqtt's configuration: one TCP listener, password only, no other plugin."""
    return {
        "listeners": {"default": {"type": "tcp", "bind": endpoint.address}},
        "plugins": {
            "core.live.broker_password.PasswordPlugin": {
                "username": endpoint.username,
                "password": endpoint.password,
            }
        },
    }


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
