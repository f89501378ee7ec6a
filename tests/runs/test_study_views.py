"""Maps, bands, swings and losers of a study, on tables whose answers are known."""

import numpy as np
import pytest

from core.errors import MarketError
from core.market.quantities import FIGURES
from core.readings.sample import sample_community
from core.runs.study import carry_out_study
from core.runs.study_plan import plan_of
from core.runs.study_views import (
    StudyTable,
    band,
    losers,
    sobol_indices,
    table_of,
    tornado,
    winner_map,
    worth_showing,
)

TWO = ["mid_market_rate", "bill_sharing"]


def table(design, dimensions, scenarios, of):
    """A study whose figure `savings` is what `of` makes of each point, by algorithm."""
    asked = plan_of({"design": design, "dimensions": dimensions, "scenarios": scenarios, "seed": 2, "algorithms": TWO})
    return StudyTable(asked, tuple(TWO), {"savings": np.array([of(point) for point in asked.points])})


def test_the_winner_changes_where_the_figures_cross_and_the_margin_is_their_distance():
    made = table(
        "grid",
        {"retail_price": [4, 5, 6], "pv_share": [0.0, 0.5, 1.0]},
        0,
        lambda point: (point["retail_price"], 5.0 + point["pv_share"]),
    )
    found = winner_map(made, "retail_price", "pv_share", figure="savings")
    assert found.x == (4, 5, 6)
    assert found.y == (0.0, 0.5, 1.0)
    # Rows pv 0, 0.5, 1: 4, 5, 6 against 5, 5.5 and 6; nobody wins a tie.
    assert found.winner.tolist() == [[1, -1, 0], [1, 1, 0], [1, 1, -1]]
    assert found.margin.tolist() == [[1.0, 0.0, 1.0], [1.5, 0.5, 0.5], [2.0, 1.0, 0.0]]
    assert found.scenario[2, 0] == [p == {"retail_price": 4, "pv_share": 1.0} for p in made.points].index(True)


def test_lower_is_better_where_the_figure_says_so():
    made = table("grid", {"retail_price": [4, 5, 6], "pv_share": [0, 1]}, 0, lambda _: (1.0, 2.0))
    made.figures["worst_loss"] = made.figures["savings"]
    assert (winner_map(made, "retail_price", "pv_share", figure="worst_loss").winner == 0).all()
    made.figures["avg_p2p_price"] = made.figures["savings"]
    with pytest.raises(MarketError, match="no better direction"):
        winner_map(made, "retail_price", "pv_share", figure="avg_p2p_price")
    with pytest.raises(MarketError, match='Did you mean "pv_share"'):
        winner_map(made, "retail_price", "pv_shar", figure="worst_loss")


def test_a_band_holds_nine_of_ten():
    made = table("latin_hypercube", {"retail_price": [0, 10], "pv_share": [0, 1]}, 2000, lambda p: (p["pv_share"], 7.0))
    found = band(made, "retail_price", figure="savings", cells=4)
    assert found.at == (1.25, 3.75, 6.25, 8.75)
    assert found.middle[:, 0] == pytest.approx([0.5] * 4, abs=0.06)
    assert found.low[:, 0] == pytest.approx([0.05] * 4, abs=0.03)
    assert found.high[:, 0] == pytest.approx([0.95] * 4, abs=0.03)
    assert (found.middle[:, 1] == 7.0).all()


def test_the_tornado_begins_with_what_moves_most_and_sobol_indices_share_out_the_variance():
    dimensions = {"retail_price": [0, 1], "pv_share": [0, 1], "ev_share": [0, 1]}
    made = table("saltelli", dimensions, 4096, lambda p: (3.0 * p["retail_price"] - p["pv_share"], 1.0))
    swings = tornado(made, figure="savings", algorithm="mid_market_rate")
    assert [swing.dimension for swing in swings] == ["retail_price", "pv_share", "ev_share"]
    assert swings[0].at_high - swings[0].at_low == pytest.approx(3.0 * 0.8, abs=0.05)
    assert swings[1].at_high - swings[1].at_low == pytest.approx(-0.8, abs=0.1)
    # Variances 9/12 and 1/12: shares 0.9 and 0.1, first order and in total, for a sum has no interactions.
    found = sobol_indices(made, figure="savings", algorithm="mid_market_rate")
    for name, share in (("retail_price", 0.9), ("pv_share", 0.1), ("ev_share", 0.0)):
        assert found[name] == pytest.approx((share, share), abs=0.02)
    assert set(sobol_indices(made, figure="savings", algorithm="bill_sharing").values()) == {(0.0, 0.0)}
    with pytest.raises(MarketError, match="Saltelli"):
        sobol_indices(table("sobol", dimensions, 8, lambda _: (1, 2)), figure="savings", algorithm="bill_sharing")


def test_figures_that_differ_between_settlements_come_first_and_equal_ones_not_at_all(tmp_path):
    community = sample_community(1, 6, days=2, slot_h=1.0).community
    asked = plan_of(
        {
            "design": "latin_hypercube",
            "dimensions": {"retail_price": [5, 9], "pv_share": [0.3, 1.0]},
            "scenarios": 6,
            "algorithms": ["grid_only", *TWO],
        }
    )
    result = carry_out_study(asked, community, dataset_digest="d", time_zone="Asia/Kolkata", folder=tmp_path)
    made = table_of(asked, result)
    assert set(made.figures) == set(FIGURES)
    assert np.isfinite(made.figures["community_cost"]).all()
    shown = worth_showing(made)
    assert shown[0] == "better_off_share"
    assert "peak_import_kw" not in shown
    assert made.figures["savings"][:, 1] == pytest.approx(made.figures["savings"][:, 2])
    share = losers(result, algorithm="bill_sharing")
    assert set(share) == set(community.household_ids)
    assert max(share.values()) > 0.0  # sellers give to peers for nothing
    assert set(losers(result, algorithm="mid_market_rate").values()) == {0.0}
    with pytest.raises(MarketError, match="not both"):
        losers(result, algorithm="simple_auction")
