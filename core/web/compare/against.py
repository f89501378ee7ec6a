"""Run against run on the screen: two to six runs side by side, what differs on top, differences to a pinned one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st

from core.accounts import User
from core.errors import LabError
from core.exchange import current
from core.market.quantities import FIGURES, Quantity, quantity_of
from core.runs.against import FEWEST, MOST, Held, Side, held_against, sides_of, what_differs
from core.runs.results import RunResult
from core.runs.runs import RunState
from core.web.charts import colour_of
from core.web.compare.address import asked, go
from core.web.escape import markdown, visible
from core.web.format import Clock, Numbers, numbers_of
from core.web.table import Cell, Column, Mark, Row, html_table

OFFERED = 100
"""Finished runs to choose from, the newest."""
FIRST_FIGURE = "community_cost"


def show(user: User) -> None:
    """The page of runs side by side; with fewer than two it asks for more."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Side by side", anchor=False, width="content")
        if st.button("All comparisons", icon=":material/arrow_back:", type="tertiary", key="against_back"):
            go()
    runs = _runs(asked("against").split(","), user)
    choose(user, chosen=[state.run_id for state, _ in runs])
    if len(runs) < FEWEST:
        st.info(f"Choose {FEWEST} to {MOST} finished runs.")
        return
    numbers = numbers_of(current().settings)
    try:
        sides = sides_of(runs, scenario=_scenario(runs))
    except LabError as refusal:
        st.error(markdown(refusal, limit=300))
        return
    names = names_of([state for state, _ in runs])
    _differing(sides, names)
    figure, pinned = _choices(sides, names, numbers)
    st.html(
        html_table(
            _columns(sides, names, pinned),
            _lines(sides, figure, pinned=pinned, numbers=numbers),
            name=f"{figure.label} of each algorithm in each run",
        )
    )
    st.caption(NOTE)


NOTE = (
    "Differences are to the pinned run. In brackets the 95 % interval of the difference a day, paired where both runs"
    " have the same days; ≈ where it could be chance."
)


