"""The Compare page over a real lab: from files to figures, without a browser."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts import User, accounts
from core.accounts.passwords import Passwords
from core.exchange import Exchange, install
from core.readings import Options
from core.readings.sample import sample_community
from core.runs.plan import RunPlan, Scenario, Selection
from core.runs.tariffs import TariffPlan
from core.settings import Settings
from core.web import session

REPO = Path(__file__).resolve().parents[2]
SHARED = REPO.parent / "shared"
SCRIPT = f"""
from pathlib import Path
import streamlit as st
st.navigation([st.Page(Path({str(REPO / "pages" / "compare.py")!r}), default=True)]).run()
"""
Opened = Callable[..., AppTest]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """A lab whose workers run; no feed, no broker, no miner."""
    folder = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "Passwords", partial(Passwords, memory_kib=8, passes=1))
        exchange = Exchange(
            Settings(
                data_dir=folder / "data",
                uploads_dir=folder / "uploads",
                ledger_path=folder / "ledger.json",
                proof_of_work=16,
                simulator=False,
                feed="off",
            )
        )
    install(exchange)
    exchange.chain.indexer.start()
    exchange.runs.start_workers()
    yield exchange
    exchange.runs.stop_workers()
    install(None)
    exchange.stop()


@pytest.fixture(scope="module")
def people(lab: Exchange) -> dict[str, User]:
    admin = lab.accounts.everybody()[0]
    made = {}
    for name, role in (("asha", "analyst"), ("ben", "analyst"), ("vera", "viewer")):
        user = lab.accounts.register(name, "correct horse battery", address="::1")
        made[name] = lab.accounts.set_role(admin, user.user_id, role=role)
    return made


@pytest.fixture
def page(lab: Exchange, people: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Open the page at an address as somebody who is signed in."""

    def opened(name: str = "asha", **address: str | list[str]) -> AppTest:
        token = lab.sessions.open(people[name])
        monkeypatch.setattr(session, "browser_token", lambda: token)
        app = AppTest.from_string(SCRIPT, default_timeout=30)
        for key, value in address.items():
            app.query_params[key] = value
        return checked(app.run())

    return opened


@pytest.fixture(scope="module")
def finished(lab: Exchange, people: dict[str, User]) -> str:
    """A run of five algorithms at two tariffs on a week of six homes, in a block."""
    owner = people["asha"].user_id
    files = sample_community(households=6, days=7, slot_h=1.0).csv_files()
    added = lab.datasets.add(owner, files, name="Six homes")
    assert added.dataset is not None
    ids = ("grid_only", "simple_auction", "p2p_battery", "mid_market_rate", "bill_sharing")
    scenarios = (Scenario("Flat", TariffPlan.flat(7.0, 3.0)), Scenario("Dear", TariffPlan.flat(11.0, 2.0)))
    plan = RunPlan(tuple(Selection(each) for each in ids), scenarios)
    run_id = lab.runs.start(owner, added.dataset.dataset_id, plan=plan, name="Week of six")
    state = lab.runs.wait(run_id, user_id=owner, timeout_s=60)
    assert state.status == "done", state.message
    assert lab.chain.mine() is not None
    return run_id


def checked(app: AppTest) -> AppTest:
    assert not app.exception, app.exception[0].value
    return app


