"""A study as the JSON that the command line, the exports and the REST interface give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from core.market.community import FloatArray
from core.market.stability.bidding import Bidding
from core.market.stability.frontier import Point
from core.market.stability.study import Shares, Study, Verdict


def document(study: Study) -> dict[str, Any]:
    """Plain values only; a number that is not defined is None."""
    ids = study.household_ids
    return {
        "defined": not study.not_defined,
        "not_defined": study.not_defined or None,
        "algorithms": {verdict.algorithm_id: _verdict(verdict) for verdict in study.verdicts},
        "shares": _shares(study.shares, ids) if study.shares else None,
        "carriers": study.carriers or None,
        "next_homes": [
            {
                "kind": each.kind,
                "label": each.label,
                "profiles": each.profiles,
                "adds": each.adds,
                "best": each.best,
                "best_adds": each.best_adds,
            }
            for each in study.next_homes
        ],
        "bidding": {each.algorithm_id: _bidding(each, ids) for each in study.bidding},
        "frontier": [_point(each) for each in study.frontier],
        "notes": list(study.notes),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.name,
        "stable": verdict.stable,
        "gap": verdict.gap,
        "group": list(verdict.group),
        "would_pay": verdict.would_pay,
        "pays": verdict.pays,
        "percent": verdict.percent,
        "bound": verdict.bound,
        "solver_gap": max(0.0, verdict.bound - verdict.gap) if not verdict.exact else 0.0,
        "exact": verdict.exact,
        "sentence": verdict.sentence,
    }


def _shares(shares: Shares, ids: Sequence[str]) -> dict[str, Any]:
    return {
        "worth": shares.worth,
        "alone": _by_home(shares.alone, ids),
        "shapley": _by_home(shares.shapley.share, ids),
        "shapley_standard_error": _by_home(shares.shapley.standard_error, ids),
        "shapley_exact": shares.shapley.exact,
        "nucleolus": None if shares.nucleolus is None else _by_home(shares.nucleolus, ids),
        "equal_split": _by_home(shares.equal_split, ids),
        "marginal_contribution": _by_home(shares.marginal_contribution, ids),
        "leave_one_out": _by_home(shares.brings, ids),
    }


def _bidding(found: Bidding, ids: Sequence[str]) -> dict[str, Any]:
    responses = found.responses
    return {
        "regret": _by_home(found.regret, ids),
        "largest_regret": float(found.regret.max(initial=0.0)),
        "strategy_proof": found.strategy_proof,
        "best_response": None
        if responses is None
        else {
            "ending": responses.ending,
            "rounds": responses.rounds,
            "cycle": responses.cycle or None,
            "ask_markup": _by_home(responses.ask_markup, ids),
            "bid_markup": _by_home(responses.bid_markup, ids),
            "savings": _by_home(responses.savings, ids),
            "savings_truthful": _by_home(responses.savings_truthful, ids),
            "traded_share": responses.traded_share,
        },
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "algorithm": point.algorithm_id,
        "name": point.name,
        "savings": point.savings,
        "gini": _number(point.gini),
        "jain": _number(point.jain),
        "worst_loss": point.worst_loss,
        "gap": point.gap,
        "beaten_by": list(point.beaten_by),
    }


def _by_home(values: FloatArray, ids: Sequence[str]) -> dict[str, float]:
    return dict(zip(ids, map(float, values), strict=True))


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
