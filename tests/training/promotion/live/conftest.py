"""Fixtures of the tests of trials."""

from pathlib import Path

import pytest

from tests.stores import Shelf
from tests.training.promotion.live.trial_log import Log


@pytest.fixture
def log(shelf: Shelf, tmp_path: Path) -> Log:
    return Log(shelf, tmp_path)
