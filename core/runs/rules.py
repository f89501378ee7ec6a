"""The rulebook of a scenario and what it must know of the homes, written so that a run can be repeated to the digit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.errors import TooLargeError
from core.market.community import Community, Tariff
from core.market.outcome import Outcome
from core.market.rulebooks import GivenPrices, Members, Rulebook, preset, presets, rulebook_of
from core.market.rulebooks.compare import compare_under, members_from_rows

MOST_BYTES = 200_000
"""A rulebook with its table of homes, as text: a year of prices a slot belongs into the readings' own series."""


@dataclass(frozen=True, slots=True)
class RulesPlan:
    """A rulebook and its table of homes as canonical JSON, so that equal plans are equal.

    document: the rulebook. homes: by household its `class`, `sanctioned_kw`, `credit_kwh`, as texts.
    Raises MarketError where the rulebook cannot be read, TooLargeError where it is longer than any place needs.
    """

    document: str
    homes: str = "{}"

    def __post_init__(self) -> None:
        if len(self.document) + len(self.homes) > MOST_BYTES:
            raise TooLargeError(f"The rulebook and its table of homes are longer than {MOST_BYTES:,} characters.")
        assert self.rulebook

    @classmethod
    def of(cls, rulebook: object, homes: Mapping[str, Mapping[str, object]] | None = None) -> RulesPlan:
        """From the name of one that comes with the lab, or a rulebook's table. Raises MarketError."""
        document = preset(rulebook).document if isinstance(rulebook, str) else rulebook_of(rulebook).document
        rows = {
            household: {name: str(value) for name, value in row.items() if value not in ("", None)}
            for household, row in (homes or {}).items()
        }
        return cls(_canonical(document), _canonical(rows))

    @property
    def rulebook(self) -> Rulebook:
        """The rulebook, read."""
        return _read(self.document)

    def members(self, community: Community) -> Members:
        """The homes' classes. Raises MarketError for a home that is not there."""
        return members_from_rows(json.loads(self.homes), community)

    def compare(
        self,
        selections: Sequence[tuple[str, Mapping[str, object]]],
        community: Community,
        tariff: Tariff,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Outcome]:
        """Every selection under the rulebook; `tariff` where its prices are those of the input. Raises MarketError."""
        return compare_under(
            self.rulebook,
            selections,
            community,
            members=self.members(community),
            given=GivenPrices(tariff.retail_price, tariff.feed_in_price),
            progress=progress,
            undefined_too=True,
        ).outcomes

    def terms(self) -> dict[str, object]:
        """What the ledger keeps: what the rulebook decides without its name and sources, which a person wrote, its
        digest, and a digest of the table of homes; the name only of one that comes with the lab."""
        decided = {key: value for key, value in json.loads(self.document).items() if key not in ("name", "sources")}
        own = {name: each for name in presets() if (each := preset(name)).digest == self.rulebook.digest}
        return {
            "digest": self.rulebook.digest,
            "document": _canonical(decided),
            "homes_digest": hashlib.sha256(self.homes.encode()).hexdigest(),
            **({"preset": next(iter(own))} if own else {}),
        }


@lru_cache(maxsize=64)
def _read(document: str) -> Rulebook:
    return rulebook_of(json.loads(document))


def _canonical(document: object) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
