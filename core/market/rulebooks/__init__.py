"""Rulebooks: how a place's rules turn energy into money. docs/rulebooks.md describes the form and the formulas."""

from core.market.rulebooks.account import Baseline, RuledAccount
from core.market.rulebooks.form import Rulebook, rulebook_of
from core.market.rulebooks.grid import GivenPrices
from core.market.rulebooks.place import Forecasts, Members, Place
from core.market.rulebooks.presets import load, preset, presets
from core.market.rulebooks.trading import mechanism_of

__all__ = [
    "Baseline",
    "Forecasts",
    "GivenPrices",
    "Members",
    "Place",
    "RuledAccount",
    "Rulebook",
    "load",
    "mechanism_of",
    "preset",
    "presets",
    "rulebook_of",
]
