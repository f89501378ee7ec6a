"""MQTT 3.1.1 packets as a broker reads and writes them: bytes in, packets out, no socket.

The standard's own names and numbers: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html, chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = range(8, 15)

ACCEPTED, BAD_CLIENT_ID, BAD_CREDENTIALS = 0, 2, 4
"""Answers to CONNECT."""
REFUSED_SUBSCRIPTION = 0x80
MAX_PACKET = 1 << 20
"""Bytes of the longest packet that is read."""

UNKNOWN_VERSION = b"\x20\x02\x00\x01"
UNKNOWN_VERSION_5 = b"\x20\x03\x00\x84\x00"
"""The same in the words of MQTT 5."""
PONG = bytes([PINGRESP << 4, 0])
_LEVEL = 4
_LEVEL_5 = 5


class ProtocolError(Exception):
    """The client does not speak MQTT 3.1.1; `answer` is what it is told before the connection ends."""

    def __init__(self, sentence: str, answer: bytes = b"") -> None:
        super().__init__(sentence)
        self.answer = answer


class Publish(msgspec.Struct, gc=False):
    """A message on its way in. packet_id: 0 at QoS 0."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int = 0


class Connect(msgspec.Struct, gc=False):
    """The first packet of a client. will: published for it when it is lost without DISCONNECT."""

    client_id: str
    clean: bool
    keepalive_s: int
    username: str = ""
    password: bytes = b""
    will: Publish | None = None


class Numbered(msgspec.Struct, gc=False):
    """PUBACK, PUBREC, PUBREL or PUBCOMP (`kind`) of a message."""

    kind: int
    packet_id: int


class Subscribe(msgspec.Struct, gc=False):
    """(topic filter, QoS) pairs that are asked for; a QoS of None withdraws the filter (UNSUBSCRIBE)."""

    packet_id: int
    filters: tuple[tuple[str, int | None], ...]


class Bare(msgspec.Struct, gc=False):
    """PINGREQ or DISCONNECT."""

    kind: int


Packet = Publish | Connect | Numbered | Subscribe | Bare


