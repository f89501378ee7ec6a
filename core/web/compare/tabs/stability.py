"""Stability: who would leave, what is due to each home, whom to invite, what bidding gains, and what beats what."""

from __future__ import annotations

import json
from functools import partial

import streamlit as st

from core.market.stability import words
from core.market.stability.document import document
from core.market.stability.study import Study
from core.runs.runs import RunState
from core.runs.stability import STUDIES, Asked
from core.web.compare.charts.stability import contributions, frontier
from core.web.compare.tabs.show import chart, download
from core.web.compare.view import View
from core.web.escape import markdown
from core.web.session import still_signed_in
from core.web.table import Cell, Column, Row, html_table

LOOK_S = 1.0


def draw(view: View, state: RunState) -> None:
    """The answer if it is there, its progress while it is under way, else a button that asks."""
    community = view.readings()
    if community is None or not view.drawable:
        st.info("Stability needs the readings of the run and an algorithm that settles household by household.")
        return
    rules = next(each.rules for each in state.plan.scenarios if each.name == view.scenario)
    if rules is not None:
        st.info(markdown(words.not_defined_under(rules.rulebook.name), limit=500))
        return
    bidding = st.toggle(
        "With best responses in the auctions",
        key="stability_bidding",
        help="What happens when every home answers the others' bids with its best one. It can take minutes.",
    )
    asked = STUDIES.known(view.result, view.scenario, bidding=bidding)
    if asked is None:
        st.markdown(
            "Would a group of homes pay less by trading among themselves? What is due to each home?"
            " Worked out in the background; you can leave this page meanwhile."
        )
        if st.button("Find out", type="primary", icon=":material/groups:", key="stability_ask"):
            STUDIES.ask(view.result, view.scenario, community, currency=view.numbers.currency, bidding=bidding)
            st.rerun()
        return
    if asked.problem:
        st.error(markdown(asked.problem, limit=400))
        return
    if asked.answer is None:
        _under_way(asked)
        return
    _answer(asked.answer, view, state)


@st.fragment(run_every=LOOK_S)
def _under_way(asked: Asked) -> None:
    still_signed_in()
    if asked.ended:
        st.rerun(scope="app")
    st.progress(min(1.0, asked.done / max(1, asked.of)), markdown(asked.doing or "Starts when its turn comes"))
    if st.button("Cancel", key="stability_cancel"):
        asked.cancelled.set()
        st.rerun(scope="app")


def _answer(found: Study, view: View, state: RunState) -> None:
    if found.not_defined:
        st.info(markdown(found.not_defined, limit=400))
        return
    numbers = view.numbers
    stable = sum(each.stable for each in found.verdicts)
    st.markdown(f"**{stable} of {len(found.verdicts)} algorithms are stable: no group of homes does better alone.**")
    st.html(_verdicts(found, view))
    ids = [each.algorithm_id for each in found.verdicts]
    names = {each.algorithm_id: each for each in found.verdicts}
    first = next((place for place, each in enumerate(found.verdicts) if each.group), 0)
    chosen = st.selectbox(
        "The group that would leave",
        ids,
        index=first,
        format_func=lambda each: names[each].name,
        key="stability_of",
        width=280,
    )
    verdict = names[chosen or ids[first]]
    st.markdown(f"{markdown(verdict.sentence, limit=400)} {markdown(found.carriers, limit=400)}")
    if len(verdict.group) > 4:
        with st.expander("Every home of the group"):
            st.markdown(markdown(", ".join(verdict.group), limit=4_000))
    chart("What is due to each home (Shapley value)", contributions(found, verdict, numbers), key="stability_shares")
    st.html(_shares(found, view))
    chart("Savings, fairness, stability", frontier(found, numbers), key="stability_frontier")
    st.html(_next_homes(found, view))
    if found.bidding:
        st.markdown("**Bidding something else than the truth**")
        for each in found.bidding:
            st.markdown(f"- {markdown(words.bidding(each, found.household_ids, numbers.currency), limit=400)}")
    for note in found.notes:
        st.caption(markdown(note, limit=400))
    make = partial(_json, found, state)
    download("JSON", make, file_name="stability.json", mime="application/json", key="stability_json")


def _json(found: Study, state: RunState) -> bytes:
    return json.dumps({"run_id": state.run_id, **document(found)}, ensure_ascii=False, indent=1).encode()


def _verdicts(found: Study, view: View) -> str:
    numbers = view.numbers
    columns = [
        Column("Algorithm", "name"),
        Column(f"A group gains ({numbers.currency})", "number", "The most any group of homes saves by leaving."),
        Column("Of what it pays (%)", "number"),
        Column("Homes", "number"),
        Column("Who would leave"),
    ]
    beaten = {each.algorithm_id for each in found.frontier if each.beaten_by}
    rows: list[Row] = [
        [
            Cell(each.name, note="beaten" if each.algorithm_id in beaten else ""),
            Cell(numbers.number(each.gap), mark="best" if each.stable else ""),
            numbers.number(each.percent, 1) if each.percent is not None else "–",
            str(len(each.group)),
            words.group_in_words(each.group, len(found.household_ids)) if each.group else "nobody",
        ]
        for each in found.verdicts
    ]
    return html_table(columns, rows, name="Who would leave")


def _shares(found: Study, view: View) -> str:
    assert found.shares is not None
    shares, numbers = found.shares, view.numbers
    columns = {"Shapley": shares.shapley.share}
    if not shares.shapley.exact:
        columns["± error"] = shares.shapley.standard_error
    if shares.nucleolus is not None:
        columns["Nucleolus"] = shares.nucleolus
    columns |= {
        "Equal split": shares.equal_split,
        "Marginal": shares.marginal_contribution,
        "Brings": shares.brings,
    }
    helps = {
        "Shapley": "What the home adds on average over all orders of joining.",
        "± error": "Standard error of the sampled value.",
        "Nucleolus": "The group that gains least gains as much as can be.",
        "Brings": "What all would save less without the home.",
    }
    heads = [Column("Home", "name")]
    heads += [Column(f"{each} ({numbers.currency})", "number", helps.get(each, "")) for each in columns]
    rows: list[Row] = [
        [each, *(numbers.number(float(values[place])) for values in columns.values())]
        for place, each in enumerate(found.household_ids)
    ]
    return html_table(heads, rows[:500], name="What is due to each home")


def _next_homes(found: Study, view: View) -> str:
    numbers = view.numbers
    columns = [
        Column("Invite next", "name"),
        Column(f"Adds ({numbers.currency})", "number", "What all save more with one more such home, the mean."),
        Column("Best like"),
        Column(f"Adds at best ({numbers.currency})", "number"),
    ]
    rows: list[Row] = [
        [each.label, numbers.number(each.adds), each.best, numbers.number(each.best_adds)] for each in found.next_homes
    ]
    return html_table(columns, rows, name="Whom to invite")
