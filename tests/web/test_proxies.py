"""Which address counts, when anybody can write a header."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.settings import Settings, load
from core.web.middleware import visitor

PROXIES = Settings(trusted_proxies="127.0.0.1, 10.0.0.0/8, fd00::/8").proxies


@pytest.mark.parametrize(
    ("peer", "header", "counts"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # nobody we trust
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),  # the visitor wrote the first
        ("127.0.0.1", "198.51.100.1, 10.1.2.3", "198.51.100.1"),  # two proxies of ours
        ("127.0.0.1", "10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("127.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1, <script>", "127.0.0.1"),
    ],
)
def test_whose_word_counts(peer: str, header: str, counts: str) -> None:
    assert visitor(peer, header.split(","), PROXIES) == counts


def test_nobody_is_believed_unless_named() -> None:
    assert visitor("127.0.0.1", ["198.51.100.1"], Settings().proxies) == "127.0.0.1"


def test_a_proxy_that_is_no_address_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r'TRUSTED_PROXIES has "proxy\.local"'):
        load({"TRUSTED_PROXIES": "10.0.0.1, proxy.local"})
