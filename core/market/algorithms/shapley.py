"""Each home keeps what it brings on average over all orders of joining."""

from __future__ import annotations

from core.market.community import Tariff
from core.market.contract import Parameter
from core.market.dispatch import Dispatch
from core.market.settlement import Settlement
from core.market.stability.game import Game
from core.market.stability.shapley import shapley
from core.market.stability.shares import NO_PRICE

NAME = "Shapley value"
SOURCE = "Shapley 1953, Contributions to the Theory of Games II"
RANK = 84
FAMILY = "fair share"
COLOUR = "#c416ca"
PARAMETERS = (
    Parameter(
        "seed", 0, unit="", help="Start of the orders drawn above 16 homes with energy.", minimum=0, maximum=2**53
    ),
)


def settle(dispatch: Dispatch, tariff: Tariff, *, seed: int) -> Settlement:
    """bill_i = C0_i - φ_i, φ the Shapley value of v(S) = C0(S) - C*(S): exact to 16 homes with energy, then sampled."""
    game = Game.of(dispatch, tariff)
    bill = game.alone - shapley(game, seed=seed).share
    return Settlement.of_bills(dispatch, tariff, bill=bill, no_price=NO_PRICE)
