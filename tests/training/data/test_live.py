"""Live rows are used for training as they were known at the time, and no earlier."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from demo.populations import CALM, SHIFTED
from models.bundles import pin_history
from models.bundles.format.provenance import LiveRows, Reported
from models.bundles.pin_history import PinChange
from models.columns.errors import ColumnMissing
from models.features import CONTRACT
from models.log import log_tables, outcome_recording
from models.log.errors import LogMissing, LogUnreadable, LogUnsupported
from models.log.outcomes import Outcome
from tests.live_log import DAY, NOW, add, write
from training import pipeline
from training.data import datasets, splitting, synthetic
from training.data.datasets import Dataset
from training.data.live_errors import HistoryTooShort, InputsNotKept, NoOutcomes
from training.data.splitting import RowTimes, Split
from training.errors import SplitImpossible, TooFewRows, TooManyRejected
from training.settings import FitSettings

ROWS = 1_000


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'predictions.db'}"


def load(url: str, **settings: object) -> Dataset:
    return datasets.load(FitSettings.model_validate({"data": "live", "log_url": url} | settings), CONTRACT)


def live_of(dataset: Dataset) -> LiveRows:
    assert dataset.provenance.live is not None
    return dataset.provenance.live


def parts(dataset: Dataset) -> tuple[Split, RowTimes]:
    assert dataset.moments is not None
    return splitting.as_known(dataset.churned, dataset.moments), dataset.moments


def test_rows_are_the_logged_inputs_with_the_recorded_outcomes_in_order_of_time(url: str) -> None:
    write(url, CALM, ROWS)
    dataset = load(url)
    customers = CALM.customers(ROWS, seed=1)
    expected = pd.DataFrame([customer.features for customer in customers])[list(CONTRACT.names)]
    pd.testing.assert_frame_equal(dataset.features, expected)
    assert dataset.churned.tolist() == [customer.churned for customer in customers]
    assert dataset.provenance.source == "live(predictions.db)"


def test_the_latest_fifth_is_judged_and_what_was_known_too_late_is_in_neither_part(url: str) -> None:
    late = [40 * DAY if number % 10 == 0 else DAY for number in range(ROWS)]
    write(url, CALM, ROWS, known_after=late)
    dataset = load(url)
    split, moments = parts(dataset)
    assert split.test.tolist() == list(range(800, ROWS))
    border = moments.made_at[800]
    assert (moments.known_at[split.training] < border).all()
    left_out = sorted({*range(800)} - {*split.training.tolist()})
    assert left_out == [number for number in range(800) if moments.known_at[number] >= border]
    assert len([number for number in left_out if number % 10 == 0]) > 30  # all that were late since the last forty days
    assert live_of(dataset).left_out_rows == len(left_out)
    assert f"from {datetime.fromtimestamp(border, UTC):%Y-%m-%d %H:%M} UTC on" in split.told


def test_an_outcome_that_is_reported_today_teaches_nothing_about_an_older_test_set(url: str) -> None:
    delays = [None if number == 100 else DAY for number in range(ROWS)]
    ids = write(url, CALM, ROWS, known_after=delays)
    before, _ = parts(load(url))
    engine = log_tables.connect(url)
    late = Outcome(prediction_id=ids[100], churned=True, observed_at=NOW - 90 * DAY)
    outcome_recording.record(engine, [late], reported_by="crm")
    engine.dispose()
    after, moments = parts(load(url))
    assert len(after.training) == len(before.training)
    assert 100 not in after.training
    assert moments.known_at[100] >= NOW.timestamp()
    by_observation, _ = parts(load(url, outcomes_known="observed"))
    assert 100 in by_observation.training


def test_no_fold_learns_what_was_not_known_when_the_first_it_holds_out_was_predicted(url: str) -> None:
    delays = [(2 + number % 7) * DAY for number in range(ROWS)]
    write(url, CALM, ROWS, known_after=delays)
    split, moments = parts(load(url))
    made, known = moments.made_at[split.training], moments.known_at[split.training]
    assert len(split.folds) == splitting.FOLDS
    for kept, held_out in split.folds:
        assert len(known[kept]) >= len(split.training) // 6
        assert known[kept].max() < made[held_out].min()
    held_out_rows = np.concatenate([held_out for _, held_out in split.folds])
    assert len(set(held_out_rows)) == len(held_out_rows) > 0.6 * len(split.training)


def repeated(customers: int, rows: int = ROWS) -> list[str | None]:
    """The digests of rows in order of time, when each customer is predicted again and again."""
    return [f"{number % customers:032x}" for number in range(rows)]


def test_rows_of_one_customer_stay_together_where_the_log_tells_customers_apart(url: str) -> None:
    write(url, CALM, ROWS, digests=repeated(200))
    dataset = load(url)
    assert dataset.groups is not None
    assert dataset.provenance.customers == 200
    split = pipeline._split(dataset, FitSettings(data="live", log_url=url), CONTRACT)
    of_row, before = dataset.groups.codes, parts(dataset)[0]
    for learned, judged in (
        (split.training, split.test),
        *((split.training[mask], split.training[held_out]) for mask, held_out in split.folds),
    ):
        assert not set(of_row[learned]) & set(of_row[judged])
    assert set(split.test) < set(before.test)
    assert set(split.training) < set(before.training)
    assert (
        "trained on rows known by then; rows of one customer, as the log tells them apart, stay together" in split.told
    )


def test_rows_without_a_digest_are_customers_of_their_own(url: str) -> None:
    some = [digest if number < ROWS // 2 else None for number, digest in enumerate(repeated(100))]
    write(url, CALM, ROWS, digests=some)
    dataset = load(url)
    assert dataset.provenance.customers == 100 + ROWS // 2
    write(url, CALM, 10, seed=2)
    assert load(url).provenance.customers == 110 + ROWS // 2


def test_a_log_without_digests_is_split_as_before(url: str) -> None:
    write(url, CALM, ROWS)
    dataset = load(url)
    assert (dataset.groups, dataset.provenance.customers) == (None, None)
    split = pipeline._split(dataset, FitSettings(data="live", log_url=url), CONTRACT)
    assert (split.training.tolist(), split.test.tolist()) == (
        parts(dataset)[0].training.tolist(),
        parts(dataset)[0].test.tolist(),
    )


def test_appended_rows_are_customers_of_their_own(url: str, tmp_path: Path) -> None:
    synthetic.sample(400, seed=5)[0].to_csv(tmp_path / "base.csv", index=False)
    write(url, CALM, 3 * ROWS, digests=repeated(500, 3 * ROWS))
    dataset = load(url, data=f"{tmp_path / 'base.csv'},live")
    assert dataset.provenance.customers == 900
    split = pipeline._split(dataset, FitSettings(data="live", log_url=url), CONTRACT)
    assert set(range(400)) < set(split.training.tolist())


def test_of_a_batch_all_are_judged_or_none(url: str) -> None:
    customers = CALM.customers(ROWS, seed=1)
    made = [NOW - (20 - number // 100) * DAY for number in range(ROWS)]  # ten batches; the last fifth are two of them
    made[750:800] = [made[800]] * 50
    recorded = [at + timedelta(hours=1) for at in made]
    features, churned = [one.features for one in customers], [one.churned for one in customers]
    add(url, features, churned, made, recorded, has_outcome=[True] * ROWS)
    split, moments = parts(load(url))
    assert len(split.test) == 250
    assert moments.made_at[split.training].max() < moments.made_at[split.test].min()


def test_live_rows_are_appended_to_a_base_that_is_learned_from_and_never_judged_on(url: str, tmp_path: Path) -> None:
    synthetic.sample(400, seed=5)[0].to_csv(tmp_path / "base.csv", index=False)
    write(url, SHIFTED, ROWS, known_after=10 * DAY)
    alone, both = load(url), load(url, data=f"{tmp_path / 'base.csv'},live")
    split, _ = parts(both)
    pd.testing.assert_frame_equal(both.features[400:].reset_index(drop=True), alone.features)
    assert (both.provenance.rows, live_of(both).rows) == (400 + ROWS, ROWS)
    assert both.provenance.source == "base.csv and live(predictions.db)"
    assert both.true_probability is None
    assert split.training[:400].tolist() == list(range(400))
    assert split.test.min() == 400 + 800
    for kept, held_out in split.folds:
        assert split.training[kept][:400].tolist() == list(range(400))
        assert held_out.min() >= 400


def test_equal_logs_give_equal_rows_parts_and_provenance(url: str) -> None:
    write(url, CALM, ROWS)
    first, again = load(url), load(url)
    assert first.provenance == again.provenance
    assert parts(first)[0].told == parts(again)[0].told
    for one, other in zip(parts(first)[0].folds, parts(again)[0].folds, strict=True):
        np.testing.assert_array_equal(one[1], other[1])


def test_predictions_without_an_outcome_are_counted_and_not_learned_from(url: str) -> None:
    write(url, CALM, ROWS, known_after=[None if number % 4 == 0 else DAY for number in range(ROWS)])
    dataset = load(url)
    assert dataset.provenance.rows == 750
    assert (live_of(dataset).predictions, live_of(dataset).outcomes) == (ROWS, 750)
    assert live_of(dataset).newest_outcome_share == live_of(dataset).older_outcome_share == 0.75


def report(url: str, ids: list[str], churned: list[bool], *, reported_by: str, day: float = 1) -> None:
    """Add the outcomes of another reporter, so many days ago."""
    at = NOW - day * DAY
    rows = [
        {"prediction_id": identity, "reported_by": reported_by, "churned": left, "observed_at": at, "recorded_at": at}
        for identity, left in zip(ids, churned, strict=True)
    ]
    engine = log_tables.connect(url)
    with engine.begin() as connection:
        connection.execute(sa.insert(log_tables.OUTCOMES), rows)
    engine.dispose()


def test_a_prediction_on_which_reporters_disagree_is_left_out_and_counted(url: str) -> None:
    ids, churned = write(url, CALM, ROWS), [customer.churned for customer in CALM.customers(ROWS, seed=1)]
    report(url, ids[:40], [not left for left in churned[:40]], reported_by="stranger")
    report(url, ids[40:90], churned[40:90], reported_by="app")
    known = live_of(load(url))
    assert (known.rows, known.predictions, known.outcomes) == (960, ROWS, 960)
    assert known.reported == Reported(
        trusted=None, rows={"crm": 960}, test_rows={"crm": 192}, contradicted_predictions=40
    )


def test_only_trusted_reporters_are_learned_from_and_the_manifest_names_them(url: str) -> None:
    ids, churned = write(url, CALM, ROWS), [customer.churned for customer in CALM.customers(ROWS, seed=1)]
    report(url, ids[:40], [not left for left in churned[:40]], reported_by="stranger", day=200)
    other = write(url, CALM, 100, seed=2, reported_by="app")
    report(url, other, [True] * 100, reported_by="stranger", day=200)
    dataset = load(url, trusted_reporters="crm,app")
    assert dataset.provenance.rows == ROWS + 100
    reported = live_of(dataset).reported
    assert reported is not None
    assert (reported.trusted, reported.contradicted_predictions) == (["crm", "app"], 0)
    assert reported.rows == {"crm": ROWS, "app": 100}
    assert sum(reported.test_rows.values()) == 220
    assert load(url, trusted_reporters="crm").provenance.rows == ROWS
    with pytest.raises(NoOutcomes, match=r"has a known outcome from billing\. .* other reporters with --trusted-repor"):
        load(url, trusted_reporters="billing")


def test_the_newest_fifth_of_the_predictions_has_its_own_share_of_outcomes(url: str) -> None:
    write(url, CALM, ROWS, known_after=[None if number >= 900 else DAY for number in range(ROWS)])
    known = live_of(load(url))
    assert (known.newest_outcome_share, known.older_outcome_share) == (0.5, 1.0)


def test_only_predictions_of_the_time_that_was_asked_for_are_read(url: str) -> None:
    write(url, CALM, ROWS, days=(100, 0))
    assert load(url, since="50d").provenance.rows == pytest.approx(500, abs=1)
    assert load(url, mature_after="20d", since="80d").provenance.rows == pytest.approx(600, abs=1)


def test_young_predictions_are_not_learned_from_even_if_their_outcome_is_known(url: str) -> None:
    write(url, CALM, ROWS, days=(100, 0))
    split, moments = parts(load(url, mature_after="20d"))
    made = moments.made_at[split.training]
    assert moments.made_at[split.test].max() <= (NOW - 20 * DAY).timestamp() + 60
    assert made.max() < moments.made_at[split.test].min() - 20 * DAY.total_seconds()
    for kept, held_out in split.folds:
        assert made[kept].max() < made[held_out].min() - 20 * DAY.total_seconds()


def test_answers_of_a_challenger_are_counted_as_canary_while_it_was_one(url: str, tmp_path: Path) -> None:
    write(url, CALM, 600, version="old", days=(100, 10))
    write(url, CALM, 400, version="new", days=(60, 0), seed=2)
    events = [("old", 200, "fit"), ("new", 60, "challenge"), ("new", 30, "promote")]
    lines = [
        PinChange(version=version, digest="0" * 64, at=NOW - days * DAY, change=change, why="test").model_dump_json()
        for version, days, change in events
    ]
    (tmp_path / pin_history.HISTORY).write_text("\n".join(lines))
    known = live_of(load(url, models_dir=tmp_path))
    assert known.models == {"old": 600, "new": 400}
    assert known.canary_rows == pytest.approx(200, abs=1)
    assert live_of(load(url, models_dir=tmp_path / "another")).canary_rows == 0


def test_rows_without_inputs_or_of_another_contract_are_left_out_and_told(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    customers = CALM.customers(ROWS, seed=1)
    features: list[dict[str, object] | None] = [customer.features for customer in customers]
    features[:3] = [None] * 3
    features[3:5] = [{"age": 30}] * 2
    features[5] = {**customers[5].features, "once_a_field": 1}
    made = [NOW - (100 - number / 20) * DAY for number in range(ROWS)]
    churned = [customer.churned for customer in customers]
    add(url, features, churned, made, [at + DAY for at in made], has_outcome=[True] * ROWS)
    with caplog.at_level(logging.WARNING):
        dataset = load(url)
    assert (live_of(dataset).without_inputs, live_of(dataset).other_contract) == (3, 2)
    assert dataset.provenance.rows == ROWS - 5
    assert "left out 3 rows that were logged without inputs" in caplog.text
    assert "left out 2 rows that were logged without the inputs of this contract" in caplog.text


@pytest.mark.parametrize(("broken", "months"), [(30, 400), (60, 400), (30, "{}")])
def test_rows_that_break_the_contract_are_rejected_as_of_any_source(url: str, broken: int, months: int | str) -> None:
    customers = CALM.customers(ROWS, seed=1)
    features = [
        {**customer.features, "tenure_months": months} if number < broken else customer.features
        for number, customer in enumerate(customers)
    ]
    made = [NOW - (100 - number / 20) * DAY for number in range(ROWS)]
    churned = [customer.churned for customer in customers]
    add(url, features, churned, made, [at + DAY for at in made], has_outcome=[True] * ROWS)
    if broken > 50:
        with pytest.raises(TooManyRejected, match="tenure_months above 120: 60"):
            load(url)
    else:
        dataset = load(url)
        assert (dataset.provenance.rows, dataset.provenance.rejected_rows) == (ROWS - 30, 30)
        assert live_of(dataset).rows == len(parts(dataset)[1].made_at) == ROWS - 30


def test_inputs_that_were_not_kept_are_an_error_that_names_the_setting(url: str) -> None:
    made = [NOW - (100 - number / 20) * DAY for number in range(ROWS)]
    add(url, [None] * ROWS, [True] * ROWS, made, [at + DAY for at in made], has_outcome=[True] * ROWS)
    with pytest.raises(InputsNotKept, match="SERVICE_LOG_INPUTS=plain") as caught:
        load(url)
    assert (caught.value.without_inputs, caught.value.other_contract) == (ROWS, 0)


def test_outcomes_that_all_came_at_once_ask_for_another_clock(url: str) -> None:
    write(url, CALM, ROWS, known_after=[(100 - number * 0.095) * DAY for number in range(ROWS)])
    with pytest.raises(HistoryTooShort, match=r"the training set would have 0 customers.*--outcomes-known observed"):
        parts(load(url))


def test_outcomes_that_come_later_than_all_predictions_but_the_test_set_leave_no_fold(url: str) -> None:
    write(url, CALM, ROWS, days=(100, 0), known_after=[75 * DAY if number < 800 else DAY for number in range(ROWS)])
    with pytest.raises(HistoryTooShort, match="a fold would have 0 customers who churned and 0 who stayed"):
        parts(load(url))


def test_a_log_that_is_not_there_or_no_log_is_named_with_the_remedy(url: str, tmp_path: Path) -> None:
    with pytest.raises(LogMissing, match="Start the service"):
        load(url)
    (tmp_path / "predictions.db").touch()
    with pytest.raises(LogUnreadable, match=r"no such table: predictions\. .*monitoring migrate"):
        load(url)
    with pytest.raises(LogUnsupported):
        load("mysql://host/log")
    with pytest.raises(LogUnreadable, match=r"postgresql://ann:\*\*\*@127\.0\.0\.1:1/log: .* correct --log-url"):
        load("postgresql://ann:s3cret@127.0.0.1:1/log")


def test_a_log_without_outcomes_says_how_they_are_reported(url: str) -> None:
    write(url, CALM, 50, known_after=[None] * 50)
    with pytest.raises(NoOutcomes, match=r"none of 50 predictions .*import-outcomes"):
        load(url)


def test_too_few_live_rows_are_refused_whatever_they_are_appended_to(url: str) -> None:
    write(url, CALM, 150)
    with pytest.raises(TooFewRows, match="150 rows"):
        load(url, data="synthetic,live")


def test_outcomes_of_one_kind_are_too_few_of_the_other(url: str) -> None:
    made = [NOW - (100 - number / 20) * DAY for number in range(ROWS)]
    features = [customer.features for customer in CALM.customers(ROWS, seed=1)]
    add(url, features, [True] * ROWS, made, [at + DAY for at in made], has_outcome=[True] * ROWS)
    with pytest.raises(TooFewRows, match="1000 rows with 1000 churned"):
        load(url)


def test_live_rows_have_their_own_times_and_no_columns_but_the_contracts(url: str) -> None:
    write(url, CALM, ROWS)
    with pytest.raises(SplitImpossible, match="live rows have their own times"):
        load(url, time_column="tenure_months")
    with pytest.raises(ColumnMissing, match='no column "gender"'):
        load(url, data="synthetic,live", slices=["gender"])
    assert load(url, slices=["contract_type"]).provenance.rows == ROWS


@pytest.mark.postgres
def test_postgresql_gives_the_same_rows_as_sqlite(url: str, postgres_url: str) -> None:
    for log in (url, postgres_url):
        write(log, CALM, ROWS, known_after=[None if number % 4 == 0 else 9 * DAY for number in range(ROWS)])
    of_sqlite, of_postgres = load(url), load(postgres_url)
    assert of_sqlite.provenance.sha256 == of_postgres.provenance.sha256
    assert of_sqlite.provenance.live == of_postgres.provenance.live
    np.testing.assert_array_equal(parts(of_sqlite)[0].training, parts(of_postgres)[0].training)
