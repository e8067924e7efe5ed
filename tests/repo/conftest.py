"""What the tests of the repository itself share. Knows nothing of the programs in it."""

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def files(root: Path) -> list[Path]:
    """All files that git holds or would take, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return [Path(name) for name in names if (root / name).is_file()]
