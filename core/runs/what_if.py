"""What if the prices, roofs or batteries of a finished comparison were others: answered at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.errors import MarketError, TooLargeError
from core.market.algorithms import get
from core.market.community import Tariff
from core.market.contract import Value
from core.market.sweep import Swept, knows, sweep
from core.runs.plan import RunPlan, Scenario, Selection
from core.runs.study_plan import StudyPlan
from core.runs.study_scenario import Base, scenario_of
from core.runs.tariffs import TariffPlan, micro

MOST_CELLS = 1_000_000
"""Household-slots that are settled while a person waits: 100 homes for a year of hours, in a tenth of a second."""
CHANGES = ("retail_price", "feed_in_price", "pv_share", "battery_kwh", "battery_share")
Algorithms = Sequence[tuple[str, Mapping[str, Value]]]


def what_if(base: Base, tariff: Tariff, algorithms: Algorithms, changes: Mapping[str, Value]) -> list[Swept]:
    """Bills and figures of every algorithm that the sweep kernel knows, on the community with `changes`.

    algorithms: ids with complete parameters. changes: by the names of CHANGES; what is not among them stays as it is.
    Raises MarketError where the prices cross, TooLargeError where it would take too long.
    """
    if base.community.load_kw.size > MOST_CELLS:
        raise TooLargeError(
            f"The readings have {base.community.load_kw.size:,} values; at once go {MOST_CELLS:,}.",
            fix="Run a study: python -m core study.",
        )
    plan = StudyPlan("grid", (), tuple(each for each in algorithms if knows(each[0])))
    community, prices, selections = scenario_of(base, plan, changes, 0, prices=tariff)
    return sweep(community, prices, selections)


def as_run(base: Base, plan: RunPlan, scenario: Scenario, changes: Mapping[str, Value]) -> RunPlan:
    """The plan of a run with these changes: its algorithms with other batteries, its tariff with other prices.

    Raises MarketError for a change of roofs: a run is of the readings as they are.
    """
    if "pv_share" in changes:
        raise MarketError("A run is of the readings as they are, with their roofs.", fix="Put PV back to keep this.")
    before = [(each.algorithm_id, get(each.algorithm_id).complete(each.parameters)) for each in plan.selections]
    study = StudyPlan("grid", (), tuple(before))
    _, _, selections = scenario_of(base, study, changes, 0, prices=scenario.tariff.of(base.community))
    return RunPlan(
        tuple(Selection(name, _differing(name, given)) for name, given in selections),
        (Scenario(scenario.name, _tariff(scenario.tariff, changes), scenario.parameters),),
    )


def _differing(algorithm_id: str, given: Mapping[str, object]) -> dict[str, Value]:
    """Parameters that are not their defaults."""
    algorithm = get(algorithm_id)
    complete = algorithm.complete(given)
    return {each.name: complete[each.name] for each in algorithm.parameters if complete[each.name] != each.default}


def _tariff(tariff: TariffPlan, changes: Mapping[str, Value]) -> TariffPlan:
    """A changed price holds at all times; the other keeps its periods' prices only if none is changed."""
    if not {"retail_price", "feed_in_price"} & changes.keys():
        return tariff
    if tariff.periods and not {"retail_price", "feed_in_price"} <= changes.keys():
        raise MarketError(
            "The tariff has times of use, and a price that holds at all times replaces them.",
            fix="Move both prices to keep this as a run.",
        )
    retail = micro(float(changes["retail_price"])) if "retail_price" in changes else tariff.retail_micro_per_kwh
    feed_in = micro(float(changes["feed_in_price"])) if "feed_in_price" in changes else tariff.feed_in_micro_per_kwh
    return TariffPlan(retail, feed_in, time_zone=tariff.time_zone)
