"""The hostile texts, and the server that must never be asked."""

from __future__ import annotations

import http.server
import threading
from typing import Self

TEXTS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](LEAK/md.png)",
    "<img src=LEAK/html.png>",
    "[x](javascript:alert(1))",
    '"><svg onload=alert(1)>',
    "{{7*7}}",
    "=cmd|'/C calc'!A0",
    "HH3\u202egpj.exe",
    ":material/home: :red[x] $x^2$ :tada: -> -- <=",
    "LEAK/auto.png www.evil.example a@evil.example",
    "`</textarea><script>alert(1)</script>",
    "<a href='javascript:alert(1)'>x</a>",
    "# 1. - * > | `code` ~~gone~~ **bold** _slanted_ [^1] &amp; \\",
    "x" * 5_000,
]
"""LEAK stands for the attacker's address."""


class Attacker:
    """A web server that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return None

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
