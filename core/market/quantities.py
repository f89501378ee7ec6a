"""Every figure and every array of a result, once: what it is called, how it is computed and how it is shown.

A figure is one function of a settlement's `Totals` with its row above it; its docstring is the formula that people
read. Engine, sweeps, command line, page, explorer, exports, report, docs and OpenAPI take figures from here alone.
NaN stands for what is not defined: a zero denominator never gives 0 or 1, and what is zero but for rounding is zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.market.totals import DUST, Totals, equality_index, gini_index, jain_index, ratio

Better = Literal["higher", "lower", ""]
MONEY, ENERGY, GRID, HOUSEHOLDS, INDICES, OTHER = "Money", "Energy", "Grid and use", "Households", "Indices", "Other"
CURRENCY = "₹"
"""Stands for the lab's currency in every unit."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One figure of a whole result, or one array over its households or slots.

    unit: of the stored value; a "₹" in it stands for the lab's currency. percent: stored from 0 to 1, shown in percent.
    better: which way is better, "" where neither is. physical: decided by the dispatch alone, so settlements of one
    dispatch cannot differ in it. comparative: depends on what else is compared. undefined: when it is not defined.
    over: what an array has a value for, "household" or "slot"; "" for a figure.
    """

    key: str
    label: str
    unit: str
    formula: str
    group: str = OTHER
    better: Better = ""
    decimals: int = 2
    percent: bool = False
    physical: bool = False
    comparative: bool = False
    undefined: str = ""
    note: str = ""
    over: Literal["", "household", "slot"] = ""

    def unit_in(self, currency: str) -> str:
        """The stored value's unit with the currency's own sign."""
        return self.unit.replace(CURRENCY, currency)

    @property
    def shown_unit(self) -> str:
        """The unit beside a number on the screen; "" for an index."""
        return "%" if self.percent else "" if self.unit in ("share", "ratio") else self.unit

    def shown_unit_in(self, currency: str) -> str:
        """The unit beside a number on the screen, with the currency's own sign."""
        return self.shown_unit.replace(CURRENCY, currency)

    @property
    def scale(self) -> float:
        """What the stored value is multiplied by to be shown."""
        return 100.0 if self.percent else 1.0

    @property
    def arrow(self) -> str:
        """Which way is better, as a sign."""
        return {"higher": "↑", "lower": "↓", "": ""}[self.better]

    @property
    def help(self) -> str:
        """Formula, direction and caveats in words."""
        said = [self.formula.rstrip(".") + "."]
        said += [f"{self.better.capitalize()} is better."] if self.better else []
        said += ["Settlements of one dispatch cannot differ in it."] if self.physical else []
        said += ["It depends on what else is compared."] if self.comparative else []
        said += [f"Not defined where {self.undefined}."] if self.undefined else []
        said += [self.note] if self.note else []
        return " ".join(said)


Compute = Callable[[Totals], float]
FIGURES: dict[str, Quantity] = {}
"""Every figure by its key, in the order in which they are shown."""
_COMPUTE: dict[str, Compute] = {}


def figure(
    label: str,
    unit: str,
    group: str,
    better: Better = "",
    decimals: int = 2,
    *,
    percent: bool = False,
    physical: bool = False,
    comparative: bool = False,
    undefined: str = "",
    note: str = "",
) -> Callable[[Compute], Compute]:
    """The row of a figure: the function's name is its key, its docstring its formula."""

    def add(compute: Compute) -> Compute:
        key, formula = compute.__name__, " ".join((compute.__doc__ or "").split()).rstrip(".")
        FIGURES[key] = Quantity(
            key, label, unit, formula, group, better, decimals, percent, physical, comparative, undefined, note
        )
        _COMPUTE[key] = compute
        return compute

    return add


def figures_of(totals: Totals) -> dict[str, float]:
    """Every figure by its key."""
    return {key: float(compute(totals)) for key, compute in _COMPUTE.items()}


