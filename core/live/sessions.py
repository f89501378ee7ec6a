"""What the embedded broker does with packets: sessions, subscriptions, and who is told when. No socket, one thread.

A message at QoS 1 or 2 is acknowledged to its publisher when the *keeper* has acknowledged it, the session of the
feed, which does so after its commit. Until then the publisher has it; so nothing is lost when this process is killed,
and nothing of it is written to a disk here. What the keeper does not subscribe to is acknowledged at once.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from core.live import packets
from core.live.packets import Connect, Publish, Subscribe

WINDOW = 1_000
"""Messages sent to one subscriber and not yet acknowledged by it."""
MAX_QUEUED = 100_000
"""Messages that wait for one subscriber: above that the keeper's publishers are not read, of others the oldest go."""
MAX_RETAINED = 10_000
MAX_CLIENTS = 1_000
"""Publishers whose packet ids are remembered while they are away."""

_LAST_ID = 65_535
_LOG = logging.getLogger(__name__)


class Wire(Protocol):
    """One connection, as the sessions use it."""

    def send(self, found: bytes) -> None:
        """Write; never waits."""

    def close(self) -> None:
        """End it after what was sent."""

    def reading(self, wanted: bool) -> None:
        """Read on, or leave what comes in the client's hands."""


class Peer(Protocol):
    """The connection that a session has now: a `core.live.clients.Client`."""

    wire: Wire

    def end(self) -> None:
        """End the connection from this side."""

    def offer(self, message: Message) -> None:
        """Send a message at QoS 0, unless the client does not keep up."""

    def send_retained(self, message: Message, qos: int) -> None:
        """Send a retained message."""


@dataclass(slots=True, eq=False)
class Message:
    """A message on its way to its subscribers. done: what to do when the keeper has it."""

    topic: str
    payload: bytes
    done: Callable[[], None] | None = None


@dataclass(slots=True, eq=False)
class Session:
    """What is known of one client: its subscriptions, what it is owed, and what it has published."""

    client_id: str
    clean: bool = True
    fresh: bool = True
    filters: dict[str, int] = field(default_factory=dict)
    waiting: deque[Message] = field(default_factory=deque)
    sent: dict[int, Message] = field(default_factory=dict)
    last_id: int = field(default_factory=lambda: secrets.randbelow(_LAST_ID))
    held: dict[int, tuple[int, object]] = field(default_factory=dict)
    told: OrderedDict[int, int] = field(default_factory=OrderedDict)
    client: Peer | None = None

    def granted(self, topic: str) -> int | None:
        """The highest QoS of its filters that match a topic; None if none does."""
        return max((qos for wanted, qos in self.filters.items() if packets.matches(wanted, topic)), default=None)

    def next_id(self) -> int:
        """A packet id that is not in use."""
        while True:
            self.last_id = self.last_id % _LAST_ID + 1
            if self.last_id not in self.sent:
                return self.last_id


