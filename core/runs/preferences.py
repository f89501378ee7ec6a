"""Who prefers which algorithm: every household's savings under each of them, its favourite, and its regret elsewhere.

Arrays are `[household, algorithm]` in the order of `household_ids` and `rows`; money in the lab's currency. Bounds (see
`core.runs.answer`) are shown and never preferred: nobody can choose them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.errors import NotFoundError
from core.market.community import FloatArray
from core.runs.answer import is_bound
from core.runs.results import ResultRow, RunResult

BoolArray = npt.NDArray[np.bool_]
DUST = 1e-6
"""Of the currency: less than this over a whole run is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Preferences:
    """What each algorithm means for each household.

    savings: bill under the baseline less bill. reference_bill: bill under the baseline, `[household]`. own_share: own
    sun over own use, `[household]`, NaN without use. rules: which columns may be preferred, `[algorithm]`.
    """

    household_ids: tuple[str, ...]
    rows: tuple[ResultRow, ...]
    savings: FloatArray
    reference_bill: FloatArray
    own_share: FloatArray
    rules: BoolArray

    @property
    def best(self) -> BoolArray:
        """Whether no rule saves the household more; several where they tie."""
        return np.asarray(self.rules & (self.savings >= self._most[:, None] - DUST))

    @property
    def regret(self) -> FloatArray:
        """What the household's favourite rule saves it beyond this one; 0 for the favourite, below 0 for a bound."""
        return np.asarray(self._most[:, None] - self.savings)

    @property
    def percent(self) -> FloatArray:
        """Savings in percent of the size of the bill under the baseline; NaN where that is zero."""
        size = np.abs(self.reference_bill)[:, None]
        return np.divide(100.0 * self.savings, size, out=np.full_like(self.savings, np.nan), where=size > DUST)

    @property
    def rank(self) -> FloatArray:
        """1 for what saves the household most; what ties shares the better rank."""
        return np.asarray(1.0 + (self.savings[:, None, :] > self.savings[:, :, None] + DUST).sum(axis=2))

    @property
    def lose(self) -> npt.NDArray[np.int64]:
        """Households that pay more than under the baseline, `[algorithm]`."""
        return np.asarray((self.savings < -DUST).sum(axis=0))

    @property
    def _most(self) -> FloatArray:
        columns = self.savings[:, self.rules] if self.rules.any() else self.savings
        return np.asarray(columns.max(axis=1))

    def by_own_sun(self) -> npt.NDArray[np.intp]:
        """Places of the households, the most own sun for its use first; without a roof by their use of the market."""
        return np.lexsort((-self.savings.max(axis=1), -np.nan_to_num(self.own_share)))


def preferences(result: RunResult, scenario: str, *, baseline_id: str = "") -> Preferences:
    """The savings of every household in a scenario against `baseline_id`, or the grid only if that has no households.

    Raises NotFoundError if no algorithm of the scenario settles household by household.
    """
    found = [row for row in result.of(scenario) if row.has_arrays]
    if not found:
        raise NotFoundError("None of these algorithms settles household by household.")
    accounts = {row.algorithm_id: result.households(row) for row in found}
    first = accounts[found[0].algorithm_id]
    reference = accounts[baseline_id]["bill"] if baseline_id in accounts else first["baseline_bill"]
    rows = [row for row in found if row.algorithm_id not in (baseline_id, "grid_only")] or found
    load, solar = first["load_kwh"], first["solar_kwh"]
    return Preferences(
        household_ids=result.household_ids,
        rows=tuple(rows),
        savings=np.stack([reference - accounts[row.algorithm_id]["bill"] for row in rows], axis=1),
        reference_bill=reference,
        own_share=np.divide(solar, load, out=np.full_like(load, np.nan), where=load > 0.0),
        rules=np.array([not is_bound(row.algorithm_id) for row in rows]),
    )
