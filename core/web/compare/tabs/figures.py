"""Figures: the answer in four tiles and a few sentences, then every algorithm against a baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from threading import Lock
from urllib.parse import urlencode

import streamlit as st
from cachetools import LRUCache, cached

from core.market.quantities import Quantity
from core.runs.answer import Answer, answer, is_bound
from core.runs.results import ResultRow
from core.runs.runs import RunState
from core.runs.statistics import Interval
from core.web.charts import colour_of
from core.web.compare.table import KEY, MODES, FigureTable, Line, folded, groups_of, table_of
from core.web.compare.tables import figures_export
from core.web.compare.tabs.show import baseline_id, context_of, named, offer, whole_run
from core.web.compare.view import View, same_flows
from core.web.escape import markdown, visible
from core.web.format import NOT_DEFINED, Numbers, count
from core.web.table import Cell, Column, Mark, Row, html_table

ALL = "All"
MOST_NAMED = 3
"""Algorithms that a folded line or a sentence names; more are counted."""
BOUNDS = "Bounds, no rules: no trade at all, and the plan of least cost"


def draw(view: View, state: RunState) -> None:
    """The answer, the table, what is equal for all, and whether every promise is kept."""
    found = answer_of(view)
    if found.best:
        tiles(found, view.numbers)
        st.html(f'<p class="lab-answer">{" ".join(sentences(found, view, link=_link))}</p>')
    shown = choose(view)
    on_screen(shown, view)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        checks(view)
        name = f"{state.run_id}-figures-shown"
        offer(partial(figures_export, shown, view.numbers, context_of(view, state)), name=name, key="compare_shown")


@cached(LRUCache(64), key=lambda view: (view.result.result_digest, view.scenario), lock=Lock())
def answer_of(view: View) -> Answer:
    """The answer for the scenario that is looked at, made once."""
    return answer(view.result, view.scenario)


# ---- the answer


def tiles(found: Answer, numbers: Numbers) -> None:
    """Least cost, savings, share of the possible, and homes that lose."""
    best = found.best[0]
    figures = best.figures
    with st.grid(4, min_column_width=150, gap="small", key="compare_answer"):
        _tile("Lowest cost", numbers.money(figures["community_cost"]), _names(found.best))
        _tile(
            "Saved against grid only",
            numbers.money(figures.get("savings", float("nan"))),
            numbers.percent(figures.get("savings_percent", float("nan"))),
        )
        share = numbers.percent(found.possible_share * 100)
        possible = numbers.money(found.ceiling.figures["savings"]) if found.ceiling else ""
        _tile("Share of the possible", share, f"of {possible}" if possible else "no ceiling is compared")
        most = f"most: {found.losers[0][0].name}, {found.losers[0][1]}" if found.losers else "none under any rule"
        _tile("Homes worse off", f"{found.worse_off} of {found.households}", most)


def _tile(label: str, value: str, note: str) -> None:
    st.metric(label, value, visible(note), delta_color="off", delta_arrow="off", border=True, height="stretch")


def _names(rows: Sequence[ResultRow]) -> str:
    if len(rows) <= MOST_NAMED:
        return ", ".join(row.name for row in rows)
    return f"{rows[0].name} and {len(rows) - 1} more"


def sentences(found: Answer, view: View, *, link: Callable[[str, str], str]) -> list[str]:
    """The answer in words, HTML: what is cheapest and how surely, who ties, who loses, what cannot differ.

    link: words that lead to a tab, made from both.
    """
    numbers, best = view.numbers, found.best[0]
    saved = numbers.money(best.figures.get("savings", float("nan")))
    costs, saves = ("costs", "saves") if len(found.best) == 1 else ("cost", "save")
    said = [f"{link(_names(found.best), 'Over time')} {costs} least and {saves} {_text(saved)}."]
    if found.next is not None and found.lead is not None:
        ahead = f"That is {numbers.money(found.lead.difference)} a day less than {found.next.name}"
        said.append(f"{_text(ahead)} ({link(_certainty(found.lead, numbers), 'Certainty')}).")
    if found.ties:
        each = numbers.money(found.ties[0].figures.get("savings", float("nan")))
        said.append(
            f"{_text(_names(found.ties))} tie at {_text(each)}: they differ in {link('who gets it', 'Households')}."
        )
    for row, losers in found.losers[:2]:
        who = f"{count(losers, 'home')} worse off"
        said.append(f"{_text(row.name)} leaves {link(who, 'Households')}.")
    together = max((len(members) for members in same_flows(view)), default=0)
    if together > 1:
        said.append(
            f"{link(f'{together} of {len(view.rows)} move the same energy', 'Energy')}:"
            " their import, peaks and self-sufficiency cannot differ."
        )
    return said


def _certainty(lead: Interval, numbers: Numbers) -> str:
    if not lead.told:
        return f"{count(lead.days, 'day')} are too few to tell chance from rule"
    interval = f"{numbers.money(lead.low)} to {numbers.money(lead.high)}"
    return f"95 % interval {interval}" if lead.clear else f"may be chance: {interval}"


def _link(words: str, tab: str) -> str:
    """Words that lead to a tab of this very view."""
    kept = {name: st.query_params.get_all(name) for name in st.query_params if name != "view"}
    return f'<a href="?{escape(urlencode({**kept, "view": tab}, doseq=True), quote=True)}">{_text(words)}</a>'


def _text(words: str) -> str:
    return escape(visible(words, limit=200))


# ---- the table


def choose(view: View) -> FigureTable:
    """Which figures are shown and how; the choices live in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        groups = [*groups_of(view.rows), ALL]
        group = st.segmented_control(
            "Figures",
            groups,
            default=KEY,
            required=True,
            key="figures",
            bind="query-params",
            label_visibility="collapsed",
        )
        mode = st.selectbox(
            "Shown as",
            list(MODES),
            key="mode",
            bind="query-params",
            label_visibility="collapsed",
            width=150,
        )
    return table_of(
        view.rows,
        baseline_id=baseline_id(),
        mode=mode,
        group="" if group == ALL else group or KEY,
        differences_only=True,
    )


