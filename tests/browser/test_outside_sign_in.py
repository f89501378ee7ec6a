"""An outside provider (OpenID Connect) opens the same accounts; its cookie alone opens nothing."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.sync_api import Browser, expect

from tests.browser.conftest import open_page
from tests.browser.people import People
from tests.running import PASSWORD, App, start_app

CLIENT, KEY_ID = "the-lab", "key-1"


class Provider:
    """An OpenID provider that lets everybody in as Olga."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._nonces: dict[str, str] = {}
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._answer(self)

            def do_POST(self) -> None:
                provider._answer(self)

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

    def _answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/authorize":
            self._nonces["code-1"] = asked.get("nonce", "")
            request.send_response(302)
            request.send_header(
                "location", f"{asked['redirect_uri']}?{urlencode({'code': 'code-1', 'state': asked['state']})}"
            )
            request.end_headers()
            return
        length = int(request.headers.get("content-length") or 0)
        request.rfile.read(length)
        documents = {"/token": self._token, "/jwks": self._jwks, "/.well-known/openid-configuration": self._metadata}
        body = json.dumps(documents[parts.path]()).encode()
        request.send_response(200)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/jwks",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _jwks(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [public | {"kid": KEY_ID, "alg": "RS256", "use": "sig"}]}

    def _token(self) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.address, "sub": "42", "aud": CLIENT, "iat": now, "exp": now + 600}
        person = {"email": "olga@example.org", "email_verified": True, "nonce": self._nonces["code-1"]}
        signed = jwt.encode(claims | person, self._key, algorithm="RS256", headers={"kid": KEY_ID})
        return {"access_token": "a", "token_type": "Bearer", "id_token": signed, "expires_in": 600}


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A lab that knows the provider, and whose admin approves who registers."""
    folder: Path = tmp_path_factory.mktemp("outside")
    with Provider() as provider:
        secrets = folder / "data" / "secrets.toml"
        secrets.parent.mkdir(mode=0o700)
        secrets.touch(mode=0o600)
        secrets.write_text(
            f"""[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "a long random text of the tests"
client_id = "{CLIENT}"
client_secret = "not secret in a test"
server_metadata_url = "{provider.address}/.well-known/openid-configuration"
"""
        )
        app = start_app(folder, ADMIN_PASSWORD=PASSWORD)
        yield app
        app.stop()


def test_an_outside_sign_in_opens_an_account_and_its_cookie_alone_opens_nothing(
    chromium: Browser, outside: App
) -> None:
    context = chromium.new_context(base_url=outside.url)
    context.set_default_timeout(30_000)
    page = open_page(context)
    page.goto("/")
    page.get_by_role("button", name="Sign in with").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert context.request.get("/api/me").json()["username"] == "olga@example.org"
    kept = [cookie for cookie in context.cookies() if cookie["name"].startswith("_streamlit_user")]
    assert kept, "Streamlit's own cookie of the outside sign-in"
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Username").first).to_be_visible()
    page.reload()
    expect(page.get_by_label("Username").first).to_be_visible()
    assert context.request.get("/api/me").status == 401
    context.close()
    thief = chromium.new_context(base_url=outside.url)
    thief.add_cookies(kept)
    stolen = thief.new_page()
    stolen.goto("/")
    expect(stolen.get_by_label("Username").first).to_be_visible()
    stolen.wait_for_timeout(500)
    expect(stolen.get_by_role("button", name="Sign out")).to_have_count(0)
    thief.close()
    people = People(outside)
    assert [user.username for user in people.accounts.everybody()] == ["admin", "olga@example.org"]
    people.close()
