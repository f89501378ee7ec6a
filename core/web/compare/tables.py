"""Tables to take away: lines, columns and units as on the screen, with every digit, as CSV, Parquet or JSON."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from core.chain.export import csv_cell
from core.market.quantities import array_of
from core.web.compare.table import FigureTable
from core.web.compare.view import View
from core.web.format import Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """A table and what is needed to understand it.

    name: of the file, without ending. context: where it comes from, JSON. units, formulas: by column.
    """

    name: str
    table: pd.DataFrame
    context: Mapping[str, object]
    units: Mapping[str, str]
    formulas: Mapping[str, str]

    def csv(self) -> bytes:
        """UTF-8 with a byte order mark, so that spreadsheets read the currency; no cell is a formula."""
        safe = self.table.copy()
        for column in safe.columns:
            if not pd.api.types.is_numeric_dtype(safe[column]):
                safe[column] = [csv_cell(str(value)) for value in safe[column]]
        text: str = safe.to_csv(index=False, lineterminator="\r\n")
        return text.encode("utf-8-sig")

    def parquet(self) -> bytes:
        """With context, units and formulas in the file's metadata under "lab"."""
        about = {"context": self.context, "units": self.units, "formulas": self.formulas}
        table = pa.Table.from_pandas(self.table, preserve_index=False)
        table = table.replace_schema_metadata({b"lab": json.dumps(about, ensure_ascii=False).encode()})
        sink = io.BytesIO()
        pq.write_table(table, sink)
        return sink.getvalue()

    def json(self) -> bytes:
        """One object a line of the table; not defined is null."""
        columns = {
            name: {"unit": self.units.get(name, ""), "formula": self.formulas.get(name, "")}
            for name in self.table.columns
        }
        rows = [{name: _plain(value) for name, value in row.items()} for row in self.table.to_dict("records")]
        document = {"context": self.context, "columns": columns, "rows": rows}
        return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False).encode()


def figures_export(table: FigureTable, numbers: Numbers, context: Mapping[str, object]) -> Export:
    """The table of figures as it is shown: baseline first, the same columns; values, and the differences if shown."""
    columns: dict[str, list[object]] = {
        "algorithm_id": [line.row.algorithm_id for line in table.lines],
        "algorithm": [line.row.name for line in table.lines],
        "baseline": [line.is_baseline for line in table.lines],
    }
    units, formulas = {}, {}
    for place, figure in enumerate(table.figures):
        unit = numbers.unit(figure.shown_unit)
        title = f"{figure.label} ({unit})" if unit else figure.label
        columns[title] = [line.cells[place].value for line in table.lines]
        units[title], formulas[title] = unit, numbers.unit(figure.formula)
        if table.mode != "Values":
            differing = f"{title}, {DIFFERENCES[table.mode]}"
            columns[differing] = [line.cells[place].shown for line in table.lines]
            units[differing] = "%" if table.mode == "Percent" else "percentage points" if unit == "%" else unit
            formulas[differing] = f"{title} − {title} of the baseline" + DIVIDED[table.mode]
    context = {**context, "shown as": table.mode, "baseline": table.baseline.algorithm_id}
    return Export("figures", pd.DataFrame(columns), context, units, formulas)


DIFFERENCES = {"Difference": "difference", "Percent": "difference in percent"}
DIVIDED = {"Difference": "", "Percent": ", ÷ |that of the baseline|"}


def accounts_export(view: View, context: Mapping[str, object]) -> Export:
    """Every household's account under every algorithm of the view, a row a household and algorithm."""
    parts = []
    for row in view.drawable:
        arrays = view.result.households(row)
        parts.append(
            pd.DataFrame({"algorithm_id": row.algorithm_id, "household_id": view.result.household_ids, **arrays})
        )
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return Export("households", table, context, _units(table, view.numbers), {})


def series_export(view: View, context: Mapping[str, object]) -> Export:
    """Every slot of the period under every algorithm of the view, a row a slot and algorithm."""
    starts = view.result.slot_starts()[view.slots]
    parts = []
    for row in view.drawable:
        arrays = {name: values[view.slots] for name, values in view.result.series(row).items()}
        times = {"start_utc": starts, "start_local": view.starts}
        parts.append(pd.DataFrame({"algorithm_id": row.algorithm_id, **times, **arrays}))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return Export("series", table, context, _units(table, view.numbers), {})


def _units(table: pd.DataFrame, numbers: Numbers) -> dict[str, str]:
    return {name: numbers.unit(unit) for name in table.columns if (unit := array_of(str(name)).unit)}


def _plain(value: object) -> object:
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer | np.bool_):
        return value.item()
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
