"""Who trades with whom at what price: bills, and every promise a settlement must keep, from arrays of a horizon.

Three forms are enough for every mechanism:

- `at_peer_price`, `at_unit_prices`: each side shares what is traded pro rata, at one price a slot (mid-market rate,
  supply-demand ratio, bill sharing, optimum, grid only);
- `of_fills`: each household's own fill `[slot, household]`, at prices a slot or a household (auctions);
- `of_bills`: what each household pays for the whole horizon; what passes between peers has no price (fair shares).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.errors import MarketError
from core.market.chunks import BySlots, blocks
from core.market.community import FloatArray, Tariff
from core.market.dispatch import Dispatch
from core.market.meters import export_columns
from core.market.pairing import Pairs

if TYPE_CHECKING:
    from core.market.invariants import Verdict
    from core.market.trades import Trades


@dataclass(frozen=True, slots=True, eq=False)
class Fills:
    """What an auction gave each household.

    filled_kwh: `[slot, household]`, kWh; positive bought from peers, negative sold to peers.
    order_price: `[slot, household]`, bid of a household in need, ask of one with surplus; an array or `OrderPrices`.
    buy_price, sell_price: what buyers pay and sellers get for a filled kWh, `[slot]` or `[slot, household]`.
    pair_weight: c where each matched pair trades at c·bid + (1 - c)·ask; None where one price holds for all.
    pairs: who trades with whom where the algorithm decides it, by slot; None to have pairs made from the fills.
    """

    filled_kwh: FloatArray
    order_price: BySlots
    buy_price: FloatArray
    sell_price: FloatArray
    pair_weight: float | None = None
    pairs: Pairs | None = None

    @classmethod
    def of_pairs(cls, pairs: Pairs, order_price: BySlots, *, shape: tuple[int, int]) -> Fills:
        """Fills `shape` = `[slot, household]` of priced pairs; a household's price is the mean of its pairs'."""
        if pairs.price is None:
            raise MarketError("The pairs have no prices.", fix="Give each pair its price, or make Fills of prices.")
        order = np.argsort(pairs.slot, kind="stable")
        price = pairs.price[order]
        pairs = Pairs(pairs.slot[order], pairs.buyer[order], pairs.seller[order], pairs.energy_kwh[order], price)
        bought, sold = pairs.summed(shape)
        paid, got = pairs.summed(shape, weight=price)
        buy = np.divide(paid, bought, out=np.zeros(shape), where=bought > 0.0)
        sell = np.divide(got, sold, out=np.zeros(shape), where=sold > 0.0)
        return cls(bought - sold, order_price, buy, sell, pairs=pairs)


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """Money and energy of a settlement, added up.

    `[household]`: bill, bought_kwh, sold_kwh, deficit_kwh, surplus_kwh.
    `[slot]`: paid and earned, everything buyers pay and sellers get, the grid's part included.
    """

    bill: FloatArray
    bought_kwh: FloatArray
    sold_kwh: FloatArray
    deficit_kwh: FloatArray
    surplus_kwh: FloatArray
    paid: FloatArray
    earned: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Settlement:
    """The outcome of a market over a horizon.

    traded_kwh: `[slot]`, q. price: `[slot]`, what peers pay for what peers deliver, NaN without a trade.
    buy_price, sell_price: `[slot]`, for the whole net position, the grid's part included; None with fills.
    no_price: why trades have no price of their own, in a sentence; `price` is NaN then.
    bill_of_column: `[column]`, where bills are shared out as a whole; unit prices then only say what the grid gets.
    """

    dispatch: Dispatch
    tariff: Tariff
    traded_kwh: FloatArray
    price: FloatArray
    buy_price: FloatArray | None = None
    sell_price: FloatArray | None = None
    fills: Fills | None = None
    no_price: str = ""
    bill_of_column: FloatArray | None = None

    @classmethod
    def at_peer_price(cls, dispatch: Dispatch, tariff: Tariff, *, price: FloatArray) -> Settlement:
        """All matched energy trades at `price` `[slot]`, shared pro rata; the rest goes over the grid."""
        q, demand, supply = dispatch.matched_kwh, dispatch.demand_kwh, dispatch.supply_kwh
        retail, feed_in = tariff.retail_price, tariff.feed_in_price
        traded = q > 0.0
        peer = np.where(traded, price, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            buy = np.where(traded, (peer * q + retail * (demand - q)) / demand, retail)
            sell = np.where(traded, (peer * q + feed_in * (supply - q)) / supply, feed_in)
        return cls(dispatch, tariff, q, np.where(traded, price, np.nan), buy, sell)

    @classmethod
    def at_unit_prices(
        cls,
        dispatch: Dispatch,
        tariff: Tariff,
        *,
        buy_price: FloatArray,
        sell_price: FloatArray,
        traded_kwh: FloatArray,
        price: FloatArray | None = None,
        no_price: str = "",
    ) -> Settlement:
        """One price a slot and side for the whole net position, the grid's part included.

        `price` is what peers pay peers; left out, it follows from the unit prices. no_price: why there is none.
        """
        if no_price:
            nothing = np.full(traded_kwh.shape, np.nan)
            return cls(dispatch, tariff, traded_kwh, nothing, buy_price, sell_price, no_price=no_price)
        if price is None:
            price = _peer_price(
                dispatch, tariff, traded_kwh, buy_price * dispatch.demand_kwh, sell_price * dispatch.supply_kwh
            )
        return cls(dispatch, tariff, traded_kwh, np.where(traded_kwh > 0.0, price, np.nan), buy_price, sell_price)

    @classmethod
    def of_fills(cls, dispatch: Dispatch, tariff: Tariff, fills: Fills) -> Settlement:
        """Households trade what `fills` says at its prices; the rest goes over the grid."""
        bought, paid, sold, earned = (np.zeros(dispatch.community.slots) for _ in range(4))
        for part in blocks(*fills.filled_kwh.shape):
            buys, sells = np.maximum(fills.filled_kwh[part], 0.0), np.maximum(-fills.filled_kwh[part], 0.0)
            bought[part], sold[part] = buys.sum(axis=1), sells.sum(axis=1)
            paid[part] = (columns(fills.buy_price[part]) * buys).sum(axis=1)
            earned[part] = (columns(fills.sell_price[part]) * sells).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            price = np.where(bought > 0.0, (paid / bought + earned / sold) / 2.0, np.nan)
        return cls(dispatch, tariff, bought, price, fills=fills)

    @classmethod
    def of_bills(cls, dispatch: Dispatch, tariff: Tariff, *, bill: FloatArray, no_price: str) -> Settlement:
        """All matched energy passes between peers, pro rata, without a price; `bill` shares out the grid's whole bill.

        bill: `[household]`; of a household with a column for its export the other column carries what is left.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            buy = np.nan_to_num(tariff.retail_price * dispatch.import_kwh / dispatch.demand_kwh)
            sell = np.nan_to_num(tariff.feed_in_price * dispatch.export_kwh / dispatch.supply_kwh)
        of_column = np.zeros(dispatch.community.households)
        of_column[: bill.size] = bill
        main, export = export_columns(dispatch.community)
        of_column[export] = tariff.feed_in_price @ dispatch.net_kwh[:, export]
        of_column[main] -= of_column[export]
        nothing = np.full(dispatch.matched_kwh.shape, np.nan)
        return cls(
            dispatch, tariff, dispatch.matched_kwh, nothing, buy, sell, no_price=no_price, bill_of_column=of_column
        )

    def account(self) -> Account:
        """Bills of the households and money of the slots."""
        account = _account_of_fills(self, self.fills) if self.fills is not None else _account_pro_rata(self)
        return account if self.bill_of_column is None else replace(account, bill=self.bill_of_column)

    def least_cost(self) -> FloatArray:
        """C* of each slot: what the community pays when all matched energy is traded, `[slot]`."""
        return self._cost(self.dispatch.matched_kwh)

    def grid_cost(self) -> FloatArray:
        """C(q) of each slot: what the grid charges for the rest less what it pays, `[slot]`."""
        return self._cost(self.traded_kwh)

    def operator_surplus(self) -> FloatArray:
        """What buyers pay for filled energy and sellers do not get, `[slot]`; 0 where one price holds for both."""
        surplus = np.zeros(self.dispatch.community.slots)
        fills = self.fills
        if fills is None or fills.buy_price is fills.sell_price:
            return surplus
        for part in blocks(*fills.filled_kwh.shape):
            filled = fills.filled_kwh[part]
            paid = np.where(filled > 0.0, columns(fills.buy_price[part]) * filled, 0.0)
            got = np.where(filled < 0.0, columns(fills.sell_price[part]) * filled, 0.0)
            surplus[part] = (paid + got).sum(axis=1)
        return surplus

    def unit_prices(self) -> tuple[FloatArray, FloatArray]:
        """Buy and sell price `[slot]` of whole net positions. Raises MarketError where households have fills."""
        if self.buy_price is None or self.sell_price is None:
            raise MarketError("The settlement has neither unit prices nor fills.", fix="Use one of its constructors.")
        return self.buy_price, self.sell_price

    def trades(self, slots: slice = slice(None), *, limit: int | None = None) -> Trades:
        """The pairwise trades of these slots, indices into the community's households: see `core.market.trades`."""
        from core.market.trades import MOST_TRADES, trades_of

        return trades_of(self, slots, limit=MOST_TRADES if limit is None else limit)

    def _cost(self, traded: FloatArray) -> FloatArray:
        return self.tariff.retail_price * (self.dispatch.demand_kwh - traded) - self.tariff.feed_in_price * (
            self.dispatch.supply_kwh - traded
        )

    def check(self, *, exempt: tuple[str, ...] = ()) -> tuple[Verdict, ...]:
        """Every invariant with its worst violation; those named in `exempt` are reported, not asked for."""
        from core.market.invariants import check

        return check(self, exempt=exempt)


