"""Every figure of a settlement by one name, with its unit and formula; a zero denominator gives NaN, never 0 or 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.community import Community, FloatArray
from core.market.dispatch import Dispatch
from core.market.settlement import Account, Settlement

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Figure:
    """What a figure is called, measured in, and how it is computed; `comparative` needs the others compared."""

    label: str
    unit: str
    formula: str
    comparative: bool = False

    def unit_in(self, currency: str) -> str:
        """The unit with the currency's own sign."""
        return self.unit.replace("₹", currency)


FIGURES: dict[str, Figure] = {
    "community_cost": Figure("Community cost", "₹", "Σ bills"),
    "operator_surplus": Figure(
        "Operator's surplus", "₹", "Σ paid by buyers to peers - Σ received by sellers from peers"
    ),
    "savings": Figure("Savings", "₹", "Σ grid-only bills - Σ bills; negative is a loss"),
    "savings_percent": Figure("Savings", "%", "100 · savings / |Σ grid-only bills|"),
    "traded_kwh": Figure("Traded energy", "kWh", "Σ q"),
    "traded_share_of_supply": Figure("Traded share of supply", "share", "Σ q / Σ supply"),
    "traded_share_of_demand": Figure("Traded share of demand", "share", "Σ q / Σ demand"),
    "untraded_kwh": Figure("Untraded energy", "kWh", "Σ (min(demand, supply) - q)"),
    "untraded_cost": Figure("Cost of untraded energy", "₹", "C(q) - C*: (r - f) for each kWh that could have traded"),
    "avg_p2p_price": Figure("Average P2P price", "₹/kWh", "(Σ paid by buyers - Σ r·(demand - q)) / Σ q"),
    "unmet_demand_kwh": Figure("Unmet demand", "kWh", "Σ (demand - q): demand without a peer, billed at retail"),
    "self_consumption_share": Figure("Self-consumption", "share", "1 - Σ export / Σ solar"),
    "self_sufficiency_share": Figure("Self-sufficiency", "share", "1 - Σ import used for load / Σ load"),
    "peak_import_kw": Figure("Peak import", "kW", "max import / h"),
    "peak_export_kw": Figure("Peak export", "kW", "max export / h"),
    "peak_to_average": Figure("Peak to average", "ratio", "peak import / mean import"),
    "price_volatility": Figure(
        "Price volatility", "₹/kWh", "standard deviation of the P2P price over slots with a trade"
    ),
    "better_off_share": Figure("Better off", "share", "households with bill < grid-only bill"),
    "not_worse_share": Figure("Not worse off", "share", "households with bill <= grid-only bill"),
    "worst_loss": Figure("Worst loss", "₹", "max (bill - grid-only bill), 0 if nobody loses"),
    "budget_imbalance": Figure("Budget imbalance", "₹", "Σ bills - operator's surplus - C(q): 0"),
    "jain": Figure("Jain index of savings", "share", "(Σ s)² / (N·Σ s²); not defined if a saving is negative"),
    "gini": Figure("Gini index of savings", "share", "Σ|s_i - s_j| / (2·N²·mean s)"),
    "value_tapping": Figure("Value tapping (VI)", "share", "(C0 - cost) / (C0 - optimum on the same assets)", True),
    "participation_willingness": Figure("Participation (PI)", "share", "share of households better off"),
    "equality": Figure("Equality (EI)", "share", "1 - Gini of incomes, shifted so that the lowest is 0"),
    "energy_balance": Figure("Energy balance (EBI)", "share", "1 - Σ|Σ net| / (Σ load + Σ solar)"),
    "power_flatness": Figure("Power flatness (PFI)", "share", "1 - (max/mean of |Σ net|) / (the worst compared)", True),
    "self_sufficiency_index": Figure("Self-sufficiency (SSI)", "share", "self-sufficiency"),
    "economic_performance": Figure("Economic performance (EPI)", "share", "mean of VI, PI, EI", True),
    "technical_performance": Figure("Technical performance (TPI)", "share", "mean of EBI, PFI, SSI", True),
    "overall_performance": Figure("Overall performance (OPI)", "share", "mean of EPI, TPI", True),
}


def ratio(part: float, whole: float) -> float:
    """part / whole, NaN where whole is 0."""
    return part / whole if whole else NAN


def flow_figures(dispatch: Dispatch) -> dict[str, float]:
    """Figures of the physical flows: the same for every settlement of one dispatch."""
    community, h = dispatch.community, dispatch.community.slot_h
    load, solar = total_kwh(community)
    imported, exported = dispatch.import_kwh, dispatch.export_kwh
    exchanged = np.abs(dispatch.demand_kwh - dispatch.supply_kwh)
    self_sufficiency = 1.0 - ratio(float((imported - dispatch.grid_charge_kwh).sum()), load)
    return {
        "self_consumption_share": 1.0 - ratio(float(exported.sum()), solar),
        "self_sufficiency_share": self_sufficiency,
        "peak_import_kw": float(imported.max()) / h,
        "peak_export_kw": float(exported.max()) / h,
        "peak_to_average": ratio(float(imported.max()), float(imported.mean())),
        "energy_balance": 1.0 - ratio(float(exchanged.sum()), load + solar),
        "self_sufficiency_index": self_sufficiency,
    }


