"""All homes that ever meet a neighbour's need or sun save the same."""

from __future__ import annotations

from core.market.community import Tariff
from core.market.dispatch import Dispatch
from core.market.settlement import Settlement
from core.market.stability.game import Game
from core.market.stability.shares import NO_PRICE, equal_split

NAME = "Equal split"
SOURCE = "The egalitarian rule; no group of homes is asked what it would save alone"
RANK = 86
FAMILY = "fair share"
COLOUR = "#ac597f"
EXEMPT = ("additive_over_slots",)


def settle(dispatch: Dispatch, tariff: Tariff) -> Settlement:
    """bill_i = C0_i - v(N)/n over the n homes that take part."""
    game = Game.of(dispatch, tariff)
    bill = game.alone - equal_split(game)
    return Settlement.of_bills(dispatch, tariff, bill=bill, no_price=NO_PRICE)
