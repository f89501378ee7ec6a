"""One small, worked example a mechanism, every line of arithmetic written out: what *Learn* shows and the tests check.

Two homes need energy at noon and two have some to spare; retail is 7.00, feed-in 3.00. The auctions that need different
bids are shown on an order book of three bids and three asks instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from core.market.community import Community, Tariff
from core.market.compare import run_algorithm
from core.market.order_book import clear
from core.market.outcome import Outcome

RETAIL_PRICE, FEED_IN_PRICE = 7.0, 3.0
HOMES = ("Asha", "Bano", "Chand", "Devi")
NOON_LOAD_KWH = (2.0, 1.0, 0.5, 0.0)
NOON_SOLAR_KWH = (0.0, 0.0, 2.0, 0.5)
PV_KW = (np.nan, np.nan, 4.0, 0.5)
EVENING_LOAD_KWH = (1.0, 1.0, 1.0, 0.5)
"""Only the examples with batteries have an evening."""
BOOK: Mapping[str, list[list[float]]] = {
    "bids": [[1, 8.0], [1, 6.0], [1, 3.0]],
    "offers": [[1, 2.0], [1, 5.5], [1, 10.0]],
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of arithmetic: what is worked out, how (digits, + - * / and brackets), and what it gives."""

    what: str
    sum: str
    gives: float


@dataclass(frozen=True, slots=True)
class Example:
    """A mechanism on the four homes, or on the order book.

    idea: the mechanism in two or three sentences. lines: the arithmetic, in order; those named "NAME pays" or
    "NAME earns" are the homes' bills. evening: whether the second slot is part of it.
    """

    algorithm_id: str
    idea: str
    lines: tuple[Line, ...]
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    evening: bool = False
    book: bool = False

    def community(self) -> Community:
        """The homes' readings, kW in slots of an hour."""
        loads: list[tuple[float, ...]] = [NOON_LOAD_KWH]
        suns: list[tuple[float, ...]] = [NOON_SOLAR_KWH]
        if self.evening:
            loads, suns = [*loads, EVENING_LOAD_KWH], [*suns, (0.0,) * len(HOMES)]
        start_at = datetime(2024, 6, 1, 6, 30, tzinfo=UTC)
        return Community(HOMES, start_at, 1.0, np.array(loads), np.array(suns), np.array(PV_KW))

    def tariff(self) -> Tariff:
        """The two flat prices."""
        return Tariff.flat(2 if self.evening else 1, retail_price=RETAIL_PRICE, feed_in_price=FEED_IN_PRICE)

    def outcome(self) -> Outcome:
        """What the engine gives for the homes."""
        return run_algorithm(self.algorithm_id, self.community(), self.tariff(), parameters=self.parameters)

    def cleared(self) -> dict[str, object]:
        """What the engine gives for the order book."""
        return clear(BOOK, mechanism=self.algorithm_id, parameters=self.parameters)