def columns(price: FloatArray) -> FloatArray:
    """A price a slot as a column, a price a household as it is."""
    return price[:, None] if price.ndim == 1 else price


def _peer_price(dispatch: Dispatch, tariff: Tariff, q: FloatArray, paid: FloatArray, earned: FloatArray) -> FloatArray:
    """What peers pay peers, `[slot]`: the money less the grid's part, over q; the mean of both sides."""
    with np.errstate(invalid="ignore", divide="ignore"):
        buyers = (paid - tariff.retail_price * (dispatch.demand_kwh - q)) / q
        sellers = (earned - tariff.feed_in_price * (dispatch.supply_kwh - q)) / q
        return np.where(q > 0.0, (buyers + sellers) / 2.0, np.nan)


def _account_pro_rata(settlement: Settlement) -> Account:
    dispatch, q = settlement.dispatch, settlement.traded_kwh
    buy, sell = settlement.unit_prices()
    sums = np.zeros((6, dispatch.community.households))
    with np.errstate(invalid="ignore", divide="ignore"):
        bought_share = np.where(dispatch.demand_kwh > 0.0, q / dispatch.demand_kwh, 0.0)
        sold_share = np.where(dispatch.supply_kwh > 0.0, q / dispatch.supply_kwh, 0.0)
    for part in blocks(*dispatch.net_kwh.shape):
        deficit = np.maximum(dispatch.net_kwh[part], 0.0)
        surplus = deficit - dispatch.net_kwh[part]
        for row, (weight, energy) in enumerate(
            ((buy, deficit), (sell, surplus), (bought_share, deficit), (sold_share, surplus))
        ):
            sums[row] += np.einsum("t,th->h", weight[part], energy)
        sums[4] += deficit.sum(axis=0)
        sums[5] += surplus.sum(axis=0)
    return Account(
        sums[0] - sums[1], sums[2], sums[3], sums[4], sums[5], buy * dispatch.demand_kwh, sell * dispatch.supply_kwh
    )


def _account_of_fills(settlement: Settlement, fills: Fills) -> Account:
    dispatch, tariff = settlement.dispatch, settlement.tariff
    sums = np.zeros((6, dispatch.community.households))
    paid, earned = np.empty(dispatch.community.slots), np.empty(dispatch.community.slots)
    for part in blocks(*dispatch.net_kwh.shape):
        deficit = np.maximum(dispatch.net_kwh[part], 0.0)
        surplus = deficit - dispatch.net_kwh[part]
        bought = np.maximum(fills.filled_kwh[part], 0.0)
        sold = bought - fills.filled_kwh[part]
        pays = np.where(bought > 0.0, columns(fills.buy_price[part]) * bought, 0.0)
        pays += tariff.retail_price[part, None] * (deficit - bought)
        gets = np.where(sold > 0.0, columns(fills.sell_price[part]) * sold, 0.0)
        gets += tariff.feed_in_price[part, None] * (surplus - sold)
        paid[part], earned[part] = pays.sum(axis=1), gets.sum(axis=1)
        for row, values in enumerate((pays, gets, bought, sold, deficit, surplus)):
            sums[row] += values.sum(axis=0)
    return Account(sums[0] - sums[1], sums[2], sums[3], sums[4], sums[5], paid, earned)
