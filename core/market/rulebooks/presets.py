"""The rulebooks that come with the lab, and those that people write: TOML or JSON files."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path

from core.errors import InputError
from core.market.contract import unknown
from core.market.rulebooks.form import Rulebook, rulebook_of

FOLDER = Path(__file__).parent / "presets"
PLAIN = "plain"
MOST_BYTES = 20_000_000
"""A year of quarter-hour prices is about 300 kB."""


@cache
def presets() -> tuple[str, ...]:
    """Names of the rulebooks that come with the lab; `plain` first."""
    names = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return (PLAIN, *(name for name in names if name != PLAIN))


@cache
def preset(name: str) -> Rulebook:
    """One of them. Raises MarketError with "did you mean"."""
    if name not in presets():
        raise unknown("rulebook", name, dict.fromkeys(presets()))
    return rulebook_of(tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")))


def load(name_or_path: str) -> Rulebook:
    """A rulebook by name, or from a file. Raises InputError and MarketError."""
    path = Path(name_or_path)
    if name_or_path in presets() or not path.suffix:
        return preset(name_or_path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path.name} is larger than {MOST_BYTES // 1_000_000} MB, which no rulebook is.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f'The rulebook "{name_or_path[:200]}" cannot be read: {error.strerror}.') from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not text in UTF-8.", fix="Save it as UTF-8.") from None
    return read(text, name=path.name)


def read(text: str, *, name: str) -> Rulebook:
    """A rulebook from the text of a file; TOML, or JSON where the name says so or the text begins with a brace.

    Raises InputError where it is neither.
    """
    if name.lower().endswith(".json") or text.lstrip().startswith("{"):
        try:
            return rulebook_of(json.loads(text))
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"{name} is not JSON: {error}.") from None
    try:
        return rulebook_of(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name} is not TOML: {error}.") from None
