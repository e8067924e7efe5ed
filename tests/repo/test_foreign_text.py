"""Foreign text is split at line feeds only, and is made printable before a terminal sees it."""

import ast
from pathlib import Path

import pytest

from models import plain_text

FOREIGN = "a\u2028b\u2029c\x85d\x1ce\x1df\x1eg\x0bh\x0ci"


def calls(root: Path, files: list[Path]) -> list[tuple[Path, ast.Call]]:
    sources = [path for path in files if path.suffix == ".py" and path.parts[0] != "tests"]
    assert len(sources) > 200
    return [
        (path, node)
        for path in sources
        for node in ast.walk(ast.parse((root / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]


def test_no_program_splits_text_at_characters_that_are_no_line_ends(root: Path, files: list[Path]) -> None:
    attributes = [(path, node.func) for path, node in calls(root, files) if isinstance(node.func, ast.Attribute)]
    assert [(path, found.lineno) for path, found in attributes if found.attr == "splitlines"] == []


def test_every_log_of_a_program_on_a_terminal_is_printable(root: Path, files: list[Path]) -> None:
    set_up = {path.as_posix() for path, node in calls(root, files) if ast.unparse(node.func) == "logging.basicConfig"}
    assert {path for path in set_up if not path.startswith("benchmarks/")} == {
        "models/plain_text.py",
        ".github/scripts/deploy.py",
    }


def test_only_a_line_feed_or_a_carriage_return_ends_a_first_line() -> None:
    assert plain_text.first_line(f"\n \n{FOREIGN}\nmore") == FOREIGN.encode("unicode_escape").decode()
    assert plain_text.first_line("one\rtwo") == "one"
    assert plain_text.first_line(ValueError(" \n ")) == "ValueError"
    assert len(plain_text.first_line("x" * 10_000)) < 600


@pytest.mark.parametrize("text", [FOREIGN, "\x1b]0;title\x07", "\u202etxt", "\udcff", "\r\n", "\0"])
def test_nothing_that_a_terminal_acts_on_is_left(text: str) -> None:
    assert plain_text.one_line(text).isprintable()
    assert plain_text.printable("as it is, é 漢 😀") == "as it is, é 漢 😀"