def quantity_of(key: str) -> Quantity:
    """The figure with this key; one that nobody described (from a stranger's algorithm) is shown as it is."""
    return (
        FIGURES.get(key)
        or RULE_FIGURES.get(key)
        or Quantity(key, key.replace("_", " ").capitalize(), "", "As the algorithm reports it", OTHER)
    )


# ---- money


@figure("Community cost", "₹", MONEY, "lower")
def community_cost(t: Totals) -> float:
    """Σ bills."""
    return float(t.bill.sum())


@figure("Savings", "₹", MONEY, "higher")
def savings(t: Totals) -> float:
    """Σ grid-only bills - Σ bills; negative is a loss."""
    return float(t.savings.sum())


@figure("Savings", "%", MONEY, "higher", undefined="the grid-only bills add up to nothing")
def savings_percent(t: Totals) -> float:
    """100 · savings / |Σ grid-only bills|."""
    before, dust = float(t.baseline_bill.sum()), DUST * float(np.abs(t.baseline_bill).sum())
    return 100.0 * ratio(before - community_cost(t) if t.savings.any() else 0.0, abs(before), dust=dust)


@figure("Average P2P price", "₹/kWh", MONEY, decimals=4, undefined="nothing is traded, or trades have no price")
def avg_p2p_price(t: Totals) -> float:
    """½·(Σ paid by buyers - Σ r·(demand - q) + Σ earned by sellers - Σ f·(supply - q)) / Σ q: the mean of both sides,
    which differ only where an operator keeps a surplus."""
    return ratio(t.price_times_kwh, t.traded_kwh)


@figure("Price volatility", "₹/kWh", MONEY, decimals=4, undefined="nothing is traded, or trades have no price")
def price_volatility(t: Totals) -> float:
    """Standard deviation of the P2P price over slots with a trade."""
    return t.price_std


@figure("Cost of untraded energy", "₹", MONEY, "lower")
def untraded_cost(t: Totals) -> float:
    """C(q) - C*: (r - f) for each kWh that could have traded."""
    return t.grid_cost - t.least_cost


@figure("Operator's surplus", "₹", MONEY)
def operator_surplus(t: Totals) -> float:
    """Σ paid by buyers to peers - Σ received by sellers from peers."""
    return t.operator_surplus


@figure("Budget imbalance", "₹", MONEY)
def budget_imbalance(t: Totals) -> float:
    """Σ bills - operator's surplus - C(q): 0."""
    return community_cost(t) - t.operator_surplus - t.grid_cost


# ---- energy


@figure("Traded energy", "kWh", ENERGY, "higher")
def traded_kwh(t: Totals) -> float:
    """Σ q."""
    return t.traded_kwh


@figure("Traded share of supply", "share", ENERGY, "higher", 1, percent=True, undefined="nobody offers energy")
def traded_share_of_supply(t: Totals) -> float:
    """Σ q / Σ supply."""
    return ratio(t.traded_kwh, t.supply_kwh, dust=DUST)


@figure("Traded share of demand", "share", ENERGY, "higher", 1, percent=True, undefined="nobody needs energy")
def traded_share_of_demand(t: Totals) -> float:
    """Σ q / Σ demand."""
    return ratio(t.traded_kwh, t.demand_kwh, dust=DUST)


@figure("Untraded energy", "kWh", ENERGY, "lower")
def untraded_kwh(t: Totals) -> float:
    """Σ (min(demand, supply) - q)."""
    return t.untraded_kwh


@figure("Unmet demand", "kWh", ENERGY, "lower")
def unmet_demand_kwh(t: Totals) -> float:
    """Σ (demand - q): demand without a peer, billed at retail."""
    return t.unmet_demand_kwh


# ---- grid and use

METERED = "a home is known by its meter alone"


@figure(
    "Self-consumption", "share", GRID, "higher", 1, percent=True, physical=True, undefined=f"no sun shines or {METERED}"
)
def self_consumption_share(t: Totals) -> float:
    """1 - Σ export / Σ solar."""
    return 1.0 - ratio(t.export_kwh, t.solar_kwh, dust=DUST)


