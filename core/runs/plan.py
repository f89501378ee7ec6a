"""What a run compares: every algorithm in every scenario, written so that it can be repeated to the digit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from types import MappingProxyType

from core.errors import MarketError, TooLargeError
from core.market.algorithms import get
from core.market.contract import Algorithm, Value
from core.runs.rules import RulesPlan
from core.runs.serialization import plain, read
from core.runs.tariffs import TariffPlan

MAX_ROWS = 200
MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class Selection:
    """One algorithm of a run, with the parameters in which it differs from its defaults."""

    algorithm_id: str
    parameters: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(sorted(self.parameters.items()))))


@dataclass(frozen=True, slots=True)
class Scenario:
    """One tariff, and parameters laid over those of every algorithm that knows them.

    rules: the rulebook that decides the bills in the tariff's place; the tariff then is the price "input" stands for.
    """

    name: str
    tariff: TariffPlan = field(default_factory=TariffPlan)
    parameters: Mapping[str, Value] = field(default_factory=dict)
    rules: RulesPlan | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(sorted(self.parameters.items()))))

    def terms(self) -> dict[str, object]:
        """What decides the money, for keys and the ledger: the tariff, and the rulebook where there is one."""
        tariff = self.tariff.to_json()
        return tariff if self.rules is None else {**tariff, "rulebook": self.rules.terms()}


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Scenarios × selections, one row of the result each, in this order.

    Raises MarketError when nothing is selected, or two scenarios or two selections cannot be told apart;
    TooLargeError above 200 rows.
    """

    selections: tuple[Selection, ...]
    scenarios: tuple[Scenario, ...] = (Scenario("Scenario 1"),)

    def __post_init__(self) -> None:
        if not self.selections:
            raise MarketError("No algorithm is selected.", fix="Choose at least one.")
        if not self.scenarios:
            raise MarketError("The run has no scenario.", fix="Give at least one tariff.")
        _check_unlike("Algorithm", [selection.algorithm_id for selection in self.selections])
        _check_unlike("Scenario", [scenario.name for scenario in self.scenarios])
        if self.rows > MAX_ROWS:
            raise TooLargeError(
                f"{len(self.scenarios)} scenarios of {len(self.selections)} algorithms are {self.rows} rows,"
                f" expected at most {MAX_ROWS}.",
                fix="Leave out a tariff, a parameter or an algorithm.",
            )

    @property
    def rows(self) -> int:
        """How many times an algorithm is run."""
        return len(self.scenarios) * len(self.selections)

    def to_json(self) -> dict[str, object]:
        """The plan as JSON; `from_json` reads it back to an equal plan."""
        document = dict(plain(self))
        for scenario in document["scenarios"]:
            if scenario["rules"] is None:
                del scenario["rules"]
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, list[dict[str, object]]]) -> RunPlan:
        """Read what `to_json` wrote. Raises MarketError when a key is missing, unknown or of the wrong type."""
        return read(document, cls, what="The plan of the run")


def matrix(
    tariffs: Mapping[str, TariffPlan], parameter_sets: Mapping[str, Mapping[str, Value]] | None = None
) -> tuple[Scenario, ...]:
    """Every tariff with every set of parameters; three tariffs × two battery sizes are six scenarios."""
    sets = parameter_sets or {"": {}}
    return tuple(
        Scenario(", ".join(filter(None, (tariff_name, set_name))), tariff, parameters)
        for (tariff_name, tariff), (set_name, parameters) in product(tariffs.items(), sets.items())
    )


def check_plan(plan: RunPlan) -> None:
    """Raises MarketError, with "did you mean", for an algorithm, parameter or value that there is not."""
    algorithms = [get(selection.algorithm_id) for selection in plan.selections]
    known = {parameter.name for algorithm in algorithms for parameter in algorithm.parameters}
    for scenario in plan.scenarios:
        for name in scenario.parameters:
            if name not in known:
                raise MarketError(
                    f'The scenario "{scenario.name}" sets {name[:80]}, which no selected algorithm knows.',
                    fix=f"They know: {', '.join(sorted(known)) or 'no parameter'}.",
                )
        for algorithm, selection in zip(algorithms, plan.selections, strict=True):
            row_parameters(algorithm, selection, scenario)


def row_parameters(algorithm: Algorithm, selection: Selection, scenario: Scenario) -> dict[str, Value]:
    """Every parameter of one row. Raises MarketError."""
    names = {parameter.name for parameter in algorithm.parameters}
    laid_over = {name: value for name, value in scenario.parameters.items() if name in names}
    return algorithm.complete({**selection.parameters, **laid_over})


def canonical(document: object) -> bytes:
    """JSON with sorted keys and no spaces: the same bytes for equal documents."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(document: object) -> str:
    """SHA-256 of the canonical JSON, hex."""
    return hashlib.sha256(canonical(document)).hexdigest()


def _check_unlike(what: str, names: Sequence[str]) -> None:
    for name in names:
        if not name or len(name) > MAX_NAME:
            raise MarketError(f'{what} "{name[:80]}" has a name of {len(name)} characters, expected 1 to {MAX_NAME}.')
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise MarketError(f'{what} "{twice}" appears twice.', fix="Give each its own name, or leave one out.")
