"""Communities to trade in, made from net positions."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pytest

from core.market.community import Community
from core.market.totals import Totals


def _community(net_kwh, *, ids=None, slot_h=1.0, pv_kw=None, extra_kw=0.0) -> Community:
    """Households whose net positions `[slot, household]`, kWh, are these; `extra_kw` is used by each home itself."""
    net_kw = np.asarray(net_kwh, dtype=float) / slot_h
    households = net_kw.shape[1]
    return Community(
        tuple(ids or (f"HH{i + 1:03d}" for i in range(households))),
        datetime(2024, 6, 1, tzinfo=UTC),
        slot_h,
        np.maximum(net_kw, 0.0) + extra_kw,
        np.maximum(-net_kw, 0.0) + extra_kw,
        np.full(households, np.nan) if pv_kw is None else np.asarray(pv_kw, dtype=float),
    )


@pytest.fixture(scope="session")
def community_of():
    return _community


NOTHING = Totals(np.zeros(1), np.zeros(1), 1, 1.0, *(0.0,) * 19)


@pytest.fixture(scope="session")
def totals_with():
    """Totals that are 0 except for what is given."""
    return partial(replace, NOTHING)
