"""One connection to the embedded broker: bytes in, answers out, and what its publisher is told when."""

from __future__ import annotations

import logging

from core.live import packets
from core.live.packets import Bare, Connect, Numbered, Packet, ProtocolError, Publish, Subscribe
from core.live.sessions import Message, Session, Sessions, Wire, outgoing

HELD = 2_000
"""Unacknowledged messages of one connection above which it is not read any further."""
REMEMBERED = 10_000
"""Acknowledged packet ids of a publisher by which it is told again what it did not hear."""

_LOG = logging.getLogger(__name__)
_ANSWERS = {1: packets.PUBACK, 2: packets.PUBREC}


class Client:
    """One connection: bytes in, answers out over its wire."""

    def __init__(self, sessions: Sessions, wire: Wire) -> None:
        self.wire = wire
        self.session: Session | None = None
        self.keepalive_s = 0
        self.congested = False
        self._sessions = sessions
        self._parser = packets.Parser()
        self._will: Publish | None = None
        self._ended = False

    def received(self, arrived: bytes) -> None:
        """Act on what arrived; a client that breaks the rules is told as far as MQTT can, and cut off."""
        try:
            for packet in self._parser.feed(arrived):
                if self._ended:
                    return
                self._act(packet)
        except ProtocolError as error:
            _LOG.info("a client is cut off: %s", error)
            self.wire.send(error.answer)
            self.end()

    def lost(self) -> None:
        """The connection has ended."""
        self._ended = True
        session, self.session = self.session, None
        if session is None:
            return
        self._sessions.left(session, self)
        if self._will is not None:
            self._sessions.publish(self._will, None)

    def end(self) -> None:
        """End the connection from this side."""
        self.wire.close()
        self.lost()

    def _act(self, packet: Packet) -> None:
        session = self.session
        if session is None or isinstance(packet, Connect):
            if session is not None or not isinstance(packet, Connect):
                raise ProtocolError("CONNECT is the first packet, and comes once")
            self._connect(packet)
        elif isinstance(packet, Publish):
            self._publish(session, packet)
        elif isinstance(packet, Numbered):
            self._numbered(session, packet)
        elif isinstance(packet, Subscribe):
            self._subscribe(session, packet)
        elif packet == Bare(packets.PINGREQ):
            self.wire.send(packets.PONG)
        else:
            self._will = None
            self.end()

    def _connect(self, asked: Connect) -> None:
        self.session = self._sessions.sign_in(asked, self)
        if self.session is None:
            self.end()
            return
        self.keepalive_s, self._will = asked.keepalive_s, asked.will

    def _subscribe(self, session: Session, asked: Subscribe) -> None:
        granted = self._sessions.subscribe(session, asked)
        if asked.filters[0][1] is None:
            self.wire.send(packets.numbered(packets.UNSUBACK, asked.packet_id))
            return
        self.wire.send(packets.suback(asked.packet_id, granted))
        self._sessions.send_retained(session, asked)

    def _numbered(self, session: Session, packet: Numbered) -> None:
        if packet.kind == packets.PUBACK:
            self._sessions.acknowledged(session, packet.packet_id)
        elif packet.kind == packets.PUBREL:
            session.told.pop(packet.packet_id, None)
            self.wire.send(packets.numbered(packets.PUBCOMP, packet.packet_id))

    def _publish(self, session: Session, found: Publish) -> None:
        if not found.qos:
            self._sessions.publish(found, None)
            return
        number, digest, answer = found.packet_id, hash((found.topic, found.payload)), _ANSWERS[found.qos]
        if found.dup or found.qos == 2:  # perhaps what we have, or had, already
            if session.told.get(number) == digest:
                self.wire.send(packets.numbered(answer, number))
                return
            if number in session.held and session.held[number][0] == digest:
                return  # its acknowledgement goes to whatever connection the client has then
        token = object()
        session.held[number] = digest, token
        session.told.pop(number, None)
        self._sessions.publish(found, lambda: _tell(session, number, token=token, answer=answer))
        if len(session.held) >= HELD:
            self.wire.reading(False)
        self._sessions.press(self)

    def offer(self, message: Message) -> None:
        """Send a message at QoS 0, unless the client does not keep up."""
        if not self.congested:
            self.wire.send(outgoing(message, 0))

    def send_retained(self, message: Message, qos: int) -> None:
        """Send a retained message; not counted as owed, since the next subscription brings it again."""
        packet_id = self.session.next_id() if qos and self.session is not None else 0
        self.wire.send(outgoing(message, qos, packet_id=packet_id, retain=True))


def _tell(session: Session, packet_id: int, *, token: object, answer: int) -> None:
    """The keeper has a message: tell the publisher, now or when it asks again."""
    digest, held = session.held.get(packet_id, (0, None))
    if held is not token:
        return  # the client has used the number again
    del session.held[packet_id]
    session.told[packet_id] = digest
    if len(session.told) > REMEMBERED:
        session.told.popitem(last=False)
    if session.client is not None:
        session.client.wire.send(packets.numbered(answer, packet_id))
        if len(session.held) < HELD:
            session.client.wire.reading(True)
