"""One function a chart: a view in, a figure of at most 5,000 points and its message in words out."""

from core.web.compare.charts.chart import Chart, points
from core.web.compare.charts.energy import duration, sankey
from core.web.compare.charts.households import bill_steps, lorenz_curves, profile
from core.web.compare.charts.intervals import intervals
from core.web.compare.charts.time import QUANTITIES, cumulative_savings, heat_map, price_and_volume, typical_day

__all__ = [
    "Chart",
    "QUANTITIES",
    "cumulative_savings",
    "duration",
    "heat_map",
    "bill_steps",
    "intervals",
    "lorenz_curves",
    "points",
    "price_and_volume",
    "profile",
    "sankey",
    "typical_day",
]
