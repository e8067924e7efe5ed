import logging
from pathlib import Path

import numpy as np
import pytest
import xgboost
from sklearn.metrics import log_loss, roc_auc_score

from models import progress
from models.bundles.calibration import Calibration
from models.customer.contract import Labels, Matrix
from tests.snapped_rows import (
    FITTED,
    STOPPED,
    TESTED,
    TRAINED,
    WATCHED,
    draw,
    edges_of,
    part_of,
    shuffled,
    taken,
    trees,
    unfitted,
)
from training.data.hashing.selection import Selection
from training.learning import evaluation
from training.partitioned import boosting, gradients, snapped_part
from training.partitioned.snapped_part import Edges, SnappedPart
from training.publishing import export


@pytest.fixture(scope="module")
def rows() -> tuple[Matrix, Labels]:
    return draw()


@pytest.fixture(scope="module")
def chosen(rows: tuple[Matrix, Labels]) -> Edges:
    return edges_of(rows[0])


@pytest.fixture(scope="module")
def whole(rows: tuple[Matrix, Labels], chosen: Edges) -> SnappedPart:
    return part_of(*rows, chosen)


@pytest.mark.parametrize(
    ("others", "trained", "watched"),
    [({}, TRAINED, None), (STOPPED, FITTED, WATCHED)],
    ids=["usual", "early stopping"],
)
def test_parts_and_threads_change_no_bit_of_the_trees(
    whole: SnappedPart,
    chosen: Edges,
    others: dict[str, int | float],
    trained: Selection,
    watched: Selection | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = boosting.fit(unfitted(others), [whole], chosen, trained=trained, watched=watched)
    monkeypatch.setattr(boosting, "_ROWS_OF_A_THREAD", 0)  # as a large table predicts
    parts = shuffled(whole, [10, 10, 3_000, 11_000])  # one of them is empty
    many = boosting.fit(unfitted(others, threads=2), parts, chosen, trained=trained, watched=watched)
    assert trees(many) == trees(one)


def test_the_trees_score_raw_values_as_snapped_ones(
    whole: SnappedPart, chosen: Edges, rows: tuple[Matrix, Labels]
) -> None:
    fitted = boosting.fit(unfitted(), [whole], chosen, trained=TRAINED)
    assert rows[0][:, 2][~np.isnan(rows[0][:, 2])].max() > 2 * chosen[2][-1]
    np.testing.assert_array_equal(
        evaluation.predict(fitted, rows[0]), evaluation.predict(fitted, snapped_part.values(whole, chosen))
    )


def test_the_model_is_as_good_as_xgboosts_own(whole: SnappedPart, chosen: Edges, rows: tuple[Matrix, Labels]) -> None:
    matrix, churned = rows
    kept, held_out = TRAINED.of(whole.hashes), TESTED.of(whole.hashes)
    usual = unfitted().fit(matrix[kept], churned[kept])
    fitted = boosting.fit(unfitted(), [whole], chosen, trained=TRAINED)
    judged = [
        (roc_auc_score(churned[held_out], found), log_loss(churned[held_out], found))
        for found in (evaluation.predict(one, matrix[held_out]) for one in (fitted, usual))
    ]
    assert judged[0] == pytest.approx(judged[1], abs=0.004)
    assert judged[0][0] > 0.75


def test_early_stopping_keeps_the_trees_with_the_lowest_loss(whole: SnappedPart, chosen: Edges) -> None:
    watched = taken(whole, np.flatnonzero(WATCHED.of(whole.hashes)))
    matrix = snapped_part.values(watched, chosen)
    planned = boosting.plan(unfitted(STOPPED), chosen, trained=FITTED, watched=WATCHED)
    found = boosting.boost([whole], planned)
    fitted = boosting.load(unfitted(STOPPED), found)
    assert fitted.get_booster().num_boosted_rounds() == found.trees < 100
    assert found.log_loss == pytest.approx(log_loss(watched.churned, evaluation.predict(fitted, matrix)), abs=1e-6)
    fewer = fitted.predict_proba(matrix, iteration_range=(0, found.trees - 1))[:, 1].astype(float)
    assert log_loss(watched.churned, fewer) > (found.log_loss or 0)


def test_a_long_growth_tells_how_many_trees_there_are(
    whole: SnappedPart, chosen: Edges, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)
    with caplog.at_level(logging.INFO):
        boosting.fit(unfitted({"n_estimators": 3}), [whole], chosen, trained=TRAINED)
    assert [record.getMessage() for record in caplog.records] == [f"trees grown: {trees}" for trees in (1, 2, 3)]


def test_rows_that_are_not_selected_change_nothing(whole: SnappedPart, chosen: Edges) -> None:
    one = boosting.fit(unfitted(), [whole], chosen, trained=TRAINED)
    inside = TRAINED.of(whole.hashes)
    wrong = SnappedPart(
        np.where(inside[:, np.newaxis], whole.codes, 0).astype(np.uint8), whole.churned | ~inside, whole.hashes
    )
    assert trees(boosting.fit(unfitted(), [wrong], chosen, trained=TRAINED)) == trees(one)


def test_the_bundle_formats_take_the_model(
    whole: SnappedPart, chosen: Edges, rows: tuple[Matrix, Labels], tmp_path: Path
) -> None:
    fitted = boosting.fit(unfitted(), [whole], chosen, trained=TRAINED)
    export.write_models(fitted, width=5, graph=tmp_path / "model.onnx", booster=tmp_path / "model.ubj")
    probability = evaluation.predict(fitted, rows[0])
    assert export.check_parity(probability, tmp_path / "model.onnx", rows[0], Calibration()) < 1e-6
    read = xgboost.Booster(model_file=tmp_path / "model.ubj")
    parts = read.predict(xgboost.DMatrix(rows[0][:50]), pred_contribs=True)
    assert 1 / (1 + np.exp(-parts.sum(axis=1))) == pytest.approx(probability[:50], abs=1e-5)


def test_gradients_and_losses_lie_on_the_grid() -> None:
    margins = np.linspace(-60, 60, 1_001).astype(np.float32)
    churned = np.arange(1_001) % 3 == 0
    drawn = np.arange(1_001) % 5 > 0
    gradient, hessian = np.empty((2, 1_001), dtype=np.float32)
    steps = gradients.grid(1_001)
    gradients.write((gradient, hessian), margins, churned, drawn, steps=steps)
    assert steps == 2**22
    for found in (gradient, hessian):
        np.testing.assert_array_equal(found.astype(float) * steps % 1, 0)
        np.testing.assert_array_equal(found[~drawn], 0)
    assert (hessian[drawn] > 0).all()
    probability = 1 / (1 + np.exp(-margins.astype(float)))
    assert gradient[drawn] == pytest.approx((probability - churned)[drawn], abs=2**-22)
    expected = np.logaddexp(0, np.where(churned, -1, 1) * margins.astype(float)).mean()
    assert gradients.mean_loss(gradients.log_loss(margins, churned), 1_001) == pytest.approx(expected, abs=2**-20)


@pytest.mark.parametrize("rows", [2**30, 2**31, 10**10])
def test_the_sum_of_the_largest_table_is_exact(rows: int) -> None:
    assert rows * gradients.grid(rows) <= 2**53
