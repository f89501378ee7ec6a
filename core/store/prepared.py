"""Statements rendered once for a database and run many times without being rendered again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy.engine import Dialect

Execute = Callable[[str, Any], Any]
"""execute(text, values): run a statement once, or for each of a list of values; rows can be iterated over."""
SIZES = (1, 8, 32, 128, 512)
"""How many keys one statement is about: a few sizes, so that few are rendered."""


class Prepared:
    """A SQLAlchemy statement as its dialect writes it; names of parameters are those of the statement."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._placed = _by_position(compiled.positiontup) if compiled.positional else dict

    def run(self, execute: Execute, values: Mapping[str, object]) -> Any:
        """Run it once; its result."""
        return execute(self._text, self._placed(values))

    def run_many(self, execute: Execute, rows: Sequence[Mapping[str, object]]) -> Any:
        """Run it for every row; `rowcount` of what it returns is the number of rows changed by all."""
        return execute(self._text, list(map(self._placed, rows)))


def _by_position(names: Sequence[str]) -> Callable[[Mapping[str, object]], Any]:
    """What puts values by name into the order of a statement's question marks."""
    if len(names) < 2:
        return lambda values: tuple([values[name] for name in names])
    return itemgetter(*names)


class PreparedForKeys:
    """A statement about any number of keys. `written(names)` makes it for keys in parameters of these names."""

    def __init__(self, written: Callable[[list[str]], Any], dialect: Dialect) -> None:
        self._written = written
        self._dialect = dialect
        self._by_size: dict[int, Prepared] = {}

    def run(self, execute: Execute, keys: Sequence[bytes]) -> None:
        """Run it about these keys."""
        for statement, values in self._portions(keys):
            statement.run(execute, values)

    def rows(self, execute: Execute, keys: Sequence[bytes]) -> Iterator[Any]:
        """The rows it finds for these keys."""
        for statement, values in self._portions(keys):
            yield from statement.run(execute, values)

    def _portions(self, keys: Sequence[bytes]) -> Iterator[tuple[Prepared, dict[str, bytes]]]:
        """The keys in portions of SIZES, the last one filled up with a key that is in it already."""
        for start in range(0, len(keys), SIZES[-1]):
            chunk = keys[start : start + SIZES[-1]]
            size = next(size for size in SIZES if size >= len(chunk))
            filled = [*chunk, *[chunk[0]] * (size - len(chunk))]
            yield self._for(size), {f"k{n}": key for n, key in enumerate(filled)}

    def _for(self, size: int) -> Prepared:
        if size not in self._by_size:
            self._by_size[size] = Prepared(self._written([f"k{n}" for n in range(size)]), self._dialect)
        return self._by_size[size]


def execute_on(cursor: Any) -> Execute:
    """Straight to the driver: a tenth of the way through SQLAlchemy, for what runs thousands of times a second."""

    def execute(text: str, values: Any) -> Any:
        if isinstance(values, list):
            cursor.executemany(text, values)
        else:
            cursor.execute(text, values)
        return cursor

    return execute
