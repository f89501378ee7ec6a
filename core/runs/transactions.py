"""What the ledger keeps of a run: enough to compute it again and to see whether the same comes out.

Nothing that a person wrote is in it: no names of runs, datasets or scenarios, no files. A private run puts a salted
commitment to all of it on the ledger; its owner keeps what opens it.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import TooLargeError
from core.ledger import transaction
from core.ledger.canonical import Json
from core.ledger.transaction import Transaction
from core.readings import Issue
from core.runs.plan import RunPlan
from core.runs.reports import digest_of
from core.runs.results import ResultRow, RunResult

_WIDEST = -1e9
_DIGEST = "0" * 64
_INVARIANTS = tuple(f"an_invariant_{number}" for number in range(12))
_SUMMARY = ("community_cost", "savings_percent", "traded_kwh", "avg_p2p_price", "unmet_demand_kwh")


def run_transaction(
    run_id: str, result: RunResult, *, plan: RunPlan, actor: str, findings: Sequence[Issue], at_ms: int
) -> Transaction:
    """The `run` transaction of a finished run. Raises TransactionError when it does not fit the ledger."""
    tariffs = {scenario.name: scenario.terms() for scenario in plan.scenarios}
    numbers = _numbers(plan)
    return transaction.run(
        run_id=run_id,
        at_ms=at_ms,
        dataset_digest=result.dataset_digest,
        actor=actor,
        findings=_found(findings),
        results=[_entry(row, tariffs[row.scenario], number=numbers[row.scenario]) for row in result.rows],
    )


def check_size(plan: RunPlan) -> None:
    """Raises TooLargeError when the transaction of such a run would not fit the ledger: better now than at its end."""
    numbers = _numbers(plan)
    entries = [
        transaction.result(
            algorithm_id=selection.algorithm_id,
            source_digest=_DIGEST,
            parameters={**selection.parameters, **scenario.parameters},
            figures=dict.fromkeys(_SUMMARY, _WIDEST),
            invariants=dict.fromkeys(_INVARIANTS, False),
            result_digest=_DIGEST,
            tariff=scenario.terms(),
            scenario=numbers[scenario.name],
        )
        for scenario in plan.scenarios
        for selection in plan.selections
    ]
    try:
        transaction.run(
            run_id=_DIGEST, at_ms=0, dataset_digest=_DIGEST, results=entries, actor=_DIGEST, findings=_found(())
        )
    except TooLargeError:
        raise TooLargeError(
            f"{len(plan.scenarios)} scenarios of {len(plan.selections)} algorithms do not fit one transaction.",
            fix="Leave out a tariff, a parameter or an algorithm, or make two runs of it.",
        ) from None


def _numbers(plan: RunPlan) -> dict[str, str]:
    """What a scenario is called on the ledger: its place in the plan, nothing where there is only one."""
    if len(plan.scenarios) == 1:
        return {plan.scenarios[0].name: ""}
    return {scenario.name: str(place) for place, scenario in enumerate(plan.scenarios, start=1)}


def _found(findings: Sequence[Issue]) -> dict[str, Json]:
    return {"count": len(findings), "digest": digest_of(findings)}


def _entry(row: ResultRow, tariff: dict[str, object], *, number: str) -> dict[str, Json]:
    seed = row.parameters.get("seed")
    return transaction.result(
        algorithm_id=row.algorithm_id,
        source_digest=row.source_digest,
        parameters=row.parameters,
        figures=row.summary,
        invariants={verdict.name: verdict.holds for verdict in row.verdicts},
        result_digest=row.result_digest,
        seed=seed if isinstance(seed, int) else None,
        tariff=tariff,
        scenario=number,
    )
