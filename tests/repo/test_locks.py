"""The lock files: every dependency that is named is pinned, by hash, the same in each file."""

import re
import tomllib
from pathlib import Path

import pytest

LOCKS = ("service", "jobs", "dev", "spark", "uv")
NAME = re.compile(r"[A-Za-z0-9._-]+")
ENTRY = re.compile(
    r"(?P<name>[a-z0-9-]+)(\[[a-z,-]+\])?==(?P<version>\S+)(\s+;[^\\-]*)?(\s+--hash=sha256:[0-9a-f]{64})+\s*"
)


def entries(root: Path, lock: str) -> list[str]:
    text = (root / "requirements" / f"{lock}.txt").read_text()
    return text.replace("\\\n", " ").splitlines()


def pins(root: Path, lock: str) -> dict[str, str]:
    found = [ENTRY.fullmatch(entry) for entry in entries(root, lock)]
    return {match["name"]: match["version"] for match in found if match}


def dependencies(root: Path, group: str) -> set[str]:
    groups = tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"]
    names: set[str] = set()
    for item in groups[group]:
        if isinstance(item, dict):
            names |= dependencies(root, item["include-group"])
        else:
            names.add(NAME.match(item)[0].lower())  # type: ignore[index]  # each requirement begins with its name
    return names


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_of_a_lock_is_one_version_with_hashes(lock: str, root: Path) -> None:
    loose = [entry for entry in entries(root, lock) if not ENTRY.fullmatch(entry)]
    assert loose == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_holds_a_download_address(lock: str, root: Path) -> None:
    assert [entry for entry in entries(root, lock) if "://" in entry] == []


@pytest.mark.parametrize("group", ["service", "jobs", "dev", "spark"])
def test_every_dependency_of_a_group_is_in_its_lock(group: str, root: Path) -> None:
    assert dependencies(root, group) - pins(root, group).keys() == set()


@pytest.mark.parametrize("lock", ["service", "jobs", "uv"])
def test_what_is_deployed_is_what_is_tested(lock: str, root: Path) -> None:
    assert pins(root, lock).items() - pins(root, "dev").items() == set()
