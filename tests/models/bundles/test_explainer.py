"""Contributions are exact, belong to the contract's features, and come from a booster that is opened once."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given
from hypothesis import strategies as st

from models import errors
from models.bundles import bundle
from models.bundles.calibration import Calibration, log_odds
from models.bundles.explainer import Contributions, Explainer
from models.bundles.format import bundle_files
from models.customer.contract import Contract, Matrix
from models.customer.feature import Feature
from models.features import CONTRACT
from training.data import synthetic


@pytest.fixture(scope="module")
def booster_file(root: Path) -> Path:
    return bundle.load(root / "models", contract=CONTRACT).path(bundle_files.BOOSTER)


@pytest.fixture(scope="module")
def explainer(booster_file: Path) -> Explainer:
    return Explainer(booster_file, CONTRACT)


@pytest.fixture(scope="module")
def booster(booster_file: Path) -> xgb.Booster:
    return xgb.Booster({"nthread": 1}, model_file=booster_file)


def values_of(feature: Feature) -> st.SearchStrategy[Any]:
    match feature.kind:
        case "category":
            values: st.SearchStrategy[Any] = st.sampled_from(feature.categories)
        case "integer":
            values = st.integers(int(feature.limits["ge"]), int(feature.limits["le"]))
        case "boolean":
            values = st.booleans()
        case _:
            values = st.floats(feature.limits["ge"], feature.limits["le"])
    return values | st.none() if feature.nullable else values


ROWS = st.lists(
    st.fixed_dictionaries({feature.name: values_of(feature) for feature in CONTRACT.features}), min_size=1, max_size=20
)


def matrix_of(contract: Contract, rows: list[dict[str, Any]]) -> Matrix:
    return contract.to_matrix({name: [row[name] for row in rows] for name in contract.names})


@given(ROWS)
def test_base_value_and_contributions_add_up_to_the_margin_of_the_trees(
    explainer: Explainer, booster: xgb.Booster, rows: list[dict[str, Any]]
) -> None:
    matrix = matrix_of(CONTRACT, rows)
    explained = explainer.explain(matrix)
    assert explained.by_feature.shape == (len(rows), len(CONTRACT.names))
    sums = explained.base_value + explained.by_feature.sum(axis=1)
    margins = booster.predict(xgb.DMatrix(matrix), output_margin=True)
    np.testing.assert_allclose(sums, explained.raw_scores, rtol=0, atol=1e-9)
    np.testing.assert_allclose(explained.raw_scores, margins, rtol=0, atol=1e-5)


def test_the_columns_of_a_category_are_one_contribution(second_contract: Contract, tmp_path: Path) -> None:
    rows = [
        second_contract.example | {"plan": plan, "region": region, "seats": seats}
        for plan in ("basic", "plus", "pro")
        for region in ("north", "south", None)
        for seats in (None, 3, 40)
    ]
    matrix = matrix_of(second_contract, rows)
    churned = [row["plan"] == "basic" or row["region"] is None for row in rows]
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1}, xgb.DMatrix(matrix, churned), 5)
    booster.save_model(tmp_path / "model.ubj")
    by_column = booster.predict(xgb.DMatrix(matrix), pred_contribs=True)
    plan, region, *others = Explainer(tmp_path / "model.ubj", second_contract).explain(matrix).by_feature.T

    assert len(others) == 5
    assert np.ptp(plan) > 0.1
    np.testing.assert_allclose(plan, by_column[:, :3].sum(axis=1), rtol=0, atol=1e-6)
    np.testing.assert_allclose(region, by_column[:, 3:5].sum(axis=1), rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.transpose(others), by_column[:, 5:-1], rtol=0, atol=1e-6)


def test_many_threads_open_the_booster_once_and_its_file_is_not_needed_any_more(
    booster_file: Path, explainer: Explainer, tmp_path: Path
) -> None:
    opened = []

    class Watched(Explainer):
        def _open(self) -> Any:
            opened.append(self)
            return super()._open()

    matrix = matrix_of(CONTRACT, [CONTRACT.example] * 50)
    (copy := tmp_path / "model.ubj").write_bytes(booster_file.read_bytes())
    watched = Watched(copy, CONTRACT)
    copy.unlink()
    with ThreadPoolExecutor(8) as pool:
        scores = list(pool.map(lambda _: watched.explain(matrix).raw_scores, range(32)))

    assert opened == [watched]
    np.testing.assert_array_equal(scores, [explainer.explain(matrix).raw_scores] * 32)


def trained(path: Path, **parameters: object) -> Path:
    chance = np.random.default_rng(0)
    matrix = chance.normal(size=(1_000, len(CONTRACT.matrix_columns)))
    churned = matrix[:, 0] + chance.normal(size=1_000) > 0
    settings = {"objective": "binary:logistic", "nthread": 1} | parameters
    xgb.train(settings, xgb.DMatrix(matrix, churned), 5).save_model(path)
    return path


@pytest.mark.parametrize(
    "parameters",
    [
        {"tree_method": "exact", "gamma": 1.5},
        {"tree_method": "approx", "gamma": 1.5},
        {"grow_policy": "lossguide", "max_leaves": 31},
        {"num_parallel_tree": 3, "subsample": 0.5},
        {"max_depth": 0, "min_child_weight": 0},
    ],
)
def test_trees_of_any_training_with_one_score_are_explained(tmp_path: Path, parameters: dict[str, object]) -> None:
    path = trained(tmp_path / "model.ubj", **parameters)
    matrix = matrix_of(CONTRACT, [CONTRACT.example] * 3)
    margins = xgb.Booster(model_file=path).predict(xgb.DMatrix(matrix), output_margin=True)
    np.testing.assert_allclose(Explainer(path, CONTRACT).explain(matrix).raw_scores, margins, rtol=0, atol=1e-5)


def test_other_boosters_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(errors.BoosterUnreadable, match="a dart booster is not supported"):
        Explainer(trained(tmp_path / "model.ubj", booster="dart"), CONTRACT)


@pytest.mark.parametrize("error", [TypeError("a kind"), RuntimeError("map::at"), MemoryError()])
def test_any_exception_of_xgboost_is_told_with_the_file(
    booster_file: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(xgb.Booster, "predict", crash)
    with pytest.raises(errors.BoosterUnreadable, match=r"model\.ubj: (a kind|map::at|MemoryError)"):
        Explainer(booster_file, CONTRACT).explain(matrix_of(CONTRACT, [CONTRACT.example]))


@pytest.mark.parametrize("damage", ["absent", "empty", "no booster", "half a booster"])
def test_a_file_that_is_no_booster_is_refused_by_name(booster_file: Path, tmp_path: Path, damage: str) -> None:
    published, path = booster_file.read_bytes(), tmp_path / "model.ubj"
    content = {"empty": b"", "no booster": b"no booster", "half a booster": published[: len(published) // 2]}
    if damage in content:
        path.write_bytes(content[damage])
    with pytest.raises(errors.BoosterUnreadable, match=r"model\.ubj: .+\. Train again"):
        Explainer(path, CONTRACT).explain(matrix_of(CONTRACT, [CONTRACT.example]))


@pytest.mark.shipped  # others may have as many columns as the second contract
def test_trees_of_another_contract_are_refused(booster_file: Path, second_contract: Contract) -> None:
    rows = matrix_of(second_contract, [second_contract.example])
    with pytest.raises(errors.BoosterUnreadable, match=r"model\.ubj"):
        Explainer(booster_file, second_contract).explain(rows)


def test_a_missing_library_of_openmp_is_named_with_the_line_that_installs_it(
    booster_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "xgboost.py").write_text("raise ValueError('could not be loaded.\\n * libomp.dylib for Mac OSX')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "xgboost")
    row = np.zeros((1, len(CONTRACT.matrix_columns)), dtype=np.float32)
    with pytest.raises(errors.BoosterUnreadable, match=r"OpenMP is missing\. On macOS, run `brew install libomp`"):
        Explainer(booster_file, CONTRACT).explain(row)


@pytest.mark.parametrize(
    "calibration",
    [
        Calibration(method="sigmoid", slope=1.7, intercept=-0.4),
        Calibration(method="isotonic", knots=[(0.05, 0.02), (0.3, 0.25), (0.8, 0.9)]),
    ],
    ids=lambda calibration: calibration.method,
)
def test_with_a_calibration_map_contributions_add_up_to_the_log_odds_that_are_served(
    explainer: Explainer, calibration: Calibration
) -> None:
    matrix = CONTRACT.to_matrix(synthetic.sample(200, seed=3)[0])
    raw = explainer.explain(matrix)
    found = raw.served(calibration)
    served = log_odds(calibration.apply(1 / (1 + np.exp(-raw.raw_scores))))
    np.testing.assert_allclose(found.base_value + found.by_feature.sum(axis=1), served, atol=1e-9)
    np.testing.assert_allclose(found.scores, served, atol=1e-9)
    assert found.raw_scores is raw.raw_scores
    assert (np.sign(found.by_feature) == np.sign(raw.by_feature)).all() or calibration.method == "isotonic"
    if calibration.method == "sigmoid":
        np.testing.assert_allclose(found.by_feature, 1.7 * raw.by_feature, rtol=1e-6, atol=1e-9)
        assert found.base_value == pytest.approx(1.7 * raw.base_value - 0.4)


def test_without_a_map_contributions_stay_as_they_are(explainer: Explainer) -> None:
    found = explainer.explain(CONTRACT.to_matrix(synthetic.sample(5, seed=3)[0]))
    assert found.served(Calibration()) is found


def test_a_row_at_the_base_value_is_scaled_by_the_slope_of_the_map_there() -> None:
    alike = Contributions(-1.0, np.array([[0.5, -0.5]]), np.array([-1.0]))
    found = alike.served(Calibration(method="sigmoid", slope=2, intercept=0.1))
    np.testing.assert_allclose(found.by_feature, [[1.0, -1.0]])
    assert found.scores == pytest.approx([-1.9])
