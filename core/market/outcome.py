"""What one algorithm gives on one community: figures, arrays, verdicts, and a digest of it all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.errors import MarketError
from core.market.community import FloatArray
from core.market.contract import Value
from core.market.invariants import Verdict
from core.market.quantities import FIGURES
from core.market.settlement import Settlement
from core.market.totals import NAN, Totals

SUMMARY = {
    "total_kwh_traded": "traded_kwh",
    "total_community_profit": "savings",
    "avg_p2p_price": "avg_p2p_price",
    "total_unmet_demand_kwh": "unmet_demand_kwh",
}
"""The summary's keys and the figures behind them; a `run(path)` algorithm may use either name for a figure."""


DEFINED = "defined_under_the_rulebook"
"""The one verdict of an algorithm that a rulebook leaves undefined: it has no figures and no arrays."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One algorithm's result on one community.

    parameters: complete, defaults included. figures: by the names of `core.market.quantities.FIGURES`, NaN where not
    defined. households, slots: arrays by name, `[household]` in the order of `household_ids` and `[slot]`; empty for
    the kind `run(path) -> dict`. notes: by figure, why it is not defined, or what it was held against.
    totals: what the figures were computed from.
    result_digest: SHA-256 of all that does not depend on what else was compared.
    """

    algorithm_id: str
    name: str
    parameters: dict[str, Value]
    household_ids: tuple[str, ...]
    figures: dict[str, float]
    households: dict[str, FloatArray]
    slots: dict[str, FloatArray]
    invariants: tuple[Verdict, ...]
    result_digest: str
    replay: Callable[[], Settlement] | None = None
    notes: dict[str, str] = field(default_factory=dict)
    totals: Totals | None = None

    @property
    def settlement(self) -> Settlement:
        """Positions and prices of every household and slot, and the trades.

        Computed again when asked for, from the same inputs: ten settlements of a year would not fit in memory.
        """
        if self.replay is None:
            raise MarketError(f"{self.name} gives figures only, no settlement.", fix="Write settle() instead of run().")
        return self.replay()

    def summary(self) -> dict[str, float | None]:
        """The run's summary for the ledger; None where a figure is not defined."""
        found: dict[str, float | None] = {
            "files_processed": int(self.figures.get("files_processed", len(self.household_ids)))
        }
        for key, figure in SUMMARY.items():
            value = self.figures.get(figure, NAN)
            found[key] = None if np.isnan(value) else value
        return found


def why_not_defined(figures: Mapping[str, float], totals: Totals) -> dict[str, str]:
    """The reason for each of the lab's figures that is NaN."""
    metered = np.isnan(totals.load_kwh)
    return {
        key: METERED_SENTENCE
        if metered and "meter" in FIGURES[key].undefined
        else f"Not defined where {FIGURES[key].undefined}."
        for key, value in figures.items()
        if np.isnan(value) and key in FIGURES
    }


METERED_SENTENCE = "Not defined: some homes are known by their meter alone, so load and solar behind it are not."


def digest_of(
    algorithm_id: str,
    parameters: Mapping[str, Value],
    household_ids: Sequence[str],
    *,
    figures: Mapping[str, float],
    households: Mapping[str, FloatArray],
    slots: Mapping[str, FloatArray],
) -> str:
    """SHA-256, hex, of a result: the same input, parameters and seed give the same one."""
    head = [algorithm_id, dict(parameters), list(household_ids), {name: repr(value) for name, value in figures.items()}]
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for arrays in (households, slots):
        for name in sorted(arrays):
            digest.update(name.encode() + b"\0")
            digest.update(np.ascontiguousarray(arrays[name], dtype="<f8").tobytes())
    return digest.hexdigest()
