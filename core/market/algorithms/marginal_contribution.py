"""Each home saves in proportion to what the others would lose without it."""

from __future__ import annotations

from core.market.community import Tariff
from core.market.dispatch import Dispatch
from core.market.settlement import Settlement
from core.market.stability.game import Game
from core.market.stability.shares import NO_PRICE, marginal_contribution

NAME = "Marginal contribution"
SOURCE = "Young 1985, International Journal of Game Theory 14: cost allocation by separable costs, here in proportion"
RANK = 87
FAMILY = "fair share"
COLOUR = "#fc1b58"
EXEMPT = ("additive_over_slots",)


def settle(dispatch: Dispatch, tariff: Tariff) -> Settlement:
    """bill_i = C0_i - v(N)·m_i / Σ m, m_i = v(N) - v(N without i)."""
    game = Game.of(dispatch, tariff)
    bill = game.alone - marginal_contribution(game)
    return Settlement.of_bills(dispatch, tariff, bill=bill, no_price=NO_PRICE)
