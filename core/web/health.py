"""`/healthz`, `/readyz` and `/metrics`: for the programs that watch the lab, without a session.

Whether it is well is for everybody. Why not, and the numbers, are for whoever sends METRICS_TOKEN or, where the lab is
on this machine alone, for this machine.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterator
from dataclasses import asdict

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from core.errors import LabError, NotAllowedError
from core.exchange import Exchange, current, without_paths
from core.health import Measure, health, measures
from core.web import gate
from core.web.api.answers import Answer, refusal


def routes() -> list[BaseRoute]:
    """The three of them."""
    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def healthz(request: Request) -> Response:
    """200 when every part works, else 503."""
    try:
        exchange = current()
        found = health(exchange)
    except LabError as error:
        return refusal(error)
    body: dict[str, object] = {"status": "ok" if found.ok else "failing"}
    if _may_know(request, exchange):
        body |= asdict(found)
        body["checks"] = {
            check.name: {"ok": check.ok, "said": "" if check.ok else without_paths(check.said)}
            for check in found.checks
        }
    return Answer(body, status_code=200 if found.ok else 503, headers={"cache-control": "no-store"})


def readyz(_: Request) -> Response:
    """200 once everything is started, also where a part fails: then a proxy may send people here."""
    try:
        ready = current().scheduler.running
    except LabError:
        ready = False
    return Answer({"ready": ready}, status_code=200 if ready else 503, headers={"cache-control": "no-store"})


def metrics(request: Request) -> Response:
    """Every number in Prometheus' form."""
    try:
        exchange = current()
        if not _may_know(request, exchange):
            raise NotAllowedError(
                "The metrics need METRICS_TOKEN.", fix="Send `Authorization: Bearer …`.", code="token"
            )
    except LabError as error:
        return refusal(error)
    registry = CollectorRegistry()
    registry.register(_Collector(exchange))
    return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})


class _Collector:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def collect(self) -> Iterator[Metric]:
        for measure in measures(self._exchange):
            yield _family(measure)
        yield _family(Measure("lab_page_sessions", "Open pages", "who", dict(gate.open_pages)))


def _family(measure: Measure) -> Metric:
    kind = CounterMetricFamily if measure.counts else GaugeMetricFamily
    family = kind(measure.name, measure.help, labels=[measure.label] if measure.label else [])
    for label, value in measure.values.items():
        family.add_metric([label] if measure.label else [], value)
    return family


def _may_know(request: Request, exchange: Exchange) -> bool:
    settings = exchange.settings
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if settings.metrics_token and scheme.lower() == "bearer":
        return secrets.compare_digest(given.strip().encode(), settings.metrics_token.encode())
    behind_proxy = bool(settings.public_url) or "x-forwarded-for" in request.headers
    return not behind_proxy and request.client is not None and _is_loopback(request.client.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
