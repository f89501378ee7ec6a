"""Simple ways to share what all homes save together: the same for all, or in proportion to what each brings."""

from __future__ import annotations

import numpy as np

from core.market.community import FloatArray
from core.market.stability.game import Game

NO_PRICE = "A fair share has no price per trade: each home's whole bill is set."


def equal_split(game: Game) -> FloatArray:
    """v(N) in equal parts to the homes with energy in a slot that counts, `[household]`, currency."""
    takes_part = (~game.idle).astype(np.float64)
    if not takes_part.any():
        return game.alone - game.linear
    return takes_part * game.worth(game.everyone()) / float(takes_part.sum())


def marginal_contribution(game: Game) -> FloatArray:
    """v(N) in proportion to v(N) - v(N without the home), `[household]`, currency; in equal parts where all are 0."""
    brings = game.marginal()
    total = float(brings.sum())
    if total <= 1e-9:
        return equal_split(game)
    return brings * (game.worth(game.everyone()) / total)