class Sessions:
    """All clients of one broker. keeper: client id and topic filters of the session that acknowledges for us."""

    def __init__(self, *, username: str, password: str, keeper: str, topics: tuple[str, ...]) -> None:
        self.username = username
        self.password = password
        self.keeper = Session(keeper, clean=False, filters=dict.fromkeys(topics, 1))
        self.sessions: OrderedDict[str, Session] = OrderedDict({keeper: self.keeper})
        self._retained: OrderedDict[str, bytes] = OrderedDict()
        self._routes: dict[str, list[tuple[Session, int]]] = {}
        self._full: set[Peer] = set()

    def sign_in(self, asked: Connect, client: Peer) -> Session | None:
        """The session of a client whose password is right; None and an answer to it otherwise."""
        known = hmac.compare_digest(asked.username.encode(), self.username.encode())
        if not (hmac.compare_digest(asked.password, self.password.encode()) and known):
            client.wire.send(packets.connack(packets.BAD_CREDENTIALS))
            return None
        if not asked.client_id and not asked.clean:
            client.wire.send(packets.connack(packets.BAD_CLIENT_ID))
            return None
        client_id = asked.client_id or f"auto-{secrets.token_hex(8)}"
        session = self.sessions.get(client_id)
        if session is not None and session.client is not None:
            session.client.end()  # the newer connection of a client id stands
        session = self.sessions.get(client_id)
        if session is not None and asked.clean and session is not self.keeper:
            self._forget(session)
        session = self.sessions.setdefault(client_id, Session(client_id))
        session.clean = asked.clean and session is not self.keeper
        self.sessions.move_to_end(client_id)
        self._forget_some()
        session.client = client
        client.wire.send(packets.connack(packets.ACCEPTED, session_present=not session.fresh))
        session.fresh = session.clean
        for packet_id, message in session.sent.items():
            client.wire.send(outgoing(message, 1, packet_id=packet_id, dup=True))
        self.pump(session)
        return session

    def left(self, session: Session, client: Peer) -> None:
        """The session's connection has ended."""
        self._full.discard(client)
        session.client = None
        if session.clean:
            self._forget(session)

    def _forget(self, session: Session) -> None:
        del self.sessions[session.client_id]
        self._routes.clear()

    def _forget_some(self) -> None:
        away = [one for one in self.sessions.values() if one.client is None and one is not self.keeper]
        for session in away[: max(0, len(self.sessions) - MAX_CLIENTS)]:
            self._forget(session)

    # ---- subscriptions

    def subscribe(self, session: Session, asked: Subscribe) -> list[int]:
        """Take or withdraw filters; the QoS granted to each. What is retained on them is sent by `send_retained`."""
        granted = []
        for topic_filter, qos in asked.filters:
            if qos is None:
                if session is not self.keeper:
                    session.filters.pop(topic_filter, None)
            elif qos > 2 or not packets.is_filter(topic_filter):
                granted.append(packets.REFUSED_SUBSCRIPTION)
            else:
                session.filters[topic_filter] = min(qos, 1)
                granted.append(min(qos, 1))
        self._routes.clear()
        return granted

    def send_retained(self, session: Session, asked: Subscribe) -> None:
        """What is retained on filters that were just taken."""
        for topic_filter, qos in asked.filters:
            if qos is None or topic_filter not in session.filters or session.client is None:
                continue
            for topic, payload in self._retained.items():
                if packets.matches(topic_filter, topic):
                    session.client.send_retained(Message(topic, payload), min(qos, 1))

    # ---- messages

    def publish(self, found: Publish, done: Callable[[], None] | None) -> None:
        """Hand a message to everybody who wants it; `done` is called once the keeper has it, or need not have it."""
        if found.retain:
            self._retain(found)
        for session, qos in self._route(found.topic):
            message = Message(found.topic, found.payload)
            if session is self.keeper and found.qos:
                message.done, done = done, None
            self._enqueue(session, message, qos=min(qos, found.qos))
        if done is not None:
            done()

    def _enqueue(self, session: Session, message: Message, *, qos: int) -> None:
        if qos == 0:
            if session.client is not None:
                session.client.offer(message)
            return
        if len(session.waiting) >= MAX_QUEUED and session is not self.keeper:
            session.waiting.popleft()
            _LOG.warning("queue of %s is full at %d messages: the oldest dropped", session.client_id, MAX_QUEUED)
        session.waiting.append(message)
        self.pump(session)

    def pump(self, session: Session) -> None:
        """Send what waits, as far as the window allows."""
        while session.client is not None and session.waiting and len(session.sent) < WINDOW:
            message, packet_id = session.waiting.popleft(), session.next_id()
            session.sent[packet_id] = message
            session.client.wire.send(outgoing(message, 1, packet_id=packet_id))

    def acknowledged(self, session: Session, packet_id: int) -> None:
        """A subscriber has a message."""
        message = session.sent.pop(packet_id, None)
        if message is not None:
            if message.done is not None:
                message.done()
            self.pump(session)
        if self._full and len(self.keeper.waiting) < MAX_QUEUED:
            for client in self._full:
                client.wire.reading(True)
            self._full.clear()

    def press(self, client: Peer) -> None:
        """Stop reading a client whose messages nobody takes."""
        if len(self.keeper.waiting) >= MAX_QUEUED:
            self._full.add(client)
            client.wire.reading(False)

    def undelivered(self, client_id: str) -> int:
        """Messages that a session has not acknowledged."""
        session = self.sessions.get(client_id)
        return len(session.waiting) + len(session.sent) if session else 0

    def _retain(self, found: Publish) -> None:
        self._retained.pop(found.topic, None)
        if found.payload:
            self._retained[found.topic] = found.payload
            if len(self._retained) > MAX_RETAINED:
                self._retained.popitem(last=False)

    def _route(self, topic: str) -> list[tuple[Session, int]]:
        """Who gets a topic, each once, at the highest QoS of its filters that match."""
        route = self._routes.get(topic)
        if route is None:
            route = [
                (session, qos) for session in self.sessions.values() if (qos := session.granted(topic)) is not None
            ]
            if len(self._routes) >= MAX_RETAINED:
                self._routes.clear()
            self._routes[topic] = route
        return route


def outgoing(message: Message, qos: int, *, packet_id: int = 0, dup: bool = False, retain: bool = False) -> bytes:
    """A message as it is written to one subscriber."""
    return packets.publish(Publish(message.topic, message.payload, qos, retain, dup, packet_id))
