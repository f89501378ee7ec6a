"""Datasets people bring, and comparisons of algorithms that run in processes of their own."""

from core.runs.datasets import Added, Dataset, Datasets
from core.runs.plan import RunPlan, Scenario, Selection, matrix
from core.runs.results import ResultRow, RunResult
from core.runs.runs import Runs, RunState
from core.runs.tariffs import Period, TariffPlan

__all__ = [
    "Added",
    "Dataset",
    "Datasets",
    "Period",
    "ResultRow",
    "RunPlan",
    "RunResult",
    "RunState",
    "Runs",
    "Scenario",
    "Selection",
    "TariffPlan",
    "matrix",
]
