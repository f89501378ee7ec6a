"""A lab that others can reach must not start with the first password or without TLS, unless told so."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from core.settings import Settings
from core.web.exposure import is_own_origin, knows_host, require_safe
from core.web.session import cookie_name

PUBLIC = Settings(host="0.0.0.0")
PROXIED = Settings(public_url="https://lab.example.org")
OWN_TLS = Settings(host="192.0.2.7", tls_certificate="cert.pem", tls_key="key.pem")


def test_on_this_machine_it_starts_with_the_first_password() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        require_safe(Settings(host=host), first_password=True, secret_files=())


@pytest.mark.parametrize("settings", [PUBLIC, PROXIED, OWN_TLS], ids=["public", "proxied", "own TLS"])
def test_reached_by_others_it_does_not_start_with_the_first_password(settings: Settings) -> None:
    with pytest.raises(InputError, match="first password"):
        require_safe(settings, first_password=True, secret_files=())


def test_reached_by_others_it_does_not_start_without_tls() -> None:
    for settings in (PUBLIC, Settings(public_url="http://lab.example.org")):
        with pytest.raises(InputError, match="without TLS"):
            require_safe(settings, first_password=False, secret_files=())


def test_with_tls_or_told_so_it_starts() -> None:
    for settings in (PROXIED, OWN_TLS):
        require_safe(settings, first_password=False, secret_files=())
    require_safe(Settings(host="0.0.0.0", allow_insecure=True), first_password=True, secret_files=())


@pytest.mark.parametrize("url", ["lab.example.org", "ftp://lab", "https://", "https://lab/path", "https://lab?q=1"])
def test_a_public_url_is_scheme_and_host(url: str) -> None:
    with pytest.raises(InputError, match="PUBLIC_URL is"):
        require_safe(Settings(public_url=url), first_password=False, secret_files=())


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(InputError, match="belong together"):
        require_safe(Settings(tls_certificate="cert.pem"), first_password=False, secret_files=())


def test_a_file_of_secrets_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("ADMIN_PASSWORD=whatever it is\n")
    path.chmod(0o640)
    with pytest.raises(InputError, match=r"chmod 600 \.env"):
        require_safe(Settings(), first_password=False, secret_files=(path,))
    path.chmod(0o600)
    require_safe(Settings(), first_password=False, secret_files=(path,))
    path.write_text("PORT=9000\n")
    path.chmod(0o644)
    require_safe(Settings(), first_password=False, secret_files=(path,))


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost:8501", "[::1]:8501", "LOCALHOST", "localhost."])
def test_a_lab_on_this_machine_answers_to_its_names(host: str) -> None:
    assert knows_host(Settings(), host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "192.0.2.7", "localhost:x", "a@b", "[::1"]
)
def test_a_lab_on_this_machine_answers_to_no_other_name(host: str) -> None:
    assert not knows_host(Settings(), host)


def test_a_public_lab_answers_to_its_url_and_to_addresses_only() -> None:
    settings = Settings(host="0.0.0.0", public_url="https://lab.example.org")
    assert knows_host(settings, "lab.example.org")
    assert knows_host(settings, "192.0.2.7:8501")
    assert not knows_host(settings, "evil.example")


def test_the_own_origin_is_the_host_of_the_request_or_the_public_url() -> None:
    settings = Settings(public_url="https://lab.example.org")
    assert is_own_origin(settings, "http://127.0.0.1:8501", host="127.0.0.1:8501")
    assert is_own_origin(settings, "https://lab.example.org", host="inner:8501")
    for origin in (
        "null",
        "",
        "http://127.0.0.1:9000",
        "https://lab.example.org.evil.example",
        "file://127.0.0.1:8501",
    ):
        assert not is_own_origin(settings, origin, host="127.0.0.1:8501")


def test_behind_tls_the_cookie_is_bound_to_the_host() -> None:
    assert cookie_name(Settings()) == "lab_session"
    assert cookie_name(PROXIED) == cookie_name(OWN_TLS) == "__Host-lab_session"
