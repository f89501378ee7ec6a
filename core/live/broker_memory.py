"""What the embedded broker takes over its own restart: the sessions of clients that asked for one, and their messages.

Written when the broker is stopped, read and removed when it starts. A broker that is killed forgets.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

FILE = "mqtt-sessions"
_LOG = logging.getLogger(__name__)


class KeptMessage(msgspec.Struct, frozen=True):
    """A message for one client. packet_id: if it was sent already, so that it comes again as the same one."""

    topic: str
    payload: bytes
    retain: bool = False
    packet_id: int | None = None


class KeptSession(msgspec.Struct, frozen=True):
    """One client's subscriptions (topic filter, QoS), its last packet id, and what it has not acknowledged."""

    client_id: str
    subscriptions: tuple[tuple[str, int], ...]
    last_packet_id: int
    messages: tuple[KeptMessage, ...] = ()


def save(folder: Path, sessions: Sequence[KeptSession]) -> None:
    """Write the sessions, durably and for the owner alone."""
    path = folder / FILE
    fresh = path.with_name(f".{FILE}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.msgpack.encode(list(sessions)))
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)


def take(folder: Path) -> list[KeptSession]:
    """Read the sessions and remove the file: messages that are delivered must not come back later."""
    path = folder / FILE
    try:
        found = msgspec.msgpack.decode(path.read_bytes(), type=list[KeptSession])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        _LOG.error("the embedded broker's sessions in %s cannot be read: %s", path, type(error).__name__)
        found = []
    path.unlink(missing_ok=True)
    return found
