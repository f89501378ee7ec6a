"""Builds the REST application: routes, their order, and how an error becomes an answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.errors import LabError, NotFoundError
from core.web.api import chain, datasets, docs, insight, lab, runs, staging
from core.web.api.answers import Answer, refusal
from core.web.api.shapes import ErrorAnswer

PATHS = ("/api/{path:path}", "/mine", "/block/{path:path}", "/upload", "/session", "/logout")
"""Where the pages' server hands requests over to this application."""
EVERY = ["GET", "POST", "PUT", "PATCH", "DELETE"]
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": meaning}
    for status, meaning in {
        400: "What was sent cannot be used.",
        401: "No valid session or token.",
        403: "Not for this role, scope or site.",
        404: "No such thing, or somebody else's.",
        409: "It is in a state that does not allow it.",
        413: "Above a stated limit.",
        422: "A field is missing or outside its limits.",
        429: "Too many requests; Retry-After says how many seconds to wait.",
        503: "A part of the lab is not running.",
    }.items()
}


def build() -> FastAPI:
    """The application; it finds the running exchange when a request comes."""
    app = FastAPI(
        title="P2P Energy Trading Lab",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.add_exception_handler(LabError, _lab_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unforeseen)
    for part in (lab, chain, datasets, runs, insight, staging, docs):
        app.include_router(part.router, responses=REFUSALS)
    app.add_api_route("/api/{path:path}", _nothing_here, methods=EVERY, include_in_schema=False)
    return app


def _nothing_here(path: str) -> Response:
    raise NotFoundError("The API has no such path.", fix="See /api/docs.")


def _lab_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, LabError)
    return refusal(error)


def _invalid(_: Request, error: Exception) -> Answer:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = f"{where}: {first['msg']}."
    return Answer({"error": {"code": "bad_request", "message": message, "fix": "See /api/docs."}}, status_code=422)


def _http_error(_: Request, error: Exception) -> Answer:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "_")
    message = f"{phrase}." if error.detail == phrase else str(error.detail)
    body = {"error": {"code": code, "message": message, "fix": "See /api/docs."}}
    return Answer(body, status_code=error.status_code, headers=dict(error.headers or {}))


def _unforeseen(_: Request, error: Exception) -> Answer:
    """The server logs the error with its trace; the answer gives neither away."""
    body = {"error": {"code": "internal", "message": "The lab failed to answer.", "fix": "Its log says why."}}
    return Answer(body, status_code=500)
