"""Who would leave and what is fair: against all groups by hand, an independent programme, and the axioms."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from core.__main__ import main
from core.errors import MarketError, TooLargeError
from core.market.algorithms import find
from core.market.community import Community, Tariff
from core.market.compare import compare_all, run_algorithm
from core.market.dispatch import own_use
from core.market.stability.bidding import MARKUPS, bidding
from core.market.stability.blocking import Search, most_blocking
from core.market.stability.document import document
from core.market.stability.frontier import Point, frontier
from core.market.stability.game import Game
from core.market.stability.growth import next_homes
from core.market.stability.nucleolus import nucleolus
from core.market.stability.shapley import shapley
from core.market.stability.shares import equal_split, marginal_contribution
from core.market.stability.study import Bills, Options, study
from core.readings.sample import sample_community

WORKED = np.array([[-3.0, 2.0], [2.0, -1.0], [1.0, 3.0]]).T
"""Net positions of three homes in two slots, kWh; with r 7 and f 3."""
MECHANISMS = {each.id: each.clear for each in find().values() if each.clear is not None}
FEW = settings(max_examples=20, deadline=None)


def groups_of(homes: int) -> np.ndarray:
    """Every group but the empty one, `[group, household]`."""
    return np.array(list(itertools.product((0.0, 1.0), repeat=homes)))[1:]


def cost_of(net: np.ndarray, tariff: Tariff, group: np.ndarray) -> float:
    """C*(S) from its definition, not from the game."""
    total = net @ group
    return float(tariff.retail_price @ np.maximum(total, 0.0) - tariff.feed_in_price @ np.maximum(-total, 0.0))


def random_net(seed: int, homes: int, slots: int) -> np.ndarray:
    draws = np.random.default_rng(seed)
    net = np.round(draws.normal(0.0, 2.0, (slots, homes)), 3)
    net[draws.random((slots, homes)) < 0.15] = 0.0
    return net


def random_tariff(seed: int, slots: int) -> Tariff:
    draws = np.random.default_rng(seed)
    feed_in = draws.uniform(0.0, 4.0, slots)
    return Tariff(feed_in + draws.uniform(0.0, 5.0, slots), feed_in)


@pytest.fixture(scope="module")
def worked() -> Game:
    return Game.of_net(WORKED, Tariff.flat(2))


def test_the_worked_example_of_three_homes(worked, community_of):
    # alone: 1: 2·7 - 3·3 = 5; 2: 2·7 - 1·3 = 11; 3: 1·7 + 3·7 = 28. r - f = 4:
    # v(12) = 4·(min(2, 3) + min(2, 1)) = 12, v(13) = 4·1 = 4, v(23) = 4·min(3, 1) = 4, v(123) = 4·(3 + 1) = 16
    assert worked.alone == pytest.approx([5.0, 11.0, 28.0])
    assert worked.worth(np.array([1.0, 1.0, 0.0])) == pytest.approx(12.0)
    assert worked.worth(np.array([1.0, 0.0, 1.0])) == pytest.approx(4.0)
    assert worked.worth(np.array([0.0, 1.0, 1.0])) == pytest.approx(4.0)
    assert worked.worth(np.ones(3)) == pytest.approx(16.0)
    assert worked.marginal() == pytest.approx([12.0, 12.0, 4.0])
    assert shapley(worked).share == pytest.approx([20 / 3, 20 / 3, 8 / 3])
    assert nucleolus(worked) == pytest.approx([7.0, 7.0, 2.0])
    assert equal_split(worked) == pytest.approx([16 / 3] * 3)
    assert marginal_contribution(worked) == pytest.approx([48 / 7, 48 / 7, 16 / 7])
    community, tariff = community_of(WORKED), Tariff.flat(2)
    bills = {k: run_algorithm(k, community, tariff).households["bill"] for k in ("shapley", "nucleolus")}
    assert bills["shapley"] == pytest.approx([-5 / 3, 13 / 3, 76 / 3])
    assert bills["nucleolus"] == pytest.approx([-2.0, 4.0, 26.0])
    mid_market = run_algorithm("mid_market_rate", community, tariff).households["bill"]
    assert mid_market == pytest.approx([-1.8, 5.0, 24.8])
    assert most_blocking(worked, mid_market).gain == 0.0
    assert not most_blocking(worked, mid_market).members.any()


@pytest.mark.parametrize(("algorithm_id", "gain"), [("supply_demand_ratio", 84 / 95), ("bill_sharing", 10.0)])
def test_homes_1_and_2_leave_the_worked_example(worked, community_of, algorithm_id, gain):
    bills = run_algorithm(algorithm_id, community_of(WORKED), Tariff.flat(2)).households["bill"]
    found = most_blocking(worked, bills)
    assert found.members.tolist() == [True, True, False]
    assert found.gain == pytest.approx(gain)
    assert found.exact


@pytest.mark.parametrize("seed", range(6))
def test_the_leaving_group_is_the_best_of_all_groups_under_every_mechanism(seed, community_of):
    homes = 3 + seed + 2 * (seed > 3)  # 3 to 10
    community, tariff = community_of(random_net(seed, homes, 12)), random_tariff(seed, 12)
    ids = [each.id for each in find().values() if not each.needs_folder]
    outcomes = compare_all(ids, community, tariff, {"community_optimum": {"capacity_kwh": 2.0}})
    asked = [Bills(o.algorithm_id, o.name, o.parameters, o.households["bill"]) for o in outcomes.values()]
    found = study(community, tariff, asked)
    for verdict, outcome in zip(found.verdicts, outcomes.values(), strict=True):
        bills, net = outcome.households["bill"], outcome.settlement.dispatch.net_kwh
        gains = [float(bills @ group) - cost_of(net, tariff, group) for group in groups_of(homes)]
        assert verdict.gap == pytest.approx(max(0.0, *gains), abs=1e-6), verdict.name
        assert verdict.stable == (max(gains) <= 1e-6)
        assert verdict.exact
        members = np.isin(community.household_ids, verdict.group).astype(float)
        if not verdict.stable:
            assert verdict.would_pay == pytest.approx(cost_of(net, tariff, members), abs=1e-6)
            assert verdict.pays == pytest.approx(float(bills @ members))
            assert verdict.gap == pytest.approx(verdict.pays - verdict.would_pay)


@given(st.integers(0, 10_000), st.integers(2, 8), st.integers(1, 30))
@FEW
def test_any_bills_have_the_group_that_brute_force_finds(seed, homes, slots):
    net, tariff = random_net(seed, homes, slots), random_tariff(seed, slots)
    game = Game.of_net(net, tariff)
    bills = game.alone - np.random.default_rng(seed).uniform(-1.0, 8.0, homes)
    gains = [float(bills @ group) - cost_of(net, tariff, group) for group in groups_of(homes)]
    found = most_blocking(game, bills)
    assert found.gain == pytest.approx(max(0.0, *gains), abs=1e-6)
    assert found.bound == pytest.approx(found.gain, abs=1e-5)
    solved = Search(game).best(bills)  # the programme, which larger games are left to
    assert solved is not None
    assert max(0.0, solved.gain) == pytest.approx(found.gain, abs=1e-6)
    assert solved.exact


def test_cuts_kept_from_other_bills_do_not_change_the_answer():
    net, tariff = random_net(1, 9, 60), random_tariff(1, 60)
    game, draws = Game.of_net(net, tariff), np.random.default_rng(2)
    search = Search(game)
    for _ in range(8):
        bills = game.alone - draws.uniform(-1.0, 20.0, 9)
        again = search.best(bills)
        assert again is not None
        assert max(again.gain, 0.0) == pytest.approx(most_blocking(game, bills).gain, abs=1e-6)


@given(st.integers(0, 10_000), st.integers(2, 8), st.integers(1, 20))
@FEW
def test_prices_of_the_optimum_leave_no_group_better_off(seed, homes, slots):
    net, tariff = random_net(seed, homes, slots), random_tariff(seed, slots)
    price = np.where(net.sum(axis=1) > 0.0, tariff.retail_price, tariff.feed_in_price)
    found = most_blocking(Game.of_net(net, tariff), price @ net)
    assert found.gain == 0.0
    assert found.exact


def test_a_search_without_time_says_what_is_left():
    community = sample_community(3, 60, days=7).community
    game = Game.of(own_use(community), Tariff.flat(community.slots))
    bills = run_algorithm("supply_demand_ratio", community, Tariff.flat(community.slots)).households["bill"]
    stopped = most_blocking(game, bills, time_limit_s=0.0)
    whole = most_blocking(game, bills)
    assert not stopped.exact
    assert stopped.gain <= whole.gain + 1e-6
    assert stopped.bound >= whole.gain
    assert stopped.solver_gap == pytest.approx(stopped.bound - stopped.gain)


@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(1, 8))
@FEW
def test_shapley_keeps_its_axioms(seed, homes, slots):
    net, tariff = random_net(seed, homes, slots), random_tariff(seed, slots)
    game = Game.of_net(net, tariff)
    share = shapley(game).share
    # the definition, over all orders of joining
    orders = list(itertools.permutations(range(homes))) if homes <= 5 else []
    for home in range(homes if orders else 0):
        brings = []
        for order in orders:
            before = np.zeros(homes)
            before[list(order[: order.index(home)])] = 1.0
            brings.append(game.worth(before + np.eye(homes)[home]) - game.worth(before))
        assert share[home] == pytest.approx(np.mean(brings), abs=1e-9)
    assert share.sum() == pytest.approx(game.worth(np.ones(homes)), abs=1e-9)  # efficiency
    twin = Game.of_net(np.hstack([net, net[:, :1], np.zeros((slots, 1))]), tariff)
    with_twin = shapley(twin).share
    assert with_twin[homes] == pytest.approx(with_twin[0], abs=1e-9)  # symmetry
    assert with_twin[homes + 1] == 0.0  # null player
    parts = [
        shapley(Game.of_net(net[part], Tariff(tariff.retail_price[part], tariff.feed_in_price[part]))).share
        for part in (slice(0, slots // 2), slice(slots // 2, None))
    ]
    assert parts[0] + parts[1] == pytest.approx(share, abs=1e-9)  # additivity over slots


def test_standard_errors_of_a_sampled_shapley_value_cover_the_exact_one():
    game = Game.of_net(random_net(4, 10, 40), Tariff.flat(40))
    exact = shapley(game).share
    within, normal = [], 1.96
    for seed in range(40):
        sampled = shapley(game, seed=seed, exact_homes=0)
        assert not sampled.exact
        assert sampled.share.sum() == pytest.approx(exact.sum())  # every order shares out all of it
        within.append(np.abs(sampled.share - exact) <= normal * sampled.standard_error)
    assert 0.90 <= np.mean(within) <= 0.99  # 400 intervals of 95 %
    assert np.array_equal(shapley(game, seed=3, exact_homes=0).share, shapley(game, seed=3, exact_homes=0).share)


def test_above_sixteen_homes_shapley_is_sampled_and_says_how_well():
    community = sample_community(1, 17, days=2).community
    found = shapley(Game.of(own_use(community), Tariff.flat(community.slots)))
    assert not found.exact
    assert found.pairs > 0
    assert (found.standard_error > 0.0).all()
    assert (found.standard_error < 0.05 * found.share.mean()).all()


def lexicographic_nucleolus(game: Game) -> np.ndarray:
    """The nucleolus by linear programmes over all groups: a group is fixed once no solution of its level can serve it
    better, which a programme of its own finds out. Independent of duals and of spans."""
    homes = game.households
    groups = groups_of(homes)[:-1]
    worth = np.array([game.worth(group) for group in groups])
    fixed = np.full(len(groups), np.nan)
    scale = max(1.0, float(np.abs(worth).max()))
    free = [(None, None)] * (homes + 1)
    equal, payoff = [np.append(np.ones(homes), 0.0)], [game.worth(np.ones(homes)) / scale]
    while np.isnan(fixed).any():
        open_ = np.isnan(fixed)
        above = np.hstack([-groups[open_], -np.ones((open_.sum(), 1))])
        level = linprog([0.0] * homes + [1.0], above, -worth[open_] / scale, np.array(equal), payoff, bounds=free)
        assert level.status == 0
        excess = level.x[-1]
        bounds = [(None, None)] * homes + [(excess, excess + 1e-9)]
        for place in np.flatnonzero(open_):
            best = linprog(
                np.append(-groups[place], 0.0), above, -worth[open_] / scale, np.array(equal), payoff, bounds=bounds
            )
            assert best.status == 0
            if -best.fun <= worth[place] / scale - excess + 1e-7:
                fixed[place] = excess
                equal.append(np.append(groups[place], 0.0))
                payoff.append(worth[place] / scale - excess)
        independent = np.linalg.matrix_rank(np.array(equal))
        if independent >= homes:
            return np.linalg.lstsq(np.array(equal)[:, :homes], np.array(payoff), rcond=None)[0] * scale
    return level.x[:homes] * scale


@pytest.mark.parametrize("seed", range(8))
def test_the_nucleolus_is_that_of_an_independent_lexicographic_programme(seed):
    homes = 2 + seed % 4
    game = Game.of_net(random_net(seed, homes, 5), random_tariff(seed, 5))
    expected = lexicographic_nucleolus(game)
    assert nucleolus(game) == pytest.approx(expected, abs=1e-5)
    assert nucleolus(game, exact_homes=0) == pytest.approx(expected, abs=1e-5)


def test_the_nucleolus_with_groups_generated_is_the_one_over_all_groups_and_stable():
    game = Game.of_net(random_net(11, 9, 24), random_tariff(11, 24))
    over_all, generated = nucleolus(game), nucleolus(game, exact_homes=0)
    assert generated == pytest.approx(over_all, abs=1e-6)
    assert over_all.sum() == pytest.approx(game.worth(np.ones(9)))
    assert most_blocking(game, game.alone - over_all).gain == 0.0


def test_more_homes_than_the_nucleolus_can_do_are_refused_with_what_to_do():
    game = Game.of_net(random_net(1, 41, 3), Tariff.flat(3))
    with pytest.raises(TooLargeError, match=r"41 homes.*Shapley"):
        nucleolus(game)


def test_the_nucleolus_is_left_out_of_larger_comparisons_unless_asked_for():
    assert find()["nucleolus"].is_easy(20)
    assert not find()["nucleolus"].is_easy(21)
    assert find()["shapley"].is_easy(500)


def test_a_metered_home_may_trade_with_itself_and_its_bill_is_one(community_of):
    plain = community_of([[1.0, 2.0], [-2.0, 1.0]])
    solar = plain.solar_kw + np.array([[1.0, 0.0], [0.0, 0.0]])
    metered = Community(
        plain.household_ids,
        plain.start_at,
        plain.slot_h,
        plain.load_kw,
        solar,
        plain.pv_kw,
        metered=np.array([True, False]),
    )
    for algorithm_id in ("shapley", "nucleolus", "equal_split", "marginal_contribution"):
        outcome = run_algorithm(algorithm_id, metered, Tariff.flat(2))
        # slot 1: import 1 and export 1 of the first home, 2 of the second; slot 2: 2 exported, 1 needed
        assert outcome.households["bill"].sum() == pytest.approx(2 * 7.0 - 1 * 3.0)
        assert (outcome.households["savings"] >= -1e-9).all()


def test_leaving_one_out_and_the_next_home_follow_their_definitions(community_of):
    net, tariff = random_net(5, 6, 20), random_tariff(5, 20)
    game = Game.of_net(net, tariff)
    for home, brings in enumerate(game.marginal()):
        others = np.ones(6)
        others[home] = 0.0
        assert brings == pytest.approx(game.worth(np.ones(6)) - game.worth(others))
    community = community_of(net)
    roof = np.flatnonzero(community.solar_kw.max(axis=0) > 0.0)
    found = {each.kind: each for each in next_homes(community, tariff)}
    adds = [
        Game.of_net(np.hstack([net, net[:, [home]]]), tariff).worth(np.ones(7)) - game.worth(np.ones(6))
        for home in roof
    ]
    assert found["roof"].adds == pytest.approx(np.mean(adds))
    assert found["roof"].best == community.household_ids[roof[int(np.argmax(adds))]]
    assert "evening" not in found  # without local hours nobody knows


def test_an_evening_home_is_one_that_uses_most_in_the_evening(community_of):
    # two slots, noon and 19:00; HH002 uses in the evening alone, HH003 at noon; HH001 has all the sun
    net = [[-4.0, 0.0, 3.0], [-1.0, 3.0, 0.5]]
    found = {each.kind: each for each in next_homes(community_of(net), Tariff.flat(2), np.array([12, 19]))}
    assert found["evening"].best == "HH002"
    assert found["roof"].adds > found["evening"].adds  # short of sun in the evening: a roof adds, a load does not


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_regret_of_truth_is_the_most_that_any_other_bid_gains(mechanism, community_of):
    community, tariff = community_of(random_net(6, 4, 6), pv_kw=[1.0] * 4), Tariff.flat(6)
    dispatch = own_use(community)
    found = bidding(mechanism, dispatch, tariff, respond=False)
    clear = MECHANISMS[mechanism]
    parameters = {"uniform_price_auction": {"k": 0.5}, "pay_as_bid_auction": {"c": 0.5}}.get(mechanism, {})
    truth = np.where(dispatch.net_kwh > 0.0, 7.0, 3.0)

    def saved(price, home):
        fills = clear(dispatch.net_kwh, price, **parameters)
        buy, sell = (p[:, None] if p.ndim == 1 else p for p in (fills.buy_price, fills.sell_price))
        filled = fills.filled_kwh
        gains = np.where(filled > 0.0, (7.0 - buy) * filled, np.where(filled < 0.0, (3.0 - sell) * filled, 0.0))
        return float(gains[:, home].sum())

    for home in range(4):
        best = 0.0
        for ask, bid in itertools.product(MARKUPS, MARKUPS):
            price = truth.copy()
            price[:, home] = np.where(dispatch.net_kwh[:, home] > 0.0, 7.0 - 4.0 * bid, 3.0 + 4.0 * ask)
            best = max(best, saved(price, home) - saved(truth, home))
        assert found.regret[home] == pytest.approx(best, abs=1e-6)
    assert found.strategy_proof == (mechanism == "mcafee_auction")


def test_best_responses_end_where_nobody_gains_or_say_that_they_go_round(community_of):
    dispatch, tariff = own_use(community_of([[2.0, 1.0, -1.5]], pv_kw=[1.0] * 3)), Tariff.flat(1)
    run = bidding("uniform_price_auction", dispatch, tariff).responses
    assert run is not None
    assert run.ending in ("fixed point", "cycle")
    assert run.ending == "fixed point" or run.cycle > 1
    again = bidding("uniform_price_auction", dispatch, tariff).responses
    assert again is not None
    assert np.array_equal(again.ask_markup, run.ask_markup)
    # one seller who is short of nothing, two buyers in need: it asks for all, they cannot gain by offering less
    scarce = bidding("pay_as_bid_auction", dispatch, tariff).responses
    assert scarce is not None
    assert scarce.savings.sum() == pytest.approx(4.0 * 1.5 * scarce.traded_share)


def test_only_order_books_have_truth_to_regret(community_of):
    with pytest.raises(MarketError, match="order-book mechanism"):
        bidding("mid_market_rate", own_use(community_of([[1.0, -1.0]])), Tariff.flat(1))


def test_the_frontier_marks_what_another_mechanism_beats():
    def point(name, savings, gini, gap):
        return Point(name, name, savings, gini, 0.5, 0.0, gap)

    found = frontier(
        [
            point("best", 10.0, 0.2, 1.0),
            point("beaten", 10.0, 0.3, 1.0),
            point("fair", 8.0, 0.1, 2.0),
            point("none", 0.0, math.nan, 9.0),
            point("twin", 10.0, 0.2, 1.0),
        ]
    )
    assert [each.beaten_by for each in found] == [
        (),
        ("best", "twin"),
        (),
        ("best", "beaten", "fair", "twin"),
        (),
    ]


def test_where_no_groups_cost_can_be_said_the_study_says_so(community_of):
    reason = "Under net metering what a group pays alone depends on its months."
    found = study(community_of(WORKED), Tariff.flat(2), [], Options(not_defined=reason))
    assert found.not_defined == reason
    assert document(found)["defined"] is False
    assert document(found)["not_defined"] == reason


def test_a_study_can_be_watched_and_stopped(community_of):
    community, tariff = community_of(WORKED), Tariff.flat(2)
    outcomes = compare_all(["mid_market_rate", "bill_sharing"], community, tariff)
    asked = [Bills(o.algorithm_id, o.name, o.parameters, o.households["bill"]) for o in outcomes.values()]
    seen: list[tuple[int, int, str]] = []
    study(community, tariff, asked, progress=lambda *step: seen.append(step))
    assert [step[0] for step in seen] == sorted(step[0] for step in seen)
    assert seen[-1][0] == seen[-1][1]
    assert "Mid-market rate" in {step[2] for step in seen}
    stopped = study(community, tariff, asked, cancelled=lambda: True)
    assert stopped.verdicts == ()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worked")
    homes = {"HH001": ((0, 3), (2, 0)), "HH002": ((2, 0), (0, 1)), "HH003": ((1, 0), (3, 0))}
    for household_id, slots in homes.items():
        rows = [f"2024-06-01 {12 + at}:00:00,{household_id},{load},{solar}" for at, (load, solar) in enumerate(slots)]
        text = "timestamp,household_id,load_kW,solar_kW\n" + "\n".join(rows) + "\n"
        (folder / f"{household_id}.csv").write_text(text)
    return [str(path) for path in sorted(folder.iterdir())]


def test_the_command_line_answers_in_words_and_json(files, capsys):
    assert main(["stability", *files, "--algorithm", "bill_sharing", "--algorithm", "mid_market_rate", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    sharing = answer["algorithms"]["bill_sharing"]
    assert sharing["group"] == ["HH001", "HH002"]
    assert not sharing["stable"]
    assert sharing["gap"] == pytest.approx(10.0)
    assert sharing["pays"] - sharing["would_pay"] == pytest.approx(10.0)
    assert sharing["percent"] == pytest.approx(100.0 * 10.0 / abs(sharing["pays"]))
    assert sharing["sentence"].startswith("HH001 and HH002 would pay 10.00 ₹ less alone")
    assert sharing["exact"]
    assert answer["algorithms"]["mid_market_rate"]["sentence"] == "No group of homes does better alone."
    assert answer["shares"]["nucleolus"] == pytest.approx({"HH001": 7.0, "HH002": 7.0, "HH003": 2.0})
    assert answer["shares"]["leave_one_out"] == pytest.approx({"HH001": 12.0, "HH002": 12.0, "HH003": 4.0})
    assert answer["shares"]["shapley_exact"]
    assert main(["stability", *files]) == 0
    text = capsys.readouterr().out
    assert "HH001 and HH002 would pay 10.00 ₹ less alone" in text
    assert "No group of homes does better alone." in text
    assert "McAfee auction: nobody gains" in text


def test_under_a_rulebook_the_command_line_says_that_there_is_no_answer(files, capsys):
    assert main(["stability", *files, "--rulebook", "plain", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["defined"] is False
    assert "is not defined" in answer["not_defined"]
    assert answer["algorithms"] == {}
