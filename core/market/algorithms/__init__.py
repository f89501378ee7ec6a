"""One file an algorithm: dropping a file into this folder is all it takes to have it compared.

docs/add-an-algorithm.md shows how. A file that cannot be imported is left out, and `get` says why.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import logging
import re
from functools import cache
from pathlib import Path
from types import ModuleType

from core.errors import MarketError
from core.market.contract import FAMILIES, Algorithm, Parameter, unknown
from core.market.invariants import MAY_BE_EXEMPT

log = logging.getLogger(__name__)


def find() -> dict[str, Algorithm]:
    """Every algorithm in the folder by id (the file's name), in the order to show them."""
    found = [algorithm for algorithm in map(_load, _ids()) if isinstance(algorithm, Algorithm)]
    return {algorithm.id: algorithm for algorithm in sorted(found, key=lambda a: (a.rank, a.id))}


def get(algorithm_id: str) -> Algorithm:
    """One algorithm. Raises MarketError with "did you mean", or with the reason its file cannot be used."""
    if algorithm_id not in _ids():
        raise unknown("algorithm", algorithm_id, find())
    loaded = _load(algorithm_id)
    if isinstance(loaded, str):
        raise MarketError(f"{algorithm_id}.py cannot be used: {loaded}", fix="docs/add-an-algorithm.md shows the form.")
    return loaded


def _ids() -> list[str]:
    files = (path for folder in __path__ for path in Path(folder).glob("*.py"))
    return sorted(path.stem for path in files if not path.stem.startswith("_"))


@cache
def _load(algorithm_id: str) -> Algorithm | str:
    """The algorithm, or the sentence that says why its file cannot be used."""
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(f"{__name__}.{algorithm_id}")
        return _algorithm(algorithm_id, module)
    except Exception as error:  # a stranger's file may raise anything; it must not take the others with it
        log.error("algorithm file %s.py cannot be used: %s: %s", algorithm_id, type(error).__name__, error)
        return f"{type(error).__name__}: {error}"


def _algorithm(algorithm_id: str, module: ModuleType) -> Algorithm:
    settle, run = getattr(module, "settle", None), getattr(module, "run", None)
    if (settle is None) == (run is None):
        raise MarketError("It must have either settle(dispatch, tariff) or run(path).")
    dispatch, clear = getattr(module, "dispatch", None), getattr(module, "clear", None)
    under_rules = getattr(module, "under_rules", None)
    parameters: tuple[Parameter, ...] = tuple(getattr(module, "PARAMETERS", ()))
    used = {name for function in (settle, dispatch, clear, under_rules) if function for name in keywords(function)}
    declared = {parameter.name for parameter in parameters}
    if used != declared:
        raise MarketError(f"PARAMETERS has {sorted(declared)}, but its functions take {sorted(used)}.")
    exempt: tuple[str, ...] = tuple(getattr(module, "EXEMPT", ()))
    for name in exempt:
        if name not in MAY_BE_EXEMPT:
            raise unknown("invariant that may be exempt", name, dict.fromkeys(MAY_BE_EXEMPT))
    family = getattr(module, "FAMILY", FAMILIES[-1])
    if family not in FAMILIES:
        raise unknown("family of algorithms", str(family), dict.fromkeys(FAMILIES))
    colour = getattr(module, "COLOUR", "")
    if colour and not re.fullmatch("#[0-9a-fA-F]{6}", str(colour)):
        raise MarketError(f'COLOUR is "{str(colour)[:80]}", expected six hexadecimal digits such as "#2f7de1".')
    return Algorithm(
        id=algorithm_id,
        name=getattr(module, "NAME", algorithm_id.replace("_", " ").capitalize()),
        promise=(inspect.getdoc(module) or "").partition("\n")[0],
        source=getattr(module, "SOURCE", ""),
        parameters=parameters,
        exempt=exempt,
        source_digest=hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest(),
        rank=getattr(module, "RANK", 100),
        settle=settle,
        dispatch=dispatch,
        clear=clear,
        run=run,
        family=family,
        colour=colour,
        heavy=bool(getattr(module, "HEAVY", False)),
        easy_households=getattr(module, "EASY_HOUSEHOLDS", None),
        under_rules=under_rules,
    )


def keywords(function: object) -> tuple[str, ...]:
    """The keyword-only parameters of a function: what an algorithm takes beside its arrays."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    return tuple(p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY)
