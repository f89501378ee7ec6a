"""One byte form: five encoders agree on every admitted document, and nothing else is admitted."""

from __future__ import annotations

import json
import random
import string
import unicodedata

import msgspec
import orjson
import pytest
import rfc8785
import simplejson

from core.errors import TooLargeError, TransactionError
from core.ledger import canonical

LETTERS = string.ascii_letters + string.digits + ' "\\/\n\t\x00\x1féßÅ़घ₹漢字😀\u2028\ufeff'


def document(rng: random.Random, depth: int = 0) -> object:
    kind = rng.randrange(8 if depth < 3 else 6)
    if kind < 2:
        return rng.choice(
            [0, -1, canonical.MAX_INTEGER, -canonical.MAX_INTEGER, rng.getrandbits(50), -rng.getrandbits(30)]
        )
    if kind < 5:
        return "".join(rng.choices(LETTERS, k=rng.randrange(12)))
    if kind == 5:
        return rng.choice([None, True, False])
    if kind == 6:
        return [document(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {key(rng): document(rng, depth + 1) for _ in range(rng.randrange(6))}


def key(rng: random.Random) -> str:
    return rng.choice("abcz") + "".join(rng.choices("abz_019", k=rng.randrange(6)))


@pytest.mark.slow
def test_five_encoders_write_the_same_bytes_for_100_000_documents() -> None:
    rng = random.Random(6962)
    for _ in range(100_000):
        admitted = canonical.admit({"a": document(rng)})
        body = canonical.encode(admitted)
        options = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
        assert json.dumps(admitted, **options).encode() == body
        assert simplejson.dumps(admitted, **options).encode().replace(b"\\u2028", "\u2028".encode()) == body
        assert rfc8785.dumps(admitted) == body
        assert msgspec.json.encode(admitted, order="sorted") == body
        assert orjson.loads(body) == admitted


def test_text_is_frozen_in_its_composed_form() -> None:
    decomposed = unicodedata.normalize("NFD", "Ångström")
    assert canonical.admit({"name": decomposed}) == {"name": "Ångström"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "a": 2}', "appears twice"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1.5}', "expected an integer"),
        ('{"a": 9007199254740992}', "2^53"),
        ('{"A": 1}', "key"),
        ('{"a": "\\ud800"}', "surrogate"),
        ('{"a": ' + "[" * 9 + "]" * 9 + "}", "nested deeper"),
        ("[" * 40_000, "not JSON"),
        ("{", "not JSON"),
    ],
)
def test_what_cannot_be_hashed_alike_everywhere_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(TransactionError, match=r".*") as refused:
        canonical.parse(text)
    assert said in str(refused.value)


def test_an_oversized_document_is_refused_by_its_size() -> None:
    with pytest.raises(TooLargeError, match="at most 65536"):
        canonical.parse('{"a": "' + "x" * 70_000 + '"}')


@pytest.mark.parametrize("body", [b'{"b":1,"a":2}', b'{"a": 1}', b'{"a":1}\n', '{"a":"A\u030a"}'.encode()])
def test_a_line_in_another_form_is_not_the_document(body: bytes) -> None:
    with pytest.raises(TransactionError):
        canonical.decode(body)
