"""The API's own description, readable at /api/docs without anything from elsewhere."""

from __future__ import annotations

from importlib import resources

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.errors import NotFoundError
from core.web.api.answers import Answer
from core.web.api.caller import Reader

router = APIRouter()

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · P2P Energy Trading Lab</title>
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({url: "/api/openapi.json", dom_id: "#api", deepLinking: true, tryItOutEnabled: true});
"""
KINDS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}


@router.get("/api/docs", include_in_schema=False)
def page(_: Reader) -> Response:
    """The page; no script or style of it is inline, so the content security policy need not bend."""
    return Response(PAGE, media_type="text/html")


@router.get("/api/openapi.json", include_in_schema=False)
def description(_: Reader, request: Request) -> Answer:
    """The description itself."""
    return Answer(request.app.openapi())


@router.get("/api/docs/{name}", include_in_schema=False)
def part(name: str, _: Reader) -> Response:
    """What the page loads: Swagger UI as the package fastapi-offline brings it, and the line that starts it."""
    if name == "start.js":
        return Response(START, media_type="text/javascript")
    if name not in KINDS:
        raise NotFoundError("The API's page has no such part.")
    found = resources.files("fastapi_offline") / "static" / name
    return Response(found.read_bytes(), media_type=KINDS[name], headers={"cache-control": "private, max-age=86400"})