def choose(user: User, *, chosen: Sequence[str] = ()) -> None:
    """Finished runs to tick, and the button that shows them side by side."""
    done = [each for each in current().runs.history(user.user_id, limit=OFFERED) if each.status == "done"]
    if len(done) < FEWEST:
        return
    names = {state.run_id: name for state, name in zip(done, names_of(done), strict=True)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.multiselect(
            "Runs side by side",
            list(names),
            default=[run_id for run_id in chosen if run_id in names],
            format_func=lambda run_id: names.get(run_id, run_id),
            max_selections=MOST,
            placeholder=f"{FEWEST} to {MOST} runs",
            key=f"against_{','.join(chosen)}",
            width=640,
        )
        if st.button("Compare them", disabled=len(picked) < FEWEST, icon=":material/splitscreen:", key="against_go"):
            go(against=",".join(picked))


def names_of(states: Sequence[RunState]) -> list[str]:
    """A name for each run, with its time where two have the same."""
    clock = Clock(current().settings.time_zone)
    shown = [visible(state.name, limit=60) for state in states]
    return [
        name if shown.count(name) == 1 else f"{name}, {clock.minute(state.queued_at)}"
        for name, state in zip(shown, states, strict=True)
    ]


def _runs(run_ids: Sequence[str], user: User) -> list[tuple[RunState, RunResult]]:
    """Those that this person may read and that are done; of any other it is said."""
    found = []
    for run_id in dict.fromkeys(filter(None, run_ids)):
        try:
            state = current().runs.state(run_id, user_id=user.user_id)
            found.append((state, current().runs.result(run_id, user_id=user.user_id)))
        except LabError as missing:
            st.warning(markdown(missing, limit=300))
    return found[:MOST]


def _scenario(runs: Sequence[tuple[RunState, RunResult]]) -> str:
    """The scenario that is looked at, where any run has several."""
    known = list(dict.fromkeys(name for _, result in runs for name in result.scenarios))
    if all(len(result.scenarios) == 1 for _, result in runs):
        return ""
    return st.selectbox("Scenario", known, key="scenario", bind="query-params", width=320) or ""


def _differing(sides: Sequence[Side], names: Sequence[str]) -> None:
    st.markdown("**What differs**")
    found = what_differs(sides)
    if not found:
        st.caption("Nothing: the same readings, tariff, algorithms, parameters and code.")
        return
    columns = [Column("", "name"), *(Column(name, "prose") for name in names)]
    st.html(html_table(columns, [[each.what, *each.values] for each in found], name="What differs between the runs"))


def _choices(sides: Sequence[Side], names: Sequence[str], numbers: Numbers) -> tuple[Quantity, int]:
    """The figure, and which run is pinned."""
    there = {name for side in sides for row in side.rows.values() for name in row.figures}
    keys = [key for key in FIGURES if key in there]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = st.selectbox(
            "Figure",
            keys,
            index=keys.index(FIRST_FIGURE) if FIRST_FIGURE in keys else 0,
            format_func=lambda each: _title(quantity_of(each), numbers),
            key="figure",
            bind="query-params",
            width=320,
        )
        pinned = st.selectbox(
            "Pinned",
            range(len(sides)),
            format_func=lambda place: names[place],
            icon=":material/push_pin:",
            key="against_pinned",
            width=320,
        )
    return quantity_of(key or keys[0]), pinned or 0


def _title(figure: Quantity, numbers: Numbers) -> str:
    unit = numbers.unit(figure.shown_unit)
    return f"{figure.label} ({unit})" if unit else figure.label


def _columns(sides: Sequence[Side], names: Sequence[str], pinned: int) -> list[Column]:
    heads = [f"{name} (pinned)" if place == pinned else name for place, name in enumerate(names)]
    return [
        Column("Algorithm", "name"),
        *(Column(head, "number", side.scenario) for head, side in zip(heads, sides, strict=True)),
    ]


def _lines(sides: Sequence[Side], figure: Quantity, *, pinned: int, numbers: Numbers) -> list[Row]:
    held: Mapping[str, Sequence[Held | None]] = held_against(sides, figure.key, pinned=pinned)
    lines: list[Row] = []
    for algorithm_id, cells in held.items():
        name = next(side.rows[algorithm_id].name for side in sides if algorithm_id in side.rows)
        link = "?" + urlencode({"run": sides[pinned].state.run_id})
        lines.append(
            [
                Cell(name, colour=colour_of(algorithm_id), href=link),
                *(
                    _cell(each, figure, side=sides[place], pinned=sides[pinned], numbers=numbers)
                    for place, each in enumerate(cells)
                ),
            ]
        )
    return lines


def _cell(held: Held | None, figure: Quantity, *, side: Side, pinned: Side, numbers: Numbers) -> Cell | str:
    """ "9,701.44 −12.30 (−2.01 to −1.10 a day)"; better or worse only where the readings are the same."""
    if held is None:
        return Cell("–", title="not in this run")
    value = numbers.number(held.value * figure.scale, figure.decimals)
    if side is pinned or not math.isfinite(held.difference):
        return value
    difference = held.difference * figure.scale
    note = numbers.number(difference, figure.decimals, sign=True)
    same_readings = side.result.dataset_digest == pinned.result.dataset_digest
    interval, mark = held.interval, _mark(difference, figure) if same_readings else ""
    if interval is not None and interval.told:
        low, high = (numbers.number(each, sign=True) for each in (interval.low, interval.high))
        chance = not interval.clear and interval.low != interval.high
        note = f"{'≈ ' if chance else ''}{note} ({low} to {high} a day)"
        mark = "" if chance else mark
    return Cell(value, note=note, mark=mark)


def _mark(difference: float, figure: Quantity) -> Mark:
    """Better or worse than the pinned run, unless the difference rounds to nothing."""
    if not figure.better or round(difference, figure.decimals) == 0:
        return ""
    return "better" if (difference > 0) == (figure.better == "higher") else "worse"