@figure("Self-sufficiency", "share", GRID, "higher", 1, percent=True, physical=True, undefined=f"no load or {METERED}")
def self_sufficiency_share(t: Totals) -> float:
    """1 - Σ import used for load / Σ load."""
    return 1.0 - ratio(t.import_for_load_kwh, t.load_kwh, dust=DUST)


@figure("Peak import", "kW", GRID, "lower", physical=True)
def peak_import_kw(t: Totals) -> float:
    """max import / h."""
    return t.peak_import_kwh / t.slot_h


@figure("Peak export", "kW", GRID, "lower", physical=True)
def peak_export_kw(t: Totals) -> float:
    """max export / h."""
    return t.peak_export_kwh / t.slot_h


@figure("Peak to average", "ratio", GRID, "lower", physical=True, undefined="nothing is imported")
def peak_to_average(t: Totals) -> float:
    """Peak import / mean import."""
    return ratio(t.peak_import_kwh, t.import_kwh / t.slots)


# ---- households


@figure("Better off", "share", HOUSEHOLDS, "higher", 1, percent=True)
def better_off_share(t: Totals) -> float:
    """Households with bill < grid-only bill."""
    return float((t.savings > 0.0).mean())


@figure("Not worse off", "share", HOUSEHOLDS, "higher", 1, percent=True)
def not_worse_share(t: Totals) -> float:
    """Households with bill <= grid-only bill."""
    return float((t.savings >= 0.0).mean())


@figure("Worst loss", "₹", HOUSEHOLDS, "lower")
def worst_loss(t: Totals) -> float:
    """max (bill - grid-only bill), 0 if nobody loses."""
    return float(np.maximum(-t.savings, 0.0).max())


@figure("Gini index of savings", "share", HOUSEHOLDS, "lower", 3, undefined="all together save nothing")
def gini(t: Totals) -> float:
    """Σ|s_i - s_j| / (2·N²·mean s)."""
    return gini_index(t.savings)


@figure("Jain index of savings", "share", HOUSEHOLDS, "higher", 3, undefined="a saving is negative or nobody saves")
def jain(t: Totals) -> float:
    """(Σ s)² / (N·Σ s²)."""
    return jain_index(t.savings)


# ---- Zhou, Wu, Long 2018, Applied Energy 222, eq. 17-28


@figure(
    "Value tapping (VI)",
    "share",
    INDICES,
    "higher",
    3,
    comparative=True,
    undefined="even the optimum saves nothing, or is not known",
    note="The optimum has the algorithm's own batteries: one without batteries is held against one without.",
)
def value_tapping(t: Totals) -> float:
    """(C0 - cost) / (C0 - optimum on the same assets)."""
    before = float(t.baseline_bill.sum())
    return ratio(before - community_cost(t), before - t.best_cost, dust=DUST * max(1.0, abs(before)))


@figure("Participation (PI)", "share", INDICES, "higher", 3)
def participation_willingness(t: Totals) -> float:
    """Share of households better off."""
    return better_off_share(t)


@figure("Equality (EI)", "share", INDICES, "higher", 3, undefined="all incomes are equal")
def equality(t: Totals) -> float:
    """1 - Gini of incomes, shifted so that the lowest is 0."""
    return equality_index(t.bill)


@figure("Energy balance (EBI)", "share", INDICES, "higher", 3, physical=True, undefined=f"no load or {METERED}")
def energy_balance(t: Totals) -> float:
    """1 - Σ|Σ net| / (Σ load + Σ solar)."""
    return 1.0 - ratio(t.exchanged_kwh, t.load_kwh + t.solar_kwh, dust=DUST)


@figure(
    "Power flatness (PFI)",
    "share",
    INDICES,
    "higher",
    3,
    physical=True,
    comparative=True,
    undefined="nothing is exchanged with the grid",
)
def power_flatness(t: Totals) -> float:
    """1 - (max/mean of |Σ net|) / (the worst compared)."""
    return 1.0 - ratio(t.peak_ratio, t.worst_peak_ratio)


