"""What the drift benchmarks feed to the job is what they say it is."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic_settings import CliApp

from benchmarks import drift_errors
from benchmarks.reporting import drift_data
from demo import synthetic_customers
from models.bundles import bundle
from models.customer import checks
from models.customer.feature import Feature
from models.features import CONTRACT
from monitoring.drift import baseline, live_rows
from monitoring.drift.baseline import Baseline
from monitoring.settings import DriftSettings


@pytest.fixture(scope="module")
def learned(root: Path) -> Baseline:
    return baseline.load(bundle.load(root / "models", contract=CONTRACT), CONTRACT, rows=50_000)


@pytest.mark.parametrize("source", drift_data.SOURCES)
def test_a_window_of_every_kind_holds_so_many_customers_of_the_population(
    source: str, learned: Baseline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_data, "FOLDER", tmp_path)
    settings = CliApp.run(DriftSettings, cli_args=drift_data.flags(source, 1_500))
    rows = live_rows.read(settings, learned, datetime.now(UTC))
    assert (rows.rows, len(rows.table)) == (1_500, 1_500)
    assert checks.find_violations(CONTRACT, rows.table) == {}
    expected = synthetic_customers.calm(1_500, seed=0)["monthly_charges"]
    assert sorted(rows.table["monthly_charges"]) == pytest.approx(sorted(expected))


@pytest.mark.parametrize(("kind", "counted"), [("customers", 3_000), ("predictions", 1_500)])
def test_a_folder_holds_so_many_customers_or_each_of_half_as_many_twice(
    kind: str, counted: int, learned: Baseline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_data, "FOLDER", tmp_path)
    monkeypatch.setattr(drift_data, "_FILE_ROWS", 1_000)
    live = drift_data.folder(3_000, with_ids=kind == "predictions")
    rows = live_rows.read(DriftSettings(live=live), learned, datetime.now(UTC))
    assert (len(list(live.iterdir())), rows.rows, len(rows.table)) == (3, counted, counted)
    assert checks.find_violations(CONTRACT, rows.table) == {}


@pytest.mark.parametrize("deviations", drift_errors.DEVIATIONS)
@pytest.mark.parametrize("feature", CONTRACT.features, ids=lambda feature: feature.name)
def test_a_shift_is_as_large_as_it_says_and_keeps_the_contract(feature: Feature, deviations: float) -> None:
    calm = synthetic_customers.calm(20_000, seed=1)
    shifted = drift_errors.shift(calm, feature, deviations, seed=2)
    before, after = calm[feature.name], shifted[feature.name]
    if feature.kind == "category":
        before, after = before == feature.categories[0], after == feature.categories[0]
    assert (after.mean() - before.mean()) / before.std() == pytest.approx(deviations, abs=0.02)
    assert checks.find_violations(CONTRACT, shifted) == {}


@pytest.mark.shipped_model
def test_every_kind_of_window_is_counted(learned: Baseline) -> None:
    found = list(drift_errors.count(learned, 1, DriftSettings()))
    calm = [one for one in found if not one.deviations]
    assert {one.column for one in found if one.deviations} == set(CONTRACT.names)
    assert (len(found), sum(one.windows for one in calm), sum(one.found for one in calm)) == (34, 8, 0)
    large = [one for one in found if (one.column, one.deviations, one.rows) == ("monthly_charges", 0.3, 5_000)]
    assert [(one.found, one.named) for one in large] == [(1, 1)]
