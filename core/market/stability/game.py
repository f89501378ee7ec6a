"""What every group of homes would pay alone: the cooperative game behind a market's bills."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.market.community import BoolArray, FloatArray, Tariff
from core.market.dispatch import Dispatch
from core.market.meters import folded


@dataclass(frozen=True, slots=True, eq=False)
class Game:
    """The cost C* of every group S of homes that would trade among themselves only.

    C*(S) = Σ_t r·(Σ_S net)⁺ - f·(Σ_S net)⁻, which is Σ_S linear + Σ_t |Σ_S swing|: only slots in which some homes
    need energy and others offer it tell groups apart. Batteries run as they did: the game is about net positions.

    alone: C0, what each home pays with the grid only, `[household]`, currency.
    linear: `[household]`, currency, the part of the cost that adds up over homes: (r + f)/2·net, and (r - f)/2·|net|
        in slots where all homes are on one side.
    swing: `[household, slot]`, currency, (r - f)/2·net in the other slots.
    """

    alone: FloatArray
    linear: FloatArray
    swing: FloatArray

    @classmethod
    def of(cls, dispatch: Dispatch, tariff: Tariff) -> Game:
        """The game of a dispatch's net positions; of a home known by its meter, import less export."""
        net = dispatch.net_kwh
        alone = tariff.retail_price @ np.maximum(net, 0.0) - tariff.feed_in_price @ np.maximum(-net, 0.0)
        return cls.of_net(folded(net, dispatch.community), tariff, alone=folded(alone, dispatch.community))

    @classmethod
    def of_net(cls, net_kwh: FloatArray, tariff: Tariff, *, alone: FloatArray | None = None) -> Game:
        """The game of net positions `[slot, household]`, kWh; positive needs energy. alone: where it is not their own
        cost."""
        middle = (tariff.retail_price + tariff.feed_in_price) / 2.0
        half = (tariff.retail_price - tariff.feed_in_price) / 2.0
        mixed = (net_kwh > 0.0).any(axis=1) & (net_kwh < 0.0).any(axis=1) & (half > 0.0)
        linear: FloatArray = middle @ net_kwh + half[~mixed] @ np.abs(net_kwh[~mixed])
        swing = np.ascontiguousarray((half[mixed, None] * net_kwh[mixed]).T)
        return cls(linear + np.abs(swing).sum(axis=1) if alone is None else alone, linear, swing)

    @property
    def households(self) -> int:
        """N."""
        return int(self.linear.size)

    @property
    def idle(self) -> BoolArray:
        """Whether a home never has energy in a slot that counts, `[household]`: it brings nothing to any group."""
        never: BoolArray = ~(self.swing != 0.0).any(axis=1)
        return never

    def cost(self, members: FloatArray) -> float:
        """C*(S), currency. members: `[household]`, 1 in the group, 0 outside."""
        return float(self.linear @ members + np.abs(members @ self.swing).sum())

    def everyone(self) -> FloatArray:
        """The group of all homes."""
        return np.ones(self.households)

    def worth(self, members: FloatArray) -> float:
        """v(S): what the group saves alone, currency: Σ_S C0 - C*(S)."""
        return float(self.alone @ members) - self.cost(members)

    def marginal(self) -> FloatArray:
        """What each home brings: v(N) - v(N without it), `[household]`, currency."""
        total = self.swing.sum(axis=0)
        without = np.array([np.abs(total - own).sum() for own in self.swing])
        brings: FloatArray = self.alone - self.linear - np.abs(total).sum() + without
        return brings