@figure("Self-sufficiency (SSI)", "share", INDICES, "higher", 3, physical=True, undefined=f"no load or {METERED}")
def self_sufficiency_index(t: Totals) -> float:
    """Self-sufficiency."""
    return self_sufficiency_share(t)


@figure(
    "Economic performance (EPI)", "share", INDICES, "higher", 3, comparative=True, undefined="one of the three is not"
)
def economic_performance(t: Totals) -> float:
    """Mean of VI, PI, EI."""
    return (value_tapping(t) + participation_willingness(t) + equality(t)) / 3.0


@figure(
    "Technical performance (TPI)",
    "share",
    INDICES,
    "higher",
    3,
    physical=True,
    comparative=True,
    undefined="one of the three is not",
)
def technical_performance(t: Totals) -> float:
    """Mean of EBI, PFI, SSI."""
    return (energy_balance(t) + power_flatness(t) + self_sufficiency_index(t)) / 3.0


@figure("Overall performance (OPI)", "share", INDICES, "higher", 3, comparative=True, undefined="one of the two is not")
def overall_performance(t: Totals) -> float:
    """Mean of EPI, TPI."""
    return (economic_performance(t) + technical_performance(t)) / 2.0


# ---- arrays


def _arrays(over: Literal["household", "slot"], *rows: tuple[str, str, str, str]) -> dict[str, Quantity]:
    return {
        key: Quantity(key, label, unit, formula, decimals=4 if unit == "₹/kWh" else 2, over=over)
        for key, label, unit, formula in rows
    }


HOUSEHOLD_ARRAYS = _arrays(
    "household",
    ("bill", "Bill", "₹", "What the household pays; negative: it earns"),
    ("baseline_bill", "Grid-only bill", "₹", "Σ (r·deficit - f·surplus) without peers and batteries"),
    ("savings", "Savings", "₹", "Grid-only bill - bill; 0 where that is rounding"),
    ("bought_kwh", "Bought from peers", "kWh", "Σ bought from peers"),
    ("sold_kwh", "Sold to peers", "kWh", "Σ sold to peers"),
    ("import_kwh", "Import", "kWh", "Σ (deficit - bought)"),
    ("export_kwh", "Export", "kWh", "Σ (surplus - sold)"),
    ("load_kwh", "Load", "kWh", "Σ load; not defined for a home known by its meter alone"),
    ("solar_kwh", "Solar", "kWh", "Σ solar; not defined for a home known by its meter alone"),
    ("stored_kwh", "Stored at the end", "kWh", "State of charge after the last slot"),
    # Under a rulebook only, as the figures below:
    ("peer", "Peer money", "₹", "Paid to peers - received from peers"),
    ("charges", "Charges on peer energy", "₹", "Σ charges, each side by its own meter"),
    ("grid", "The grid's bill", "₹", "Energy + fixed + percentages - export credit"),
    ("energy", "Energy", "₹", "The grid's price of the energy billed"),
    ("fixed", "Fixed charges", "₹", "By sanctioned load or by month"),
    ("percent", "Percentages", "₹", "Surcharges and taxes on energy and fixed charges"),
    ("export_credit", "Export credit", "₹", "What the grid pays for exports, or for credit when a year ends"),
    ("credit_kwh", "Open credit", "kWh", "Net metering: credit open at the end of the horizon"),
    ("deviation", "Deviations", "₹", "Paid for one's own deviations from contracts; negative: received"),
    ("incentive", "Incentive", "₹", "Received for shared energy"),
    ("credited_kwh", "Credited", "kWh", "Owned by law and not used: exported on the member's account"),
)
"""Arrays over households, in the order of their ids."""

