"""The logs of the benchmark are as a service leaves them, and its page has the ratios within each round."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks import log_size
from benchmarks.log_size import Cost
from benchmarks.reporting import log_rows
from models.bundles import bundle
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from models.log import log_tables
from models.log.log_tables import OUTCOMES, PREDICTIONS
from models.log.partitions.weeks import Week
from monitoring.log import window
from monitoring.period import Period
from service.log.page_insertion import PageInsertion
from service.log.spool import Spool


@pytest.mark.postgres
@pytest.mark.shipped
@pytest.mark.shipped_model
def test_a_log_has_weeks_of_predictions_and_a_window_and_takes_pages(
    root: Path, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_rows, "WEEKS", 3)
    scorer, now = Scorer.of(bundle.load(root / "models", contract=CONTRACT)), datetime.now(UTC)
    log = log_rows.fill("large", postgres_url, scorer, history=900, window=50, now=now)
    assert 700 < log.rows <= 950  # less what would be in the window
    assert window.read(postgres_url, Period(log.start, log.end), rows=100).customers == 50

    spool = Spool(tmp_path)
    spool.write("predictions", log_rows.page_lines(scorer, 7, now), since=1)
    engine = log_tables.connect(postgres_url)
    with engine.connect() as connection:
        insertion = PageInsertion(spool.pages()[0], connection)
        insertion.run(is_final=True)
        assert insertion.fault == ""
        rows = connection.execute(sa.select(PREDICTIONS.c.prediction_id, PREDICTIONS.c.made_at)).all()
        outcomes = connection.scalar(sa.select(sa.func.count()).select_from(OUTCOMES)) or 0
    engine.dispose()
    assert all(Week.of_id(row.prediction_id) == Week.of(row.made_at) for row in rows)
    assert len({row.prediction_id for row in rows}) == log.rows + 7
    weeks = Counter(Week.of(row.made_at) for row in rows if row.made_at < now - timedelta(days=1, seconds=1))
    assert [weeks[Week.of(now).later(-number)] for number in (2, 3)] == [300, 300]
    assert 20 < outcomes < 100


def test_the_page_has_medians_and_the_ratios_within_a_round() -> None:
    def costs(number: int, small: float, large: float) -> list[Cost]:
        both = zip(("small", "large"), (small, large), strict=True)
        return [Cost(number, log, step, cost, cost, 10) for log, cost in both for step in ("insert", "drift")]

    found = [*costs(1, 1, 1.1), *costs(2, 2, 2), *costs(3, 4, 5)]
    facts = {"version": "17", "window": 1_000, "history": 2_000, "size": 1.25}
    page = log_size.write(found, facts, "dropped")
    assert "have 1,000 predictions of the last day" in page
    [line] = [line for line in page.splitlines() if line.startswith("| drift: wall time, s")]
    assert [cell.strip() for cell in line.split("|")[2:5]] == ["2.00", "2.00", "1.10 (1.00 to 1.25)"]
