"""What each figure means: its name, unit, formula and which way is better, in one table that every screen reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower", ""]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure (KPI). A `¤` in unit and formula stands for the lab's currency.

    scale: what the stored value is multiplied by to be shown; shares are stored from 0 to 1 and shown in percent.
    better: which way is better, "" where neither is.
    physical: decided by the dispatch alone, so settlements of one dispatch cannot differ in it.
    """

    key: str
    label: str
    unit: str
    formula: str
    better: Better
    group: str
    decimals: int = 2
    scale: float = 1.0
    physical: bool = False

    @property
    def money(self) -> bool:
        """Whether it counts currency."""
        return self.unit == "¤"

    @property
    def direction(self) -> str:
        """Which way is better, in words."""
        return {"higher": "↑ higher", "lower": "↓ lower", "": "–"}[self.better]

    @property
    def difference_unit(self) -> str:
        """The unit of a difference: percentage points where the figure is in percent."""
        return "pp" if self.unit == "%" else self.unit


MONEY, ENERGY, NETWORK, HOUSEHOLDS, INDICES = "Money", "Energy", "Grid and use", "Households", "Indices"
GROUPS = (MONEY, ENERGY, NETWORK, HOUSEHOLDS, INDICES)


def _share(key: str, label: str, formula: str, better: Better, group: str, *, physical: bool = False) -> Figure:
    return Figure(key, label, "%", formula, better, group, decimals=1, scale=100.0, physical=physical)


def _index(key: str, label: str, formula: str, *, physical: bool = False) -> Figure:
    return Figure(key, label, "", formula, "higher", INDICES, decimals=3, physical=physical)


