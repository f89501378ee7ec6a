"""One slot: the market under up to four algorithms side by side, stepped by keys, slider or largest difference."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np
import streamlit as st
from cachetools import LRUCache, cached

from core.errors import LabError
from core.market.community import FloatArray
from core.runs.results import ResultRow
from core.runs.runs import RunState
from core.runs.slot import Order, Slot, slot_of, spread, why_left
from core.web.compare.charts import slot as slot_charts
from core.web.compare.tabs.show import chart, config
from core.web.compare.view import View
from core.web.css import INK
from core.web.escape import markdown
from core.web.table import Cell, Column, Row, html_table

PANELS = 4
KEY = "slot"


def draw(view: View, state: RunState) -> None:
    """Which slot, under which algorithms; then a panel each, and its orders as a table."""
    community = view.readings()
    if community is None:
        st.info("The readings of this run are no longer kept: drop them again to look at single slots.")
        return
    apart = spread_of(view)[view.slots]
    place = choose(view, apart)
    rows = pick_rows(view, place)
    scenario = next(each for each in state.plan.scenarios if each.name == view.scenario)
    try:
        slots = [slot_of(community, scenario, row, place) for row in rows]
    except LabError as refusal:
        st.warning(markdown(refusal, limit=400))
        return
    _strip(view, apart, place)
    _panels(slots, view)
    for slot in slots:
        with st.expander(f"Orders under {markdown(slot.name)}", icon=":material/table_rows:"):
            st.html(orders_table(slot, view))


@cached(LRUCache(16), key=lambda view: (view.result.result_digest, view.scenario), lock=Lock())
def spread_of(view: View) -> FloatArray:
    """How far apart prices are in each slot of the run, worked out once."""
    return spread(view.result, view.rows)


# ---- which slot


def choose(view: View, apart: FloatArray) -> int:
    """The place of the chosen slot in the run; it is in the address as `slot`, counted from 0."""
    first, last = view.slots.start, view.slots.stop - 1
    if KEY not in st.session_state:
        asked = str(st.query_params.get(KEY, ""))
        wanted = int(asked) if asked.isdecimal() and len(asked) < 9 else first + int(np.argmax(apart))
        st.session_state[KEY] = wanted
    st.session_state[KEY] = min(max(int(st.session_state[KEY]), first), last)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Earlier", icon=":material/arrow_back:", shortcut="Left", on_click=_step, args=(-1,), key="slot_back")
        st.button("Later", icon=":material/arrow_forward:", shortcut="Right", on_click=_step, args=(1,), key="slot_on")
        st.button(
            "Most different",
            icon=":material/compare:",
            on_click=_most_different,
            args=(first, apart),
            key="slot_most",
            help="The slot in which the algorithms' prices are furthest apart; again for the next one.",
        )
        if first < last:
            st.slider("Slot", first, last, key=KEY, label_visibility="collapsed")
    place = int(st.session_state[KEY])
    st.query_params[KEY] = str(place)
    at = view.result.local_starts()[place].astype("datetime64[m]").item()
    st.markdown(f"**{at:%a} {at.day} {at:%b %Y %H:%M}**")
    return place


def _step(by: int) -> None:
    st.session_state[KEY] = int(st.session_state.get(KEY, 0)) + by


def _most_different(first: int, apart: FloatArray) -> None:
    """The slot of the largest spread, or the next one below that of the present slot."""
    order = (np.argsort(-apart, kind="stable") + first).tolist()
    now = int(st.session_state.get(KEY, first))
    at = order.index(now) if now in order else -1
    before_is_top = at >= 0 and apart[now - first] > 0
    st.session_state[KEY] = order[(at + 1) % len(order)] if before_is_top else order[0]


def pick_rows(view: View, place: int) -> list[ResultRow]:
    """Up to four algorithms; those whose prices differ most in the slot unless others are chosen."""
    rows = {row.algorithm_id: row for row in view.drawable}
    chosen = st.multiselect(
        "Algorithms",
        list(rows),
        default=_most_apart(view, place),
        format_func=lambda each: rows[each].name if each in rows else each,
        max_selections=PANELS,
        key="slot_algorithms",
        label_visibility="collapsed",
        placeholder="Algorithms, up to four",
    )
    return [rows[each] for each in chosen if each in rows]


def _most_apart(view: View, place: int) -> list[str]:
    """Of the algorithms with a price in the slot, one a price, from the lowest to the highest in even steps."""
    prices: dict[float, str] = {}
    for row in view.drawable:
        price = float(view.result.series(row, ("price",))["price"][place])
        if np.isfinite(price):
            prices.setdefault(round(price, 6), row.algorithm_id)
    ordered = [prices[price] for price in sorted(prices)]
    if len(ordered) <= PANELS:
        return ordered or [row.algorithm_id for row in view.drawable[:1]]
    steps = np.linspace(0, len(ordered) - 1, PANELS).round().astype(int).tolist()
    return [ordered[each] for each in steps]


# ---- what is seen


def _strip(view: View, apart: FloatArray, place: int) -> None:
    row = max(view.drawable, key=lambda each: each.figures.get("traded_kwh", 0.0))
    traded = view.series(row, "traded_kwh")[0]
    chosen = place - view.slots.start
    drawn = slot_charts.strip(view.starts, traded, apart, chosen=chosen, numbers=view.numbers)
    st.plotly_chart(
        drawn.figure,
        config=config("Slots"),
        alt=drawn.alt,
        key="slot_strip",
        on_select=_take_slot,
        selection_mode="points",
        theme="streamlit",
    )
    st.caption(
        f"Traded under {markdown(row.name)}; the darker, the further apart the prices. Click a bar to look at it."
    )


def _take_slot() -> None:
    points = st.session_state["slot_strip"]["selection"]["points"]
    if points:
        offset = points[0].get("customdata", points[0].get("point_index", 0))
        first = int(st.session_state.get("slot_first", 0))
        st.session_state[KEY] = first + int(offset[0] if isinstance(offset, list) else offset)


def _panels(slots: Sequence[Slot], view: View) -> None:
    """A panel an algorithm, two beside each other, prices on one scale."""
    st.session_state["slot_first"] = view.slots.start
    if not slots:
        return
    axis = _axis(slots)
    ink = INK["dark" if st.context.theme.type == "dark" else "light"]
    with st.grid(2 if len(slots) > 1 else 1, min_column_width=330, gap="medium"):
        for slot in slots:
            with st.container(border=True, gap="xsmall"):
                drawn = slot_charts.merit_order(slot, view.numbers, axis=axis)
                chart(markdown(slot.name), drawn, key=f"slot_book_{slot.algorithm_id}")
                st.caption(markdown(drawn.alt.removeprefix(f"{slot.name}: "), limit=300))
                if (pairs := slot_charts.ribbons(slot, view.numbers, ink=ink)) is not None:
                    st.plotly_chart(
                        pairs.figure, config=config("Trades"), alt=pairs.alt, key=f"slot_pairs_{slot.algorithm_id}"
                    )


def _axis(slots: Sequence[Slot]) -> tuple[float, float]:
    prices = [order.price for slot in slots for order in (*slot.bids, *slot.asks) if order.price is not None]
    ends = [*prices, *(slot.retail_price for slot in slots), *(slot.feed_in_price for slot in slots)]
    low, high = min(ends), max(ends)
    margin = 0.08 * ((high - low) or 1.0)
    return min(0.0, low) if low - margin < 0 else low - margin, high + margin


def orders_table(slot: Slot, view: View) -> str:
    """Every order with its price, what was filled at which price, and why the rest was not."""
    numbers = view.numbers
    money = f"{numbers.currency}/kWh"
    columns = [
        Column("Home", "name"),
        Column("Side"),
        Column("Energy (kWh)", "number"),
        Column(f"Order ({money})", "number"),
        Column("Filled (kWh)", "number"),
        Column(f"Paid or got ({money})", "number"),
        Column("Left to the grid", "prose"),
    ]
    rows: list[Row] = [
        [
            order.household_id,
            "needs" if order.side == "bid" else "sells",
            numbers.number(order.quantity_kwh, 3),
            "–" if order.price is None else numbers.number(order.price, 3),
            Cell(numbers.number(order.filled_kwh, 3), mark="" if order.filled_kwh > 0 else "quiet"),
            "–" if order.paid_price is None else numbers.number(order.paid_price, 3),
            _left(order, slot, view),
        ]
        for order in (*slot.bids, *slot.asks)
    ]
    return html_table(columns, rows, name=f"Orders under {slot.name}")


def _left(order: Order, slot: Slot, view: View) -> str:
    reason = why_left(order, slot)
    return f"{view.numbers.number(order.unfilled_kwh, 3)} kWh: {reason}" if reason else ""
