"""Builds the REST application: routes, their order, and how an error becomes an answer."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.errors import LabError
from core.web.api import lab
from core.web.api.answers import Answer, refusal

PATHS = ("/api/{path:path}", "/mine", "/block/{path:path}", "/upload", "/session", "/logout")
"""Where the pages' server hands requests over to this application."""
FILE_BYTES = 20 * 1024 * 1024
UPLOAD_BYTES = 256 * 1024 * 1024
BODY_BYTES = 1024 * 1024


def build() -> FastAPI:
    """The application; it finds the running exchange when a request comes."""
    app = FastAPI(
        title="P2P Energy Trading Lab",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        max_body_size=BODY_BYTES,
    )
    app.add_exception_handler(LabError, _lab_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unforeseen)
    app.include_router(lab.router)
    return app


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
    body = {"error": {"code": code, "message": f"{phrase}.", "fix": "See /api/docs."}}
    return Answer(body, status_code=error.status_code, headers=dict(error.headers or {}))


def _unforeseen(_: Request, error: Exception) -> Answer:
    """The server logs the error with its trace; the answer gives neither away."""
    body = {"error": {"code": "internal", "message": "The lab failed to answer.", "fix": "Its log says why."}}
    return Answer(body, status_code=500)