def text_of(app: AppTest) -> str:
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.info, app.error, app.warning)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def rows_of(app: AppTest, name: str = "Figures of each algorithm") -> list[list[str]]:
    """The cells of a table of the page, its head first; [] if it is not there."""
    markup = next((each.proto.body for each in app.get("html") if f'aria-label="{name}"' in each.proto.body), "")
    rows = re.findall(r"<tr>(.*?)</tr>", markup)
    return [
        [unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in rows
    ]


def answer_in(app: AppTest) -> str:
    """The sentences above the figures."""
    markup = next((each.proto.body for each in app.get("html") if "lab-answer" in each.proto.body), "")
    return unescape(re.sub(r"<[^>]+>", "", markup))


def press(app: AppTest, label: str) -> AppTest:
    return checked(next(button for button in app.button if button.label == label).click().run())


def asked(app: AppTest, name: str) -> str:
    """A parameter of the address; the test's stand-in for a browser gives text or a list of texts."""
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def test_the_start_has_three_doors_and_says_the_next_step(page: Opened) -> None:
    app = page("ben")
    assert app.title[0].value == "Compare"
    assert {"Your readings", "No files at hand?", "An earlier dataset"} <= {each.value for each in app.header}
    assert "Try the sample community" in labels(app)
    assert "None yet" in text_of(app)


def test_files_are_read_and_what_was_read_is_shown(page: Opened) -> None:
    app = page()
    files = sample_community(households=4, days=7, slot_h=0.5).csv_files()
    app.file_uploader[0].set_value([(name, content, "text/csv") for name, content in files])
    checked(app.run())
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Households"] == "4"
    assert shown["Span"] == "7 days"
    assert shown["Interval"] == "30 min"
    assert shown["Load"].endswith(" kWh")
    assert app.query_params["dataset"]
    assert "Run" in labels(app)


def test_a_refused_file_is_told_with_line_and_column_and_nothing_is_kept(page: Opened, lab: Exchange) -> None:
    app = page("ben")
    content = b"timestamp,household_id,load_kW,solar_kW\n2024-06-01 00:00,HH001,abc,0\n2024-06-01 01:00,HH001,1,0\n"
    app.file_uploader[0].set_value([("HH001.csv", content, "text/csv")])
    checked(app.run())
    assert "These files were not taken in" in app.error[0].value
    issues = next(frame.value for frame in app.dataframe if "Severity" in frame.value)
    assert issues["Line"].iloc[0] == "2"
    assert issues["Column"].iloc[0] == "load_kW"
    assert "abc" in issues["Found"].iloc[0]
    assert "dataset" not in app.query_params


def test_a_plan_runs_and_ends_in_figures_charts_and_a_transaction(
    page: Opened, lab: Exchange, people: dict[str, User], finished: str
) -> None:
    dataset_id = lab.runs.state(finished, user_id=people["asha"].user_id).dataset_id
    app = page(dataset=dataset_id)
    for box in app.checkbox:
        box.set_value(any(name in box.label for name in ("Grid only", "Simple auction", "Mid")))
    checked(app.run())
    next(field for field in app.number_input if field.label.startswith("Retail")).set_value(9.0)
    press(app, "Run")
    run_id = asked(app, "run")
    state = lab.runs.wait(run_id, user_id=people["asha"].user_id, timeout_s=60)
    assert [each.algorithm_id for each in state.plan.selections] == ["grid_only", "simple_auction", "mid_market_rate"]
    assert state.plan.scenarios[0].tariff.retail_micro_per_kwh == 9_000_000
    deadline = time.monotonic() + 20
    while not rows_of(app) and time.monotonic() < deadline:
        checked(app.run())
    assert len(rows_of(app)) == 4  # the head and three algorithms
    assert state.tx_hash


def test_a_time_of_use_and_a_varied_parameter_make_a_matrix(
    page: Opened, lab: Exchange, people: dict[str, User], finished: str
) -> None:
    dataset_id = lab.runs.state(finished, user_id=people["asha"].user_id).dataset_id
    app = page(dataset=dataset_id)
    for box in app.checkbox:
        box.set_value(any(name in box.label for name in ("Grid only", "P2P with battery")))
    checked(app.run())
    press(app, "Add a tariff")
    press(app, "Add a time of use")
    next(each for each in app.selectbox if each.label == "Vary a parameter").set_value("capacity_kwh")
    checked(app.run())
    next(each for each in app.text_input if each.label.startswith("Values")).set_value("5; 10")
    checked(app.run())
    assert "2 algorithms × 4 scenarios." in text_of(app)
    press(app, "Run")
    plan = lab.runs.state(asked(app, "run"), user_id=people["asha"].user_id).plan
    assert [scenario.name for scenario in plan.scenarios] == [
        "Tariff 1, Battery size 5 kWh",
        "Tariff 1, Battery size 10 kWh",
        "Tariff 2, Battery size 5 kWh",
        "Tariff 2, Battery size 10 kWh",
    ]
    assert len(plan.scenarios[0].tariff.periods) == 1
    assert plan.scenarios[3].parameters == {"capacity_kwh": 10.0}


def test_net_metering_stands_beside_the_prices_alone_on_the_same_homes(
    page: Opened, lab: Exchange, people: dict[str, User], finished: str
) -> None:
    dataset_id = lab.runs.state(finished, user_id=people["asha"].user_id).dataset_id
    app = page(dataset=dataset_id)
    for box in app.checkbox:
        box.set_value(any(name in box.label for name in ("Grid only", "Bill sharing", "Mid")))
    checked(app.run())
    app.multiselect(key=next(each.key for each in app.multiselect if each.label == "Rules of a place")).set_value(
        ["net_metering_delhi"]
    )
    checked(app.run())
    assert "electricity tax 5 % and what it is levied on: NOT confirmed" in text_of(app).replace("\\", "")
    field = next(each for each in app.text_area if each.label == "Every number, as JSON")
    field.set_value((field.value or "").replace('"year_end_price": 5.0', '"year_end_price": 2.5'))
    checked(app.run())
    press(app, "Run")
    run_id = asked(app, "run")
    state = lab.runs.wait(run_id, user_id=people["asha"].user_id, timeout_s=60)
    assert state.status == "done", state.message
    assert [scenario.name for scenario in state.plan.scenarios] == ["Tariff 1", "Net metering (Delhi)"]
    assert state.plan.scenarios[1].rules.rulebook.classes["default"].year_end_price == 2.5
    for view in ("Figures", "One slot", "Over time", "Households", "Energy", "Certainty", "Scenarios", "Export"):
        opened = page(run=run_id, view=view, scenario="Net metering (Delhi)")
        assert not opened.exception, view


def test_prices_that_do_not_fit_are_told_and_nothing_starts(
    page: Opened, lab: Exchange, people: dict[str, User], finished: str
) -> None:
    dataset_id = lab.runs.state(finished, user_id=people["asha"].user_id).dataset_id
    app = page(dataset=dataset_id)
    next(field for field in app.number_input if field.label.startswith("Feed-in")).set_value(20.0)
    checked(app.run())
    assert "The retail price is 7\\.0 and the feed\\-in price 20\\.0" in app.error[0].value
    assert "Run" not in labels(app)


@pytest.mark.parametrize(
    ("view", "charts"),
    [
        ("Figures", 0),
        ("One slot", 5),
        ("Over time", 4),
        ("Households", 1),
        ("Energy", 1),
        ("Certainty", 1),
        ("Scenarios", 0),
        ("Export", 0),
    ],
)
def test_every_side_of_a_result_opens_by_its_address(page: Opened, finished: str, view: str, charts: int) -> None:
    app = page(run=finished, view=view)
    assert len(app.get("plotly_chart")) == charts
    assert not app.error


def test_the_answer_names_the_cheapest_who_ties_and_what_cannot_differ(page: Opened, finished: str) -> None:
    app = page(run=finished)
    said = answer_in(app)
    assert said.startswith("P2P with battery costs least and saves ₹")
    assert "7 days are too few to tell" in said
    assert "tie at ₹" in said
    assert "4 of 5 move the same energy" in said
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Lowest cost"] == rows_of(app)[2][1].removeprefix("★\u00a0").join(["₹", ""])
    assert shown["Homes worse off"] == "0 of 6"


def test_the_figures_help_with_their_formula(page: Opened, finished: str) -> None:
    markup = next(each.proto.body for each in page(run=finished).get("html") if "Figures of each" in each.proto.body)
    assert "Σ bills" in markup


def test_a_slot_is_stepped_through_and_its_address_brings_it_back(page: Opened, finished: str) -> None:
    app = page(run=finished, view="One slot")
    first = int(asked(app, "slot"))
    press(app, "Later")
    assert int(asked(app, "slot")) == first + 1
    again = page(run=finished, view="One slot", slot="30")
    assert asked(again, "slot") == "30"
    assert "Wed 2 Apr 2025 06:00" in text_of(again)
    orders = rows_of(page(run=finished, view="One slot", slot="36"), "Orders under Simple auction")
    assert orders[0][:2] == ["Home", "Side"]
    assert {row[1] for row in orders[1:]} <= {"needs", "sells"}


def test_bounds_stand_apart_and_are_never_the_best(page: Opened, finished: str) -> None:
    rows = rows_of(page(run=finished))
    assert rows[-1][0] == "Grid onlybaseline"
    assert not any("★" in cell for cell in rows[-1])


def test_differences_are_from_the_chosen_baseline(page: Opened, finished: str) -> None:
    rows = rows_of(page(run=finished, baseline="Mid-market rate", mode="Difference"))
    baseline = next(row for row in rows if "baseline" in row[0])
    assert "Mid" in baseline[0]
    savings = next(place for place, title in enumerate(rows[0]) if title.startswith("Savings (₹)"))
    assert "✗" in next(row for row in rows if row[0] == "Grid only")[savings]


def test_a_choice_of_days_or_of_a_home_that_the_figures_cannot_follow_is_said(page: Opened, finished: str) -> None:
    assert "**Whole run" not in text_of(page(run=finished))
    assert "**Whole run" in text_of(page(run=finished, period=["2025-04-02", "2025-04-03"]))
    assert "**Whole run" in text_of(page(run=finished, household="HH002"))


def test_a_household_and_a_period_in_the_address_reach_every_side(page: Opened, finished: str) -> None:
    app = page(run=finished, view="Households", household="HH002")
    assert "HH002" in [each.value for each in app.subheader]
    app = page(run=finished, view="Energy", period="2025-04-02")
    assert "Sums of 1–7 Apr 2025" in text_of(app)


def test_a_run_of_somebody_else_is_not_found_until_it_is_shared(
    page: Opened, lab: Exchange, people: dict[str, User], finished: str
) -> None:
    assert "There is no run" in page("ben", run=finished).error[0].value
    link = lab.runs.create_link(finished, user_id=people["asha"].user_id)
    by_link = page("vera", run=finished, link=link.token)
    assert rows_of(by_link)
    assert "Repeat" not in labels(by_link)
    lab.runs.share(finished, user_id=people["asha"].user_id, everybody=True)
    assert rows_of(page("ben", run=finished))
    lab.runs.share(finished, user_id=people["asha"].user_id, everybody=False)
    assert page("ben", run=finished).error


def test_a_viewer_is_told_how_to_get_further(page: Opened) -> None:
    app = page("vera")
    assert "Ask an admin" in app.info[0].value
    assert not app.file_uploader


def test_an_address_that_leads_nowhere_says_so_and_offers_the_way_back(page: Opened) -> None:
    app = page(run="0123456789abcdef")
    assert "There is no run" in app.error[0].value
    press(app, "To the start")
    assert "Your readings" in [each.value for each in app.header]


def test_foreign_names_are_shown_as_characters(
    page: Opened, lab: Exchange, people: dict[str, User], finished: str
) -> None:
    bad = "![x](http://127.0.0.1:9/leak.png) <script>alert(1)</script> :material/home:"
    lab.runs.describe(finished, user_id=people["asha"].user_id, name=bad, tags=["[x](javascript:1)"])
    for app in (page(run=finished), page()):
        shown = text_of(app)
        assert "![x]" not in shown
        assert "<script>" not in shown
    lab.runs.describe(finished, user_id=people["asha"].user_id, name="Week of six", tags=["july"])


def test_changing_a_finished_run_starts_from_its_plan(page: Opened, finished: str) -> None:
    app = press(page(run=finished), "Change")
    assert asked(app, "like") == finished
    ticked = [box.label for box in app.checkbox if box.value]
    assert len(ticked) == 5
    assert [field.value for field in app.number_input if field.label.startswith("Retail price")] == [7.0, 11.0]
    assert [field.value for field in app.text_input if field.label == "Name"] == ["Flat", "Dear"]


def test_the_history_finds_by_tag_and_opens(
    page: Opened, lab: Exchange, people: dict[str, User], finished: str
) -> None:
    lab.runs.describe(finished, user_id=people["asha"].user_id, name="Week of six", tags=["july"])
    app = page()
    next(field for field in app.text_input if field.label == "Find").set_value("july")
    checked(app.run())
    assert "Week of six" in rows_of(app, "Earlier comparisons")[1][0]
    line = rows_of(app, "Earlier comparisons")[1]
    assert line[0] == "Week of sixjuly"
    assert line[1].startswith("P2P with battery")
    assert line[2].startswith("₹")
    assert any(f"?run={finished}" in each.proto.body for each in app.get("html"))


def test_files_added_to_a_dataset_extend_it(page: Opened, lab: Exchange, people: dict[str, User]) -> None:
    files = sample_community(households=3, days=7, slot_h=1.0).csv_files()
    added = lab.datasets.add(people["asha"].user_id, files[:2])
    assert added.dataset is not None
    app = page(dataset=added.dataset.dataset_id)
    app.file_uploader[0].set_value([(files[2][0], files[2][1], "text/csv")])
    checked(app.run())
    press(app, "Read all files of the dataset with these choices")
    assert {metric.label: metric.value for metric in app.metric}["Households"] == "3"


def test_gaps_are_shown_by_household_and_day_and_their_policy_can_be_changed(
    page: Opened, lab: Exchange, people: dict[str, User]
) -> None:
    (name, content), *others = sample_community(households=2, days=7, slot_h=1.0).csv_files()
    lines = content.splitlines(keepends=True)
    added = lab.datasets.add(people["asha"].user_id, [(name, b"".join(lines[:40] + lines[50:])), *others])
    assert added.dataset is not None
    app = page(dataset=added.dataset.dataset_id)
    gaps = next(frame.value for frame in app.dataframe if "Missing slots" in frame.value)
    assert list(gaps["Missing slots"]) == [10]
    assert list(gaps["Longest in a row"]) == [10]
    assert "compare_gap_calendar" in [each.key for each in app.get("plotly_chart")]
    assert "Warning" in text_of(app)
    next(each for each in app.selectbox if each.label == "Where readings are missing").set_value("hold")
    press(app, "Read all files of the dataset with these choices")
    gaps = next(frame.value for frame in app.dataframe if "Missing slots" in frame.value)
    assert list(gaps["Filled"]) == [10]
    assert (
        next(each for each in page(dataset=added.dataset.dataset_id).selectbox if "missing" in each.label).value
        == "hold"
    )


def test_the_report_of_a_dataset_is_a_file_that_can_be_read_back(
    lab: Exchange, people: dict[str, User], finished: str
) -> None:
    state = lab.runs.state(finished, user_id=people["asha"].user_id)
    document = json.loads(lab.datasets.report(state.dataset_id, user_id=people["asha"].user_id).to_json())
    assert document["accepted"] is True
    assert len(document["files"]) == 6


def doubtful(lab: Exchange, user: User) -> str:
    """The sample's files taken for times of another continent: the sun shines at night."""
    files = sample_community(1, 4, days=2).csv_files()
    added = lab.datasets.add(user.user_id, files, options=Options(time_zone="America/New_York"), name="Street")
    assert added.dataset is not None
    return added.dataset.dataset_id


def test_findings_about_the_readings_stand_under_the_title_of_the_result(
    page: Opened, lab: Exchange, people: dict[str, User]
) -> None:
    dataset_id = doubtful(lab, people["asha"])
    plan = RunPlan((Selection("grid_only"), Selection("mid_market_rate")))
    run_id = lab.runs.start(people["asha"].user_id, dataset_id, plan=plan)
    state = lab.runs.wait(run_id, user_id=people["asha"].user_id, timeout_s=60.0)
    assert state.findings
    app = checked(page(run=run_id))
    assert any(f"Read with {len(state.findings)} finding" in label for label in popover_labels(app))
    assert text_of(app).count("falls where the sun is down") == len(state.findings)


def blocks(within: Any) -> Iterator[Any]:
    """Every block of a page, outer ones first."""
    for child in getattr(within, "children", {}).values():
        yield child
        yield from blocks(child)


def popover_labels(app: AppTest) -> list[str]:
    found = (getattr(each, "proto", None) for each in blocks(app.main))
    return [proto.popover.label for proto in found if hasattr(proto, "popover")]


def test_a_run_is_private_when_its_figures_are_kept_off_the_ledger(
    page: Opened, lab: Exchange, people: dict[str, User]
) -> None:
    dataset = lab.datasets.sample(people["asha"].user_id)
    app = checked(page(dataset=dataset.dataset_id))
    switch = next(each for each in app.toggle if each.label == "Figures on the ledger")
    assert switch.value is True
    assert "can read this comparison's figures, parameters and tariffs, for ever" in text_of(app)
    switch.set_value(False).run()
    assert "only you can open it" in text_of(app)
    press(app, "Run")
    state = lab.runs.wait(asked(app, "run"), user_id=people["asha"].user_id, timeout_s=60.0)
    assert state.figures_on_ledger is False
    changed = checked(page(dataset=dataset.dataset_id, like=state.run_id))  # what starts from it stays private
    assert next(each for each in changed.toggle if each.label == "Figures on the ledger").value is False


def test_two_runs_stand_side_by_side_with_what_differs_on_top(
    page: Opened, lab: Exchange, people: dict[str, User], finished: str
) -> None:
    user_id = people["asha"].user_id
    state = lab.runs.state(finished, user_id=user_id)
    plan = RunPlan(state.plan.selections, (Scenario("Base case", TariffPlan.flat(9.0, 3.0)),))
    other = lab.runs.start(user_id, state.dataset_id, plan=plan, name="Dearer")
    assert lab.runs.wait(other, user_id=user_id, timeout_s=60.0).status == "done"
    app = checked(page(against=f"{finished},{other}"))
    differing = {row[0]: row[1:] for row in rows_of(app, "What differs between the runs")}
    assert differing["Tariff"][1].startswith("9 / 3")
    assert "Readings" not in differing
    lines = rows_of(app, "Community cost of each algorithm in each run")
    assert len(lines) == 1 + len(state.plan.selections)
    assert "+" in lines[1][2]  # dearer than the pinned run
    alone = checked(page(against=finished))
    assert "Choose 2 to 6 finished runs." in [each.value for each in alone.info]


def test_a_run_of_somebody_else_does_not_stand_beside(page: Opened, lab: Exchange, finished: str) -> None:
    app = checked(page("ben", against=f"{finished},{finished}"))
    assert any("or it is not yours" in each.value for each in app.warning)
    assert not rows_of(app, "What differs between the runs")


def test_readings_are_seen_before_run_and_read_in_their_own_zone_by_one_button(
    page: Opened, lab: Exchange, people: dict[str, User]
) -> None:
    dataset_id = doubtful(lab, people["asha"])
    app = checked(page(dataset=dataset_id))
    assert len(app.get("plotly_chart")) == 2  # the mean day, and all days
    assert any("they were read as America/New_York" in each.value.replace("\\", "") for each in app.warning)
    press(app, next(label for label in labels(app) if label.startswith("Read them as")))
    assert lab.datasets.get(dataset_id, user_id=people["asha"].user_id).time_zone == "Asia/Kolkata"
    assert not any(label.startswith("Read them as") for label in labels(checked(page(dataset=dataset_id))))


def test_sliders_answer_what_if_and_a_change_is_kept_as_a_run(
    page: Opened, lab: Exchange, people: dict[str, User], finished: str
) -> None:
    app = page(run=finished, view="What if", scenario="Flat")

    def costs() -> dict[str, str]:
        return {row[0]: row[1] for row in rows_of(app, "Figures with these changes")[1:]}

    before = costs()
    assert {"Grid only", "Mid-market rate"} <= before.keys()
    assert not any("+" in cell for cell in before.values())
    checked(app.slider(key="what_if_retail_price").set_value(9.0).run(timeout=120))
    after = costs()
    assert before.keys() == after.keys()
    assert all("+" in cell for cell in after.values())
    known = {each.run_id for each in lab.runs.history(people["asha"].user_id)}
    checked(app.button(key="what_if_keep").click().run(timeout=120))
    made = [each for each in lab.runs.history(people["asha"].user_id) if each.run_id not in known]
    assert [each.plan.scenarios[0].tariff.retail_micro_per_kwh for each in made] == [9_000_000]
    lab.runs.wait(made[0].run_id, user_id=people["asha"].user_id, timeout_s=60)
