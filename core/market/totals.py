"""What figures are computed from: the bills and the sums of one settlement, however it was worked out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.community import FloatArray
from core.market.dispatch import Dispatch
from core.market.meters import folded
from core.market.settlement import Account, Settlement

NAN = float("nan")
DUST = 1e-9
"""Energy in kWh, and money as a share of a bill, below which it is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """Bills `[household]` and sums over all slots; energy in kWh, money in the tariff's currency.

    load_kwh, solar_kwh: NaN where a home is known by its meter alone. exchanged_kwh: Σ |import - export|.
    price_times_kwh: Σ price·q; NaN where trades have no price, as is price_std where nothing trades.
    best_cost: the least the community could pay with the same batteries; worst_peak_ratio: of all compared; NaN until
    known. A slotwise maximum or mean is of the community's connection.
    """

    bill: FloatArray
    baseline_bill: FloatArray
    slots: int
    slot_h: float
    load_kwh: float
    solar_kwh: float
    demand_kwh: float
    supply_kwh: float
    import_kwh: float
    export_kwh: float
    import_for_load_kwh: float
    peak_import_kwh: float
    peak_export_kwh: float
    exchanged_kwh: float
    peak_ratio: float
    traded_kwh: float
    untraded_kwh: float
    unmet_demand_kwh: float
    price_times_kwh: float
    price_std: float
    operator_surplus: float
    grid_cost: float
    least_cost: float
    best_cost: float = NAN
    worst_peak_ratio: float = NAN

    @property
    def savings(self) -> FloatArray:
        """Grid-only bill less bill, `[household]`."""
        return savings_of(self.bill, self.baseline_bill)


def savings_of(bill: FloatArray, baseline_bill: FloatArray) -> FloatArray:
    """What each household saves; exactly 0 where bill and grid-only bill differ by rounding alone."""
    saved = baseline_bill - bill
    return np.where(np.abs(saved) <= DUST * np.maximum(1.0, np.abs(baseline_bill)), 0.0, saved)


def flows_of(dispatch: Dispatch) -> dict[str, float]:
    """The part of `Totals` that the dispatch alone decides, by name."""
    community = dispatch.community
    imported, exported = dispatch.import_kwh, dispatch.export_kwh
    exchanged = imported + exported
    known = 1.0 if not community.metered.any() else NAN
    return {
        "slot_h": community.slot_h,
        "load_kwh": float(community.load_kw.sum()) * community.slot_h * known,
        "solar_kwh": float(community.solar_kw.sum()) * community.slot_h * known,
        "demand_kwh": float(dispatch.demand_kwh.sum()),
        "supply_kwh": float(dispatch.supply_kwh.sum()),
        "import_kwh": float(imported.sum()),
        "export_kwh": float(exported.sum()),
        "import_for_load_kwh": float((imported - dispatch.grid_charge_kwh).sum()),
        "peak_import_kwh": float(imported.max()),
        "peak_export_kwh": float(exported.max()),
        "exchanged_kwh": float(exchanged.sum()),
        "peak_ratio": ratio(float(exchanged.max()), float(exchanged.mean())),
    }


def totals_of(
    settlement: Settlement, account: Account, baseline_bill: FloatArray, *, flows: dict[str, float]
) -> Totals:
    """The totals of one settlement against the bills `[household]` of the grid alone; `flows` from `flows_of`."""
    dispatch, q = settlement.dispatch, settlement.traded_kwh
    trades = q > 0.0
    prices = settlement.price[np.isfinite(settlement.price)]
    return Totals(
        bill=folded(account.bill, dispatch.community),
        baseline_bill=baseline_bill,
        slots=dispatch.community.slots,
        traded_kwh=float(q.sum()),
        untraded_kwh=float((dispatch.matched_kwh - q).sum()),
        unmet_demand_kwh=float((dispatch.demand_kwh - q).sum()),
        price_times_kwh=float((settlement.price[trades] * q[trades]).sum()),
        price_std=float(prices.std()) if prices.size else NAN,
        operator_surplus=float(settlement.operator_surplus().sum()),
        grid_cost=float(settlement.grid_cost().sum()),
        least_cost=float(settlement.least_cost().sum()),
        **flows,
    )


def ratio(part: float, whole: float, *, dust: float = 0.0) -> float:
    """part / whole, NaN where whole is within `dust` of 0."""
    return part / whole if abs(whole) > dust else NAN


def jain_index(savings: FloatArray) -> float:
    """Jain's index (Jain, Chiu, Hawe 1984): 1 when all save the same; NaN if anybody loses or nobody saves."""
    if bool((savings < -DUST * max(1.0, float(np.abs(savings).max()))).any()):
        return NAN
    kept = np.maximum(savings, 0.0)
    return ratio(float(kept.sum()) ** 2, kept.size * float((kept**2).sum()))


def gini_index(values: FloatArray) -> float:
    """Gini's index: 0 when all have the same; NaN unless the mean is above 0. By sorting, O(N log N)."""
    total = float(values.sum())
    if not total > DUST * float(np.abs(values).sum()):
        return NAN
    ranks = np.arange(1, values.size + 1)
    return float((2.0 * ranks - values.size - 1.0) @ np.sort(values)) / (values.size * total)


def equality_index(bill: FloatArray) -> float:
    """EI: 1 - Gini of incomes (-bill), shifted so that the lowest is 0; NaN when all are equal."""
    income = -bill
    spread = income - income.min()
    return 1.0 - gini_index(np.where(spread <= DUST * max(1.0, float(np.abs(bill).max())), 0.0, spread))
