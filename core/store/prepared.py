"""Statements rendered once for a database and run many times without being rendered again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Dialect

Execute = Callable[[str, Any], Any]
"""execute(text, values): run a statement once, or for each of a list of values; rows can be iterated over."""


class Prepared:
    """A SQLAlchemy statement as its dialect writes it; names of parameters are those of the statement."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup if compiled.positional else None

    def run(self, execute: Execute, values: Mapping[str, object]) -> Any:
        """Run it once; its result."""
        return execute(self._text, self._placed(values))

    def run_many(self, execute: Execute, rows: Sequence[Mapping[str, object]]) -> None:
        """Run it for every row."""
        execute(self._text, [self._placed(row) for row in rows])

    def _placed(self, values: Mapping[str, object]) -> Any:
        if self._order is None:
            return dict(values)
        return tuple([values[name] for name in self._order])


def execute_on(cursor: Any) -> Execute:
    """Straight to the driver: a tenth of the way through SQLAlchemy, for what runs thousands of times a second."""

    def execute(text: str, values: Any) -> Any:
        return cursor.executemany(text, values) if isinstance(values, list) else cursor.execute(text, values)

    return execute
