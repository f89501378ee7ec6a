"""Households: all of them by energy, and one with what it bought, sold, paid and earned in a period."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import streamlit as st

from core.chain.records import Filter
from core.errors import NotFoundError
from core.ledger.canonical import shown
from core.store.columns import Columns
from core.web.charts import CONFIG
from core.web.explorer import amounts, charts, filters, prose, transactions
from core.web.explorer.lens import Lens, go, nothing_yet
from core.web.explorer.table import Column, Row, html_table
from core.web.explorer.times import Clock
from core.web.explorer.trends import QUARTER_MS
from core.web.text import csv_cell, foreign

MOST = 200
"""Households in the list; the search finds every one."""


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
    fields = ("trades", "bought_wh", "sold_wh", "paid_micro", "earned_micro")
    return [Account(str(who), *(int(columns[field][row]) for field in fields)) for row, who in enumerate(columns[name])]


def total(rows: list[Account]) -> Account:
    """Their sum."""
    return Account(
        "Total",
        sum(row.trades for row in rows),
        sum(row.bought_wh for row in rows),
        sum(row.sold_wh for row in rows),
        sum(row.paid_micro for row in rows),
        sum(row.earned_micro for row in rows),
    )


# ---- all households


def draw_all(lens: Lens) -> None:
    """The busiest households."""
    found = accounts(lens.chain.figures.households(most=MOST), "household")
    if not found:
        nothing_yet()
        return
    st.html(accounts_table(found, lens, who="Household"))
    if len(found) == MOST:
        st.caption(f"The {MOST} that traded most energy. Search for any other by its id.")


def accounts_table(rows: list[Account], lens: Lens, *, who: str) -> str:
    """One line an account, with links."""
    columns = [
        Column(who),
        Column("Trades", "number"),
        Column("Bought kWh", "number", "Σ energy of trades as buyer"),
        Column("Sold kWh", "number", "Σ energy of trades as seller"),
        Column(f"Paid {lens.currency}", "number", "Σ amount of trades as buyer"),
        Column(f"Earned {lens.currency}", "number", "Σ amount of trades as seller"),
        Column(f"Net {lens.currency}", "number", "Earned less paid"),
    ]
    return html_table(columns, [_row(row, link=row.name != "Total") for row in rows], name=f"{who}: energy and money")


def _row(account: Account, *, link: bool) -> Row:
    return [
        prose.household(account.name) if link else account.name,
        f"{account.trades:,}",
        amounts.kwh_column(account.bought_wh),
        amounts.kwh_column(account.sold_wh),
        amounts.money_column(account.paid_micro),
        amounts.money_column(account.earned_micro),
        amounts.money_column(account.net_micro),
    ]


# ---- one household


def draw_one(lens: Lens, household_id: str) -> None:
    """Figures, chart, counterparties and trades of a period. Raises NotFoundError for a household never seen."""
    wanted = Filter(household=household_id)
    if not lens.chain.transactions(wanted, limit=1):
        raise NotFoundError(
            f"No trade of the household {shown(household_id)} is on the chain.",
            fix="Search for the beginning of its id.",
        )
    st.subheader(f"Household {foreign(household_id)}", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        from_ms, until_ms = filters.period(lens)
    wanted = replace(wanted, from_ms=from_ms, until_ms=until_ms)
    period = Filter(from_ms=from_ms, until_ms=until_ms)
    partners = accounts(lens.chain.figures.statement(household_id, period), "counterparty")
    if not partners:
        st.info("No trade in this period. Choose other days.", icon=":material/date_range:")
        return
    _draw_figures(lens, total(partners))
    _draw_chart(lens, household_id, period)
    _draw_statement(lens, household_id, partners)
    st.markdown("**Trades**")
    address = {"household": household_id, **filters.chosen()}
    transactions.draw_list(lens, wanted, name=f"trades-{_file_part(household_id)}", **address)


def _draw_figures(lens: Lens, sums: Account) -> None:
    money = lens.currency
    with st.grid("auto", min_column_width=130, gap="small"):
        st.metric("Bought", f"{amounts.kwh_column(sums.bought_wh)} kWh", help="Σ energy of trades as buyer.")
        st.metric("Sold", f"{amounts.kwh_column(sums.sold_wh)} kWh", help="Σ energy of trades as seller.")
        st.metric("Paid", money + amounts.money_column(sums.paid_micro), help="Σ amount of trades as buyer.")
        st.metric("Earned", money + amounts.money_column(sums.earned_micro), help="Σ amount of trades as seller.")
        st.metric("Net", money + amounts.money_column(sums.net_micro), help="Earned less paid; the grid is not in it.")
        st.metric("Trades", f"{sums.trades:,}", help="Trades as buyer or seller.")


def _draw_chart(lens: Lens, household_id: str, period: Filter) -> None:
    totals = lens.chain.figures.household_over_time(household_id, period, bucket_ms=QUARTER_MS)
    days, bought, sold = by_day(totals, lens.clock)
    st.markdown("**Energy in and out**", help="By day at the site: Σ energy sold (up) and bought (down).")
    drawn = charts.in_and_out(days, bought / 1000, sold_kwh=sold / 1000, zone=lens.zone)
    st.plotly_chart(drawn, key="in_and_out", config=CONFIG, alt="Energy bought and sold by day")


def by_day(totals: Columns, clock: Clock) -> tuple[list[date], charts.Floats, charts.Floats]:
    """Quarters of an hour gathered to days of the site: days, bought Wh, sold Wh."""
    sums: dict[date, list[int]] = {}
    for at_ms, bought, sold in zip(totals["at_ms"], totals["bought_wh"], totals["sold_wh"], strict=True):
        day = sums.setdefault(clock.day(int(at_ms)), [0, 0])
        day[0] += int(bought)
        day[1] += int(sold)
    found = np.array(list(sums.values()), dtype=np.float64).reshape(len(sums), 2)
    return list(sums), found[:, 0], found[:, 1]


def _draw_statement(lens: Lens, household_id: str, partners: list[Account]) -> None:
    ordered = sorted(partners, key=lambda one: (-(one.bought_wh + one.sold_wh), one.name))
    st.markdown("**Statement by counterparty**", help="With whom, how much, for how much; amounts as recorded.")
    st.html(accounts_table([*ordered, total(ordered)], lens, who="Counterparty"))
    with st.container(horizontal=True):
        st.download_button(
            "Statement as CSV",
            statement_csv(ordered, currency=lens.currency),
            file_name=f"statement-{_file_part(household_id)}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        go("All households", icon=":material/list:", tab="Households")


def statement_csv(partners: list[Account], *, currency: str) -> bytes:
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
