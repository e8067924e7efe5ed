"""What the tests of the benchmarks share: figures of runs that never took place."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from benchmarks.measuring.rounds import Cell
from benchmarks.measuring.wrk import Load

LOAD = Load(seconds=2, answers=200, refused=0, late=0, broken=0, p50_ms=1, p95_ms=2, p99_ms=3)


@pytest.fixture
def make_load() -> Callable[..., Load]:
    def make(**facts: float) -> Load:
        return replace(LOAD, **facts)  # type: ignore[arg-type]  # counts are whole in every test

    return make


@pytest.fixture
def make_cell(make_load: Callable[..., Load]) -> Callable[..., Cell]:
    def make(server: str = "service", number: int = 1, connections: int = 10, shed: int = 0, **facts: float) -> Cell:
        return Cell(server, number, connections, make_load(**facts), shed, resident_mb=100)

    return make
