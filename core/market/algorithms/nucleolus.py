"""The group that gains least gains as much as can be, then the next one: no group of homes does better alone."""

from __future__ import annotations

from core.market.community import Tariff
from core.market.dispatch import Dispatch
from core.market.settlement import Settlement
from core.market.stability.game import Game
from core.market.stability.nucleolus import EXACT_HOMES, nucleolus
from core.market.stability.shares import NO_PRICE

NAME = "Nucleolus"
SOURCE = "Schmeidler 1969, SIAM Journal on Applied Mathematics 17"
RANK = 85
FAMILY = "fair share"
COLOUR = "#9c7dbc"
EXEMPT = ("additive_over_slots",)
EASY_HOUSEHOLDS = EXACT_HOMES


def settle(dispatch: Dispatch, tariff: Tariff) -> Settlement:
    """bill_i = C0_i - ν_i, ν the nucleolus of v(S) = C0(S) - C*(S) over the whole horizon."""
    game = Game.of(dispatch, tariff)
    bill = game.alone - nucleolus(game)
    return Settlement.of_bills(dispatch, tariff, bill=bill, no_price=NO_PRICE)
