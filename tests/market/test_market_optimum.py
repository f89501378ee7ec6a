"""The optimum against the programme written out battery by battery, and its bills against every coalition."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from core.market.community import Tariff
from core.market.compare import run_algorithm
from core.market.dispatch import Storage
from core.market.optimum import optimum
from core.market.quantities import self_sufficiency_share
from core.market.totals import flows_of


def written_out(net, tariff, *, capacity, power, into=0.95, out_of=0.95, cyclic=True):
    """Least cost by scipy on the model of the reference page: every household's battery has its own variables."""
    slots, homes = net.shape
    imp, exp = range(slots), range(slots, 2 * slots)
    place = 2 * slots

    def columns():
        nonlocal place
        block = [[place + t * homes + i for i in range(homes)] for t in range(slots)]
        place += slots * homes
        return block

    ch, di, soc = columns(), columns(), columns()
    equal, right = [], []
    for t in range(slots):
        row = np.zeros(place)
        row[imp[t]], row[exp[t]] = 1.0, -1.0
        for i in range(homes):
            row[ch[t][i]], row[di[t][i]] = -1.0, 1.0
        equal.append(row)
        right.append(net[t].sum())
        for i in range(homes):
            row = np.zeros(place)
            row[soc[t][i]] += 1.0
            row[ch[t][i]], row[di[t][i]] = -into, 1.0 / out_of
            if t or cyclic:
                row[soc[t - 1][i]] -= 1.0
            equal.append(row)
            right.append(0.0)
    cost = np.zeros(place)
    cost[:slots], cost[slots : 2 * slots] = tariff.retail_price, -tariff.feed_in_price
    bounds = [(0.0, None)] * (2 * slots) + [(0.0, power[i]) for _ in range(2 * slots) for i in range(homes)]
    bounds += [(0.0, capacity[i]) for _ in range(slots) for i in range(homes)]
    solved = linprog(cost, A_eq=np.array(equal), b_eq=right, bounds=bounds, method="highs")
    assert solved.status == 0, solved.message
    return solved.fun


def random_market(rng, slots, homes):
    net = np.round(rng.normal(0.0, 2.0, (slots, homes)), 2)
    feed_in = rng.choice([0.0, 2.0, 3.0], slots)
    return net, Tariff(feed_in + rng.choice([0.0, 3.0, 6.0], slots), feed_in)


def cost_of(dispatch, tariff):
    return float((tariff.retail_price * dispatch.import_kwh - tariff.feed_in_price * dispatch.export_kwh).sum())


