"""Folders, modules and functions stay small enough to read, and import rules short enough to know."""

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

MODULE_LINES, FUNCTION_LINES = 250, 45
FOLDER_MODULES, LAYERS = 16, 6
GENERATED = Path("clients/python/churn_client/schemas.py")


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines without its docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = first.end_lineno - first.lineno + 1 if documented and first.end_lineno else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_no_module_is_long(root: Path, files: list[Path]) -> None:
    modules = [path for path in files if path.suffix == ".py" and path.parts[0] != "tests" and path != GENERATED]
    assert len(modules) > 40
    assert [path for path in modules if len((root / path).read_text().splitlines()) > MODULE_LINES] == []


def test_no_function_is_long(root: Path, files: list[Path]) -> None:
    trees = {path: ast.parse((root / path).read_text()) for path in files if path.suffix == ".py"}
    functions = [
        (path, node.name, lines_of(node))
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [found for found in functions if found[2] > FUNCTION_LINES] == []


def test_no_folder_holds_many_modules(files: list[Path]) -> None:
    folders = Counter(path.parent for path in files if path.suffix == ".py" and path.name != "__init__.py")
    assert len(folders) > 30
    assert {folder: modules for folder, modules in folders.items() if modules > FOLDER_MODULES} == {}


def test_no_import_rule_has_many_layers(root: Path) -> None:
    rules = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = {rule["name"]: len(rule["layers"]) for rule in rules if rule["type"] == "layers"}
    assert len(layers) >= 6
    assert {name: number for name, number in layers.items() if number > LAYERS} == {}


def test_no_docstring_lists_what_a_module_does_without(root: Path, files: list[Path]) -> None:
    refrain = re.compile("knows " + "nothing", re.IGNORECASE)
    assert [path for path in files if path.suffix == ".py" and refrain.search((root / path).read_text())] == []
