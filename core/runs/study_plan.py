"""What a study asks: dimensions with their ranges, a design that picks scenarios from them, and the algorithms."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import numpy.typing as npt

from core.errors import MarketError, TooLargeError
from core.market.algorithms import find, get
from core.market.contract import Parameter, Value, unknown

DESIGNS = ("grid", "latin_hypercube", "sobol", "monte_carlo", "saltelli")
"""Saltelli's is the one that Sobol indices are computed from."""
MOST_SCENARIOS = 1_000_000
DECIMALS = 6
"""Values of a range are rounded to this, so that a scenario can be written down and asked for again."""
SEASONS = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11)}

DIMENSIONS = {
    each.name: each
    for each in (
        Parameter("retail_price", 7.0, unit="₹/kWh", help="What the grid charges, at all times.", minimum=0.0),
        Parameter("feed_in_price", 3.0, unit="₹/kWh", help="What the grid pays, at all times.", minimum=0.0),
        Parameter(
            "feed_in_share", 0.4, unit="share", help="Feed-in price as a share of retail.", minimum=0.0, maximum=1.0
        ),
        Parameter(
            "pv_share",
            1.0,
            unit="share",
            help="Homes with PV; one without borrows another's roof.",
            minimum=0.0,
            maximum=1.0,
        ),
        Parameter("pv_scale", 1.0, unit="ratio", help="Size of every PV system, times what it is.", minimum=0.0),
        Parameter(
            "battery_share", 1.0, unit="share", help="Homes with PV that have a battery.", minimum=0.0, maximum=1.0
        ),
        Parameter("battery_kwh", 5.0, unit="kWh", help="Size of each battery.", minimum=0.0),
        Parameter("battery_kw", 2.5, unit="kW", help="Power of each battery; half its size unless given.", minimum=0.0),
        Parameter(
            "ev_share",
            0.0,
            unit="share",
            help="Homes that charge a car, 3.7 kW from 22 to 24 h.",
            minimum=0.0,
            maximum=1.0,
        ),
        Parameter("community_size", 1, unit="", help="Homes, drawn from the readings.", minimum=1, maximum=10_000),
        Parameter("season", "summer", unit="", help="Months, by northern seasons.", choices=(*SEASONS,)),
        Parameter("month", 1, unit="", help="One month of the readings.", minimum=1, maximum=12),
    )
}
"""Dimensions of the lab's own; any parameter of an algorithm compared is one too, as ALGORITHM.PARAMETER."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """What is varied: `values` to choose from, or where there are none all between low and high."""

    name: str
    parameter: Parameter
    low: float = math.nan
    high: float = math.nan
    values: tuple[Value, ...] = ()

    def at(self, share: float) -> Value:
        """The value at a place from 0 to 1 of the range, or of the list."""
        if self.values:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        value = self.low + share * (self.high - self.low)
        if isinstance(self.parameter.default, int):
            return round(value)
        return round(value, DECIMALS)


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """A study. algorithms: ids with their parameters. retail, feed_in: prices where no dimension sets them.

    scenarios: how many are asked for; a grid has as many as its values give, Saltelli's design a few less.
    """

    design: str
    dimensions: tuple[Dimension, ...]
    algorithms: tuple[tuple[str, Mapping[str, Value]], ...]
    scenarios: int = 0
    seed: int = 0
    retail: str = "7.0"
    feed_in: str = "3.0"
    points: tuple[dict[str, Value], ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple(self._points()))
        if len(self.points) > MOST_SCENARIOS:
            raise TooLargeError(
                f"The study has {len(self.points):,} scenarios, expected at most {MOST_SCENARIOS:,}.",
                fix="Leave out values or a dimension.",
            )

    def _points(self) -> list[dict[str, Value]]:
        if self.design == "grid":
            axes = _axes(self.dimensions, self.scenarios)
            names = [dimension.name for dimension in self.dimensions]
            return [dict(zip(names, values, strict=True)) for values in product(*axes)]
        shares = _shares(self.design, self.dimensions, self.scenarios, self.seed)
        return [
            {dimension.name: dimension.at(float(share)) for dimension, share in zip(self.dimensions, row, strict=True)}
            for row in shares
        ]


def plan_of(document: object) -> StudyPlan:
    """The plan of a study's JSON object. Raises MarketError naming the key, what was found and what is expected."""
    if not isinstance(document, Mapping):
        raise MarketError("The study is not a JSON object.", fix=FORM)
    keys = ("files", "sample", "design", "dimensions", "scenarios", "seed", "algorithms", "retail", "feed_in")
    for key in document:
        if key not in keys:
            raise unknown("key of a study", str(key), dict.fromkeys(keys))
    design = document.get("design", "sobol")
    if design not in DESIGNS:
        raise unknown("design", str(design), dict.fromkeys(DESIGNS))
    algorithms = _algorithms(document.get("algorithms"))
    dimensions = _dimensions(document.get("dimensions"), algorithms)
    scenarios = _whole(document.get("scenarios", 0 if design == "grid" else 64), "scenarios", MOST_SCENARIOS)
    if scenarios == 0 and design != "grid":
        raise MarketError("scenarios is 0, expected at least 1.")
    prices = (str(document.get("retail", "7.0")), str(document.get("feed_in", "3.0")))
    return StudyPlan(
        str(design), dimensions, algorithms, scenarios, _whole(document.get("seed", 0), "seed", 2**53), *prices
    )


