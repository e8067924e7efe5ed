"""The benchmark of fits in parts grows the same trees in one process and in two, and its lines are least squares."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import scale
from benchmarks.errors import PartsFitFailed
from benchmarks.reporting import scale_page
from benchmarks.reporting.scale_page import ONE, Run

RUN = Run(
    round=1,
    rows=1_000,
    trees=5,
    kind=ONE,
    cpu_seconds=3,
    seconds=4,
    stage_seconds={"passes": 1, "learning": 2},
    stage_cpu_seconds={"passes": 0.5, "learning": 1},
    main_mb=400,
    worker_mb=[],
    trees_sha256="a",
    roc_auc=0.85,
    best_roc_auc=0.8515,
)


@pytest.mark.shipped
def test_two_processes_grow_the_trees_of_one_and_each_has_a_size(tmp_path: Path) -> None:
    one, two = (scale.run(tmp_path, 1, 4_000, processes, 30) for processes in (0, 2))
    assert len(list((tmp_path / "customers-4000").iterdir())) == 8
    assert [one.kind, two.kind] == ["one process", "local:2"]
    assert one.trees_sha256 == two.trees_sha256
    assert 0.75 < one.roc_auc == two.roc_auc < one.best_roc_auc < 0.86
    assert one.worker_mb == []
    assert len(two.worker_mb) == 2
    assert min(*two.worker_mb, one.main_mb) > 100
    assert sum(two.stage_cpu_seconds.values()) < two.cpu_seconds


def test_a_fit_that_fails_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "customers-10").mkdir()
    with pytest.raises(PartsFitFailed, match=r"no fit of 10 rows, one process: .*without \.parquet files"):
        scale.run(tmp_path, 1, 10, 0, 5)


def test_a_line_has_the_least_relative_errors() -> None:
    found = [replace(RUN, rows=rows, cpu_seconds=2 + rows / 1_000) for rows in (1_000, 4_000, 16_000)]
    exact = scale_page.line(found, ONE)
    assert (exact.slope, exact.intercept) == pytest.approx((0.001, 2))
    assert exact.residuals == pytest.approx([0, 0, 0], abs=1e-9)
    slower = [*found[:2], replace(found[2], cpu_seconds=20)]
    assert scale_page.line(slower, ONE).residuals == pytest.approx([0.0295, -0.0389, 0.0128], abs=0.02)


def test_the_page_has_medians_overheads_and_whether_trees_are_equal() -> None:
    def runs(number: int, one: float, two: float, rows: int = 1_000) -> list[Run]:
        alone = replace(RUN, round=number, rows=rows, cpu_seconds=one)
        stages = {"passes": 1.0, "learning": 1.5}
        return [
            alone,
            replace(alone, kind="local:2", cpu_seconds=two, stage_cpu_seconds=stages, worker_mb=[number * 100.0, 350]),
        ]

    larger = [replace(RUN, rows=rows, cpu_seconds=rows / 250) for rows in (2_000, 3_000)]
    largest = replace(RUN, round=0, rows=9_000, trees_sha256="b")
    found = [*runs(1, 3, 6), *runs(2, 4, 6), *runs(3, 5, 5), *larger, largest]
    page = scale_page.write(found, trees=5, rate=1.8, judged=400_000, cores=2)
    first, last = (line for line in page.splitlines() if line.startswith("| local:2, 1,000 rows"))
    assert [cell.strip() for cell in first.split("|")[2:6]] == ["6.0", "1.0", "1.5", "167"]
    assert first.split("|")[-2].strip() == "350"
    assert [cell.strip() for cell in last.split("|")[2:5]] == ["1.50 (1.00 to 2.00)", "2.00", "1.50"]
    assert "one process took 3 s for 9,000 rows, and its line says 36" in page
    assert not [line for line in page.splitlines() if line.startswith("| local:2 ")]  # one size has no line
    [same] = [line for line in page.splitlines() if line.startswith("| 1,000 ")]
    assert [cell.strip() for cell in same.split("|")[2:6]] == ["6", "0.85000", "0.00150", "yes"]
    differing = scale_page.write(
        [RUN, replace(RUN, kind="local:2", trees_sha256="b")], trees=5, rate=1, judged=1, cores=2
    )
    assert "no, 2 different" in differing
