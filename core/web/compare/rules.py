"""Rules beside tariffs: the rulebooks of real places, every number with its source, each a scenario of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from core.errors import LabError
from core.market.rulebooks import Rulebook, preset, presets
from core.market.rulebooks.presets import PLAIN, read
from core.runs.plan import RunPlan, Scenario
from core.runs.rules import RulesPlan
from core.web.escape import markdown

NOT_CONFIRMED = "NOT confirmed"


def with_rules(scenarios: Sequence[Scenario], *, key: str, like: RunPlan | None) -> tuple[Scenario, ...]:
    """The scenarios, and beside them one for each chosen rulebook. Raises LabError saying what cannot be read."""
    st.subheader("Rules", anchor=False)
    before = {each.rules.rulebook.digest: each.rules for each in (like.scenarios if like else ()) if each.rules}
    names = [name for name in presets() if name != PLAIN]
    chosen = st.multiselect(
        "Rules of a place",
        names,
        default=[name for name in names if preset(name).digest in before],
        format_func=lambda name: preset(name).name,
        placeholder="These prices alone",
        help="Each makes a scenario on the same homes: slabs, net metering, charges, keys and incentives of the place "
        "decide the bills. Sources and what is not confirmed stand below; every number can be changed.",
        key=f"{key}_rules",
    )
    file = st.file_uploader("Rulebook of your own (TOML or JSON)", ["toml", "json"], key=f"{key}_rules_file")
    kept = {preset(name).digest for name in names}
    books = [preset(name) for name in chosen] + [own.rulebook for digest, own in before.items() if digest not in kept]
    if file is not None:
        try:
            books.append(read(file.getvalue().decode("utf-8"), name=file.name))
        except (LabError, UnicodeDecodeError) as error:
            st.error(markdown(error, limit=500))
    found = list(scenarios)
    for place, book in enumerate(books):
        homes = before[book.digest].homes if book.digest in before else "{}"
        rules = RulesPlan(_edited(book, key=f"{key}_rules_{place}_{book.digest[:8]}").document, homes)
        found.append(Scenario(_unlike(rules.rulebook.name, found), scenarios[0].tariff, {}, rules))
    return tuple(found)


def _edited(book: Rulebook, *, key: str) -> RulesPlan:
    """The rulebook as it stands or as a person changed it. Raises MarketError naming the key."""
    doubtful = sum(NOT_CONFIRMED in source for source in book.sources)
    title = f"{book.name} · {len(book.sources)} sources, {doubtful} not confirmed"
    with st.expander(markdown(title), icon=":material/gavel:"):
        for source in book.sources:
            mark = ":orange[:material/help:]" if NOT_CONFIRMED in source else ":green[:material/check:]"
            st.markdown(f"{mark} {markdown(source, limit=600)}")
        if any(each.arrangement == "net_metering" for each in book.classes.values()):
            st.caption(
                "Under net metering an exported kWh already saves its owner an imported one, so homes in the same slab"
                " have nothing to trade."
            )
        text = st.text_area(
            "Every number, as JSON",
            json.dumps(dict(book.document), ensure_ascii=False, indent=1),
            height=320,
            help="Change any number; docs/rulebooks.md says what each key means.",
            key=f"{key}_text",
        )
        made = RulesPlan.of(read(text or "", name="The rulebook.json").document)
        st.download_button(
            "Save as a file",
            text or "",
            file_name=f"{book.name}.json",
            mime="application/json",
            icon=":material/download:",
            key=f"{key}_save",
        )
    return made


def _unlike(name: str, scenarios: Sequence[Scenario]) -> str:
    """The name, numbered if a scenario has it already."""
    taken = {scenario.name for scenario in scenarios}
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in numbered if each not in taken)
