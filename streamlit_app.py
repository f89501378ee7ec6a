"""The whole lab in one process, started by `python streamlit_app.py`, `streamlit run`, `uvicorn streamlit_app:app`."""

from __future__ import annotations

import sys

import streamlit as st

from core.errors import LabError
from core.exchange import Exchange
from core.settings import load
from core.web.app import SCRIPT, lifespan, middleware, open_exchange, require_free, routes
from core.web.errors import explain
from core.web.exposure import sign_in_files

app = st.App(SCRIPT, routes=routes(), middleware=middleware(), lifespan=lifespan, on_script_error=explain)


def main() -> int:
    """Start, say where, and serve until told to stop."""
    try:
        settings = load()
        require_free(settings.host, settings.port)
        exchange = open_exchange()
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    print(_greeting(exchange), flush=True)
    app.run(
        config={
            "server.address": settings.host,
            "server.port": settings.port,
            "server.sslCertFile": settings.tls_certificate or None,
            "server.sslKeyFile": settings.tls_key or None,
            "secrets.files": [str(path) for path in sign_in_files(settings)],
        }
    )
    return 0


def _greeting(exchange: Exchange) -> str:
    settings = exchange.settings
    scheme = "https" if settings.tls_certificate else "http"
    place = settings.public_url or f"{scheme}://{settings.host}:{settings.port}"
    first = exchange.accounts.has_first_password() and not settings.admin_password
    return f"The lab opens at {place}" + (", first sign-in: admin / admin." if first else ".")


if __name__ == "__main__":
    sys.exit(main())
