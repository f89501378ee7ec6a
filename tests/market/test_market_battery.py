"""Home batteries over a horizon that ends as it began, and what is said where it does not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.market.battery import greedy
from core.market.community import Tariff
from core.market.compare import compare_all, run_algorithm
from core.market.dispatch import Storage

KW = st.integers(0, 6).map(lambda tenths: tenths / 2.0)


@given(
    load=st.lists(KW, min_size=4, max_size=40),
    sun=st.lists(KW, min_size=4, max_size=40),
    power=st.sampled_from([0.5, 2.5, 9.0]),
    kept=st.sampled_from([0.7, 0.9, 0.95, 1.0]),
    sizes=st.lists(st.floats(0.1, 30.0), min_size=2, max_size=5),
)
@settings(max_examples=150, deadline=None)
def test_a_larger_battery_never_raises_the_bill_of_a_home_alone(community_of, load, sun, power, kept, sizes):
    slots = min(len(load), len(sun))
    net = np.array(load[:slots]) - np.array(sun[:slots])
    community, retail = community_of(net[:, None], pv_kw=[3.0]), 7.0
    tariff = Tariff.flat(slots, retail_price=retail, feed_in_price=kept * kept * retail * 0.999)
    before = run_algorithm("grid_only", community, tariff).households["bill"][0]
    for capacity in sorted(sizes):
        size = {"capacity_kwh": capacity, "power_kw": power, "charge_efficiency": kept, "discharge_efficiency": kept}
        bill = run_algorithm("p2p_battery", community, tariff, parameters=size).households["bill"][0]
        assert bill <= before + 1e-9 * max(1.0, abs(before)), capacity
        before = bill


@given(seed=st.integers(0, 10_000), scale=st.floats(0.2, 3.0), order=st.sampled_from(["self_first", "market_first"]))
@settings(max_examples=60, deadline=None)
def test_a_cyclic_battery_ends_as_full_as_it_starts(community_of, seed, scale, order):
    rng = np.random.default_rng(seed)
    community = community_of(rng.normal(0.0, scale, (30, 4)), pv_kw=[1.0] * 4)
    storage = Storage(rng.uniform(0.5, 40.0, 4), rng.uniform(0.2, 3.0, 4), 0.9, 0.95)
    found = greedy(community, storage, order=order, cyclic=True).storage
    assert found.soc_kwh[-1] == pytest.approx(found.start_soc_kwh, abs=1e-9)


def test_an_empty_start_strands_energy_and_a_cyclic_one_does_not(community_of):
    # One day: 10 kWh of sun by day, 4 kWh needed before and after. Empty: the morning is bought, the evening's
    # battery serves 4 and the rest stays in it. Cyclic: it also serves the next morning, which is this morning.
    community = community_of([[4.0], [-10.0], [4.0]], pv_kw=[10.0])
    tariff = Tariff.flat(3)
    size = {"capacity_kwh": 13.5, "power_kw": 20.0, "charge_efficiency": 1.0, "discharge_efficiency": 1.0}
    empty = run_algorithm("p2p_battery", community, tariff, parameters={**size, "start": "empty"})
    cyclic = run_algorithm("p2p_battery", community, tariff, parameters=size)
    assert empty.households["bill"] == pytest.approx([4 * 7.0])
    assert empty.households["stored_kwh"] == pytest.approx([6.0])
    # From 9.5: the morning leaves 5.5, the sun fills it to 13.5 and 2 are sold, the evening leaves 9.5.
    assert cyclic.households["bill"] == pytest.approx([-2 * 3.0])
    assert cyclic.households["stored_kwh"] == pytest.approx([9.5])


def test_the_optimum_may_start_empty_too(community_of):
    community = community_of([[4.0], [-10.0], [4.0]], pv_kw=[10.0])
    found = compare_all(
        ["p2p_battery", "community_optimum"],
        community,
        Tariff.flat(3),
        {name: {"start": "empty"} for name in ("p2p_battery", "community_optimum")},
    )
    assert found["community_optimum"].figures["community_cost"] <= found["p2p_battery"].figures["community_cost"]
    assert found["p2p_battery"].figures["value_tapping"] <= 1.0
