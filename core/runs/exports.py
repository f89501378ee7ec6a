"""A result to take away: figures, households or slots, as CSV, Parquet or JSON with the very numbers of the screen.

Not defined is an empty cell in CSV and null elsewhere. Text in CSV that a spreadsheet would take for a formula gets a
leading apostrophe.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from core.runs.results import ResultRow, RunResult

What = Literal["figures", "households", "slots"]
Kind = Literal["csv", "parquet", "json"]
MEDIA_TYPES: Mapping[Kind, str] = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}
_FORMULA = "^[=+\\-@\t\r]"


def export(result: RunResult, what: What, kind: Kind) -> bytes:
    """One table of a result in one format."""
    table = _TABLES[what](result)
    return _FORMATS[kind](table)


def everything(result: RunResult) -> bytes:
    """The whole result as one JSON document: rows with figures, verdicts, digests, and every array."""
    document = {
        "dataset_digest": result.dataset_digest,
        "result_digest": result.result_digest,
        "household_ids": list(result.household_ids),
        "start_at": result.start_at.isoformat(),
        "slot_h": result.slot_h,
        "slots": result.slots,
        "time_zone": result.time_zone,
        "rows": [
            {
                **{name: value for name, value in asdict(row).items() if name != "scenario_key"},
                "households": _lists(result.households(row)),
                "series": _lists(result.series(row)),
            }
            for row in result.rows
        ],
    }
    return json.dumps(_defined(document), ensure_ascii=False, allow_nan=False).encode()


def figures(result: RunResult) -> pa.Table:
    """One row a scenario and algorithm: its figures, parameters as JSON, and digests."""
    names = result.figure_names
    return _table(
        {
            **_heads(result.rows, 1),
            **{name: [row.figures.get(name, math.nan) for row in result.rows] for name in names},
            "parameters": [json.dumps(dict(row.parameters), sort_keys=True) for row in result.rows],
            "source_digest": [row.source_digest for row in result.rows],
            "result_digest": [row.result_digest for row in result.rows],
        }
    )


def households(result: RunResult) -> pa.Table:
    """One row a scenario, algorithm and household."""
    return _long(result, {"household_id": list(result.household_ids)}, result.households)


def slots(result: RunResult) -> pa.Table:
    """One row a scenario, algorithm and slot; `start` is UTC, `local_start` the clock on the wall."""
    heads = {
        "start": pa.array(result.slot_starts(), pa.timestamp("ms", "UTC")),
        "local_start": pa.array(result.local_starts(), pa.timestamp("s")),
    }
    return _long(result, heads, result.series)


def _long(result: RunResult, heads: Mapping[str, Any], arrays_of: Callable[[ResultRow], Mapping[str, Any]]) -> pa.Table:
    parts = []
    for row in result.rows:
        if row.has_arrays:
            length = len(next(iter(heads.values())))
            parts.append(_table({**_heads([row], length), **heads, **arrays_of(row)}))
    if not parts:
        return _table({**_heads([], 1), **{name: [] for name in heads}})
    return pa.concat_tables(parts, promote_options="default")


def _heads(rows: Sequence[ResultRow], length: int) -> dict[str, list[str]]:
    return {
        "scenario": [row.scenario for row in rows for _ in range(length)],
        "algorithm_id": [row.algorithm_id for row in rows for _ in range(length)],
        "algorithm": [row.name for row in rows for _ in range(length)],
    }


def _table(columns: Mapping[str, Any]) -> pa.Table:
    return pa.table({name: _column(values) for name, values in columns.items()})


def _column(values: Any) -> pa.Array:
    column = pa.array(values)
    return pc.if_else(pc.is_finite(column), column, None) if pa.types.is_floating(column.type) else column


def _to_csv(table: pa.Table) -> bytes:
    guarded = {name: _guarded(table.column(name)) for name in table.column_names}
    sink = io.BytesIO()
    pcsv.write_csv(pa.table(guarded), sink)
    return sink.getvalue()


def _guarded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.match_substring_regex(column, _FORMULA), pc.binary_join_element_wise("'", column, ""), column)


def _to_parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _to_json(table: pa.Table) -> bytes:
    return json.dumps(table.to_pylist(), ensure_ascii=False, allow_nan=False, default=_iso).encode()


def _iso(value: Any) -> str:
    return str(value.isoformat())


def _lists(arrays: Mapping[str, Any]) -> dict[str, list[float]]:
    return {name: np.asarray(values).tolist() for name, values in arrays.items()}


def _defined(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _defined(item) for name, item in value.items()}
    return [_defined(item) for item in value] if isinstance(value, Iterable) and not isinstance(value, str) else value


_TABLES: Mapping[What, Callable[[RunResult], pa.Table]] = {
    "figures": figures,
    "households": households,
    "slots": slots,
}
_FORMATS: Mapping[Kind, Callable[[pa.Table], bytes]] = {"csv": _to_csv, "parquet": _to_parquet, "json": _to_json}
