"""Every error a person can meet is one of these, and each knows its sentence, its code and its remedy.

LabError                     anything the lab says to a person
├── InputError               what was handed in cannot be used (400)
│   ├── ReadingError         a file of readings
│   ├── MarketError          a community, tariff, parameter or order
│   ├── TransactionError     something offered to the ledger
│   └── TooLargeError        above a stated limit (413)
├── AccessError              who is asking, or how often
│   ├── NotSignedInError     no valid session or token (401)
│   ├── NotAllowedError      signed in, but not for this (403)
│   └── TooManyRequestsError slow down; `retry_after_s` says how long (429)
├── NotFoundError            no such thing, or not yours (404)
├── ConflictError            somebody or something holds it (409)
├── UnavailableError         a part of the lab is not running (503)
└── LedgerError              the ledger file (503)
    ├── LedgerDamagedError   a committed byte is not what it was; `height`, `offset`
    └── LedgerReadOnlyError  cannot be written now
"""

from __future__ import annotations


class LabError(Exception):
    """A sentence for a person (what, where, what was expected), a stable code and a remedy."""

    code = "error"
    status = 500

    def __init__(self, message: str, *, fix: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        if code:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()


class InputError(LabError):
    """What was handed in cannot be used."""

    code = "bad_input"
    status = 400


class ReadingError(InputError):
    """A file of readings cannot be read with certainty."""

    code = "bad_readings"


class MarketError(InputError):
    """A community, tariff, parameter or order is outside what the market allows."""

    code = "bad_market_input"


class TransactionError(InputError):
    """A transaction does not fit the ledger's format."""

    code = "bad_transaction"


class TooLargeError(InputError):
    """Above a stated limit."""

    code = "too_large"
    status = 413


class AccessError(LabError):
    """Who is asking, or how often."""

    code = "access"
    status = 403


class NotSignedInError(AccessError):
    """No valid session or token."""

    code = "not_signed_in"
    status = 401


class NotAllowedError(AccessError):
    """Signed in, but not for this."""

    code = "not_allowed"
    status = 403


class TooManyRequestsError(AccessError):
    """Too often; `retry_after_s` says how long to wait."""

    code = "too_many_requests"
    status = 429

    def __init__(self, message: str, *, retry_after_s: float, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.retry_after_s = retry_after_s


class NotFoundError(LabError):
    """No such thing, or it belongs to somebody else."""

    code = "not_found"
    status = 404


class ConflictError(LabError):
    """Somebody or something else holds it."""

    code = "conflict"
    status = 409


class UnavailableError(LabError):
    """A part of the lab is not running."""

    code = "unavailable"
    status = 503


class LedgerError(LabError):
    """The ledger file."""

    code = "ledger"
    status = 503


class LedgerDamagedError(LedgerError):
    """A committed byte is not what it was."""

    code = "ledger_damaged"

    def __init__(self, message: str, *, height: int, offset: int, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.height = height
        self.offset = offset


class LedgerReadOnlyError(LedgerError):
    """The ledger cannot be written now."""

    code = "ledger_read_only"
    status = 503
