"""What the tests of the repository itself share."""

from pathlib import Path

import pytest

from tests import checkout


@pytest.fixture(scope="session")
def files(root: Path) -> list[Path]:
    """All files that git holds or would take, relative to the root."""
    return checkout.files(root)