SLOT_ARRAYS = _arrays(
    "slot",
    ("traded_kwh", "Traded energy", "kWh", "q"),
    ("price", "P2P price", "₹/kWh", "What peers pay for what peers deliver; not defined without a trade"),
    ("demand_kwh", "Demand", "kWh", "Σ max(net, 0)"),
    ("supply_kwh", "Supply", "kWh", "Σ max(-net, 0)"),
    ("import_kwh", "Import", "kWh", "What flows in at the community's connection"),
    ("export_kwh", "Export", "kWh", "What flows out at the community's connection"),
    ("community_cost", "Community cost", "₹", "Σ paid - Σ earned"),
    ("baseline_cost", "Grid-only cost", "₹", "r·demand - f·supply without peers and batteries"),
    ("operator_surplus", "Operator's surplus", "₹", "Paid by buyers to peers - received by sellers from peers"),
    ("retail_price", "Retail price", "₹/kWh", "What the grid charges"),
    ("feed_in_price", "Feed-in price", "₹/kWh", "What the grid pays"),
    ("stored_kwh", "Stored", "kWh", "Σ state of charge at the end of the slot"),
)
"""Arrays over slots."""


def array_of(key: str) -> Quantity:
    """The array with this key, whatever it is over; one that nobody described is shown as it is."""
    return HOUSEHOLD_ARRAYS.get(key) or SLOT_ARRAYS.get(key) or Quantity(key, key, "", "As the algorithm reports it")


# ---- under a rulebook

RULES = "Under the rulebook"

_RULE_ROWS: tuple[tuple[str, str, str, str, Better], ...] = (
    ("peer", "Peer money", "₹", "Σ paid to peers - Σ received: the operator's surplus", ""),
    ("charges", "Charges on peer energy", "₹", "Σ charges, each side by its own meter", "lower"),
    ("grid", "The grid's bills", "₹", "Σ energy + fixed + percentages - export credit", "lower"),
    ("energy", "Energy", "₹", "Σ the grid's price of the energy billed", ""),
    ("fixed", "Fixed charges", "₹", "Σ by sanctioned load or by month", ""),
    ("percent", "Percentages", "₹", "Σ surcharges and taxes on energy and fixed charges", ""),
    ("export_credit", "Export credit", "₹", "Σ what the grid pays for exports, or for credit when a year ends", ""),
    ("credit_kwh", "Open credit", "kWh", "Σ net-metering credit open at the end of the horizon", ""),
    ("deviation", "Deviations", "₹", "Σ paid for own deviations from contracts, to the utilities", ""),
    ("incentive", "Incentive", "₹", "Σ money for shared energy, the community's fund included", "higher"),
    ("fund", "Community fund", "₹", "The part of the incentive that the community keeps", ""),
    ("lost_kwh", "Lost on the way", "kWh", "ℓ·Σ sent to peers", "lower"),
    ("contracted_kwh", "Contracted", "kWh", "Σ Q of forward contracts", ""),
    ("settled_kwh", "Settled", "kWh", "Σ z: contracted energy that the meters confirm", "higher"),
    ("settled_share", "Settled share", "share", "Σ z / Σ Q", "higher"),
    ("optimum_kwh", "Most that could be settled", "kWh", "The largest Σ z that meters and contracts allow", ""),
    ("stranded_kwh", "Stranded energy", "kWh", "The most that could be settled - Σ z", "lower"),
    ("buyer_shortfall_kwh", "Buyers' shortfall", "kWh", "Σ (contracted - metered)⁺ of buyers, slot by slot", ""),
    ("seller_shortfall_kwh", "Sellers' shortfall", "kWh", "Σ (contracted - metered)⁺ of sellers, slot by slot", ""),
    ("deviation_charges", "Deviation charges", "₹", "Σ charges on sellers - Σ credits to buyers", ""),
    (
        "compliant_seller_unsettled_kwh",
        "Unsettled though delivered",
        "kWh",
        "Σ (Q - z) of compliant sellers",
        "lower",
    ),
    ("compliant_buyer_unsettled_kwh", "Unsettled though taken", "kWh", "Σ (Q - z) of compliant buyers", "lower"),
    ("compliant_revenue_gap", "Revenue compliant sellers miss", "₹", "Σ p·(Q - z) of compliant sellers", "lower"),
)
RULE_FIGURES = {row[0]: Quantity(*row[:4], RULES, row[4]) for row in _RULE_ROWS}
"""Figures that only a result under a rulebook has; 0 in the last three means that a compliant party is guaranteed."""