def on_screen(table: FigureTable, view: View) -> None:
    """The rules, then the bounds apart; one line for what is alike; a sentence for what is equal for all."""
    numbers = view.numbers
    if table.figures:
        groups = sorted(folded(table), key=lambda lines: is_bound(lines[0].row.algorithm_id))
        first_bound = next((at for at, lines in enumerate(groups) if is_bound(lines[0].row.algorithm_id)), len(groups))
        columns = [Column("Algorithm", "name"), *(_head(figure, numbers) for figure in table.figures)]
        st.html(
            html_table(
                columns,
                [_row(lines, table, numbers) for lines in groups],
                name="Figures of each algorithm",
                bands={first_bound: BOUNDS} if 0 < first_bound < len(groups) else None,
            )
        )
        alike = [lines for lines in groups if len(lines) > MOST_NAMED]
        for lines in alike:
            st.caption("Alike here: " + ", ".join(markdown(line.row.name) for line in lines) + ".")
    if table.common:
        equal = "; ".join(f"{figure.label} {_value(table.lines[0].row, figure, numbers)}" for figure in table.common)
        st.caption(f"The same for all: {markdown(equal, limit=600)}.")
    against_grid = [AGAINST_GRID] if not is_bound(table.baseline.algorithm_id) else []
    st.caption(" · ".join([whole_run(view), *against_grid, KEYS]))


AGAINST_GRID = "savings, better off and worst loss are against the grid only, whatever the baseline"
KEYS = "★ best rule · ↑ higher or ↓ lower is better · ✓ better or ✗ worse than the baseline · – not defined"


def _head(figure: Quantity, numbers: Numbers) -> Column:
    unit = f" ({found})" if (found := figure.shown_unit_in(numbers.currency)) else ""
    return Column(f"{figure.label}{unit} {figure.arrow}".strip(), "number", numbers.unit(figure.help))


def _row(lines: Sequence[Line], table: FigureTable, numbers: Numbers) -> Row:
    first = lines[0]
    names = [line.row.name for line in lines]
    name = " = ".join(names) if len(names) <= MOST_NAMED else f"{names[0]} and {len(names) - 1} alike"
    head = Cell(
        name, title=", ".join(names), colour=colour_of(first.row.algorithm_id), note="baseline" * first.is_baseline
    )
    return [head, *(_cell(first, place, table, numbers) for place in range(len(table.figures)))]


def _cell(line: Line, place: int, table: FigureTable, numbers: Numbers) -> Cell:
    cell, figure = line.cells[place], table.figures[place]
    text = table.text(cell, figure, is_baseline=line.is_baseline, numbers=numbers)
    mark: Mark = "best" if cell.best else ""
    if table.mode != "Values" and not line.is_baseline and cell.better is not None and not cell.best:
        mark = "better" if cell.better else "worse"
    return Cell(text, mark="quiet" if text == NOT_DEFINED else mark)


def _value(row: ResultRow, figure: Quantity, numbers: Numbers) -> str:
    text = numbers.number(row.figures[figure.key] * figure.scale, figure.decimals)
    return f"{text} {figure.shown_unit_in(numbers.currency)}".strip()


def checks(view: View) -> None:
    """Whether every promise is kept; opened, what is broken and what a mechanism does not promise."""
    verdicts = [(row, verdict) for row in view.rows for verdict in row.verdicts]
    broken = [(row, verdict) for row, verdict in verdicts if not verdict.holds and not verdict.exempt]
    exempt = [(row, verdict) for row, verdict in verdicts if not verdict.holds and verdict.exempt]
    words = f"{count(len(broken), 'promise')} broken" if broken else f"All {len(verdicts) - len(exempt)} promises hold"
    if exempt:
        words += f" · {len(exempt)} not promised by their mechanism"
    icon = ":material/gpp_bad:" if broken else ":material/rule:"
    with st.popover(words, icon=icon, type="tertiary", key="compare_checks"):
        st.caption(
            "Energy balance, budget, price bounds and the other promises, checked in every slot of every algorithm."
        )
        for said, lines in (("broken", broken), ("not promised by this mechanism", exempt)):
            for row, verdict in lines:
                st.markdown(f"- {named(row)}: {markdown(verdict.sentence, limit=300)} ({said})")