@given(seed=st.integers(0, 10_000), slots=st.integers(1, 6), homes=st.integers(1, 4), cyclic=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_cost_is_that_of_the_programme_written_out(seed, slots, homes, cyclic, community_of):
    rng = np.random.default_rng(seed)
    net, tariff = random_market(rng, slots, homes)
    capacity, power = rng.choice([0.0, 2.0, 5.0], homes), rng.choice([0.0, 1.0, 2.5], homes)
    storage = Storage(capacity, power, 0.9, 0.95)
    found = optimum(community_of(net), tariff, storage, cyclic=cyclic)
    best = written_out(net, tariff, capacity=capacity, power=power, into=0.9, out_of=0.95, cyclic=cyclic)
    assert cost_of(found, tariff) == pytest.approx(best, abs=1e-6)
    by_duals = float((found.marginal_price * (found.demand_kwh - found.supply_kwh)).sum())
    assert by_duals == pytest.approx(best, abs=1e-6)
    assert (found.marginal_price >= tariff.feed_in_price).all()
    assert (found.marginal_price <= tariff.retail_price).all()
    soc, start = found.storage.soc_kwh, found.storage.start_soc_kwh
    if cyclic:
        assert soc[-1] == pytest.approx(start, abs=1e-9)
    assert (soc <= capacity + 1e-9).all()
    assert (np.abs(found.net_kwh - net) <= power + 1e-8).all()
    # equal homes with equal batteries get equal plans: nothing decides between them
    flow = found.net_kwh - net
    for i, j in combinations(range(homes), 2):
        if capacity[i] == capacity[j] and power[i] == power[j]:
            assert flow[:, i] == pytest.approx(flow[:, j], abs=2e-9)


@pytest.mark.parametrize(("seed", "homes"), [(0, 3), (1, 4), (2, 4), (3, 5), (4, 8)])
def test_no_coalition_does_better_alone(seed, homes, community_of):
    rng = np.random.default_rng(seed)
    slots = 4
    net, tariff = random_market(rng, slots, homes)
    outcome = run_algorithm("community_optimum", community_of(net), tariff, parameters={"owners": "HH001 HH002"})
    capacity = np.where(np.arange(homes) < 2, 5.0, 0.0)
    power = np.where(np.arange(homes) < 2, 2.5, 0.0)
    bill = outcome.households["bill"]
    for size in range(1, homes + 1):
        for members in combinations(range(homes), size):
            chosen = list(members)
            alone = written_out(net[:, chosen], tariff, capacity=capacity[chosen], power=power[chosen])
            together = float(bill[chosen].sum())
            assert together <= alone + 1e-6, f"{members} pay {together}, alone {alone}"
    assert float(bill.sum()) == pytest.approx(alone, abs=1e-6)  # the last coalition is everybody


def test_a_bill_is_the_net_load_at_the_duals_and_the_best_own_battery_at_these_prices(community_of):
    rng = np.random.default_rng(11)
    net, tariff = random_market(rng, 6, 3)
    outcome = run_algorithm("community_optimum", community_of(net), tariff, parameters={"owners": "all"})
    price = outcome.settlement.buy_price
    at_duals = Tariff(price, price)  # one battery alone, buying and selling at λ
    for i in range(3):
        own = written_out(np.zeros((6, 1)), at_duals, capacity=[5.0], power=[2.5])
        expected = float((price * net[:, i]).sum()) + own
        assert outcome.households["bill"][i] == pytest.approx(expected, abs=1e-6)


def test_solving_writes_nothing_to_standard_output(community_of, capfd):
    net, tariff = random_market(np.random.default_rng(1), 6, 3)
    run_algorithm("community_optimum", community_of(net), tariff)
    assert capfd.readouterr().out == ""


def test_energy_charged_from_the_grid_is_not_counted_as_used_for_load(community_of, totals_with):
    # Cheap at first, dear then: the battery buys 1/0.9 kWh, gives 0.9 of it back for the load of the second slot.
    community = community_of([[0.0], [0.81]])
    tariff = Tariff(np.array([1.0, 9.0]), np.array([0.0, 0.0]))
    storage = Storage(np.array([5.0]), np.array([5.0]), 0.9, 0.9)
    found = optimum(community, tariff, storage)
    assert found.import_kwh == pytest.approx([1.0, 0.0], abs=1e-9)
    assert found.grid_charge_kwh == pytest.approx([1.0, 0.0], abs=1e-9)
    assert self_sufficiency_share(totals_with(**flows_of(found))) == pytest.approx(1.0)
    # What is bought in the first slot for load counts: 1 of the 2 kWh imported.
    hungry = optimum(community_of([[1.0], [0.81]]), tariff, storage)
    assert hungry.import_kwh == pytest.approx([2.0, 0.0], abs=1e-9)
    assert self_sufficiency_share(totals_with(**flows_of(hungry))) == pytest.approx(1 - 1.0 / 1.81)


def test_worthless_surplus_is_not_burnt_by_charging_and_discharging_at_once(community_of):
    community = community_of([[-10.0], [-10.0], [2.0]])
    tariff = Tariff.flat(3, retail_price=7.0, feed_in_price=0.0)
    outcome = run_algorithm("community_optimum", community, tariff, parameters={"owners": "all"})
    assert all(verdict.holds for verdict in outcome.invariants)
    assert outcome.figures["community_cost"] == pytest.approx(0.0, abs=1e-9)
