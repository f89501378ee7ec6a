"""One connection to the broker, from CONNECT to its end: what arrives waits in `inbox` until it is acknowledged.

A link is used once, by one thread. After it is lost nothing of it can be acknowledged any more, so a message that
was not committed in time comes again on the next link.
"""

from __future__ import annotations

import selectors
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from core.live.endpoint import SYSTEM_CA, Endpoint

KEEPALIVE_S = 30
CONNECT_S = 5.0
ANSWER_S = 10.0
"""How long the broker may take to answer CONNECT and SUBSCRIBE."""

_PACKETS_A_POLL = 256
_IN_FLIGHT = 1_000


class LinkError(Exception):
    """The link cannot be used, or not any more; the message is a sentence."""


class Link:
    """A paho client driven by its caller.

    paho's own loop uses select(), which fails above 1,024 open files, and reads one packet a call; this one polls
    and reads what is there.
    """

    def __init__(self, endpoint: Endpoint, *, client_id: str, topics: Sequence[str], clean: bool = False) -> None:
        self.endpoint = endpoint
        self.inbox: list[mqtt.MQTTMessage] = []
        self.received = 0
        self.unconfirmed = 0
        self.session_present = False
        self.heard_at = time.monotonic()
        self._topics = [(topic, 1) for topic in topics]
        self._lost: str | None = None
        self._connected = False
        self._subscribed = not topics
        self.asked_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._watched = 0
        self._client = new_client(endpoint, client_id=client_id, clean=clean)
        self._client.manual_ack_set(True)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_disconnect = self._on_disconnect
        self._client.max_inflight_messages_set(_IN_FLIGHT)
        self._client.on_socket_register_write = lambda *_: None  # acknowledgements wait for `flush`

    def open(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Connect and subscribe. Raises LinkError with the reason."""
        try:
            self._client.connect(self.endpoint.host, self.endpoint.port, keepalive=KEEPALIVE_S)
        except (OSError, ValueError) as error:
            raise LinkError(f"{self.endpoint.address} cannot be reached: {_why(error)}.") from None
        self._selector.register(self._socket(), selectors.EVENT_READ)
        self._watched = selectors.EVENT_READ
        deadline = time.monotonic() + ANSWER_S
        while not (self._connected and self._subscribed) and not stopped():
            self.poll(0.1)
            if time.monotonic() > deadline:
                raise LinkError(f"{self.endpoint.address} did not answer within {ANSWER_S:.0f} s.")

    def poll(self, timeout_s: float) -> None:
        """Wait for traffic, read and write what is there. Raises LinkError when the link is lost."""
        self._watch_socket()
        if not self._pending():
            self._selector.select(timeout_s)
        self._read()
        self.flush()
        self._check(self._client.loop_misc())

    def flush(self) -> None:
        """Write what waits, as far as the socket takes it."""
        if self._client.want_write():
            self._check(self._client.loop_write())

    def acknowledge(self, count: int) -> None:
        """Tell the broker that the first `count` messages of the inbox are safe, and drop them."""
        for message in self.inbox[:count]:
            if message.qos:
                self._client.ack(message.mid, message.qos)
        del self.inbox[:count]
        self.flush()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand a message over at QoS 1; `unconfirmed` counts those that the broker has not acknowledged."""
        self.unconfirmed += 1
        self._check(self._client.publish(topic, payload, qos=1, retain=retain).rc)

    def confirm(self, timeout_s: float = ANSWER_S) -> None:
        """Wait until the broker has everything that was published. Raises LinkError if it does not answer."""
        deadline = time.monotonic() + timeout_s
        while self.unconfirmed:
            if time.monotonic() > deadline:
                raise LinkError(f"{self.endpoint.address} did not acknowledge {self.unconfirmed} messages.")
            self.poll(0.1)

    def subscribe(self) -> None:
        """Ask for the topics again; proves the way to the broker and back."""
        self.asked_at = time.monotonic()
        self._subscribed = False
        code, _ = self._client.subscribe(self._topics)
        self._check(code)

    @property
    def overdue(self) -> bool:
        """Whether the broker owes the answer to a subscription for too long."""
        return not self._subscribed and time.monotonic() - self.asked_at > ANSWER_S

    def close(self) -> None:
        """Say goodbye if the link is up, and close the socket."""
        if self._lost is None and self._connected:
            self._client.disconnect()
            deadline = time.monotonic() + 1.0
            while self._client.want_write() and time.monotonic() < deadline:
                self._client.loop_write()
        self._lost = self._lost or "closed"
        self._selector.close()
        socket = self._client.socket()
        if socket is not None:
            socket.close()

    def _socket(self) -> Any:
        socket = self._client.socket()
        if socket is None:
            raise LinkError(self._lost or f"The connection to {self.endpoint.address} was lost.")
        return socket

    def _pending(self) -> bool:
        socket = self._client.socket()
        return isinstance(socket, ssl.SSLSocket) and socket.pending() > 0

    def _watch_socket(self) -> None:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._client.want_write() else 0)
        if wanted != self._watched:
            self._selector.modify(self._socket(), wanted)
            self._watched = wanted

    def _read(self) -> None:
        for _ in range(_PACKETS_A_POLL):
            before = self.received
            self._check(self._client.loop_read())
            if self.received == before and not self._pending():
                return

    def _check(self, code: MQTTErrorCode) -> None:
        if self._lost is not None:
            raise LinkError(self._lost)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkError(f"The connection to {self.endpoint.address} was lost: {mqtt.error_string(code)}")

    # ---- paho's callbacks, on the thread that drives the link. None of them may raise.

    def _on_connect(self, _client: Any, _userdata: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._lost = f"The broker at {self.endpoint.address} refuses the sign-in: {reason}."
            return
        self._connected = True
        self.session_present = bool(flags.session_present)
        if self._topics:
            self.asked_at = time.monotonic()
            self._client.subscribe(self._topics)

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: Any, reasons: Any, _properties: Any) -> None:
        self.heard_at = time.monotonic()
        self._subscribed = True
        for (topic, _), reason in zip(self._topics, reasons, strict=False):
            if reason.is_failure:
                self._lost = f"The broker at {self.endpoint.address} refuses the subscription to {topic}."

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self.received += 1
        self.inbox.append(message)

    def _on_publish(self, _client: Any, _userdata: Any, _mid: Any, _reason: Any, _properties: Any) -> None:
        self.unconfirmed -= 1

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self._lost is None:
            self._lost = f"The connection to {self.endpoint.address} was lost: {reason}."


def publish_once(endpoint: Endpoint, topic: str, payload: bytes, *, client_id: str, retain: bool = False) -> None:
    """Connect, publish one message at QoS 1, wait for the acknowledgement, disconnect. Raises LinkError."""
    link = Link(endpoint, client_id=client_id, topics=(), clean=True)
    try:
        link.open()
        link.publish(topic, payload, retain=retain)
        link.confirm()
    finally:
        link.close()


def new_client(endpoint: Endpoint, *, client_id: str, clean: bool) -> mqtt.Client:
    """A paho client with the endpoint's credentials and TLS. Raises LinkError for certificates that do not load."""
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean, reconnect_on_failure=False
    )
    client.connect_timeout = CONNECT_S
    if endpoint.username:
        client.username_pw_set(endpoint.username, endpoint.password)
    if endpoint.tls:
        try:
            client.tls_set(
                ca_certs=endpoint.ca if endpoint.ca not in ("", SYSTEM_CA) else None,
                certfile=endpoint.certificate or None,
                keyfile=endpoint.key or None,
            )
        except (OSError, ValueError) as error:
            raise LinkError(f"The TLS certificates cannot be used: {_why(error)}.") from None
    return client


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
