"""Which algorithms are compared, and with which parameters: every input is made from what the algorithm declares."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.errors import MarketError
from core.market.algorithms import find
from core.market.contract import Algorithm, Parameter, Value
from core.runs.plan import RunPlan, Selection
from core.web.charts import colour_of
from core.web.escape import label, markdown
from core.web.format import Numbers

MOST = (1 << 53) - 1


def choose(numbers: Numbers, *, key: str, like: RunPlan | None, heavy: bool) -> list[Selection]:
    """The chosen algorithms with the parameters in which they differ from their defaults.

    like: a plan to start from. heavy: leaves the optimum out unless somebody ticks it.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header("Algorithms", anchor=False, width="content")
        for words, wanted_ids in presets().items():
            st.button(words, type="tertiary", key=f"{key}_{words}", on_click=_tick, args=(key, wanted_ids))
    before = {each.algorithm_id: each.parameters for each in like.selections} if like else None
    chosen = []
    with st.grid("auto", min_column_width=205):
        for algorithm in find().values():
            wanted = algorithm.id in before if before is not None else not (heavy and algorithm.heavy)
            selection = _card(
                algorithm, wanted, (before or {}).get(algorithm.id, {}), numbers, key=f"{key}_{algorithm.id}"
            )
            if selection is not None:
                chosen.append(selection)
    return chosen


def presets() -> dict[str, frozenset[str]]:
    """Sets of algorithms that one click ticks: all, each family beside the bounds, those without batteries, none."""
    known = find().values()
    bounds = {each.id for each in known if each.family == "bound"}
    families = dict.fromkeys(each.family for each in known if each.family not in ("bound", "battery"))
    found = {"All": frozenset(each.id for each in known)}
    for family in families:
        members = {each.id for each in known if each.family == family}
        if len(members) > 1:
            found[FAMILY_WORDS.get(family, family.capitalize())] = frozenset(members | bounds)
    heavy_or_battery = {each.id for each in known if each.family == "battery" or each.heavy}
    found["Without batteries"] = frozenset(each.id for each in known if each.id not in heavy_or_battery)
    return {**found, "None": frozenset()}


FAMILY_WORDS = {"auction": "Auctions", "sharing": "Sharing rules", "fair share": "Fair shares", "other": "Others"}


def _tick(key: str, wanted: frozenset[str]) -> None:
    for algorithm_id in find():
        st.session_state[f"{key}_{algorithm_id}_used"] = algorithm_id in wanted


def _card(
    algorithm: Algorithm, wanted: bool, given: Mapping[str, Value], numbers: Numbers, *, key: str
) -> Selection | None:
    with st.container(border=True, gap="xsmall", height="stretch"):
        used = st.checkbox(
            label(algorithm.name),
            wanted,
            key=f"{key}_used",
            help=f"{markdown(algorithm.promise, limit=300)} Source: {markdown(algorithm.source, limit=300)}",
        )
        st.caption(f"{swatch(algorithm.id)} {markdown(algorithm.promise, limit=160)}")
        if not used:
            return None
        if not algorithm.parameters:
            return Selection(algorithm.id)
        with st.popover("Parameters", icon=":material/tune:", type="tertiary"):
            values = {
                parameter.name: _input(
                    parameter, given.get(parameter.name, parameter.default), numbers, key=f"{key}_{parameter.name}"
                )
                for parameter in algorithm.parameters
            }
        changed = {each.name: values[each.name] for each in algorithm.parameters if values[each.name] != each.default}
        words = {each.name: each.words for each in algorithm.parameters}
        if changed:
            st.caption(
                "Changed: "
                + ", ".join(f"{markdown(words[name])} = {markdown(value)}" for name, value in changed.items())
            )
        return Selection(algorithm.id, changed)


def swatch(algorithm_id: str) -> str:
    """A square in the algorithm's colour, as Markdown."""
    return f':color[■]{{foreground="{colour_of(algorithm_id)}"}}'


def title_of(parameter: Parameter, numbers: Numbers) -> str:
    """The parameter's name in words with its unit, plain text."""
    unit = numbers.unit(parameter.unit)
    return parameter.words + (f" ({unit})" if unit and unit != "share" else "")


def _input(parameter: Parameter, value: Value, numbers: Numbers, *, key: str) -> Value:
    named, explained = (
        label(title_of(parameter, numbers)),
        f"{markdown(parameter.help, limit=300)} Allowed: {markdown(parameter.allowed, limit=300)}.",
    )
    if parameter.choices:
        choices = list(parameter.choices)
        return str(st.selectbox(named, choices, index=choices.index(str(value)), help=explained, key=key))
    if isinstance(parameter.default, str):
        return _allowed(parameter, st.text_input(named, str(value), help=explained, key=key) or parameter.default)
    lowest = parameter.minimum if parameter.minimum is not None else parameter.above
    if isinstance(parameter.default, int):
        whole = st.number_input(
            named, _int(lowest), _int(parameter.maximum), int(value), step=1, help=explained, key=key
        )
        return _allowed(parameter, whole)
    number = st.number_input(named, lowest, parameter.maximum, float(value), format="%.4g", help=explained, key=key)
    return _allowed(parameter, number)


def _allowed(parameter: Parameter, value: Value) -> Value:
    try:
        return parameter.check(value)
    except MarketError as refusal:
        st.error(markdown(refusal, limit=300))
        return parameter.default


def _int(end: float | None) -> int | None:
    """An end as the browser's number field takes it; it counts no further than 2^53 − 1."""
    return None if end is None else max(-MOST, min(MOST, int(end)))
