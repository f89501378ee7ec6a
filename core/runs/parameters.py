"""The complete parameters of every row of a plan: defaults, then the selection's, then the scenario's."""

from __future__ import annotations

from core.errors import MarketError
from core.market.algorithms import get
from core.market.contract import Algorithm
from core.market.contract import Value as ParameterValue
from core.runs.plan import RunPlan, Scenario, Selection


def check(plan: RunPlan) -> None:
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
            of_row(algorithm, selection, scenario)


def of_row(algorithm: Algorithm, selection: Selection, scenario: Scenario) -> dict[str, ParameterValue]:
    """Every parameter of one row. Raises MarketError."""
    names = {parameter.name for parameter in algorithm.parameters}
    laid_over = {name: value for name, value in scenario.parameters.items() if name in names}
    return algorithm.complete({**selection.parameters, **laid_over})