_ALL = (
    Figure(
        "community_cost",
        "Community cost",
        "¤",
        "Σ of all households' bills; below 0 the community earns.",
        "lower",
        MONEY,
    ),
    Figure("savings", "Savings", "¤", "Σ bills with the grid only − Σ bills; signed.", "higher", MONEY),
    Figure(
        "savings_percent",
        "Savings",
        "%",
        "(Σ bills with the grid only − Σ bills) ÷ |Σ bills with the grid only|.",
        "higher",
        MONEY,
    ),
    Figure(
        "avg_p2p_price",
        "Average P2P price",
        "¤/kWh",
        "What peers pay for what peers deliver ÷ traded energy.",
        "",
        MONEY,
        decimals=4,
    ),
    Figure(
        "price_volatility",
        "Price volatility",
        "¤/kWh",
        "Standard deviation of the P2P price over slots with a trade.",
        "",
        MONEY,
        decimals=4,
    ),
    Figure(
        "untraded_cost",
        "Cost of what was not traded",
        "¤",
        "Cost − the least cost of the same dispatch: retail − feed-in for each kWh that stayed untraded.",
        "lower",
        MONEY,
    ),
    Figure(
        "operator_surplus",
        "Operator's surplus",
        "¤",
        "What buyers pay and sellers do not get; the operator keeps it.",
        "",
        MONEY,
    ),
    Figure(
        "budget_imbalance",
        "Budget imbalance",
        "¤",
        "Σ bills − operator's surplus − what the grid charges; 0 unless an algorithm invents money.",
        "",
        MONEY,
    ),
    Figure("traded_kwh", "Traded energy", "kWh", "Σ of energy that passed between neighbours.", "higher", ENERGY),
    _share(
        "traded_share_of_supply", "Traded, of supply", "Traded energy ÷ Σ surplus of all households.", "higher", ENERGY
    ),
    _share(
        "traded_share_of_demand", "Traded, of demand", "Traded energy ÷ Σ deficit of all households.", "higher", ENERGY
    ),
    Figure("untraded_kwh", "Untraded energy", "kWh", "Σ over slots of min(demand, supply) − traded.", "lower", ENERGY),
    Figure(
        "unmet_demand_kwh",
        "Unmet demand",
        "kWh",
        "Demand that found no peer and is billed at retail: Σ over slots of demand − traded.",
        "lower",
        ENERGY,
    ),
    _share(
        "self_consumption_share",
        "Self-consumption",
        "1 − Σ export ÷ Σ solar, at the community's connection.",
        "higher",
        NETWORK,
        physical=True,
    ),
    _share(
        "self_sufficiency_share",
        "Self-sufficiency",
        "1 − import used for load ÷ Σ load, at the community's connection.",
        "higher",
        NETWORK,
        physical=True,
    ),
    Figure(
        "peak_import_kw", "Peak import", "kW", "Largest import of a slot ÷ its length.", "lower", NETWORK, physical=True
    ),
    Figure(
        "peak_export_kw", "Peak export", "kW", "Largest export of a slot ÷ its length.", "lower", NETWORK, physical=True
    ),
    Figure("peak_to_average", "Peak to average", "", "Peak import ÷ mean import.", "lower", NETWORK, physical=True),
    _share(
        "better_off_share",
        "Better off",
        "Share of households whose bill is below the one with the grid only.",
        "higher",
        HOUSEHOLDS,
    ),
    _share(
        "not_worse_share",
        "Not worse off",
        "Share of households whose bill is at most the one with the grid only.",
        "higher",
        HOUSEHOLDS,
    ),
    Figure(
        "worst_loss",
        "Worst loss",
        "¤",
        "Largest bill − bill with the grid only of one household; 0 if nobody loses.",
        "lower",
        HOUSEHOLDS,
    ),
    Figure(
        "gini",
        "Gini of savings",
        "",
        "Σ over pairs |s − s′| ÷ (2·N²·mean s), s the savings of a household; 0 is equal.",
        "lower",
        HOUSEHOLDS,
        decimals=3,
    ),
    Figure(
        "jain",
        "Jain of savings",
        "",
        "(Σ s)² ÷ (N·Σ s²), s the savings of a household; 1 is equal.",
        "higher",
        HOUSEHOLDS,
        decimals=3,
    ),
    _index(
        "value_tapping",
        "Value tapping",
        "VI = (value − value of grid only) ÷ (value of the optimum − value of grid only), value = −cost.",
    ),
    _index("participation_willingness", "Participation willingness", "PI = share of households that are better off."),
    _index(
        "equality",
        "Equality",
        "EI = 1 − Gini of incomes (−bill, shifted to be positive). It barely reacts: read it beside Gini.",
    ),
    _index(
        "energy_balance", "Energy balance", "EBI = 1 − Σ|net of the community| ÷ (Σ load + Σ solar).", physical=True
    ),
    _index(
        "power_flatness",
        "Power flatness",
        "PFI = 1 − EPAR ÷ EPAR of the worst compared; EPAR = largest ÷ mean |net|. It depends on what is compared.",
        physical=True,
    ),
    _index("self_sufficiency_index", "Self-sufficiency index", "SSI = self-sufficiency.", physical=True),
    _index("economic_performance", "Economic performance", "EPI = mean of VI, PI and EI."),
    _index("technical_performance", "Technical performance", "TPI = mean of EBI, PFI and SSI.", physical=True),
    _index("overall_performance", "Overall performance", "OPI = mean of EPI and TPI."),
)
FIGURES = {figure.key: figure for figure in _ALL}
"""Every figure by its key, in the order of the screen. Source: Zhou, Wu, Long 2018, Applied Energy 222, eq. 17–28."""

HEADLINES = ("savings", "savings_percent", "traded_kwh", "avg_p2p_price", "self_sufficiency_share", "peak_import_kw")
"""The figures that are looked at first."""


def figure_of(key: str) -> Figure:
    """The figure with this key; one that nobody described (from a stranger's algorithm) is shown as it is."""
    described = Figure(key, key.replace("_", " ").capitalize(), "", "As the algorithm reports it.", "", "Other")
    return FIGURES.get(key, described)
