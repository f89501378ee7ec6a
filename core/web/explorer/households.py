"""Households: all of them by energy, and one with what it bought, sold, paid and earned in a period."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from core.chain.export import csv_cell
from core.chain.records import Filter
from core.errors import NotFoundError
from core.ledger.canonical import shown
from core.store.columns import Columns
from core.web.escape import markdown
from core.web.explorer import charts, prose, transactions, trends
from core.web.explorer.view import View, go, nothing_yet
from core.web.table import Column, Row, html_table

MOST = 200
"""Households in the list; the search finds every one."""
PARTNERS = 15
"""Counterparties that a statement lists; the others are one line, and single ones in its CSV."""
FIELDS = ("trades", "bought_wh", "sold_wh", "paid_micro", "earned_micro")


@dataclass(frozen=True, slots=True)
class Account:
    """What somebody bought and sold, in the ledger's integers."""

    name: str
    trades: int
    bought_wh: int
    sold_wh: int
    paid_micro: int
    earned_micro: int

    @property
    def net_micro(self) -> int:
        """Earned less paid."""
        return self.earned_micro - self.paid_micro


def accounts(columns: Columns, name: str) -> list[Account]:
    """The rows of an answer of the index; `name` is its column of ids."""
    return [Account(str(who), *(int(columns[field][row]) for field in FIELDS)) for row, who in enumerate(columns[name])]


def total(rows: Sequence[Account], *, name: str = "Total") -> Account:
    """Their sum."""
    return Account(name, *(sum(getattr(row, field) for row in rows) for field in FIELDS))


# ---- all households


def draw_all(view: View) -> None:
    """The busiest households."""
    found = accounts(view.chain.figures.households(most=MOST), "household")
    if not found:
        nothing_yet(view)
        return
    st.html(html_table(_columns(view, "Household"), [_row(one, view) for one in found], name="Households"))
    if len(found) == MOST:
        st.caption(f"The {MOST} that traded most energy. Search for any other by its id.")


def _columns(view: View, who: str) -> list[Column]:
    return [
        Column(who),
        Column("Trades", "number"),
        Column("Bought kWh", "number", "Σ energy of trades as buyer"),
        Column("Sold kWh", "number", "Σ energy of trades as seller"),
        Column(f"Paid {view.currency}", "number", "Σ amount of trades as buyer"),
        Column(f"Earned {view.currency}", "number", "Σ amount of trades as seller"),
        Column(f"Net {view.currency}", "number", "Earned less paid"),
    ]


def _row(account: Account, view: View, *, linked: bool = True) -> Row:
    amounts = view.amounts
    return [
        prose.household(account.name) if linked else account.name,
        amounts.whole(account.trades),
        amounts.kwh_column(account.bought_wh),
        amounts.kwh_column(account.sold_wh),
        amounts.money_column(account.paid_micro),
        amounts.money_column(account.earned_micro),
        amounts.money_column(account.net_micro),
    ]


# ---- one household


def draw_one(view: View, household_id: str) -> None:
    """Figures, chart, counterparties and trades of a period. Raises NotFoundError for a household never seen."""
    wanted = Filter(household=household_id)
    if not view.chain.transactions(wanted, limit=1):
        raise NotFoundError(
            f"No trade of the household {shown(household_id)} is on the chain.",
            fix="Search for the beginning of its id.",
        )
    st.subheader(f"Household {markdown(household_id)}", anchor=False)
    with st.container(horizontal=True):
        from_ms, until_ms = transactions.period(view, width=180)
    wanted = replace(wanted, from_ms=from_ms, until_ms=until_ms)
    period = Filter(from_ms=from_ms, until_ms=until_ms)
    partners = accounts(view.chain.figures.statement(household_id, period), "counterparty")
    if not partners:
        st.info("No trade in this period. Choose other days.", icon=":material/date_range:")
        return
    _draw_figures(view, total(partners))
    _draw_chart(view, household_id, period)
    _draw_statement(view, household_id, partners)
    st.markdown("**Trades**")
    address = {"household": household_id, **transactions.chosen_filters()}
    transactions.draw_list(view, wanted, name=f"trades-{_file_part(household_id)}", **address)


