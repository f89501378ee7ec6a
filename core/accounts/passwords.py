"""A password is turned into an argon2id hash slowly enough to guess, and checked in equal time for everybody."""

from __future__ import annotations

import threading
import unicodedata
from functools import cache

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import InputError, TooManyRequestsError

MINIMUM, MAXIMUM = 12, 128
COMMON = 30_000
"""How many of the most used passwords are refused: all that zxcvbn lists."""
AT_ONCE = 2
"""Hashes made at the same time: each takes its memory and a core."""
BCRYPT_BYTES = 72
"""What bcrypt ever looked at of a password."""


class Passwords:
    """Makes and checks password hashes; the parameters are in the hash, so they may grow later.

    64 MiB, two passes, one lane: above what OWASP asks of argon2id, about a quarter of a second.
    """

    def __init__(self, *, memory_kib: int = 65_536, passes: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._turn = threading.BoundedSemaphore(AT_ONCE)
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """An argon2id hash of the password, with its salt and parameters."""
        with _Turn(self._turn):
            return self._hasher.hash(_normal(password))

    def fits(self, password: str, password_hash: str) -> bool:
        """Whether the hash was made from this password; an empty hash takes as long and never fits.

        bcrypt hashes of an imported credentials file are understood too.
        """
        with _Turn(self._turn):
            if password_hash.startswith("$2"):
                return bcrypt.checkpw(password.encode()[:BCRYPT_BYTES], password_hash.encode())
            try:
                self._hasher.verify(password_hash or self._nobody, _normal(password))
            except (VerificationError, InvalidHashError):
                return False
            return password_hash != ""

    def outdated(self, password_hash: str) -> bool:
        """Whether the hash is of another kind or weaker than today's parameters."""
        return password_hash.startswith("$2") or self._hasher.check_needs_rehash(password_hash)


class _Turn:
    """Waits for one of the few places; a crowd is turned away instead of filling memory."""

    def __init__(self, places: threading.BoundedSemaphore) -> None:
        self._places = places

    def __enter__(self) -> None:
        if not self._places.acquire(timeout=10.0):
            raise TooManyRequestsError("Too many people are signing in right now.", retry_after_s=5.0, fix="Try again.")

    def __exit__(self, *_: object) -> None:
        self._places.release()


def _normal(password: str) -> str:
    """The same characters typed on different keyboards are the same password."""
    return unicodedata.normalize("NFKC", password)


@cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # half a megabyte: only when somebody chooses a password

    return frozenset(word.casefold() for word in FREQUENCY_LISTS["passwords"][:COMMON])


def require_acceptable(password: str, *, username: str) -> None:
    """Raise InputError, saying why, unless this may be the password of that user."""
    if not MINIMUM <= len(password) <= MAXIMUM:
        found = f"has {len(password)} characters"
        raise InputError(f"The password {found}, expected {MINIMUM} to {MAXIMUM}.", code="password_length")
    if password != password.strip():
        raise InputError("The password begins or ends with a space, which forms cut off.", code="password_spaces")
    plain = password.casefold()
    if plain in _common():
        raise InputError(f"This password is among the {COMMON:,} most used ones.", code="password_common")
    if _core(plain) == _core(username.casefold()):
        raise InputError("The password is the user name.", code="password_username")


def _core(text: str) -> str:
    """The letters alone: `anna-2026!` is still `anna`."""
    return "".join(character for character in text if character.isalpha()) or text