EXAMPLES: tuple[Example, ...] = (
    Example(
        "grid_only",
        "Nobody trades with a neighbour. What a home lacks it buys from the grid at the retail price, what it has to"
        " spare it sells to the grid at the feed-in price. Every saving in a comparison is measured against this.",
        (
            Line("Asha pays", "2 * 7", 14.0),
            Line("Bano pays", "1 * 7", 7.0),
            Line("Chand earns, with 1.5 kWh to spare", "1.5 * 3", 4.5),
            Line("Devi earns", "0.5 * 3", 1.5),
        ),
    ),
    Example(
        "mid_market_rate",
        "Neighbours trade half-way between what the grid charges and what it pays. The side that is left over, here the"
        " buyers, shares what the grid supplies, so that everybody on a side has the same price.",
        (
            Line("Price between neighbours", "(7 + 3) / 2", 5.0),
            Line("Demand, kWh", "2 + 1", 3.0),
            Line("Supply, kWh", "1.5 + 0.5", 2.0),
            Line("Buyers' price: 2 kWh from neighbours, 1 kWh from the grid", "(5 * 2 + 7 * 1) / 3", 17 / 3),
            Line("Asha pays", "2 * 17 / 3", 34 / 3),
            Line("Bano pays", "1 * 17 / 3", 17 / 3),
            Line("Chand earns", "1.5 * 5", 7.5),
            Line("Devi earns", "0.5 * 5", 2.5),
        ),
    ),
    Example(
        "supply_demand_ratio",
        "The price follows scarcity: with little sun it is near the retail price, with plenty it falls to the feed-in"
        " price. The ratio R of supply to demand decides.",
        (
            Line("R", "2 / 3", 2 / 3),
            Line("Price between neighbours", "7 * 3 / ((7 - 3) * 2 / 3 + 3)", 63 / 17),
            Line("Buyers' price", "63 / 17 * 2 / 3 + 7 * (1 - 2 / 3)", 245 / 51),
            Line("Asha pays", "2 * 245 / 51", 490 / 51),
            Line("Bano pays", "1 * 245 / 51", 245 / 51),
            Line("Chand earns", "1.5 * 63 / 17", 189 / 34),
            Line("Devi earns", "0.5 * 63 / 17", 63 / 34),
        ),
    ),
    Example(
        "bill_sharing",
        "The community pays one bill to the grid and splits it by the energy used; what the grid pays is split by the"
        " energy delivered. At noon nothing reaches the grid, so the sellers get nothing: they would do better alone.",
        (
            Line("The community buys from the grid, kWh", "3 - 2", 1.0),
            Line("Buyers' price: its bill over all demand", "1 * 7 / 3", 7 / 3),
            Line("Asha pays", "2 * 7 / 3", 14 / 3),
            Line("Bano pays", "1 * 7 / 3", 7 / 3),
            Line("Chand earns", "1.5 * 0", 0.0),
            Line("Devi earns", "0.5 * 0", 0.0),
        ),
    ),
    Example(
        "simple_auction",
        "The sunnier a roof is, the less it asks; everybody bids just below the retail price. The highest bid meets the"
        " lowest ask, and each pair trades half-way between the two.",
        (
            Line("Devi's roof gives all it can, and asks", "7 - 5 * 0.5 / 0.5", 2.0),
            Line("Nobody asks less than the feed-in price, so Devi asks", "3", 3.0),
            Line("Chand's roof gives half of it, and asks", "7 - 5 * 2 / 4", 4.5),
            Line("Both buyers bid", "7 - 0.125", 6.875),
            Line("Who buys from Devi pays", "(6.875 + 3) / 2", 4.9375),
            Line("Who buys from Chand pays", "(6.875 + 4.5) / 2", 5.6875),
            Line("Mean price of the 2 kWh", "(0.5 * 4.9375 + 1.5 * 5.6875) / 2", 5.5),
            Line("Equal bids share: Asha gets, kWh", "2 * 2 / 3", 4 / 3),
            Line("Asha pays", "4 / 3 * 5.5 + (2 - 4 / 3) * 7", 12.0),
            Line("Bano pays", "2 / 3 * 5.5 + (1 - 2 / 3) * 7", 6.0),
            Line("Chand earns", "1.5 * 5.6875", 8.53125),
            Line("Devi earns", "0.5 * 4.9375", 2.46875),
        ),
        parameters={"alpha": 5.0, "beta": 0.125},
    ),
    Example(
        "uniform_price_auction",
        "All who trade pay and get one price. It lies between the last bid and ask that still trade and the first that"
        " no longer do: nobody outside could improve on it.",
        (
            Line("Two pairs trade (8 meets 2, 6 meets 5.5; 3 is below 10), kWh", "1 + 1", 2.0),
            Line("Lowest price that clears: the higher of ask 5.5 and the bid left over, 3", "5.5", 5.5),
            Line("Highest price that clears: the lower of bid 6 and the ask left over, 10", "6", 6.0),
            Line("Price, half-way", "(5.5 + 6) / 2", 5.75),
            Line("Buyers pay", "2 * 5.75", 11.5),
        ),
        book=True,
    ),
    Example(
        "pay_as_bid_auction",
        "The highest bid meets the lowest ask, and each pair agrees on its own price between the two.",
        (
            Line("First pair", "(8 + 2) / 2", 5.0),
            Line("Second pair", "(6 + 5.5) / 2", 5.75),
            Line("Buyers pay", "5 + 5.75", 10.75),
        ),
        parameters={"c": 0.5},
        book=True,
    ),
    Example(
        "mcafee_auction",
        "An auction in which telling the truth is best: prices are set by orders that do not trade at them. The price"
        " of that is a trade given up, and a little money that nobody gets but the operator.",
        (
            Line("Would-be price: half-way between the first bid and ask left over", "(3 + 10) / 2", 6.5),
            Line("The last buyer bids only 6, so the last pair is given up; pairs that trade", "2 - 1", 1.0),
            Line("The buyer pays the bid given up", "6", 6.0),
            Line("The seller gets the ask given up", "5.5", 5.5),
            Line("Buyers pay", "1 * 6", 6.0),
            Line("The operator keeps", "6 - 5.5", 0.5),
        ),
        book=True,
    ),
    Example(
        "p2p_battery",
        "Homes with a roof keep their own surplus for their own evening, as much as they will need; what is left they"
        " trade at the mid-market rate. A battery loses a twentieth on the way in and another on the way out.",
        (
            Line("Chand needs 1 kWh in the evening, and for it stores at noon, kWh", "1 / 0.95 / 0.95", 1 / 0.9025),
            Line("Devi stores all she has, and gets back in the evening, kWh", "0.5 * 0.95 * 0.95", 0.45125),
            Line("Chand has left for the neighbours, kWh", "1.5 - 1 / 0.95 / 0.95", 1.5 - 1 / 0.9025),
            Line(
                "Buyers' price at noon",
                "(5 * (1.5 - 1 / 0.95 / 0.95) + 7 * (3 - 1.5 + 1 / 0.95 / 0.95)) / 3",
                (5 * (1.5 - 1 / 0.9025) + 7 * (1.5 + 1 / 0.9025)) / 3,
            ),
            Line(
                "Asha pays, noon and evening",
                "2 * (5 * (1.5 - 1 / 0.95 / 0.95) + 7 * (3 - 1.5 + 1 / 0.95 / 0.95)) / 3 + 1 * 7",
                2 * (5 * (1.5 - 1 / 0.9025) + 7 * (1.5 + 1 / 0.9025)) / 3 + 7,
            ),
            Line(
                "Bano pays, noon and evening",
                "1 * (5 * (1.5 - 1 / 0.95 / 0.95) + 7 * (3 - 1.5 + 1 / 0.95 / 0.95)) / 3 + 1 * 7",
                (5 * (1.5 - 1 / 0.9025) + 7 * (1.5 + 1 / 0.9025)) / 3 + 7,
            ),
            Line(
                "Chand earns at noon, and pays nothing in the evening", "5 * (1.5 - 1 / 0.95 / 0.95)", 7.5 - 5 / 0.9025
            ),
            Line("Devi pays for what her battery lacks in the evening", "7 * (0.5 - 0.45125)", 0.34125),
        ),
        evening=True,
    ),
    Example(
        "community_optimum",
        "The least that all homes together could pay the grid, with the same batteries, found by a linear programme."
        " Each home is billed at the value of a kWh in each hour, so that no group of homes would do better alone. Here"
        " nothing is stored: at noon every kWh from a roof saves one from the grid, and storing it would lose a tenth.",
        (
            Line("The community buys at noon, kWh", "3 - 2", 1.0),
            Line("and in the evening, kWh", "1 + 1 + 1 + 0.5", 3.5),
            Line("The community pays the grid", "7 * (1 + 3.5)", 31.5),
            Line("A kWh is worth, noon and evening", "7", 7.0),
            Line("Asha pays", "7 * (2 + 1)", 21.0),
            Line("Bano pays", "7 * (1 + 1)", 14.0),
            Line("Chand earns", "7 * (1.5 - 1)", 3.5),
            Line("Devi earns", "7 * (0.5 - 0.5)", 0.0),
        ),
        evening=True,
    ),
)


def example_of(algorithm_id: str) -> Example | None:
    """The worked example of an algorithm; None where it has none."""
    return next((example for example in EXAMPLES if example.algorithm_id == algorithm_id), None)