class Parser:
    """Cuts what arrives on one connection into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, arrived: bytes) -> Iterator[Packet]:
        """Every packet that is whole now. Raises ProtocolError at the first one that is none."""
        found, at = self._rest + arrived, 0
        while True:
            length, body = _length(found, at + 1)
            if length > MAX_PACKET:
                raise ProtocolError(f"a packet of {length:,} bytes, at most {MAX_PACKET:,} are read")
            if not body or body + length > len(found):
                break
            first, at = found[at], body + length
            yield _packet(first >> 4, first & 15, _Body(found[body:at]))
        self._rest = found[at:]


def _length(found: bytes, at: int) -> tuple[int, int]:
    """The length of a packet and where its body begins; 0, 0 if that has not arrived yet."""
    length = 0
    for place in range(4):
        if at + place >= len(found):
            return 0, 0
        byte = found[at + place]
        length |= (byte & 127) << (7 * place)
        if byte < 128:
            return length, at + place + 1
    raise ProtocolError("a length of more than four bytes")


class _Body:
    """Reads the fields of one packet in turn."""

    def __init__(self, found: bytes) -> None:
        self.found = found
        self.at = 0

    def take(self, count: int) -> bytes:
        part = self.found[self.at : self.at + count]
        self.at += count
        if len(part) != count:
            raise ProtocolError("a packet that ends too soon")
        return part

    def number(self, count: int = 2) -> int:
        return int.from_bytes(self.take(count), "big")

    def packet_id(self) -> int:
        found = self.number()
        if not found:
            raise ProtocolError("the packet id 0")
        return found

    def blob(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        try:
            found = self.blob().decode()
        except UnicodeDecodeError:
            raise ProtocolError("text that is not UTF-8") from None
        if "\0" in found:
            raise ProtocolError("text with a NUL")
        return found

    def rest(self) -> bytes:
        return self.take(len(self.found) - self.at)

    @property
    def ended(self) -> bool:
        return self.at >= len(self.found)


def _packet(kind: int, flags: int, body: _Body) -> Packet:
    if kind == PUBLISH:
        return _publish(flags, body)
    reader = _READERS.get(kind)
    if reader is None or flags != (2 if kind in (PUBREL, SUBSCRIBE, UNSUBSCRIBE) else 0):
        raise ProtocolError(f"a packet of type {kind} with the flags {flags}")
    return reader(kind, body)


def _publish(flags: int, body: _Body) -> Publish:
    qos = flags >> 1 & 3
    topic = body.text()
    if qos > 2 or not topic or "+" in topic or "#" in topic:
        raise ProtocolError("a message with a topic or a QoS that does not exist")
    packet_id = body.packet_id() if qos else 0
    return Publish(topic, body.rest(), qos, bool(flags & 1), bool(flags & 8), packet_id)


def _connect(_: int, body: _Body) -> Connect:
    protocol, level = body.text(), body.number(1)
    if (protocol, level) != ("MQTT", _LEVEL):
        raise ProtocolError(
            "another version of MQTT than 3.1.1", UNKNOWN_VERSION_5 if level == _LEVEL_5 else UNKNOWN_VERSION
        )
    flags, keepalive_s = body.number(1), body.number()
    found = Connect(body.text(), bool(flags & 2), keepalive_s)
    if flags & 4:
        found.will = Publish(body.text(), body.blob(), min(flags >> 3 & 3, 1), bool(flags & 32))
    if flags & 128:
        found.username = body.text()
    if flags & 64:
        found.password = body.blob()
    return found


def _subscribe(kind: int, body: _Body) -> Subscribe:
    packet_id, filters = body.packet_id(), []
    while not body.ended:
        topic_filter = body.text()
        filters.append((topic_filter, body.number(1) if kind == SUBSCRIBE else None))
    if not filters:
        raise ProtocolError("a subscription to nothing")
    return Subscribe(packet_id, tuple(filters))


def _numbered(kind: int, body: _Body) -> Numbered:
    return Numbered(kind, body.packet_id())


_READERS: dict[int, Callable[[int, _Body], Packet]] = {
    CONNECT: _connect,
    SUBSCRIBE: _subscribe,
    UNSUBSCRIBE: _subscribe,
    **dict.fromkeys((PUBACK, PUBREC, PUBREL, PUBCOMP), _numbered),
    **dict.fromkeys((PINGREQ, DISCONNECT), lambda kind, _: Bare(kind)),
}


# ---- writing


def connack(answer: int, *, session_present: bool = False) -> bytes:
    """The answer to CONNECT."""
    return bytes([CONNACK << 4, 2, session_present, answer])


def numbered(kind: int, packet_id: int) -> bytes:
    """PUBACK, PUBREC, PUBREL, PUBCOMP or UNSUBACK."""
    return bytes([kind << 4 | (2 if kind == PUBREL else 0), 2]) + packet_id.to_bytes(2, "big")


def suback(packet_id: int, granted: list[int]) -> bytes:
    """The QoS granted to each filter of a SUBSCRIBE, or REFUSED_SUBSCRIPTION."""
    return _framed(SUBACK << 4, packet_id.to_bytes(2, "big") + bytes(granted))


def publish(message: Publish) -> bytes:
    """A message on its way out."""
    topic = message.topic.encode()
    number = message.packet_id.to_bytes(2, "big") if message.qos else b""
    first = PUBLISH << 4 | message.dup << 3 | message.qos << 1 | message.retain
    return _framed(first, len(topic).to_bytes(2, "big") + topic + number + message.payload)


def _framed(first: int, body: bytes) -> bytes:
    length, head = len(body), bytearray([first])
    while True:
        length, low = length >> 7, length & 127
        head.append(low | (128 if length else 0))
        if not length:
            return bytes(head) + body


# ---- topics


def is_filter(found: str) -> bool:
    """Whether a subscription may ask for this: `+` stands for a level, `#` for all that follow."""
    levels = found.split("/")
    whole = all(level in ("+", "#") or not {"+", "#"} & set(level) for level in levels)
    return bool(found) and whole and "#" not in levels[:-1]


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a topic is among those of a filter."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(wanted) == len(levels)
