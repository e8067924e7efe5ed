"""Pictures, summary and page are made from the raw data of the studies, without running them."""

from pathlib import Path

import pytest

from benchmarks.reporting import record
from benchmarks.statistics import coverages, page, pictures, study, summary
from benchmarks.statistics.catalogue import STUDIES
from benchmarks.statistics.coverages import Cases
from benchmarks.statistics.study import Fact, Study


def test_each_study_has_a_sentence_that_links_to_its_section() -> None:
    said = list(summary.sentences())
    titles = [study.load(name).title for name in STUDIES]

    assert set(summary.SAYINGS) == set(STUDIES)
    assert len(said) == len(titles) + 1
    for title in titles:
        assert any(f"(#{summary.anchor(title)})" in one for one in said)
    assert "**not measured**" in said[-1]


def test_the_coverage_of_an_interval_is_counted_from_its_raw_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    said: dict[str, Fact] = {"kind": "interval", "what": "card: saved", "case": "10 rows", "hits": 9, "samples": 10}
    alarm: dict[str, Fact] = {"kind": "alarm", "what": "gate: unlike", "case": "10 rows", "hits": 1, "samples": 10}
    raw = [said, said | {"case": "20 rows", "hits": 7}, alarm]
    study.save("decisions", Study("Title", "About.", ["what"], [], "So.", raw))

    assert coverages.find() == [Cases("comparisons", "card: saved", [(9, 10), (7, 10)])]
    assert coverages.find()[0].total == (16, 20)
    assert pictures.draw(tmp_path) == []


def test_equal_raw_data_is_drawn_in_equal_bytes(tmp_path: Path) -> None:
    first = pictures.draw(tmp_path)
    kept = [path.read_bytes() for path in first]

    assert [path.stem for path in first] == ["coverage", "power", "false-alarms"]
    assert [path.read_bytes() for path in pictures.draw(tmp_path)] == kept
    assert all(b"<svg " in drawn for drawn in kept)


def test_a_page_made_again_keeps_the_facts_of_its_machine(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "statistics").symlink_to(root / record.FOLDER / "statistics")
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    first = page.write({"date": "today", "python": "3.11"})

    assert page.write_again() == first
    assert "- date: today\n- python: 3.11\n" in first
    assert first.index("docs/coverage.svg") < first.index("## In short") < first.index("- date: today")
