"""Checkouts as git and make know them: which files there are, and clones of the present state to work in.

A clone takes the environment that these tests run in: `make` sets nothing up there.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from models.bundles import pins

NOBODY = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")


def files(root: Path) -> list[Path]:
    """List all files that git holds or would take, relative to the root."""
    listed = _run(root, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
    return [Path(name) for name in sorted(set(listed.split("\0")) - {""}) if (root / name).is_file()]


def copy(root: Path, target: Path) -> None:
    """Copy what a clone of the present state would hold: all files git would take, and the pinned bundle."""
    pinned = root / "models" / "store" / pins.read(root / "models").version
    for path in {*files(root), *(file.relative_to(root) for file in pinned.rglob("*") if file.is_file())}:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / path, target / path)


def lend_environment(home: Path) -> None:
    """Give a copy the packages of this checkout, as if `make setup` had installed them."""
    (home / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (home / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    (home / ".venv" / "complete").touch()


@dataclass(frozen=True)
class Clone:
    """A repository of its own, in which all is committed."""

    folder: Path

    @classmethod
    def of(cls, root: Path, target: Path) -> "Clone":
        """Make one."""
        copy(root, target)
        clone = cls(target)
        clone.git("init", "--quiet")
        clone.commit()
        return clone

    def make(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `make`; it must not set up an environment here, nor in a folder that this one leads to."""
        ready = ("PYTHON=false", f"BIN={Path(sys.executable).parent}", "-o", ".venv/complete")
        return _run(self.folder, "make", "--no-print-directory", *ready, *words, check=False)

    def lint(self, root: Path) -> "subprocess.CompletedProcess[str]":
        """Run `make lint`; with the root's cache, mypy checks only what differs there."""
        if (cache := root / ".mypy_cache").is_dir():
            shutil.copytree(cache, self.folder / ".mypy_cache")
        return self.make("lint")

    def git(self, *words: str) -> str:
        """Run `git`; returns what it printed."""
        return _run(self.folder, "git", *NOBODY, *words).stdout

    def commit(self) -> None:
        """Commit everything, with the pinned bundle."""
        self.git("add", "--all")
        self.git("add", "--force", "models/store")
        self.git("commit", "--quiet", "--message", "As it is")


def _run(folder: Path, *command: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=check)
