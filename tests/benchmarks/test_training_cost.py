"""The benchmark of a fit keeps time in and out of XGBoost, and leaves XGBoost as it was."""

import pytest
from xgboost import XGBClassifier

from benchmarks import training_cost


@pytest.mark.shipped
def test_a_fit_is_told_apart_from_its_boosting() -> None:
    fit = XGBClassifier.fit
    found = training_cost.run(2_000)
    assert found.boosting_fits == 16  # five folds, ten seeds, and the model itself
    assert 0 < found.boosting_seconds < found.seconds
    assert found.around == pytest.approx((found.seconds - found.boosting_seconds) / found.boosting_seconds)
    assert found.data_mb == pytest.approx(0.096)
    assert XGBClassifier.fit is fit
