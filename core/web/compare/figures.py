"""How each figure of the market is shown: its group, which way is better, its decimals, and its formula as help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.market.figures import FIGURES as MARKET_FIGURES

Better = Literal["higher", "lower", ""]

MONEY, ENERGY, GRID, HOUSEHOLDS, INDICES, OTHER = "Money", "Energy", "Grid and use", "Households", "Indices", "Other"
CURRENCY = "₹"
"""Stands for the lab's currency in the market's units."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure (KPI) as the screen shows it.

    unit: a "₹" in it stands for the lab's currency. scale: what the stored value is multiplied by to be shown; shares
    are stored from 0 to 1 and shown in percent. better: which way is better, "" where neither is.
    physical: decided by the dispatch alone, so settlements of one dispatch cannot differ in it.
    comparative: depends on what else is compared.
    """

    key: str
    label: str
    unit: str
    formula: str
    group: str
    better: Better = ""
    decimals: int = 2
    scale: float = 1.0
    physical: bool = False
    comparative: bool = False

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
        return " ".join(said)


@dataclass(frozen=True, slots=True)
class _Look:
    group: str
    better: Better = ""
    decimals: int = 2
    percent: bool = False
    physical: bool = False


def _index(*, physical: bool = False) -> _Look:
    return _Look(INDICES, "higher", 3, physical=physical)


_LOOKS = {
    "community_cost": _Look(MONEY, "lower"),
    "savings": _Look(MONEY, "higher"),
    "savings_percent": _Look(MONEY, "higher"),
    "avg_p2p_price": _Look(MONEY, decimals=4),
    "price_volatility": _Look(MONEY, decimals=4),
    "untraded_cost": _Look(MONEY, "lower"),
    "operator_surplus": _Look(MONEY),
    "budget_imbalance": _Look(MONEY),
    "traded_kwh": _Look(ENERGY, "higher"),
    "traded_share_of_supply": _Look(ENERGY, "higher", 1, percent=True),
    "traded_share_of_demand": _Look(ENERGY, "higher", 1, percent=True),
    "untraded_kwh": _Look(ENERGY, "lower"),
    "unmet_demand_kwh": _Look(ENERGY, "lower"),
    "self_consumption_share": _Look(GRID, "higher", 1, percent=True, physical=True),
    "self_sufficiency_share": _Look(GRID, "higher", 1, percent=True, physical=True),
    "peak_import_kw": _Look(GRID, "lower", physical=True),
    "peak_export_kw": _Look(GRID, "lower", physical=True),
    "peak_to_average": _Look(GRID, "lower", physical=True),
    "better_off_share": _Look(HOUSEHOLDS, "higher", 1, percent=True),
    "not_worse_share": _Look(HOUSEHOLDS, "higher", 1, percent=True),
    "worst_loss": _Look(HOUSEHOLDS, "lower"),
    "gini": _Look(HOUSEHOLDS, "lower", 3),
    "jain": _Look(HOUSEHOLDS, "higher", 3),
    "value_tapping": _index(),
    "participation_willingness": _index(),
    "equality": _index(),
    "energy_balance": _index(physical=True),
    "power_flatness": _index(physical=True),
    "self_sufficiency_index": _index(physical=True),
    "economic_performance": _index(),
    "technical_performance": _index(physical=True),
    "overall_performance": _index(),
}


def _figure(key: str, look: _Look) -> Figure:
    known = MARKET_FIGURES[key]
    return Figure(
        key=key,
        label=known.label,
        unit="%" if look.percent else "" if known.unit in ("share", "ratio") else known.unit,
        formula=known.formula,
        group=look.group,
        better=look.better,
        decimals=look.decimals,
        scale=100.0 if look.percent else 1.0,
        physical=look.physical,
        comparative=known.comparative,
    )


FIGURES = {key: _figure(key, look) for key, look in _LOOKS.items()}
"""Every figure by its key, in the order of the screen."""


def figure_of(key: str) -> Figure:
    """The figure with this key; one that nobody described (from a stranger's algorithm) is shown as it is."""
    described = Figure(key, key.replace("_", " ").capitalize(), "", "As the algorithm reports it", OTHER)
    return FIGURES.get(key, described)
