"""Totals for charts: energy and price over time, who trades with whom, how long a block takes; a few milliseconds each.

They come from the columnar copy and the table of block heads. They are for looking, not for proof.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from core.chain.explorer import Explorer
from core.chain.indexer import Indexer
from core.chain.records import Filter
from core.chain.search import conditions_of
from core.store.columns import Columns, ColumnStore
from core.store.index import Index

HOUR_MS = 3_600_000
ALL = Filter()
_REMEMBERED = 64


class Figures:
    """Answers are remembered until the chain grows, so that a live page costs nothing."""

    def __init__(self, explorer: Explorer, indexer: Indexer) -> None:
        self._explorer = explorer
        self._indexer = indexer
        self._lock = threading.Lock()  # owns _known
        self._known: dict[object, Columns] = {}
        self._known_rows = -1

    def over_time(self, wanted: Filter = ALL, *, bucket_ms: int = HOUR_MS) -> Columns:
        """Trades by bucket: at_ms (its start), trades, energy_wh, amount_micro, least and most micro per kWh.

        The volume-weighted price is amount_micro · 1000 / energy_wh.
        """
        return self._totals(
            ("over_time", wanted, bucket_ms),
            wanted,
            f"select at_ms // {int(bucket_ms)} * {int(bucket_ms)} as at_ms, count(*) as trades, "
            "sum(energy_wh)::bigint as energy_wh, sum(amount_micro)::bigint as amount_micro, "
            "min(price_micro) as least_micro_per_kwh, max(price_micro) as most_micro_per_kwh "
            "from tx where kind = 0 and {conditions} group by 1 order by 1",
        )

    def pairs(self, wanted: Filter = ALL, *, most: int = 30) -> Columns:
        """Seller, buyer, trades, energy_wh and amount_micro between the `most` households that trade most."""
        return self._totals(
            ("pairs", wanted, most),
            wanted,
            "with chosen as (select * from tx where kind = 0 and {conditions}), "
            "busy as (select id from (select buyer as id, energy_wh from chosen union all select seller, energy_wh "
            f"from chosen) group by id order by sum(energy_wh) desc, id limit {int(most)}) "
            "select seller, buyer, count(*) as trades, sum(energy_wh)::bigint as energy_wh, "
            "sum(amount_micro)::bigint as amount_micro from chosen "
            "where seller in (from busy) and buyer in (from busy) group by all order by energy_wh desc, 1, 2",
        )

    def households(self, wanted: Filter = ALL, *, most: int = 1_000) -> Columns:
        """By household: bought_wh, sold_wh, paid_micro, earned_micro, trades; the busiest first."""
        return self._totals(
            ("households", wanted, most),
            wanted,
            "with chosen as (select * from tx where kind = 0 and {conditions}) "
            "select household, sum(bought)::bigint as bought_wh, sum(sold)::bigint as sold_wh, "
            "sum(paid)::bigint as paid_micro, sum(earned)::bigint as earned_micro, sum(trades)::bigint as trades from ("
            "select buyer as household, energy_wh as bought, 0 as sold, amount_micro as paid, 0 as earned, 1 as trades "
            "from chosen union all select seller, 0, energy_wh, 0, amount_micro, 1 from chosen) "
            f"group by household order by bought_wh + sold_wh desc, household limit {int(most)}",
        )

    def statement(self, household: str, wanted: Filter = ALL) -> Columns:
        """What one household traded, by counterparty: bought_wh, sold_wh, paid_micro, earned_micro, trades."""
        return self._of_household(("statement", household, wanted), household, wanted, "counterparty", "1")

    def household_over_time(self, household: str, wanted: Filter = ALL, *, bucket_ms: int = HOUR_MS) -> Columns:
        """The same by bucket: at_ms is its start."""
        bucket = f"at_ms // {int(bucket_ms)} * {int(bucket_ms)}"
        return self._of_household(("household", household, wanted, bucket_ms), household, wanted, "at_ms", bucket)

    def _of_household(self, key: object, household: str, wanted: Filter, by: str, bucket: str) -> Columns:
        grouped = "case when buyer = me then seller else buyer end" if by == "counterparty" else bucket

        def answer(index: Index, columns: ColumnStore) -> Columns:
            me = index.name_id(household) or -1
            conditions, values = conditions_of(index, wanted)
            statement = (
                f"with chosen as (select *, {me} as me from tx "
                f"where kind = 0 and (buyer = {me} or seller = {me}) and {' and '.join(conditions)}) "
                f"select {grouped} as {by}, "
                "coalesce(sum(energy_wh) filter (where buyer = me), 0)::bigint as bought_wh, "
                "coalesce(sum(energy_wh) filter (where seller = me), 0)::bigint as sold_wh, "
                "coalesce(sum(amount_micro) filter (where buyer = me), 0)::bigint as paid_micro, "
                "coalesce(sum(amount_micro) filter (where seller = me), 0)::bigint as earned_micro, "
                "count(*) as trades from chosen group by 1 order by 1"
            )
            return _named(index, columns.query(statement, values))

        return self._remembered(key, answer)

    def latency(self, wanted: Filter = ALL, *, bucket_ms: int = HOUR_MS) -> Columns:
        """From a transaction's arrival to its block's time, by bucket: at_ms, p50_ms, p95_ms, most_ms."""
        return self._totals(
            ("latency", wanted, bucket_ms),
            wanted,
            "select bucket as at_ms, quantiles[1] as p50_ms, quantiles[2] as p95_ms, most_ms from (select "
            f"at_ms // {int(bucket_ms)} * {int(bucket_ms)} as bucket, "
            "quantile_disc(block_ms - at_ms, [0.5, 0.95]) as quantiles, max(block_ms - at_ms) as most_ms "
            "from tx where {conditions} group by 1) order by 1",
        )

    def kinds(self) -> Columns:
        """How many transactions of each kind there are: kind (0 trade, 1 run, 2 audit, 3 note), transactions."""
        return self._totals(
            "kinds", ALL, "select kind, count(*) as transactions from tx where {conditions} group by 1 order by 1"
        )

    def blocks(self, *, most: int = 5_000) -> Columns:
        """The newest blocks, oldest first: height, at_ms, transactions, bytes, interval_ms (0 for the first one)."""
        heads = self._explorer.heads()
        end = len(heads)
        start = max(0, end - most)
        times = np.array(heads.times_ms[max(0, start - 1) : end], dtype=np.int64)
        intervals = np.diff(times, prepend=times[:1])[-(end - start) :] if end else times
        return {
            "height": np.arange(start, end),
            "at_ms": times[-(end - start) :] if end else times,
            "transactions": np.array(heads.counts[start:end], dtype=np.int64),
            "bytes": np.array(heads.lengths[start:end], dtype=np.int64),
            "interval_ms": intervals,
        }

    def _totals(self, key: object, wanted: Filter, statement: str) -> Columns:
        def answer(index: Index, columns: ColumnStore) -> Columns:
            conditions, values = conditions_of(index, wanted)
            return _named(index, columns.query(statement.format(conditions=" and ".join(conditions)), values))

        return self._remembered(key, answer)

    def _remembered(self, key: object, answer: Callable[[Index, ColumnStore], Columns]) -> Columns:
        rows = self._indexer.position.rows
        with self._lock:
            if rows != self._known_rows or len(self._known) >= _REMEMBERED:
                self._known, self._known_rows = {}, rows
            known = self._known.get(key)
        if known is None:
            known = self._indexer.ask(answer)
            with self._lock:
                if rows == self._known_rows:
                    self._known[key] = known
        return known


def _named(index: Index, columns: Columns) -> Columns:
    """The same with household ids instead of their numbers."""
    names: dict[int, str] | None = None
    for column in ("seller", "buyer", "household", "counterparty"):
        if column in columns:
            names = names if names is not None else index.names()
            columns[column] = np.array([names.get(int(number), "") for number in columns[column]], dtype=object)
    return columns
