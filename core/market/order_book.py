"""One order book by hand: the way to check an auction against a textbook."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from core.errors import MarketError
from core.market.algorithms import find, keywords
from core.market.clearing import clear as clear_orders
from core.market.community import FloatArray
from core.market.contract import Parameter, unknown
from core.market.dispatch import DUST_KWH
from core.market.settlement import Fills, columns
from core.market.trades import trades_of_fills

Order = tuple[float, float]


def clear(book: object, *, mechanism: str, parameters: Mapping[str, object] | None = None) -> dict[str, object]:
    """Clear one book, {"bids": [[quantity, price], …], "offers": [[quantity, price], …]}.

    Gives volume, buy_price, sell_price (means over the volume, None without a trade), price_interval (lowest and
    highest clearing price), operator_surplus, welfare (what buyers value less what sellers ask), and trades by the
    indices of bid and offer. Raises MarketError naming the order, the mechanism or the parameter.
    """
    known = known_parameters(mechanism)
    bids, offers = _orders(book, "bids"), _orders(book, "offers")
    net = np.array([[quantity for quantity, _ in bids] + [-quantity for quantity, _ in offers]])
    net[np.abs(net) < DUST_KWH] = 0.0
    price = np.array([[price for _, price in (*bids, *offers)]])
    if not price.size:
        return _answer(None, None, price=price, bids=0)
    given = parameters or {}
    for name in given:
        if name not in known:
            raise unknown(f"parameter of {mechanism}", name, known)
    settings = {name: parameter.check(given.get(name, parameter.default)) for name, parameter in known.items()}
    cleared = clear_orders(net, price)
    interval = (float(cleared.low_price[0]), float(cleared.high_price[0]))
    return _answer(_mechanisms()[mechanism](net, price, **settings), interval, price=price, bids=len(bids))


def known_parameters(mechanism: str) -> dict[str, Parameter]:
    """The parameters of a mechanism that matter once orders are given. Raises MarketError with "did you mean"."""
    mechanisms = _mechanisms()
    if mechanism not in mechanisms:
        raise unknown("order-book mechanism", mechanism, mechanisms)
    declared = {parameter.name: parameter for parameter in find()[mechanism].parameters}
    return {name: declared[name] for name in keywords(mechanisms[mechanism])}


def _mechanisms() -> dict[str, Callable[..., Fills]]:
    """Every algorithm whose file offers to clear an order book."""
    return {algorithm.id: algorithm.clear for algorithm in find().values() if algorithm.clear is not None}


def _orders(book: object, side: str) -> list[Order]:
    if not isinstance(book, Mapping):
        raise MarketError("The book is not an object with bids and offers.", fix=_FORM)
    orders = book.get(side)
    if not isinstance(orders, list):
        raise MarketError(f"The book's {side} are not a list of [quantity, price].", fix=_FORM)
    return [_order(order, f"{side}[{place}]") for place, order in enumerate(orders)]


_FORM = 'Such as {"bids": [[1, 9]], "offers": [[2, 4]]}.'


def _order(order: object, where: str) -> Order:
    if not isinstance(order, list | tuple) or len(order) != 2:
        raise MarketError(f"{where} is {str(order)[:80]}, expected [quantity, price].", fix=_FORM)
    numbers = []
    for name, value in zip(("quantity", "price"), order, strict=True):
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or (name == "quantity" and value < 0):
            allowed = "a finite number that is not negative" if name == "quantity" else "a finite number"
            raise MarketError(f"{where}: the {name} is {str(value)[:80]}, expected {allowed}.", fix=_FORM)
        numbers.append(float(value))
    return numbers[0], numbers[1]


def _answer(
    fills: Fills | None, interval: tuple[float, float] | None, *, price: FloatArray, bids: int
) -> dict[str, object]:
    empty = {"volume": 0.0, "buy_price": None, "sell_price": None, "price_interval": None}
    if fills is None or interval is None or not (fills.filled_kwh > 0.0).any():
        return {**empty, "operator_surplus": 0.0, "welfare": 0.0, "trades": []}
    bought, sold = np.maximum(fills.filled_kwh, 0.0), np.maximum(-fills.filled_kwh, 0.0)
    volume = float(bought.sum())
    paid, got = _money(bought, fills.buy_price), _money(sold, fills.sell_price)
    trades = trades_of_fills(fills)
    columns_of_trades = (trades.buyer, trades.seller - bids, trades.energy_kwh, trades.buy_price, trades.sell_price)
    keys = ("bid", "offer", "quantity", "buy_price", "sell_price")
    return {
        "volume": volume,
        "buy_price": paid / volume,
        "sell_price": got / float(sold.sum()),
        "price_interval": list(interval),
        "operator_surplus": paid - got,
        "welfare": _money(fills.filled_kwh, price),
        "trades": [
            dict(zip(keys, row, strict=True)) for row in zip(*(c.tolist() for c in columns_of_trades), strict=True)
        ],
    }


def _money(energy: FloatArray, price: FloatArray) -> float:
    return float(np.where(energy != 0.0, energy * columns(price), 0.0).sum())
