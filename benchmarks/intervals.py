"""How often the 95 % interval of a mean daily difference holds the truth: by days, and by how alike neighbours are.

`python -m benchmarks.intervals [samples]` prints one JSON object. The table `coverage` is over samples whose
neighbouring days are correlated (a first-order autoregression); `other_shapes` are days of which the interval's
assumption does not hold. `width` is the median width over that of an interval that knew the truth.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import numpy as np

from core.market.community import FloatArray
from core.runs.statistics import paired_interval

DAYS = (14, 21, 28, 60, 90, 180, 365)
PERSISTENCE = (0.0, 0.2, 0.4, 0.6, 0.8)
BOUNDS = (0.90, 0.97)
FEW_DAYS_SAMPLES, SURE_DAYS = 4, 60
_WARM_UP = 200


def alike(generator: np.random.Generator, samples: int, days: int, persistence: float) -> FloatArray:
    """Days `[sample, day]` of true mean 0 and variance 1; each keeps a share of the day before."""
    noise = generator.standard_normal((samples, days + _WARM_UP)) * np.sqrt(1.0 - persistence**2)
    for day in range(1, days + _WARM_UP):
        noise[:, day] += persistence * noise[:, day - 1]
    return noise[:, _WARM_UP:]


def other_shapes() -> dict[str, Callable[[np.random.Generator, int, int], FloatArray]]:
    """Days that are not what the interval takes them for."""

    def weekends(generator: np.random.Generator, samples: int, days: int) -> FloatArray:
        weekday = (np.arange(days) + generator.integers(0, 7, size=(samples, 1))) % 7
        return alike(generator, samples, days, 0.4) + 1.5 * ((weekday >= 5) - 2.0 / 7.0)

    def rare_large_days(generator: np.random.Generator, samples: int, days: int) -> FloatArray:
        return generator.exponential(size=(samples, days)) - 1.0

    def weeks_under_noise(generator: np.random.Generator, samples: int, days: int) -> FloatArray:
        return alike(generator, samples, days, 0.8) + generator.standard_normal((samples, days))

    return {"weekends": weekends, "rare_large_days": rare_large_days, "weeks_under_noise": weeks_under_noise}


def held(samples: FloatArray) -> float:
    """The share of samples whose interval holds 0, their true mean."""
    zero = np.zeros(samples.shape[1])
    return float(np.mean([not paired_interval(sample, zero).clear for sample in samples]))


def width(samples: FloatArray, persistence: float) -> float:
    """The median width over 2 · 1.96 standard errors of the mean."""
    days = samples.shape[1]
    lags = np.arange(1, days)
    variance = (1.0 + 2.0 * np.sum((1.0 - lags / days) * persistence**lags)) / days
    found = [paired_interval(sample, np.zeros(days)) for sample in samples]
    return float(np.median([each.high - each.low for each in found]) / (2.0 * 1.96 * np.sqrt(variance)))


def main(samples: int) -> dict[str, object]:
    """Coverage by days and persistence, and whether all of it lies in the bounds."""
    generator = np.random.default_rng(2_024)
    coverage: dict[str, dict[str, float]] = {}
    widths: dict[str, dict[str, float]] = {}
    for days in DAYS:
        many = samples * (FEW_DAYS_SAMPLES if days < SURE_DAYS else 1)  # where the interval is least sure
        drawn = {each: alike(generator, many, days, each) for each in PERSISTENCE}
        coverage[f"{days} days"] = {f"{each:g}": round(held(found), 3) for each, found in drawn.items()}
        widths[f"{days} days"] = {f"{each:g}": round(width(found[:300], each), 2) for each, found in drawn.items()}
    cells = [value for row in coverage.values() for value in row.values()]
    return {
        "samples": samples,
        "coverage": coverage,
        "lowest": min(cells),
        "highest": max(cells),
        "bounds": BOUNDS,
        "width": widths,
        "other_shapes": {
            name: {f"{days} days": round(held(draw(generator, samples, days)), 3) for days in DAYS}
            for name, draw in other_shapes().items()
        },
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000), indent=1))
