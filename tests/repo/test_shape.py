"""Modules stay small enough to read, and functions small enough to see at once."""

import ast
from pathlib import Path

MODULE_LINES, FUNCTION_LINES = 250, 45


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines without its docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = first.end_lineno - first.lineno + 1 if documented and first.end_lineno else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_no_module_is_long(root: Path, files: list[Path]) -> None:
    modules = [path for path in files if path.suffix == ".py" and path.parts[0] != "tests"]
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
