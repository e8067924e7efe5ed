"""Marks these tests as attacks, and gives them the fixtures of the service's tests. Attacks go to 127.0.0.1 only."""

from pathlib import Path

import pytest

from tests.service.conftest import client, customers, launch, models_dir, pinned, shelf, start

__all__ = ["client", "customers", "launch", "models_dir", "pinned", "shelf", "start"]
_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if item.path.is_relative_to(_FOLDER):
            item.add_marker(pytest.mark.attack)
