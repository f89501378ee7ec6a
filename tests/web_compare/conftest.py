"""A made-up run whose numbers are known, and the view that shows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from core.market.community import Community, Tariff
from core.runs.results import KeptOutcome, ResultRow, Results, RowVerdict, RunResult
from core.web.compare.view import View, view_of
from core.web.format import Numbers

START = datetime(2024, 6, 9, 18, 30, tzinfo=UTC)  # midnight in Asia/Kolkata
ALGORITHMS = {
    "grid_only": ("Grid only", 0.0),
    "simple_auction": ("Simple auction", 0.6),
    "mid_market_rate": ("Mid-market rate", 1.0),
    "bill_sharing": ("Bill sharing", 1.0),
}


def made_community(households: int, slots: int, slot_h: float) -> Community:
    """Homes with an evening peak; every second one has a roof."""
    hour = (np.arange(slots) * slot_h) % 24
    draw = np.random.default_rng(7)
    load = 0.4 + 0.9 * np.exp(-((hour[:, None] - 20) ** 2) / 6) * draw.uniform(0.4, 1.6, households)
    load = load * draw.uniform(0.8, 1.2, (slots, households))
    sun = np.clip(np.sin((hour[:, None] - 6) / 12 * np.pi), 0, None)
    solar = sun * np.where(np.arange(households) % 2 == 0, draw.uniform(1.0, 3.5, households), 0.0)
    ids = tuple(f"HH{place + 1:03d}" for place in range(households))
    return Community(ids, START, slot_h, load, solar, np.full(households, np.nan))


def made_rows(community: Community, tariff: Tariff, share: float) -> tuple[dict, dict, dict]:
    """Figures, household arrays and slot arrays of a settlement that trades `share` of what it can, at the middle."""
    net = (community.load_kw - community.solar_kw) * community.slot_h
    deficit, surplus = np.maximum(net, 0), np.maximum(-net, 0)
    demand, supply = deficit.sum(1), surplus.sum(1)
    traded = np.minimum(demand, supply) * share
    middle = (tariff.retail_price + tariff.feed_in_price) / 2
    price = np.where(traded > 0, middle, np.nan)
    baseline = tariff.retail_price * demand - tariff.feed_in_price * supply
    cost = tariff.retail_price * (demand - traded) - tariff.feed_in_price * (supply - traded)
    half = (tariff.retail_price - tariff.feed_in_price) / 2 * traded
    bought = deficit * np.divide(traded, demand, out=np.zeros_like(demand), where=demand > 0)[:, None]
    sold = surplus * np.divide(traded, supply, out=np.zeros_like(supply), where=supply > 0)[:, None]
    gain = (bought + sold) * np.divide(half, traded, out=np.zeros_like(half), where=traded > 0)[:, None]
    savings = gain.sum(0)
    if share == 1.0:
        savings = savings - savings.mean() * 0.6
        savings += gain.sum() / len(savings) * 0.6
    base = (tariff.retail_price[:, None] * deficit - tariff.feed_in_price[:, None] * surplus).sum(0)
    figures = {
        "community_cost": float(cost.sum()),
        "savings": float((baseline - cost).sum()),
        "savings_percent": float((baseline - cost).sum() / abs(baseline.sum()) * 100),
        "traded_kwh": float(traded.sum()),
        "avg_p2p_price": float(np.nansum(price * traded) / traded.sum()) if traded.sum() else np.nan,
        "untraded_kwh": float((np.minimum(demand, supply) - traded).sum()),
        "untraded_cost": float(
            ((np.minimum(demand, supply) - traded) * (tariff.retail_price - tariff.feed_in_price)).sum()
        ),
        "operator_surplus": 0.0,
        "self_sufficiency_share": float(1 - np.maximum(demand - supply, 0).sum() / (community.load_kw.sum() * 0.5)),
        "peak_import_kw": float(np.maximum(demand - supply, 0).max() / community.slot_h),
        "better_off_share": float((savings > 0).mean()),
        "gini": float(np.abs(savings[:, None] - savings).sum() / (2 * len(savings) ** 2 * savings.mean()))
        if savings.mean() > 0
        else np.nan,
    }
    households = {"bill": base - savings, "baseline_bill": base, "savings": savings}
    households |= {"bought_kwh": bought.sum(0), "sold_kwh": sold.sum(0)}
    households |= {
        "load_kwh": community.load_kw.sum(0) * community.slot_h,
        "solar_kwh": community.solar_kw.sum(0) * community.slot_h,
    }
    slots = {"demand_kwh": demand, "supply_kwh": supply, "traded_kwh": traded, "price": price}
    slots |= {"import_kwh": np.maximum(demand - supply, 0), "export_kwh": np.maximum(supply - demand, 0)}
    slots |= {"community_cost": cost, "baseline_cost": baseline}
    slots |= {"retail_price": tariff.retail_price, "feed_in_price": tariff.feed_in_price}
    return figures, households, slots


@pytest.fixture
def make_scene(tmp_path: Path) -> Callable[..., View]:
    """Build a view of any size; `period`, `household_id` and `numbers` are handed on."""

    def make(households: int = 6, slots: int = 48 * 3, slot_h: float = 0.5, **shown: object) -> View:
        community = made_community(households, slots, slot_h)
        result = made_result(tmp_path / f"{households}-{slots}", community)
        return view_of(result, "Base", **{"numbers": Numbers(), "readings": lambda: community, **shown})

    return make


def made_result(folder: Path, community: Community) -> RunResult:
    """A result of four algorithms in one scenario, kept under `folder`."""
    tariff = Tariff.flat(community.slots)
    results = Results(folder)
    kept = []
    for algorithm_id, (name, share) in ALGORITHMS.items():
        figures, households, slots = made_rows(community, tariff, share)
        held = (RowVerdict("energy balance", True, 0.0, "Bought equals sold.", False),)
        row = ResultRow(
            scenario="Base",
            scenario_key="key",
            algorithm_id=algorithm_id,
            name=name,
            parameters={"alpha": 5.0},
            figures=figures,
            summary={},
            verdicts=held,
            source_digest="a" * 64,
            result_digest="b" * 64,
            seconds=0.1,
        )
        kept.append(KeptOutcome(row, households, slots))
    results.save_scenario("key", kept)
    return RunResult(
        rows=results.scenario("key", name="Base"),
        dataset_digest="c" * 64,
        result_digest="d" * 64,
        household_ids=community.household_ids,
        start_at=START,
        slot_h=community.slot_h,
        slots=community.slots,
        time_zone="Asia/Kolkata",
        folder=folder,
    )
