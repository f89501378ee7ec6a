"""Every JSON answer: values as they are, errors in one shape `{"error": {"code", "message", "fix"}}`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from core.errors import LabError, TooManyRequestsError
from core.exchange import without_paths


class Answer(Response):
    """JSON of plain values, dataclasses, aware times and arrays; NaN is null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes sent."""
        return orjson.dumps(content, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z)


def error_body(error: LabError) -> dict[str, dict[str, str]]:
    """The one shape of an error."""
    return {"error": {"code": error.code, "message": without_paths(error.message), "fix": without_paths(error.fix)}}


def refusal(error: LabError) -> Answer:
    """The answer to a request that met this error; nothing of it is kept by caches."""
    headers = {"cache-control": "no-store"}
    if isinstance(error, TooManyRequestsError):
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s)))
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Answer(error_body(error), status_code=error.status, headers=headers)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return value.decode()  # canonical lines of the ledger, which are UTF-8
    raise TypeError(f"{type(value).__name__} has no JSON")