FORM = (
    'Such as {"sample": {"households": 20}, "design": "sobol", "dimensions": {"retail_price": [5, 9]},'
    ' "scenarios": 64, "seed": 1, "algorithms": ["mid_market_rate"]}.'
)


def _algorithms(found: object) -> tuple[tuple[str, Mapping[str, Value]], ...]:
    if found is None:
        return tuple((each.id, each.complete({})) for each in find().values() if not (each.heavy or each.needs_folder))
    if not isinstance(found, list | tuple) or not found or not all(isinstance(each, str) for each in found):
        raise MarketError("algorithms is not a list of names.", fix='Such as ["mid_market_rate", "simple_auction"].')
    chosen = [get(each) for each in dict.fromkeys(found)]
    for algorithm in chosen:
        if algorithm.needs_folder:
            raise MarketError(f"{algorithm.name} reads CSV files, and a scenario has none.", fix="Leave it out.")
    return tuple((each.id, each.complete({})) for each in chosen)


def _dimensions(found: object, algorithms: Sequence[tuple[str, Mapping[str, Value]]]) -> tuple[Dimension, ...]:
    if not isinstance(found, Mapping) or not found:
        raise MarketError("dimensions is not an object of names and ranges.", fix=FORM)
    known = dict(DIMENSIONS)
    for algorithm_id, _ in algorithms:
        for parameter in get(algorithm_id).parameters:
            known[f"{algorithm_id}.{parameter.name}"] = parameter
    made = []
    for name, given in found.items():
        if name not in known:
            raise unknown("dimension", str(name), known)
        made.append(_dimension(str(name), known[name], given))
    for one, other in (("feed_in_price", "feed_in_share"), ("season", "month")):
        if one in found and other in found:
            raise MarketError(f"{one} and {other} are both dimensions.", fix="Leave one of them out.")
    return tuple(made)


def _dimension(name: str, parameter: Parameter, given: object) -> Dimension:
    if not isinstance(given, list | tuple) or not given:
        raise MarketError(f"{name} is {str(given)[:80]}, expected [low, high] or a list of values.")
    try:
        values = tuple(parameter.check(value) for value in given)
    except MarketError as refusal:
        raise MarketError(f"dimension {name}: {refusal}") from None
    if len(values) != 2 or isinstance(parameter.default, str):
        return Dimension(name, parameter, values=values)
    low, high = float(values[0]), float(values[1])
    if low > high:
        raise MarketError(f"{name} goes from {low:g} down to {high:g}.", fix="Give the lower end first.")
    return Dimension(name, parameter, low, high)


def _axes(dimensions: Sequence[Dimension], scenarios: int) -> list[list[Value]]:
    """The values of a grid: those listed, and of a range as many as `scenarios` leave room for, its ends at least."""
    listed = math.prod(len(dimension.values) for dimension in dimensions if dimension.values)
    ranges = sum(not dimension.values for dimension in dimensions)
    levels = 2
    while ranges and listed * (levels + 1) ** ranges <= scenarios:
        levels += 1
    if listed * levels**ranges > MOST_SCENARIOS:
        raise TooLargeError(
            f"The grid has {listed * levels**ranges:,} scenarios, expected at most {MOST_SCENARIOS:,}.",
            fix="Leave out values or a dimension, or take another design.",
        )
    return [
        list(dimension.values) or list(dict.fromkeys(dimension.at(at) for at in np.linspace(0.0, 1.0, levels).tolist()))
        for dimension in dimensions
    ]


def _shares(design: str, dimensions: Sequence[Dimension], scenarios: int, seed: int) -> npt.NDArray[np.float64]:
    """Places in every dimension's range, `[scenario, dimension]`, from 0 to 1."""
    from scipy.stats import qmc

    size = len(dimensions)
    if design == "latin_hypercube":
        return qmc.LatinHypercube(size, rng=seed).random(scenarios)  # type: ignore[no-any-return]
    if design == "sobol":
        with warnings.catch_warnings():  # of balance, which numbers other than powers of two lose
            warnings.simplefilter("ignore", UserWarning)
            return qmc.Sobol(size, rng=seed).random(scenarios)  # type: ignore[no-any-return]
    if design == "saltelli":
        from SALib.sample import sobol

        base = max(2, 1 << max(1, math.floor(math.log2(max(2, scenarios // (size + 2))))))
        return sobol.sample(problem_of(dimensions), base, calc_second_order=False, seed=seed % 2**32)  # type: ignore[no-any-return]
    return np.random.default_rng(seed).random((scenarios, size))


def problem_of(dimensions: Sequence[Dimension]) -> dict[str, object]:
    """The dimensions as SALib names them, each from 0 to 1."""
    names = np.array([dimension.name for dimension in dimensions])  # SALib hands them to pandas, which takes no list
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def _whole(found: object, name: str, most: int) -> int:
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= most:
        raise MarketError(f"{name} is {str(found)[:80]}, expected a whole number from 0 to {most:,}.")
    return found
