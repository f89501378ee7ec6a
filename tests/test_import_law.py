"""Imports point one way: the first one that climbs fails here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]

ROWS = {
    "core.errors": 1,
    "core.system": 1,
    "core.durable": 1,
    "core.logs": 1,
    "core.market": 2,
    "core.ledger": 2,
    "core.readings": 3,
    "core.settings": 4,
    "core.store": 4,
    "core.live": 5,
    "core.runs": 5,
    "core.accounts": 5,
    "core.chain": 5,
    "core.exchange": 6,
    "core.health": 6,
    "core.audit": 6,
    "core.web": 7,
    "core.commands": 7,
    "core.__main__": 7,
    "pages": 8,
    "streamlit_app": 8,
}
SERVICES = {"core.live", "core.runs", "core.accounts", "core.chain"}
APART = [("core.market", "core.ledger"), ("core.ledger", "core.market"), ("core.readings", "core.ledger")]
FACES = ("core.web", "pages", "streamlit_app")
COMMANDS = ("core.commands", "core.__main__")
ROOMS = [room for room in ROWS if room.startswith("core.") and room != "core.market"]
PURE = ("core.market", "core.ledger", "core.readings")


def modules() -> list[Path]:
    return sorted([*(REPO / "core").rglob("*.py"), *(REPO / "pages").glob("*.py"), REPO / "streamlit_app.py"])


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(REPO).with_suffix("").parts).removesuffix(".__init__")


def row_of(module: str) -> tuple[str, int] | None:
    fits = [package for package in ROWS if module == package or module.startswith(package + ".")]
    return (fits[0], ROWS[fits[0]]) if fits else None


def imports(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            found.append((node.lineno, "relative import"))
    return found


def complaints(importer: str, line: int, imported: str) -> list[str]:
    where = f"{importer} line {line} imports {imported}"
    if imported == "relative import":
        return [f"{where}: write the whole name"]
    own, other = row_of(importer), row_of(imported)
    found = []
    if imported.split(".")[0] == "streamlit" and not importer.startswith(FACES):
        found.append(f"{where}: only the faces import Streamlit")
    if own and other and own[0] != other[0]:
        if other[1] > own[1]:
            found.append(f"{where}: row {own[1]} must not import row {other[1]}")
        if own[0] in SERVICES and other[0] in SERVICES:
            found.append(f"{where}: services do not know each other")
        if (own[0], other[0]) in APART:
            found.append(f"{where}: these two do not know each other")
    if importer.startswith(COMMANDS) and imported.startswith("core.web"):
        found.append(f"{where}: the command line imports nothing of the pages")
    if importer.startswith(PURE) and imported.split(".")[0] in ("sqlalchemy", "sqlite3", "apscheduler", "paho"):
        found.append(f"{where}: the pure rows do no input or output of their own")
    return found


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_import_climbs(path: Path) -> None:
    found = [c for line, imported in imports(path) for c in complaints(name_of(path), line, imported)]
    assert not found, "\n".join(found)


def test_the_law_sees_an_import_that_climbs() -> None:
    assert complaints("core.market.orders", 1, "core.store.pool.Pool")
    assert complaints("core.live.feed", 1, "core.runs.runs.Runs")
    assert complaints("core.ledger.file", 1, "streamlit")
    assert complaints("core.commands.ledger", 1, "core.web.escape.visible")
    assert not complaints("pages.live", 1, "core.web.session.guard")


def test_every_module_has_a_row() -> None:
    orphans = [name_of(p) for p in modules() if name_of(p) != "core" and row_of(name_of(p)) is None]
    assert not orphans, f"give these a row in ROWS: {orphans}"


Graph = dict[str, set[str]]


def part_of(module: str, known: set[str]) -> str:
    """The part of its room that a module belongs to: its folder within the room, or itself where it lies in the room.

    Two folders that import each other are a circle even where no two modules are.
    """
    while module not in known and "." in module:
        module = module.rsplit(".", 1)[0]  # a name of a module
    parts = module.split(".")
    return ".".join(parts[:3]) if len(parts) > 2 else module


def parts() -> Graph:
    """Which parts of `core` import which when they are loaded."""
    known = {name_of(path) for path in modules()}
    found: Graph = {}
    for path in modules():
        own = part_of(name_of(path), known)
        others = {part_of(imported, known) for _, imported in imports(path) if imported.startswith("core.")}
        found.setdefault(own, set()).update(others - {own, ".".join(own.split(".")[:2])})
    return found


def circles(graph: Graph) -> list[str]:
    """Every part that is in a circle or between two, as what is left when the others are taken away again and again."""
    left = {name: set(others) & graph.keys() for name, others in graph.items()}
    while loose := {name for name, others in left.items() if not others} | left.keys() - set().union(*left.values()):
        left = {name: others - loose for name, others in left.items() if name not in loose}
    return sorted(left)


@pytest.mark.parametrize("room", ROOMS)
def test_no_import_circle_is_in_a_room(room: str) -> None:
    assert circles({name: others for name, others in parts().items() if name.startswith(room)}) == []


def test_the_law_sees_a_circle_of_folders() -> None:
    assert circles({"core.web.a": {"core.web.b"}, "core.web.b": {"core.web.a"}, "core.web.c": {"core.web.a"}})
    assert not circles({"core.web.a": {"core.web.b"}, "core.web.b": set()})
