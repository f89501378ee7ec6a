"""Communities to trade in, made from net positions."""

from datetime import UTC, datetime

import numpy as np
import pytest

from core.market.community import Community


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
