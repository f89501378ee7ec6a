"""What the grid charges and pays, by hour if wanted; tariffs and varied parameters make a matrix of scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time

import streamlit as st

from core.errors import MarketError
from core.market.contract import Algorithm, Parameter, Value
from core.market.tariff import MICRO
from core.runs.plan import RunPlan, Scenario, matrix
from core.runs.scenarios import parameter_sets, same_tariffs, values_of
from core.runs.tariffs import Period, TariffPlan, micro
from core.web.compare.algorithms import title_of
from core.web.compare.rules import with_rules
from core.web.escape import markdown
from core.web.format import Numbers

DAYS = {
    "Every day": (0, 1, 2, 3, 4, 5, 6),
    "Monday to Friday": (0, 1, 2, 3, 4),
    "Saturday and Sunday": (5, 6),
}
MOST_TARIFFS = 6
MOST_PERIODS = 6
MOST_VARIED = 3
NOTHING = "Nothing"


def choose(
    numbers: Numbers, *, key: str, time_zone: str, algorithms: Sequence[Algorithm], like: RunPlan | None
) -> tuple[Scenario, ...]:
    """The scenarios. Raises MarketError saying which price or value does not fit."""
    st.header("Tariffs", anchor=False)
    known = _tariffs_of(like)
    tariffs: dict[str, TariffPlan] = {}
    for place in range(_count(f"{key}_tariffs", len(known))):
        start = known[place] if place < len(known) else (f"Tariff {place + 1}", TariffPlan())
        name, tariff = _tariff(start, numbers, key=f"{key}_tariff{place}", time_zone=time_zone)
        if name in tariffs:
            raise MarketError(f'Two tariffs are called "{name}".', fix="Give each its own name.")
        tariffs[name] = tariff
    with st.container(horizontal=True):
        _more_or_less("tariff", f"{key}_tariffs", len(known), most=MOST_TARIFFS)
    for alike in same_tariffs(tariffs):
        st.warning(f"{markdown(' and '.join(alike))} are the same tariff: their scenarios will be equal.")
    sets = _varied(algorithms, numbers, key=key, like=like)
    return with_rules(matrix(tariffs, sets), key=key, like=like)


def _tariff(start: tuple[str, TariffPlan], numbers: Numbers, *, key: str, time_zone: str) -> tuple[str, TariffPlan]:
    unit = f"{markdown(numbers.currency)}/kWh"
    name, plan = start
    with st.container(border=True):
        named, retail, feed_in = st.columns([2, 1, 1])
        name = named.text_input("Name", name, max_chars=60, key=f"{key}_name") or name
        retail_price = retail.number_input(
            f"Retail price ({unit})",
            0.0,
            value=plan.retail_micro_per_kwh / MICRO,
            step=0.1,
            help="What the grid charges for a kWh.",
            key=f"{key}_retail",
        )
        feed_in_price = feed_in.number_input(
            f"Feed-in price ({unit})",
            0.0,
            value=plan.feed_in_micro_per_kwh / MICRO,
            step=0.1,
            help="What the grid pays for a kWh; at most the retail price.",
            key=f"{key}_feed_in",
        )
        periods = [
            _period(plan.periods[place] if place < len(plan.periods) else None, numbers, key=f"{key}_period{place}")
            for place in range(_count(f"{key}_periods", len(plan.periods)))
        ]
        with st.container(horizontal=True, vertical_alignment="center"):
            _more_or_less("time of use", f"{key}_periods", len(plan.periods), most=MOST_PERIODS)
            if periods:
                st.caption(f"Hours of {markdown(time_zone)}; where two overlap the later line holds.")
        return name, TariffPlan(micro(retail_price), micro(feed_in_price), tuple(periods), time_zone)


def _period(before: Period | None, numbers: Numbers, *, key: str) -> Period:
    unit = f"{markdown(numbers.currency)}/kWh"
    start = before or Period(18 * 60, 22 * 60, 10 * MICRO, 3 * MICRO)
    start_at, end_at, days, retail, feed_in = st.columns([1, 1, 1.4, 1, 1])
    from_ = start_at.time_input("From", _time(start.start_minute), key=f"{key}_from")
    to = end_at.time_input("To", _time(start.end_minute), key=f"{key}_to", help="00:00 is the end of the day.")
    spoken = next((words for words, numbers_ in DAYS.items() if numbers_ == start.days), "Every day")
    held = days.selectbox("Days", list(DAYS), index=list(DAYS).index(spoken), key=f"{key}_days")
    retail_price = retail.number_input(
        f"Retail then ({unit})", 0.0, value=start.retail_micro_per_kwh / MICRO, step=0.1, key=f"{key}_retail"
    )
    feed_in_price = feed_in.number_input(
        f"Feed-in then ({unit})", 0.0, value=start.feed_in_micro_per_kwh / MICRO, step=0.1, key=f"{key}_feed_in"
    )
    end_minute = _minute(to) or 1440
    return Period(_minute(from_), end_minute, micro(retail_price), micro(feed_in_price), DAYS[held], start.months)


def _varied(
    algorithms: Sequence[Algorithm], numbers: Numbers, *, key: str, like: RunPlan | None
) -> dict[str, dict[str, Value]] | None:
    """Every combination of the values that a person lists of up to MOST_VARIED parameters, or None."""
    known: dict[str, tuple[Parameter, list[str]]] = {}
    for algorithm in algorithms:
        for parameter in algorithm.parameters:
            known.setdefault(parameter.name, (parameter, []))[1].append(algorithm.name)
    before = _varied_in(like)
    varied: list[tuple[Parameter, tuple[Value, ...]]] = []
    for place in range(MOST_VARIED):
        left_over = {name: each for name, each in known.items() if name not in {p.name for p, _ in varied}}
        start = before[place] if place < len(before) else (NOTHING, "")
        found = _one_varied(left_over, numbers, key=f"{key}_vary{place or ''}", start=start, first=not place)
        if found is None:
            break
        varied.append(found)
    return parameter_sets(varied) if varied else None


def _one_varied(
    known: Mapping[str, tuple[Parameter, list[str]]],
    numbers: Numbers,
    *,
    key: str,
    start: tuple[str, str],
    first: bool,
) -> tuple[Parameter, tuple[Value, ...]] | None:
    names = [NOTHING, *known]
    left, right = st.columns(2)
    name = left.selectbox(
        "Vary a parameter" if first else "Vary another, too",
        names,
        index=names.index(start[0]) if start[0] in names else 0,
        format_func=lambda each: (
            each if each == NOTHING else f"{title_of(known[each][0], numbers)} · {', '.join(known[each][1])}"
        ),
        help="Each value makes a scenario with each tariff: three tariffs and two battery sizes are six scenarios.",
        key=key,
    )
    if name == NOTHING or name is None:
        return None
    parameter = known[name][0]
    text = right.text_input(
        "Values, separated by semicolons, or from … to … in steps",
        start[1] or f"{parameter.default}",
        placeholder="5; 10 or 2 to 10 in 5 steps",
        help=f"{markdown(parameter.help, limit=300)} Allowed: {markdown(parameter.allowed, limit=300)}. A list such as"
        " 5; 10, or a range such as 2 to 10 in 5 steps.",
        key=f"{key}_values",
    )
    return parameter, values_of(parameter, text or "")


def _tariffs_of(like: RunPlan | None) -> list[tuple[str, TariffPlan]]:
    """The different tariffs of a plan, under a name each."""
    if like is None:
        return [("Tariff 1", TariffPlan())]
    distinct = list(dict.fromkeys(scenario.tariff for scenario in like.scenarios))
    named = {scenario.tariff: scenario.name for scenario in reversed(like.scenarios) if not scenario.parameters}
    return [(named.get(tariff, f"Tariff {place}"), tariff) for place, tariff in enumerate(distinct, start=1)]


def _varied_in(like: RunPlan | None) -> list[tuple[str, str]]:
    """The parameters that the scenarios of a plan vary, and the values of each as text."""
    scenarios = like.scenarios if like else ()
    names = dict.fromkeys(name for scenario in scenarios for name in scenario.parameters)
    return [
        (name, "; ".join(dict.fromkeys(str(each.parameters[name]) for each in scenarios if name in each.parameters)))
        for name in names
    ]


def _count(key: str, start: int) -> int:
    return int(st.session_state.get(key, start))


def _more_or_less(what: str, key: str, start: int, *, most: int) -> None:
    count = _count(key, start)
    least = 1 if what == "tariff" else 0

    def change(by: int) -> None:
        st.session_state[key] = count + by

    st.button(
        f"Add a {what}",
        icon=":material/add:",
        type="tertiary",
        on_click=change,
        args=(1,),
        disabled=count >= most,
        key=f"{key}_add",
    )
    if count > least:
        st.button(
            f"Remove the last {what}",
            icon=":material/remove:",
            type="tertiary",
            on_click=change,
            args=(-1,),
            key=f"{key}_less",
        )


def _time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


def _minute(at: time | None) -> int:
    if at is None:
        raise MarketError("A time of use has no hours.", fix="Give a start and an end, such as 18:00 and 22:00.")
    return at.hour * 60 + at.minute
