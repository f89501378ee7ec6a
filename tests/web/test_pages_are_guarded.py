"""No page runs without its guard, no fragment outlives its session, and no page brings markup or scripts in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.settings import ROOT
from core.web import session
from core.web.frame import PLACES
from tests.web.conftest import House

PAGES = sorted((ROOT / "pages").glob("*.py"))
GUARDED = [path for path in PAGES if path.stem != "sign_in"]
FACES = sorted([*PAGES, *(ROOT / "core" / "web").rglob("*.py"), ROOT / "streamlit_app.py"])
UI = ROOT / "core" / "web" / "ui.py"
BANNED_WORDS = {"unsafe_allow_html", "unsafe_allow_javascript"}
DROP_ZONE = ROOT / "core" / "web" / "compare" / "drop_zone.py"  # its script is a file of ours, as the policy asks
SCRIPT_PLACE = ROOT / "core" / "web" / "sign_in.py"
ANONYMOUS = "Sign in to see this page."


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def called(node: ast.expr) -> str:
    """`a.b` of a call `a.b(…)`, "" for anything else."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def first_call(path: Path) -> str:
    """The first call a page makes when it runs, definitions and plain constants aside."""
    for node in tree(path).body:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
            continue
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                return called(inner)
    return ""


def fragments() -> Iterator[tuple[Path, ast.FunctionDef]]:
    for path in FACES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef) and any("fragment" in ast.unparse(d) for d in node.decorator_list):
                yield path, node
            if isinstance(node, ast.Call) and called(node).startswith("st.fragment") and not _decorates(path, node):
                for argument in node.args:
                    yield path, _function(path, ast.unparse(argument))


def _decorates(path: Path, call: ast.Call) -> bool:
    functions = (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef))
    return any(ast.unparse(call) == ast.unparse(d) for node in functions for d in node.decorator_list)


def _function(path: Path, name: str) -> ast.FunctionDef:
    return next(n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef) and n.name == name)


def first_statement(function: ast.FunctionDef) -> str:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return ast.unparse(body[0])


@pytest.mark.parametrize("path", GUARDED, ids=lambda path: path.stem)
def test_the_first_thing_a_page_does_is_to_ask_who_is_there(path: Path) -> None:
    assert first_call(path) == "guard"


def test_every_fragment_asks_first_whether_the_session_lives() -> None:
    found = [(path.name, function.name, first_statement(function)) for path, function in fragments()]
    assert any(name == "_watch" for _, name, _ in found)
    assert [each for each in found if "still_signed_in()" not in each[2]] == []


def test_no_page_brings_in_markup_or_scripts() -> None:
    found = []
    for path in FACES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.keyword) and node.arg in BANNED_WORDS and path != SCRIPT_PLACE:
                found.append(f"{path.name} line {node.value.lineno}: {node.arg}")
            if isinstance(node, ast.Call) and called(node).endswith(("components.html", "components.iframe")):
                found.append(f"{path.name} line {node.lineno}: {called(node)}")
            imports = isinstance(node, ast.Import | ast.ImportFrom) and "components" in ast.unparse(node)
            if imports and path != DROP_ZONE:
                found.append(f"{path.name} line {node.lineno}: {ast.unparse(node)}")
    assert found == []


def test_every_page_has_a_place_and_every_place_a_page() -> None:
    assert {path.stem for path in GUARDED} == {place[0] for place in PLACES}


@pytest.mark.parametrize("path", GUARDED, ids=lambda path: path.stem)
@pytest.mark.usefixtures("house")
def test_a_page_run_without_the_frame_shows_nothing_to_a_stranger(path: Path) -> None:
    page = AppTest.from_file(str(path), default_timeout=20).run()
    assert [error.value for error in page.error] == [ANONYMOUS]
    assert not page.title
    assert not page.button


@pytest.mark.parametrize("path", GUARDED, ids=lambda path: path.stem)
def test_the_first_password_opens_no_page(path: Path, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    (admin,) = house.exchange.accounts.everybody()
    token = house.exchange.sessions.open(admin)
    monkeypatch.setattr(session, "browser_token", lambda: token)
    page = AppTest.from_file(str(path), default_timeout=20).run()
    assert [error.value for error in page.error] == [ANONYMOUS]


@pytest.mark.usefixtures("house")
def test_the_frame_shows_a_stranger_the_door() -> None:
    page = AppTest.from_file(str(UI), default_timeout=20).run()
    assert not page.exception
    assert [field.label for field in page.text_input][:2] == ["Username", "Password"]


def test_the_frame_shows_the_first_password_one_form(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    (admin,) = house.exchange.accounts.everybody()
    token = house.exchange.sessions.open(admin)
    monkeypatch.setattr(session, "browser_token", lambda: token)
    page = AppTest.from_file(str(UI), default_timeout=20).run()
    assert not page.exception
    assert [field.label for field in page.text_input] == [
        "Current password",
        "New password",
        "Repeat the new password",
    ]


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_people_is_for_admins(role: str, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    token = house.exchange.sessions.open(house.person("vera", role))
    monkeypatch.setattr(session, "browser_token", lambda: token)
    page = AppTest.from_file(str(ROOT / "pages" / "people.py"), default_timeout=20).run()
    assert [error.value for error in page.error] == ["This page is for admins."]
    assert not page.title
