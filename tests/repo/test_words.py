"""Every `make` target that a page or script names exists."""

import re
import subprocess
from pathlib import Path

CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
WORD = re.compile(r"\bmake ([a-z-]+)")
SCRIPTS = {".ci/run", ".pre-commit-config.yaml"}


def targets(root: Path) -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))


def words_of(page: str) -> set[str]:
    return {word for code in CODE.findall(page) for word in WORD.findall(code)}


def test_every_word_that_a_page_names_can_be_made(root: Path, files: list[Path]) -> None:
    pages = {path: words_of((root / path).read_text()) for path in files if path.suffix == ".md"}
    assert [(path, words - targets(root)) for path, words in pages.items() if not words <= targets(root)] == []


def test_every_word_that_a_script_calls_can_be_made(root: Path, files: list[Path]) -> None:
    scripts = [path for path in files if path.as_posix() in SCRIPTS or path.parent.name in {"workflows", "scripts"}]
    words = {word for path in scripts for word in WORD.findall((root / path).read_text())}
    assert {"lint", "test"} <= words <= targets(root)


def test_help_lists_every_target(root: Path) -> None:
    helped = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[0] for line in helped.splitlines()} == targets(root)
