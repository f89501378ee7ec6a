"""Auctions against slow and obvious oracles: a linear programme, and McAfee and Huang written out order by order."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from core.market import battery, clearing
from core.market.auctions import mcafee, pay_as_bid, uniform_price
from core.market.order_book import clear
from core.market.trades import trades_of_fills

MANY = settings(max_examples=150, deadline=None)
price = st.one_of(st.integers(0, 6).map(float), st.floats(0.0, 6.0).map(lambda x: round(x, 3)))
quantity = st.one_of(st.integers(1, 4).map(float), st.floats(0.001, 5.0).map(lambda x: round(x, 3)))
side = st.lists(st.tuples(quantity, price), max_size=5)


def arrays(bids, offers):
    net = np.array([[q for q, _ in bids] + [-q for q, _ in offers]])
    return net, np.array([[p for _, p in (*bids, *offers)]])


def largest_trade(bids, offers):
    """(most welfare, most volume at that welfare) by linear programming over pairs that may trade."""
    pairs = [(b, s) for b in range(len(bids)) for s in range(len(offers)) if bids[b][1] >= offers[s][1]]
    if not pairs:
        return 0.0, 0.0
    limits = np.zeros((len(bids) + len(offers), len(pairs)))
    for column, (b, s) in enumerate(pairs):
        limits[b, column] = limits[len(bids) + s, column] = 1.0
    room = [q for q, _ in bids] + [q for q, _ in offers]
    gains = np.array([bids[b][1] - offers[s][1] for b, s in pairs])
    best = linprog(-gains, A_ub=limits, b_ub=room, method="highs")
    most = linprog(-np.ones(len(pairs)), A_ub=limits, b_ub=room, A_eq=[gains], b_eq=[-best.fun], method="highs")
    return -best.fun, -most.fun if most.status == 0 else None


@given(bids=side, offers=side)
@MANY
def test_volume_and_welfare_are_the_linear_programmes(bids, offers):
    book = {"bids": [list(order) for order in bids], "offers": [list(order) for order in offers]}
    found = clear(book, mechanism="uniform_price_auction")
    welfare, volume = largest_trade(bids, offers)
    assert found["welfare"] == pytest.approx(welfare, abs=1e-7)
    if volume is not None:
        assert found["volume"] == pytest.approx(volume, abs=1e-6)


@given(bids=side, offers=side, k=st.floats(0.0, 1.0))
@MANY
def test_the_uniform_price_supports_the_trade(bids, offers, k):
    if not bids and not offers:
        return
    net, prices = arrays(bids, offers)
    cleared = clearing.clear(net, prices)
    if cleared.volume_kwh[0] == 0.0:
        assert not cleared.filled_kwh.any()
        return
    at = uniform_price(net, prices, k=k).buy_price[0]
    assert cleared.low_price[0] <= at <= cleared.high_price[0]
    filled = cleared.filled_kwh[0]
    for q, fill, limit in zip(net[0], filled, prices[0], strict=True):
        if q > 0.0:  # whoever values energy above the price has it all, whoever below has none
            assert limit < at or fill == pytest.approx(q) or limit == pytest.approx(at)
            assert limit > at or fill == pytest.approx(0.0, abs=1e-9) or limit == pytest.approx(at)
        else:
            assert limit > at or fill == pytest.approx(q) or limit == pytest.approx(at)
            assert limit < at or fill == pytest.approx(0.0, abs=1e-9) or limit == pytest.approx(at)


@pytest.mark.parametrize("mechanism", [lambda n, p: uniform_price(n, p, k=0.5), lambda n, p: pay_as_bid(n, p, c=0.5)])
@given(bids=side, offers=side, which=st.integers(0, 4), more=st.floats(0.0, 3.0))
@MANY
def test_a_higher_bid_never_lowers_its_own_fill(mechanism, bids, offers, which, more):
    if which >= len(bids):
        return
    net, prices = arrays(bids, offers)
    raised = prices.copy()
    raised[0, which] += more
    if mechanism is mcafee:  # bids that tie at the margin share what the marginal order leaves: leaving a tie can cost
        assume(all(len(set(each[0, : len(bids)])) == len(bids) for each in (prices, raised)))
    before = mechanism(net, prices).filled_kwh[0, which]
    assert mechanism(net, raised).filled_kwh[0, which] >= before - 1e-9


@given(bids=side, offers=side, which=st.integers(0, 4), more=st.floats(0.0, 3.0))
@MANY
def test_without_ties_a_higher_bid_never_lowers_its_own_fill_under_trade_reduction(bids, offers, which, more):
    # With ties it can: a marginal level shares pro rata, an order above it carries an equal part of the excess.
    net, prices = arrays(bids, offers)
    raised = prices.copy()
    if which >= len(bids):
        return
    raised[0, which] += more
    if any(np.unique(p[0, : len(bids)]).size < len(bids) for p in (prices, raised)):
        return
    assert mcafee(net, raised).filled_kwh[0, which] >= mcafee(net, prices).filled_kwh[0, which] - 1e-9


@given(bids=side, offers=side)
@MANY
def test_ties_at_the_margin_share_it_pro_rata(bids, offers):
    if not bids or not offers:
        return
    net, prices = arrays(bids, offers)
    for fills in (uniform_price(net, prices, k=0.5), pay_as_bid(net, prices, c=0.5)):
        share = fills.filled_kwh[0] / net[0]
        for i in range(net.shape[1]):
            for j in range(net.shape[1]):
                if prices[0, i] == prices[0, j] and net[0, i] * net[0, j] > 0.0:
                    assert share[i] == pytest.approx(share[j], abs=1e-6)
                    if fills.buy_price.ndim == 2 and share[i] > 0.0:
                        assert fills.buy_price[0, i] == pytest.approx(fills.buy_price[0, j])


def huang(bids, offers):
    """The multi-unit trade reduction written out order by order: (bought by order, sold by order, bid K, ask L)."""
    buyers = sorted(range(len(bids)), key=lambda i: (-bids[i][1], -bids[i][0]))
    sellers = sorted(range(len(offers)), key=lambda i: (offers[i][1], -offers[i][0]))
    left_b, left_s = [bids[i][0] for i in buyers], [offers[i][0] for i in sellers]
    b = s = 0
    last = None
    while b < len(buyers) and s < len(sellers) and bids[buyers[b]][1] >= offers[sellers[s]][1]:
        last = (b, s)
        step = min(left_b[b], left_s[s])
        left_b[b] -= step
        left_s[s] -= step
        b += left_b[b] <= 1e-12
        s += left_s[s] <= 1e-12
    bought, sold = [0.0] * len(bids), [0.0] * len(offers)
    if last is None:
        return bought, sold, None, None
    for place in buyers[: last[0]]:
        bought[place] = bids[place][0]
    for place in sellers[: last[1]]:
        sold[place] = offers[place][0]
    for mine, other in ((bought, sold), (sold, bought)):
        excess = sum(mine) - sum(other)
        while excess > 1e-12:  # equal parts, nobody below nothing
            holding = [i for i, q in enumerate(mine) if q > 0.0]
            part = min(excess / len(holding), min(mine[i] for i in holding))
            for i in holding:
                mine[i] -= part
            excess = sum(mine) - sum(other)
    return bought, sold, bids[buyers[last[0]]][1], offers[sellers[last[1]]][1]


@given(bids=side, offers=side)
@MANY
def test_the_trade_reduction_is_huangs(bids, offers):
    everything = [*bids, *offers]
    if not bids or not offers or len({q for q, _ in everything}) == 1:
        return
    if len({p for _, p in bids}) < len(bids) or len({p for _, p in offers}) < len(offers):
        return  # ties: see below
    net, prices = arrays(bids, offers)
    fills = mcafee(net, prices)
    bought, sold, bid, ask = huang(bids, offers)
    assert fills.filled_kwh[0, : len(bids)] == pytest.approx(bought, abs=1e-7)
    assert -fills.filled_kwh[0, len(bids) :] == pytest.approx(sold, abs=1e-7)
    if sum(bought) > 1e-6:
        assert (fills.buy_price[0], fills.sell_price[0]) == (bid, ask)


@given(bids=side, offers=side)
@MANY
def test_mcafee_trades_at_most_the_auctions_volume_and_never_pays_in(bids, offers):
    book = {"bids": [list(order) for order in bids], "offers": [list(order) for order in offers]}
    most = clear(book, mechanism="uniform_price_auction")
    found = clear(book, mechanism="mcafee_auction")
    assert found["volume"] <= most["volume"] + 1e-9
    assert found["operator_surplus"] >= -1e-9
    for trade in found["trades"]:
        assert bids[trade["bid"]][1] >= trade["buy_price"] - 1e-12
        assert offers[trade["offer"]][1] <= trade["sell_price"] + 1e-12


@given(bids=st.lists(price, max_size=6), offers=st.lists(price, max_size=6))
@MANY
def test_with_equal_units_the_rule_is_mcafees(bids, offers):
    book = {"bids": [[2.0, p] for p in bids], "offers": [[2.0, p] for p in offers]}
    found = clear(book, mechanism="mcafee_auction")
    b, s = sorted(bids, reverse=True), sorted(offers)
    k = sum(1 for bid, ask in zip(b, s, strict=False) if bid >= ask)
    if k and k < min(len(b), len(s)) and s[k - 1] <= (b[k] + s[k]) / 2 <= b[k - 1]:
        assert found["volume"] == pytest.approx(2.0 * k)
        assert found["buy_price"] == found["sell_price"] == pytest.approx((b[k] + s[k]) / 2)
    else:
        assert found["volume"] == pytest.approx(2.0 * max(0, k - 1))
        if k > 1:
            assert (found["buy_price"], found["sell_price"]) == pytest.approx((b[k - 1], s[k - 1]))
            assert found["operator_surplus"] == pytest.approx(2.0 * (k - 1) * (b[k - 1] - s[k - 1]))


@pytest.mark.parametrize(
    ("bids", "offers"),
    [
        ([9, 5, 4], [1, 2, 6]),  # p0 = (4 + 6)/2 = 5, the marginal bid
        ([9, 8, 4], [1, 5, 6]),  # p0 = (4 + 6)/2 = 5, the marginal ask
    ],
)
def test_a_price_of_those_left_out_on_the_edge_still_lets_all_trade(bids, offers):
    book = {"bids": [[1, p] for p in bids], "offers": [[1, p] for p in offers]}
    found = clear(book, mechanism="mcafee_auction")
    assert (found["volume"], found["buy_price"], found["sell_price"]) == (2.0, 5.0, 5.0)


def test_an_untruthful_bid_gains_nothing_in_the_mcafee_auction():
    rng = np.random.default_rng(3)
    for _ in range(150):
        values = rng.uniform(0.0, 6.0, (1, 7))
        net = np.where(np.arange(7) < 4, 1.0, -1.0)[None, :]
        if rng.random() < 0.5:
            net = net * rng.uniform(0.5, 2.0, (1, 7))
        who = int(rng.integers(7))

        def gain(prices, net=net, who=who, values=values):
            fills = mcafee(net, prices)
            filled = fills.filled_kwh[0, who]
            paid = fills.buy_price[0] if filled > 0.0 else fills.sell_price[0]
            return filled * (values[0, who] - paid) if filled else 0.0

        honest = gain(values)
        for lie in rng.uniform(0.0, 6.0, 15):
            other = values.copy()
            other[0, who] = lie
            assert gain(other) <= honest + 1e-9


@given(
    seed=st.integers(0, 10_000),
    slots=st.integers(1, 8),
    households=st.integers(1, 12),
    steps=st.sampled_from([0, 2, 5]),
)
@MANY
def test_compiled_and_numpy_clearing_agree_to_the_last_bit(seed, slots, households, steps):
    from core.market import compiled

    rng = np.random.default_rng(seed)
    net, prices = rng.normal(0.0, 1.0, (slots, households)), rng.uniform(3.0, 7.0, (slots, households))
    if steps:
        net, prices = np.round(net * steps), np.round(prices * steps) / steps
    expected = clearing.clear_in_numpy(net, prices)
    out = [np.empty((slots, households)), *(np.empty(slots) for _ in range(3))]
    compiled.clear_slots(net, prices, clearing.DUST_KWH, clearing.ROUNDING, *out)
    for name, found in zip(("filled_kwh", "volume_kwh", "low_price", "high_price"), out, strict=True):
        assert np.array_equal(found, getattr(expected, name), equal_nan=True), name


@given(seed=st.integers(0, 10_000), slots=st.integers(1, 30), households=st.integers(1, 12))
@MANY
def test_compiled_and_numpy_batteries_agree_to_the_last_bit(seed, slots, households):
    from core.market import compiled

    rng = np.random.default_rng(seed)
    net, shares = rng.normal(0.0, 1.0, (slots, households)), rng.random((2, slots))
    size, power = rng.uniform(0.0, 5.0, households), rng.uniform(0.0, 2.0, households)
    results = []
    for store in (compiled.store_greedily, battery.store_in_numpy):
        after, soc = net.copy(), np.empty_like(net)
        store(after, shares[0], shares[1], size, power, 0.93, 0.97, np.zeros(households), soc)
        results.append((after, soc))
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1], results[1][1])


def test_the_price_of_a_pair_in_the_middle_of_a_tie_is_shared_by_the_tie():
    # Two bids of 1 kWh at 6 meet asks of 0.5 kWh at 2 and 1.5 kWh at 4: mid-points 4 and 5.
    # Both buyers pay (0.5·4 + 1.5·5)/2 = 4.75 on average, whoever comes first.
    net, prices = np.array([[1.0, 1.0, -0.5, -1.5]]), np.array([[6.0, 6.0, 2.0, 4.0]])
    fills = pay_as_bid(net, prices, c=0.5)
    assert fills.buy_price[0] == pytest.approx([4.75, 4.75, 4.0, 5.0])
    trades = trades_of_fills(fills)
    assert sorted(zip(trades.buyer.tolist(), trades.seller.tolist(), trades.energy_kwh.tolist(), strict=True)) == [
        (0, 2, 0.25),
        (0, 3, 0.75),
        (1, 2, 0.25),
        (1, 3, 0.75),
    ]


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_one_trader_facing_many_gives_up_every_trade_under_trade_reduction(side):
    rng = np.random.default_rng(12)
    net = side * rng.uniform(0.1, 2.0, (500, 9))
    net[:, 4] = -side * 30.0
    prices = np.where(net > 0.0, 7.0, 3.0) + rng.uniform(-1.0, 1.0, net.shape)
    fills = mcafee(net, prices)
    assert not fills.filled_kwh.any()
    assert np.isnan(fills.buy_price).all()


def test_truthful_orders_that_all_tie_trade_all_but_the_smallest_pair_under_trade_reduction():
    # Bids of 3, 2, 1 at 7 and offers of 4, 2 at 3 all trade 6. The marginal orders are the bid of 1 and the offer of
    # 2: 5 and 4 are kept, cut to 4 each. Tied orders share: bids 3/6, 2/6, 1/6 of 4, offers 4/6, 2/6 of 4.
    net, prices = np.array([[3.0, 2.0, 1.0, -4.0, -2.0]]), np.array([[7.0, 7.0, 7.0, 3.0, 3.0]])
    fills = mcafee(net, prices)
    assert fills.filled_kwh[0] == pytest.approx([2.0, 4 / 3, 2 / 3, -8 / 3, -4 / 3])
    assert (fills.buy_price[0], fills.sell_price[0]) == (7.0, 3.0)
