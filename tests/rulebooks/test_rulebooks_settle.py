"""Small communities under a rulebook, with the arithmetic beside each number."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import InputError
from core.market.rulebooks import rulebook_of
from core.market.rulebooks.case import settle_case
from core.market.rulebooks.presets import read

SLABS = [[100, 2.0], [200, 4.0], [None, 8.0]]
NET_METERING = {"arrangement": "net_metering", "energy": {"slabs": SLABS}, "year_end_price": 3.0}


def home(name: str, load: list[float], solar: list[float] | None = None, **more: Any) -> dict[str, Any]:
    return {"id": name, "load_kwh": load, "solar_kwh": solar or [0.0] * len(load), **more}


def settled(
    rules: dict[str, Any],
    *homes: dict[str, Any],
    mechanism: Any = "grid_only",
    start_at: str = "2026-05-10T06:30:00Z",
    slot_h: float = 1.0,
    book: dict[str, Any] | None = None,
    **given: Any,
) -> dict[str, Any]:
    rulebook = {"timezone": "Asia/Kolkata", "classes": {"default": rules}, **(book or {})}
    inputs = {"start_at": start_at, "slot_h": slot_h, "households": list(homes), **given}
    return settle_case({"rulebook": rulebook, "mechanism": mechanism, "input": inputs})


def test_slabs_raised_by_the_time_of_day_use_the_months_average_price() -> None:
    # 150 kWh cost 100·2 + 50·4 = 400, 2.667 each; 50 of them in the peak at +20 %: 400·(100 + 50·1.2)/150.
    rules = {"energy": {"slabs": SLABS}, "time_of_day": [{"name": "peak", "hours": "13-14", "percent": 20}]}
    found = settled(rules, home("A", [100, 50]))  # 12:00 and 13:00 in Kolkata
    assert found["households"]["A"]["energy"] == pytest.approx(400 * (100 + 50 * 1.2) / 150)
    # ρ by the rule for a quotient: E'·A/x + E·(1+τ)/x - E·A/x², with E' = 4, A = 160, x = 150.
    expected = [4 * 160 / 150 + 400 * raised / 150 - 400 * 160 / 150**2 for raised in (1.0, 1.2)]
    assert found["reference"]["A"]["import_price"] == pytest.approx(expected)


def test_flat_prices_under_net_billing_are_raised_by_the_time_of_day_too() -> None:
    rules = {"energy": {"price": 5.0}, "time_of_day": [{"hours": "13-14", "percent": -40}]}
    found = settled(rules, home("A", [1, 2]))
    assert found["households"]["A"]["bill"] == pytest.approx(1 * 5 + 2 * 3)


def test_a_fixed_charge_a_month_counts_for_the_part_of_the_month_in_the_horizon() -> None:
    # Twelve days of a month of thirty, in Kolkata.
    rules = {"energy": {"price": 1.0}, "fixed": {"per_month": 60.0}}
    found = settled(
        rules, home("A", [0] * 12), start_at="2026-06-04T18:30:00Z", slot_h=24, book={"billing": {"prorate": True}}
    )
    assert found["households"]["A"]["bill"] == pytest.approx(60 * 12 / 30)


def test_a_month_with_a_clock_change_has_an_hour_less() -> None:
    # March 2026 in Berlin has 743 hours.
    rules = {"energy": {"price": 0.0}, "fixed": {"per_month": 743.0}}
    book = {"timezone": "Europe/Berlin", "billing": {"prorate": True}}
    found = settled(rules, home("A", [0]), start_at="2026-03-10T00:00:00Z", book=book)
    assert found["households"]["A"]["fixed"] == pytest.approx(1.0)


def test_credit_waits_for_the_next_month_and_is_used_on_the_cheapest_block_first() -> None:
    rules = {
        "arrangement": "net_metering",
        "energy": {"price": 5.0},
        "year_end_price": 1.0,
        "time_of_day": [{"hours": "0-12", "percent": 20}, {"hours": "12-18", "percent": -20}],
    }
    # 31 May 18:00 exports 6 (normal hours); 1 June 00:00 needs 4 (dear), 12:00 needs 5 (cheap): 5 cheap, then 1 dear.
    found = settled(
        rules, home("A", [0, 4, 0, 5], [6, 0, 0, 0]), start_at="2026-05-31T12:30:00Z", slot_h=6, mechanism="grid_only"
    )
    assert found["households"]["A"]["billable_kwh"] == pytest.approx([0, 3])
    assert found["households"]["A"]["bill"] == pytest.approx(3 * 5 * 1.2)
    # The exported kWh spares a dear one a month later: 6.00, and so does one of any slot.
    assert found["reference"]["A"]["export_price"] == pytest.approx([6.0] * 4)


def test_open_credit_at_the_end_is_paid_and_still_told() -> None:
    found = settled(NET_METERING, home("A", [10, 0], [0, 50]))["households"]["A"]
    assert (found["bill"], found["export_credit"], found["credit_kwh"]) == pytest.approx((-120, 120, 40))


def test_a_carried_credit_has_no_value_so_an_exported_kwh_has_none() -> None:
    found = settled(NET_METERING, home("A", [10, 0], [0, 50]), book={"billing": {"horizon_end": "carry"}})
    assert found["households"]["A"]["bill"] == 0.0
    assert found["reference"]["A"]["export_price"] == [0.0, 0.0]


def test_at_a_limit_between_slabs_the_last_and_the_next_kwh_have_different_prices() -> None:
    # The month is 100 kWh net: one imported less saves 2.00, one more costs 4.00, as does one exported less.
    found = settled(NET_METERING, home("A", [150, 0, 0], [0, 50, 0]))["reference"]["A"]
    assert found["import_price"] == pytest.approx([2.0, 4.0, 4.0])
    assert found["export_price"] == pytest.approx([2.0, 4.0, 2.0])


def test_an_export_credit_at_its_limit_makes_a_further_exported_kwh_worthless() -> None:
    rules = {"energy": {"price": 0.15}, "export": {"price": 0.06}, "export_credit": "month_energy"}
    found = settled(rules, home("A", [10, 0], [0, 40]))["reference"]["A"]
    # A kWh less imported saves 0.15 and takes 0.15 of the credit: nothing.
    assert found == {"import_price": pytest.approx([0.0, 0.0]), "export_price": pytest.approx([0.0, 0.0])}


def test_percentages_raise_what_an_imported_kwh_is_worth_but_not_an_exported_one() -> None:
    percent = [{"name": "a", "rate": 0.1, "on": ["energy"]}, {"name": "b", "rate": 0.5, "on": ["a", "fixed"]}]
    rules = {"energy": {"price": 10.0}, "export": {"price": 4.0}, "fixed": {"per_month": 8}, "percent": percent}
    found = settled(rules, home("A", [2], [0]), home("B", [0], [1]))
    assert found["reference"]["A"]["import_price"] == pytest.approx([10 * (1 + 0.1 + 0.05)])
    assert found["reference"]["B"]["export_price"] == pytest.approx([4.0])
    assert found["households"]["A"]["percents"] == pytest.approx({"a": 2.0, "b": 0.5 * (2.0 + 8.0)})
    assert found["households"]["A"]["bill"] == pytest.approx(20 + 8 + 2 + 5)


def test_a_grossly_metered_home_buys_and_sells_in_one_slot() -> None:
    rules = {"arrangement": "gross_metering", "energy": {"price": 6.0}, "export": {"price": 2.0}}
    found = settled(rules, home("A", [4], [1]), home("B", [3], [2]), mechanism="mid_market_rate")
    # 7 kWh bid, 3 kWh offered, all at 4.00: A gets 3·4/7, B 3·3/7.
    a, b = found["households"]["A"], found["households"]["B"]
    assert (a["bought_kwh"], a["sold_kwh"], b["sold_kwh"]) == pytest.approx((12 / 7, 1, 2))
    assert a["bill"] == pytest.approx((12 / 7 - 1) * 4 + (4 - 12 / 7) * 6)
    assert found["community"]["budget_imbalance"] == pytest.approx(0.0, abs=1e-12)


def test_prices_that_come_with_the_readings_may_be_below_zero() -> None:
    rules = {"energy": {"series": "input"}, "export": {"series": "input"}}
    found = settled(
        rules, home("A", [1, 1]), home("B", [0, 0], [1, 1]), retail_price=[5.0, -1.0], export_price=[4.0, -2.0]
    )
    assert found["households"]["A"]["bill"] == pytest.approx(4.0)
    assert found["households"]["B"]["bill"] == pytest.approx(-2.0)


def test_an_equal_split_of_the_incentive_goes_to_members_without_load_too() -> None:
    book = {
        "peer": {"counts_as": "incentive"},
        "incentive": {"per_kwh": 0.3, "shares": {"equal": 0.5, "consumers": 0.25, "fund": 0.25}},
    }
    rules = {"energy": {"price": 1.0}}
    homes = (home("A", [2]), home("B", [0], [1]), home("C", [0]))
    found = settled(rules, *homes, book=book, mechanism="mid_market_rate")
    # 1 kWh is shared: 0.30; a half in three equal parts, a quarter to A.
    assert found["households"]["C"]["incentive"] == pytest.approx(0.05)
    assert found["households"]["A"]["incentive"] == pytest.approx(0.05 + 0.075)
    assert found["community"]["fund"] == pytest.approx(0.075)
    assert found["notes"] == [
        "Under this rulebook bills stay those of the grid and money is paid for shared energy: nobody trades."
    ]


def test_a_key_by_the_hour_replaces_the_coefficients_in_those_hours() -> None:
    book = {
        "peer": {"price": 1.0},
        "key": {
            "rounds": ["static"],
            "coefficients": {"A": 0.5, "C": 0.5},
            "coefficients_by_hours": {"13-14": {"A": 1.0}},
        },
    }
    homes = (home("A", [9, 9]), home("B", [0, 0], [4, 4]), home("C", [9, 9]))
    found = settled({"energy": {"price": 7.0}}, *homes, book=book, mechanism="sharing_key")
    assert found["slots"]["bought_kwh"] == {"A": [2, 4], "B": [0, 0], "C": [2, 0]}


def test_without_all_of_a_plant_shared_out_its_owner_exports_the_rest() -> None:
    book = {"peer": {"counts_as": "allocation", "price": 0}, "key": {"rounds": ["static"], "coefficients": {"A": 0.6}}}
    rules = {"energy": {"price": 7.0}, "export": {"price": 3.0}}
    found = settled(rules, home("A", [2]), home("P", [0], [10]), book=book, mechanism="sharing_key")["households"]
    assert (found["A"]["credited_kwh"], found["P"]["sold_kwh"], found["P"]["export_kwh"]) == pytest.approx((4, 6, 4))
    assert (found["A"]["bill"], found["P"]["bill"]) == pytest.approx((-4 * 3, -4 * 3))


def test_a_forecast_given_with_the_readings_is_the_one_that_counts() -> None:
    book = {"forward": {"forecast": "perfect", "settlement": "min_pro_rata"}}
    homes = (home("A", [4], load_forecast_kwh=[1]), home("B", [0], [2]))
    rules = {"energy": {"price": 7.0}, "export": {"price": 3.0}}
    found = settled(rules, *homes, book=book, mechanism="mid_market_rate")
    assert found["forward"]["contracted_kwh"] == pytest.approx(1.0)
    assert found["households"]["A"]["bill"] == pytest.approx(1 * 5 + 3 * 7)


def test_a_forecast_uses_only_days_older_than_the_lead() -> None:
    # Slots of 12 h, three of lead: the day before is 2 slots back, so the mean begins with the day before that.
    book = {"forward": {"forecast": "mean_7_days", "lead_slots": 3}}
    homes = (home("A", [4, 0, 2, 0, 9, 0]), home("B", [0] * 6, [9, 0, 9, 0, 9, 0]))
    found = settled({"energy": {"price": 7.0}}, *homes, book=book, mechanism="mid_market_rate", slot_h=12)
    assert [(each["slot"], each["kwh"]) for each in found["contracts"]] == [(4, pytest.approx(4.0))]


def test_of_all_largest_flows_the_one_that_serves_early_contracts_is_taken() -> None:
    contracts = [
        {"buyer": buyer, "seller": seller, "slot": 0, "kwh": 10, "price": 1}
        for buyer, seller in (("B1", "S1"), ("B1", "S2"), ("B2", "S1"), ("B2", "S2"))
    ]
    homes = (home("B1", [8]), home("B2", [6]), home("S1", [0], [9]), home("S2", [0], [3]))
    found = settled(
        {"energy": {"price": 7.0}},
        *homes,
        mechanism={"name": "contracts", "settlement": "optimum"},
        contracts=contracts,
    )
    # Both sellers' 12 kWh are settled whatever one does; the first contract then takes 8 of S1's 9.
    assert [each["settled_kwh"] for each in found["contracts"]] == pytest.approx([8, 0, 1, 3])


def test_a_rulebook_in_toml_reads_as_in_json() -> None:
    toml = read(
        'name = "x"\n[classes.default]\nenergy.slabs = [[200, 3.0], ["rest", 4.5]]\nfixed.per_month = 5.0\n',
        name="x.toml",
    )
    json = read(
        '{"name": "x", "classes": {"default": {"energy": {"slabs": [[200, 3], [null, 4.5]]},'
        ' "fixed": {"per_month": 5}}}}',
        name="x.json",
    )
    assert toml.classes == json.classes


FLAT = {"energy": {"price": 7.0}}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "The rulebook has no classes."),
        ({"clases": {"default": FLAT}}, 'The rulebook has no key "clases". Did you mean "classes"?'),
        (
            {"classes": {"default": {"energy": {"prise": 7}}}},
            'classes.default.energy has no key "prise". Did you mean "price"?',
        ),
        ({"classes": {"default": {**FLAT, "percents": []}}}, 'has no key "percents". Did you mean "percent"?'),
        ({"classes": {"default": {**FLAT, "arrangement": "netmetering"}}}, 'Did you mean "net_metering"?'),
        ({"classes": {"default": {"energy": {"slabs": [[200, 3]]}}}}, "says nothing above 200"),
        (
            {"classes": {"default": {"energy": {"slabs": [[200, 3], [100, 4]]}}}},
            "expected a limit above the one before",
        ),
        ({"classes": {"default": {"energy": {"price": "6, 17-25=9"}}}}, "does not lie within a day"),
        ({"classes": {"default": {"energy": {"price": float("nan")}}}}, "is nan, expected a number"),
        ({"classes": {"default": {**NET_METERING, "export": {"price": 1}}}}, "net metering has no price for exports"),
        ({"classes": {"default": {**FLAT, "year_end_price": 1}}}, "year_end_price needs net_metering"),
        (
            {"classes": {"default": {**FLAT, "percent": [{"name": "tax", "rate": 0.1, "on": ["energi"]}]}}},
            'there is no part "energi" before tax. Did you mean "energy"?',
        ),
        ({"classes": {"default": FLAT}, "peer": {"loss": 1.0}}, "peer.loss is 1.0, expected a number of at least 0"),
        ({"classes": {"default": FLAT}, "peer": {"counts_as": "incentive"}}, "there is no [incentive]"),
        ({"classes": {"default": FLAT}, "key": {"rounds": ["prorata"]}}, 'Did you mean "pro_rata"?'),
        (
            {"classes": {"default": FLAT}, "key": {"rounds": ["static"], "coefficients": {"A": 0.7, "B": 0.7}}},
            "key.coefficients add up to 1.4, expected at most 1.",
        ),
        ({"classes": {"default": FLAT}, "billing": {"year_starts": "1 April"}}, "expected the first day of a month"),
        ({"classes": {"default": FLAT}, "timezone": "Mars/Base"}, '"Mars/Base" is not known'),
        ({"classes": {"default": FLAT}, "forward": {"forecast": "yesterday"}}, "forward.forecast is"),
    ],
)
def test_a_rulebook_that_says_nothing_clear_is_refused_with_the_place(document: Any, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        rulebook_of(document)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"mechanism": "mid_market"}, 'Did you mean "mid_market_rate"?'),
        ({"mechanism": {"name": "contracts", "settlment": "optimum"}}, 'Did you mean "settlement"?'),
        ({"mechanism": "sharing_key"}, "The rulebook has no [key]"),
        ({"mechanism": "contracts"}, "input.contracts gives none"),
        ({"rulebook": "delhi_pilot"}, 'Did you mean "delhi_pilot_2026"?'),
        ({"start_at": "2026-05-10T06:30:00"}, "expected a time with its zone"),
        ({"households": []}, "The case has no households."),
        ({"households": [home("A", [1, -1])]}, "load_kwh[1] is -1, expected a number of at least 0"),
        ({"households": [home("A", [1], [1, 2])]}, "solar_kwh has 2 values, expected 1"),
        ({"households": [home("A", [1], **{"class": "gold"})]}, "the rulebook has no such class"),
        ({"households": [home("A", [1], sanctioned_kW=3)]}, 'Did you mean "sanctioned_kw"?'),
        ({"households": [home("A", [1]), home("A", [1])]}, "Household A appears twice."),
    ],
)
def test_a_case_that_cannot_be_settled_says_why(change: dict[str, Any], sentence: str) -> None:
    inputs = {"start_at": "2026-05-10T06:30:00Z", "slot_h": 1, "households": [home("A", [1.0])]}
    inputs |= {key: value for key, value in change.items() if key in inputs}
    case = {"rulebook": {"classes": {"default": FLAT}}, "mechanism": "grid_only", "input": inputs}
    case |= {key: value for key, value in change.items() if key in case}
    with pytest.raises(InputError) as caught:
        settle_case(case)
    assert sentence in str(caught.value)


def test_mechanisms_of_one_tariff_are_refused_where_there_are_charges() -> None:
    book = {"peer": {"charges": [{"name": "network", "buyer": 0.1}]}}
    for name in ("bill_sharing", "community_optimum"):
        with pytest.raises(InputError, match="one linear net-billing class without charges"):
            settled(FLAT, home("A", [1]), mechanism=name, book=book)


def test_the_ratio_is_refused_where_sellers_ask_less_than_nothing() -> None:
    rules = {"energy": {"price": 2.0}, "export": {"price": -1.0}}
    with pytest.raises(InputError, match="not defined in slot 1"):
        settled(rules, home("A", [1, 1]), home("B", [0, 0], [0, 1]), mechanism="supply_demand_ratio")
