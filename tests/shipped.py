"""Which tests are about the customers that this project was shipped with, and so are skipped where it has others.

A test is, if it, what it calls, or a fixture that it takes names one of their fields or the synthetic population; or if
it is marked `shipped`. All others hold for any customers, and run there, too.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from models.bundles import bundle, pin_history
from models.errors import FingerprintMismatch
from models.features import CONTRACT

FIELDS = ("tenure_months", "monthly_charges", "total_charges", "support_tickets", "contract_type")
ARE_SERVED = set(CONTRACT.names) >= set(FIELDS)
REASON = "about the customers that the template ships with; models/features.py has others"
_SHELF = Path(__file__).parent.parent / "models"
MODEL_IS_SERVED = all(event.change == "fit" for event in pin_history.read(_SHELF).changes)
"""Whether nothing but fits by hand made the pinned model; one that the gate promoted has other figures than README."""
MODEL_REASON = "about the model that the template ships with; another was promoted"
NO_MODEL_REASON = "no model fits models/features.py; `make train` makes one"
_POPULATION = {"training.data.synthetic", "demo.synthetic_customers", "demo.populations"}
_WORDS = re.compile(rf"\b(?:{'|'.join(FIELDS)}|synthetic)\b")


def is_about_them(item: pytest.Item) -> bool:
    """Decide on a collected test."""
    if item.get_closest_marker("shipped"):
        return True
    if not isinstance(item, pytest.Function):
        return False
    fixtures = [fixture for known in item._fixtureinfo.name2fixturedefs.values() for fixture in known]
    parts = [item.function, *(fixture.func for fixture in fixtures)]
    return any(part.__name__ in _names(Path(part.__code__.co_filename)) for part in parts if hasattr(part, "__code__"))


def require() -> None:
    """Skip the rest of a module that cannot be imported without them."""
    if not ARE_SERVED:
        pytest.skip(REASON, allow_module_level=True)


def require_model() -> None:
    """Skip a test that needs a serving model between a change of the features and the next training."""
    try:
        bundle.load(_SHELF, contract=CONTRACT)
    except FingerprintMismatch:
        pytest.skip(NO_MODEL_REASON)


@cache
def _names(path: Path) -> frozenset[str]:
    """Find what in a module is about them, by its own names."""
    statements = list(_statements(ast.parse(path.read_text(encoding="utf-8"))))
    about = frozenset(name for name, text in statements if _WORDS.search(text))
    while more := {name for name, text in statements if name not in about and _mentions(text, about)}:
        about |= more
    return about


def _statements(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Go through what a module defines at its top, each name with its source."""
    for node in module.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, ast.unparse(node)
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
                yield from ((name, ast.unparse(node)) for name in names if name != "_")
            case ast.ImportFrom():
                paths = {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
                of_them = node.module in _POPULATION
                yield from ((name, FIELDS[0]) for name, path in paths.items() if of_them or path in _POPULATION)


def _mentions(text: str, names: frozenset[str]) -> bool:
    return bool(names) and re.search(rf"\b(?:{'|'.join(map(re.escape, names))})\b", text) is not None
