"""The lock files: every dependency that is named is pinned, by hash, the same in each file."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

LOCKS = ("service", "jobs", "dev", "spark", "uv")
NAME = re.compile(r"[A-Za-z0-9._-]+")
PLATFORMS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin")
"""Linux on both processors and macOS on Apple silicon; packages for Macs with Intel processors are no longer made."""
UNREACHABLE = re.compile(r"client error|error sending request|dns error|timed out|network was disabled")
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


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.11", "3.14"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_there_is_a_package_of_each_version_for_each_machine(
    platform: str, python: str, root: Path, tmp_path: Path
) -> None:
    lock = root / "requirements" / "dev.txt"  # has the versions of all locks of the images
    kind = ("--python-platform", platform, "--python-version", python, "--only-binary", ":all:")
    as_locked = ("--no-deps", "--require-hashes", "--requirement", str(lock))
    program = str(Path(sys.executable).with_name("uv"))
    done = subprocess.run(
        [program, "pip", "install", "--dry-run", "--target", str(tmp_path), *kind, *as_locked],
        env=os.environ | {"MACOSX_DEPLOYMENT_TARGET": "14.0", "UV_HTTP_TIMEOUT": "20"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and UNREACHABLE.search(done.stderr):
        pytest.skip("no package registry answers")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Would install 2\d\d packages", done.stderr)


def test_the_page_of_limits_says_which_machines_have_no_packages(root: Path) -> None:
    page = " ".join((root / "docs" / "limits.md").read_text().split())
    assert "Macs with Intel processors" in page
    assert "macOS 14" in page
