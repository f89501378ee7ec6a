"""Checkpoints: signed statements of how many blocks the ledger has and what their log root is.

A checkpoint is a C2SP signed note (https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint):

    <origin>
    <number of blocks>
    <base64 of the RFC 6962 root over their headers>

    — <origin> <base64 of 4 bytes key id and 64 bytes Ed25519 signature>
    — <origin> <base64 of 4 bytes key id, 8 bytes time and 64 bytes Ed25519 signature>

The second signature says when, to the second (https://c2sp.org/tlog-cosignature); older notes have only the first.
Whoever kept one can check that today's ledger extends the one they saw.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core import system
from core.errors import LedgerError
from core.ledger.canonical import shown
from core.ledger.file import fsync_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519 = 1
COSIGNATURE = 4
_DASH = "\u2014"
_PRIVATE = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was signed: `size` blocks of the log `origin` have this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The signed text."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def key_id(name: str, public: bytes, kind: int = ED25519) -> bytes:
    """The first four bytes of SHA-256(name ‖ 0x0A ‖ kind of signature ‖ public key)."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def verifier_key(name: str, public: bytes) -> str:
    """The key in the form other tools for signed notes read: `name+id+base64`."""
    return f"{name}+{key_id(name, public).hex()}+{base64.b64encode(bytes([ED25519]) + public).decode()}"


class SigningKey:
    """The log's Ed25519 key."""

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._seed = seed
        self._key: Ed25519PrivateKey = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, checkpoint: Checkpoint, *, at_ms: int | None = None) -> str:
        """The signed note, with the time (ms since 1970 UTC, kept to the second) if given. Same in, same bytes out."""
        name, text = checkpoint.origin, checkpoint.text
        signed = note(text, name=name, signature=self.signature(checkpoint), public=self.public)
        if at_ms is None:
            return signed
        at_s = at_ms // 1000
        stamped = at_s.to_bytes(8, "big") + self._key.sign(_stamped(text, at_s))
        return signed + _line(name, key_id(name, self.public, COSIGNATURE) + stamped)

    def signature(self, checkpoint: Checkpoint) -> bytes:
        """The bare 64 bytes."""
        return self._key.sign(checkpoint.text.encode())

    def save(self, path: Path, *, name: str) -> None:
        """Write it to a new file that only this user may read; whole and durable when this returns, or not there."""
        encoded = base64.b64encode(bytes([ED25519]) + self._seed).decode()
        line = f"{_PRIVATE}{name}+{key_id(name, self.public).hex()}+{encoded}\n"
        unfinished = path.with_name(f"{path.name}.new")
        unfinished.unlink(missing_ok=True)
        file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | system.OPEN, 0o600)
        try:
            os.write(file, line.encode())
            os.fsync(file)
        finally:
            os.close(file)
        os.link(unfinished, path)  # unlike a rename it never takes the place of a key
        unfinished.unlink()
        fsync_folder(path)


def load_key(path: Path) -> SigningKey:
    """Read what `save` wrote. Raises LedgerError naming the file."""
    try:
        text = path.read_text(encoding="ascii").strip()
        decoded = base64.b64decode(text.removeprefix(_PRIVATE).split("+", 2)[2], validate=True)
    except (OSError, ValueError, IndexError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a key file"
        raise LedgerError(f"The signing key {path} cannot be read: {reason}.") from None
    if len(decoded) != 33 or decoded[0] != ED25519:
        raise LedgerError(f"The signing key {path} is not an Ed25519 key.")
    return SigningKey(decoded[1:])


def note(text: str, *, name: str, signature: bytes, public: bytes) -> str:
    """A signed note of one signature."""
    return f"{text}\n{_line(name, key_id(name, public) + signature)}"


def _line(name: str, signature: bytes) -> str:
    return f"{_DASH} {name} {base64.b64encode(signature).decode()}\n"


def _stamped(text: str, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def signed_at_ms(signed: str, *, name: str, public: bytes) -> int | None:
    """When a note was signed, ms since 1970 UTC; None if it does not say so with a signature of this key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    text, _, signatures = signed.rpartition("\n\n")
    for line in signatures.splitlines():
        try:
            found = base64.b64decode(line.rpartition(" ")[2], validate=True)
            if found[:4] == key_id(name, public, COSIGNATURE):
                at_s = int.from_bytes(found[4:12], "big")
                Ed25519PublicKey.from_public_bytes(public).verify(found[12:], _stamped(f"{text}\n", at_s))
                return at_s * 1000
        except (ValueError, InvalidSignature):
            continue
    return None


def open_note(signed: str, *, name: str, public: bytes) -> str:
    """The text of a note signed by this key. Raises LedgerError if it is not."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    text, blank, signatures = signed.rpartition("\n\n")
    text += "\n"
    if not blank:
        raise LedgerError(f"{shown(signed)} is not a signed note.")
    verifier = Ed25519PublicKey.from_public_bytes(public)
    for line in signatures.splitlines():
        dash, _, rest = line.partition(" ")
        who, _, encoded = rest.partition(" ")
        if dash != _DASH or who != name:
            continue
        try:
            found = base64.b64decode(encoded, validate=True)
            if found[:4] == key_id(name, public):
                verifier.verify(found[4:], text.encode())
                return text
        except ValueError:
            continue
        except InvalidSignature:
            raise LedgerError(f"The signature of {shown(name)} under a note of its is wrong.") from None
    raise LedgerError(f"The note carries no signature of {shown(name)} by the expected key.")


def open_checkpoint(signed: str, *, origin: str, public: bytes) -> Checkpoint:
    """The checkpoint in a note signed by this log. Raises LedgerError if it is not one."""
    lines = open_note(signed, name=origin, public=public).split("\n")
    try:
        found = Checkpoint(lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True))
    except (IndexError, ValueError):
        found = None
    if found is None or found.origin != origin or found.size < 1 or len(found.root) != 32:
        raise LedgerError(f"{shown(signed)} is not a checkpoint of {shown(origin)}.")
    return found


def split_notes(text: str) -> Iterator[str]:
    """The single checkpoints of a file that has one after the other. Raises LedgerError naming the line."""
    lines = text.splitlines()
    place = 0
    while place < len(lines):
        if not lines[place]:
            place += 1
            continue
        end = place + 4
        while end < len(lines) and lines[end].startswith(_DASH):
            end += 1
        if end == place + 4 or lines[place + 3] != "":
            raise LedgerError(
                f"Line {place + 1} does not begin a signed checkpoint.",
                fix="Give a file of checkpoints as the lab writes them to checkpoints.txt.",
            )
        yield "\n".join(lines[place:end]) + "\n"
        place = end


def roots_of(text: str, *, origin: str, public: bytes) -> dict[int, tuple[bytes, ...]]:
    """The log roots by number of blocks that the checkpoints in `text` state, every signature checked."""
    roots: dict[int, tuple[bytes, ...]] = {}
    for signed in split_notes(text):
        found = open_checkpoint(signed, origin=origin, public=public)
        if found.root not in roots.get(found.size, ()):
            roots[found.size] = (*roots.get(found.size, ()), found.root)
    return roots