def _draw_figures(view: View, sums: Account) -> None:
    amounts = view.amounts
    with st.grid("auto", min_column_width=130, gap="small"):
        st.metric("Bought", f"{amounts.kwh_column(sums.bought_wh)} kWh", help="Σ energy of trades as buyer.")
        st.metric("Sold", f"{amounts.kwh_column(sums.sold_wh)} kWh", help="Σ energy of trades as seller.")
        st.metric("Paid", amounts.rounded(sums.paid_micro), help="Σ amount of trades as buyer.")
        st.metric("Earned", amounts.rounded(sums.earned_micro), help="Σ amount of trades as seller.")
        st.metric("Net", amounts.rounded(sums.net_micro), help="Earned less paid; the grid is not in it.")
        st.metric("Trades", amounts.whole(sums.trades), help="Trades as buyer or seller.")


def _draw_chart(view: View, household_id: str, period: Filter) -> None:
    totals = view.chain.figures.household_over_time(household_id, period, bucket_ms=trends.QUARTER_MS)
    span_ms = int(totals["at_ms"][-1] - totals["at_ms"][0])
    unit = trends.HOUR if span_ms <= 4 * trends.DAY_MS else trends.DAY
    found = trends.gather(totals, view.clock, unit=unit, columns=("bought_wh", "sold_wh"))
    st.markdown("**Energy in and out**", help=f"By {unit.name} at the site: Σ energy sold (up) and bought (down).")
    bought_kwh, sold_kwh = found.sums["bought_wh"] / 1000, found.sums["sold_wh"] / 1000
    drawn = charts.in_and_out(found.at, bought_kwh, sold_kwh=sold_kwh, zone=view.zone)
    view.show(drawn, key="in_and_out", alt=f"Energy bought and sold by {unit.name}")


def _draw_statement(view: View, household_id: str, partners: Sequence[Account]) -> None:
    ordered = sorted(partners, key=lambda one: (-(one.bought_wh + one.sold_wh), one.name))
    st.markdown("**Statement by counterparty**", help="With whom, how much, for how much; amounts as recorded.")
    rows = [_row(one, view) for one in ordered[:PARTNERS]]
    if len(ordered) > PARTNERS:
        others = total(ordered[PARTNERS:], name=f"{len(ordered) - PARTNERS} others")
        rows.append(_row(others, view, linked=False))
    rows.append(_row(total(ordered), view, linked=False))
    st.html(html_table(_columns(view, "Counterparty"), rows, name="Statement by counterparty"))
    with st.container(horizontal=True):
        st.download_button(
            "Statement as CSV",
            partial(statement_csv, ordered, currency=view.currency),
            file_name=f"statement-{_file_part(household_id)}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        go("All households", tab="Households")


def statement_csv(partners: Sequence[Account], *, currency: str) -> bytes:
    """The statement with exact numbers: kWh with three decimals, money with six."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    money = ("paid", "earned", "net")
    writer.writerow(["counterparty", "trades", "bought_kWh", "sold_kWh", *(f"{name}_{currency}" for name in money)])
    for one in [*partners, total(partners)]:
        energy = [f"{wh / 1000:.3f}" for wh in (one.bought_wh, one.sold_wh)]
        sums = [_plain(micro) for micro in (one.paid_micro, one.earned_micro, one.net_micro)]
        writer.writerow([csv_cell(one.name), one.trades, *energy, *sums])
    return text.getvalue().encode()


def _plain(micro: int) -> str:
    return f"{'-' if micro < 0 else ''}{abs(micro) // 1_000_000}.{abs(micro) % 1_000_000:06d}"


def _file_part(household_id: str) -> str:
    """An id as part of a file name."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in household_id)[:64]