def peak_ratio(dispatch: Dispatch) -> float:
    """EPAR: the largest exchange with the grid in a slot over the mean one."""
    exchanged = np.abs(dispatch.demand_kwh - dispatch.supply_kwh)
    return ratio(float(exchanged.max()), float(exchanged.mean()))


def total_kwh(community: Community) -> tuple[float, float]:
    """Σ load and Σ solar, kWh."""
    return float(community.load_kw.sum()) * community.slot_h, float(community.solar_kw.sum()) * community.slot_h


def settlement_figures(settlement: Settlement, account: Account, baseline_bill: FloatArray) -> dict[str, float]:
    """Figures of one settlement against the bills `[household]` of the grid alone."""
    dispatch, q = settlement.dispatch, settlement.traded_kwh
    traded, cost = float(q.sum()), float(account.bill.sum())
    operator, grid = float(settlement.operator_surplus().sum()), float(settlement.grid_cost().sum())
    savings = baseline_bill - account.bill
    near = 1e-9 * np.maximum(1.0, np.abs(baseline_bill))
    prices = settlement.price[np.isfinite(settlement.price)]
    return {
        "community_cost": cost,
        "operator_surplus": operator,
        "savings": float(savings.sum()),
        "savings_percent": savings_percent(float(baseline_bill.sum()), cost),
        "traded_kwh": traded,
        "traded_share_of_supply": ratio(traded, float(dispatch.supply_kwh.sum())),
        "traded_share_of_demand": ratio(traded, float(dispatch.demand_kwh.sum())),
        "untraded_kwh": float((dispatch.matched_kwh - q).sum()),
        "untraded_cost": grid - float(settlement.least_cost().sum()),
        "avg_p2p_price": _average_price(settlement),
        "unmet_demand_kwh": float((dispatch.demand_kwh - q).sum()),
        "price_volatility": float(prices.std()) if prices.size else NAN,
        "better_off_share": float((savings > near).mean()),
        "not_worse_share": float((savings >= -near).mean()),
        "worst_loss": float(np.maximum(np.where(savings >= -near, 0.0, -savings), 0.0).max()),
        "budget_imbalance": cost - operator - grid,
        "jain": jain(savings),
        "gini": gini(savings),
        "participation_willingness": float((savings > near).mean()),
        "equality": equality(account.bill),
    }


def _average_price(settlement: Settlement) -> float:
    """Σ price·q / Σ q: what peers pay for what peers deliver, as `Settlement.price` has it slot by slot."""
    q = settlement.traded_kwh
    trades = q > 0.0
    return ratio(float((settlement.price[trades] * q[trades]).sum()), float(q.sum()))


def savings_percent(baseline_cost: float, cost: float) -> float:
    """Signed savings over the size of the baseline: 100 to 110 is -10 %."""
    return 100.0 * ratio(baseline_cost - cost, abs(baseline_cost))


def jain(savings: FloatArray) -> float:
    """Jain's index (Jain, Chiu, Hawe 1984): 1 when all save the same; NaN if anybody loses or nobody saves."""
    if bool((savings < -1e-9 * max(1.0, float(np.abs(savings).max()))).any()):
        return NAN
    kept = np.maximum(savings, 0.0)
    return ratio(float(kept.sum()) ** 2, kept.size * float((kept**2).sum()))


def gini(values: FloatArray) -> float:
    """Gini's index: 0 when all have the same; NaN unless the mean is above 0. By sorting, O(N log N)."""
    total = float(values.sum())
    if not total > 0.0:
        return NAN
    ranks = np.arange(1, values.size + 1)
    return float((2.0 * ranks - values.size - 1.0) @ np.sort(values)) / (values.size * total)


def equality(bill: FloatArray) -> float:
    """EI: 1 - Gini of incomes (-bill), shifted so that the lowest is 0; NaN when all are equal."""
    income = -bill
    return 1.0 - gini(income - income.min())


def zhou_indices(figures: dict[str, float]) -> dict[str, float]:
    """EPI, TPI and OPI from the six indices."""
    economic = (figures["value_tapping"] + figures["participation_willingness"] + figures["equality"]) / 3.0
    technical = (figures["energy_balance"] + figures["power_flatness"] + figures["self_sufficiency_index"]) / 3.0
    return {
        "economic_performance": economic,
        "technical_performance": technical,
        "overall_performance": (economic + technical) / 2.0,
    }
