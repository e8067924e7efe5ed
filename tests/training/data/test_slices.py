"""The test set is judged by groups of features and of other columns, and a group below the floor stops the fit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.bundles import segments
from models.bundles.format.provenance import Provenance
from models.bundles.quality import Figure
from models.bundles.risk import RiskPolicy
from models.bundles.segments import Segment
from models.columns.errors import ColumnMissing
from models.customer.contract import Labels, Vector
from models.features import CONTRACT
from training.data import datasets, slices, splitting, synthetic, time_column
from training.data.datasets import Dataset
from training.data.slices import Column
from training.data.splitting import Split
from training.errors import SliceBelowFloor, SliceTooFine, TrainingError
from training.settings import FitSettings

ROWS = 600
HALF = Split(training=np.arange(ROWS // 2), test=np.arange(ROWS // 2, ROWS), folds=[], told="")
"""The second half is the test set."""


def dataset(**others: object) -> Dataset:
    customers, _ = synthetic.sample(ROWS, seed=5)
    provenance = Provenance(source="test", query=None, rows=ROWS, rejected_rows=0, sha256="0" * 64)
    return Dataset(
        customers[list(CONTRACT.names)],
        customers["churned"].to_numpy(),
        others=pd.DataFrame(others),
        true_probability=None,
        provenance=provenance,
    )


def groups(dataset: Dataset, name: str, split: Split = HALF) -> dict[str, int]:
    """The rows of each group of one column."""
    columns = slices.columns(dataset, split, CONTRACT, [name])
    found, _ = slices.measure(columns, dataset.churned[split.test], np.full(len(split.test), 0.3), RiskPolicy())
    return {segment.values: segment.rows for segment in found if segment.feature == name}


def load(path: Path, **asked: object) -> Dataset:
    return datasets.load(FitSettings.model_validate({"data": str(path), **asked}), CONTRACT)


def judged(loaded: Dataset, name: str) -> dict[str, int]:
    rows = np.arange(len(loaded.churned))
    return groups(loaded, name, replace(HALF, training=rows[rows % 5 > 0], test=rows[::5]))


def test_every_feature_is_a_column_and_others_follow_once() -> None:
    asked = ["region", "contract_type"]
    found = slices.columns(dataset(region=["north"] * ROWS), HALF, CONTRACT, asked)
    assert [column.feature.name for column in found] == [*CONTRACT.names, "region"]


def test_texts_are_groups_and_so_is_what_is_unknown() -> None:
    regions = np.tile(np.array(["north", "south", "south", None, "south"], dtype=object), ROWS // 5)
    assert groups(dataset(region=regions), "region") == {"north": 60, "south": 180, "unknown": 60}


def test_where_nothing_is_unknown_there_is_no_such_group() -> None:
    assert groups(dataset(region=["north", "south"] * 300), "region") == {"north": 150, "south": 150}


def test_up_to_twenty_numbers_are_groups_of_their_own_and_unknown_is_another() -> None:
    visits = np.tile([2.0, 10.0, np.nan], ROWS // 3)
    assert groups(dataset(visits=visits), "visits") == {"2": 100, "10": 100, "unknown": 100}
    assert len(groups(dataset(visits=np.arange(ROWS) % 20), "visits")) == 20


def test_more_numbers_are_bands_of_the_quarters_of_the_training_rows() -> None:
    ages = np.concatenate([np.arange(300) % 40, 10 + np.arange(300) % 40])  # all test customers are ten years older
    low, middle, high = (f"{edge:g}" for edge in np.quantile(ages[:300], [0.25, 0.5, 0.75]))
    found = groups(dataset(age=ages), "age")
    assert list(found) == [f"below {low}", f"{low} to {middle}", f"{middle} to {high}", f"from {high}"]
    later = ages[300:]
    edges = [-np.inf, float(low), float(middle), float(high), np.inf]
    assert list(found.values()) == np.histogram(later, edges)[0].tolist()


def test_a_number_that_is_unknown_is_in_no_band() -> None:
    ages = np.where(np.arange(ROWS) % 3 == 0, np.nan, np.arange(ROWS))
    found = groups(dataset(age=ages), "age")
    assert len(found) == 4
    assert sum(found.values()) == 200


def test_a_group_that_only_training_rows_have_is_named_without_customers() -> None:
    regions = ["old"] * 10 + ["north", "south"] * 295
    assert groups(dataset(region=regions), "region")["old"] == 0


def test_more_than_twenty_texts_are_too_fine() -> None:
    cities = [f"city {number % 20}" for number in range(ROWS)]
    assert len(groups(dataset(city=cities), "city")) == 20
    finer = dataset(city=[*cities[:-1], "another"])
    with pytest.raises(SliceTooFine, match="--slices city: it has 21 different texts, more than 20") as caught:
        slices.columns(finer, HALF, CONTRACT, ["city"])
    assert (caught.value.column, caught.value.categories, caught.value.limit) == ("city", 21, 20)


def two_groups(first: int) -> tuple[Dataset, list[Column], Vector]:
    """A test set of which so many rows are of one group; probabilities rank customers halfway."""
    base = dataset(region=["north"] * (300 + first) + ["south"] * (300 - first))
    probability = np.clip(base.churned[HALF.test] * 0.3 + np.random.default_rng(0).random(300) * 0.7, 0, 1)
    return base, slices.columns(base, HALF, CONTRACT, ["region"]), probability


def test_a_group_of_fewer_than_100_customers_is_named_without_figures() -> None:
    base, columns, probability = two_groups(99)
    found, differences = slices.measure(columns, base.churned[HALF.test], probability, RiskPolicy())
    small, large = (segment for segment in found if segment.feature == "region")
    assert (small.name, small.rows, small.figures) == ("region north", 99, None)
    assert (large.name, large.rows) == ("region south", 201)
    assert large.figures is not None
    assert "region" not in differences


def test_a_group_of_100_customers_has_the_figures_of_its_own() -> None:
    base, columns, probability = two_groups(100)
    found, differences = slices.measure(columns, base.churned[HALF.test], probability, RiskPolicy())
    north = next(segment for segment in found if segment.name == "region north")
    assert (north.rows, north.churned) == (100, base.churned[300:400].sum())
    assert north.figures is not None
    assert north.figures["calibration_gap"].value == pytest.approx(
        base.churned[300:400].mean() - probability[:100].mean()
    )
    assert "region" in differences


def rates(churned: Labels, decided: Labels) -> tuple[float, float, float]:
    """Shares selected, of stayers selected, of churners missed; counted by hand."""
    return decided.mean(), decided[churned == 0].mean(), 1 - decided[churned == 1].mean()


def test_differences_are_the_largest_between_two_groups_at_the_threshold() -> None:
    regions = np.tile(["north", "south", "west"], ROWS // 3)
    base = dataset(region=regions)
    raised = np.select([regions[300:] == "north", regions[300:] == "west"], [0.1, 0.3])
    probability = 0.7 * np.random.default_rng(0).random(300) + raised
    columns = slices.columns(base, HALF, CONTRACT, ["region"])
    policy = RiskPolicy(threshold=0.35)
    _, found = slices.measure(columns, base.churned[HALF.test], probability, policy)
    churned, decided = base.churned[300:], (probability >= 0.35).astype(np.int64)
    by_region = np.array(
        [rates(churned[inside], decided[inside]) for inside in (regions[300:] == one for one in np.unique(regions))]
    )
    largest = by_region.max(axis=0) - by_region.min(axis=0)
    assert list(found["region"]) == ["selection_rate", "false_positive_rate", "false_negative_rate"]
    assert list(found["region"].values()) == pytest.approx(largest.tolist())
    assert min(largest) > 0.05


def test_differences_of_a_number_are_those_of_the_bands_that_are_large_enough() -> None:
    ages = np.concatenate([np.arange(300) % 40, 12 + np.arange(300) % 40])  # quarters at 9, 18 and 29 in training
    base = dataset(age=ages)
    columns = slices.columns(base, HALF, CONTRACT, ["age"])
    _, differences = slices.measure(columns, base.churned[HALF.test], ages[300:] / 60, RiskPolicy())
    assert "age" not in differences  # only the oldest are 100
    everybody = Split(training=HALF.training, test=np.arange(ROWS), folds=[], told="")
    columns = slices.columns(base, everybody, CONTRACT, ["age"])
    _, differences = slices.measure(columns, base.churned, ages / 60, RiskPolicy())
    assert differences["age"]["selection_rate"] == pytest.approx((ages[ages >= 29] >= 30).mean())
    chosen = np.where(ages < 9, 0.9, 0.1)  # the youngest only, who are too few
    _, differences = slices.measure(columns, base.churned, chosen, RiskPolicy())
    assert differences["age"]["selection_rate"] == 0


def test_groups_in_which_all_do_the_same_have_no_rates_to_compare() -> None:
    base = dataset(region=["north", "south"] * 300)
    base.churned[HALF.test[::2]] = 1
    columns = slices.columns(base, HALF, CONTRACT, ["region"])
    _, found = slices.measure(columns, base.churned[HALF.test], np.full(300, 0.9), RiskPolicy())
    assert "region" not in found


@given(st.lists(st.floats(-1e6, 1e6) | st.integers(0, 5) | st.just(np.nan), min_size=300, max_size=300))
@example([-0.0, 0.0] * 150)
def test_bands_are_those_of_all_training_numbers(numbers: list[float]) -> None:
    base = dataset(age=[*numbers, *np.linspace(-1e6, 1e6, 300)])
    age = slices.columns(base, HALF, CONTRACT, ["age"])[-1]
    whole = segments.split(age.feature, age.values, np.array(numbers, dtype=float))
    for (name, inside), (expected, members) in zip(
        segments.split(age.feature, age.values, age.quarters), whole, strict=True
    ):
        assert name == expected
        np.testing.assert_array_equal(inside, members)


def segment(name: str, roc_auc: float | None) -> Segment:
    figures = None if roc_auc is None else {"roc_auc": Figure(roc_auc, roc_auc - 0.1, roc_auc + 0.1)}
    return Segment("region", name, 100, 30, figures)


def test_exactly_the_groups_below_the_floor_are_named() -> None:
    found = [segment("north", 0.65), segment("south", 0.7), segment("west", 0.699), segment("east", None)]
    with pytest.raises(SliceBelowFloor, match=r"below 0\.7 for region north 0\.650, region west 0\.699;") as caught:
        slices.require_floor(found, 0.7)
    assert caught.value.below == {"region north": 0.65, "region west": 0.699}
    assert isinstance(caught.value, TrainingError)
    slices.require_floor(found, 0.65)


def test_groups_without_figures_pass_any_floor() -> None:
    slices.require_floor([segment("north", None)], 0.99)


@pytest.fixture
def source() -> pd.DataFrame:
    """Customers, three of whom the contract refuses, with columns that say which row they are."""
    customers, _ = synthetic.sample(ROWS, seed=5)
    customers.loc[[0, 7, 100], "support_tickets"] = -1
    rows = np.arange(ROWS)
    day = pd.to_datetime("2024-01-01") + pd.to_timedelta(rows, unit="D")
    return customers.assign(row=rows, label=[f"row {row}" for row in rows], day=day.strftime("%Y-%m-%d"))


def test_other_columns_stay_beside_the_rows_that_are_kept(source: pd.DataFrame, tmp_path: Path) -> None:
    source.to_csv(tmp_path / "rows.csv", index=False)
    loaded = load(tmp_path / "rows.csv", slices=["row", "label"], time_column="day")
    kept = source.drop(index=[0, 7, 100])
    assert loaded.provenance.rejected_rows == 3
    assert list(loaded.others.columns) == ["row", "label"]
    assert loaded.others["row"].tolist() == kept["row"].tolist()
    assert loaded.others["label"].tolist() == kept["label"].tolist()
    assert loaded.times is not None
    assert loaded.times.tolist() == kept["day"].tolist()
    np.testing.assert_array_equal(loaded.features["monthly_charges"], kept["monthly_charges"])
    np.testing.assert_array_equal(loaded.churned, kept["churned"])
    pd.testing.assert_index_equal(loaded.others.index, loaded.features.index)


@pytest.mark.parametrize("asked", [{"slices": ["region", "row"]}, {"time_column": "region"}], ids=["slices", "time"])
def test_a_column_that_the_source_lacks_is_named(
    source: pd.DataFrame, tmp_path: Path, asked: dict[str, object]
) -> None:
    source.to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(ColumnMissing, match='no column "region"; it has "tenure_months"') as caught:
        load(tmp_path / "rows.csv", **asked)
    assert caught.value.missing == ("region",)


def test_a_column_that_was_not_asked_for_is_not_kept(source: pd.DataFrame, tmp_path: Path) -> None:
    source.to_csv(tmp_path / "rows.csv", index=False)
    assert load(tmp_path / "rows.csv").others.shape == (ROWS - 3, 0)


def test_a_features_name_means_the_feature_even_where_the_source_has_such_a_column(tmp_path: Path) -> None:
    customers, _ = synthetic.sample(ROWS, seed=5)
    renamed = customers.rename(columns={"contract_type": "kind"}).assign(contract_type=["x", "y"] * 300)
    renamed.to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "columns.toml").write_text('[features]\ncontract_type = { column = "kind" }\n')
    loaded = load(tmp_path / "rows.csv", columns=tmp_path / "columns.toml", slices=["contract_type"])
    assert list(judged(loaded, "contract_type")) == ["month-to-month", "one-year", "two-year"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_empty_cells_are_a_group_of_their_own(source: pd.DataFrame, tmp_path: Path, kind: str) -> None:
    source["region"], source["visits"] = ["north", None, "south"] * 200, [1.0, 2.0, np.nan] * 200
    path = tmp_path / f"rows.{kind}"
    source.to_csv(path, index=False) if kind == "csv" else source.to_parquet(path)
    loaded = load(path, slices=["region", "visits"])
    regions, visits = judged(loaded, "region"), judged(loaded, "visits")
    assert list(regions) == ["north", "south", "unknown"]
    assert list(visits) == ["1", "2", "unknown"]
    assert min(*regions.values(), *visits.values()) > 20
    assert sum(regions.values()) == sum(visits.values()) == 120


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([True, False, True], "bool"), ([True, False, None], "boolean"), ([1, 2, None], "Int64"), ([1, 2, 3], "int8")],
    ids=["bool", "boolean", "Int64", "int8"],
)
def test_every_customer_is_in_a_group_whatever_the_type_of_the_column(
    source: pd.DataFrame, tmp_path: Path, values: list[object], dtype: str
) -> None:
    source["flag"] = pd.Series(values * 200, dtype=dtype)
    source.to_parquet(tmp_path / "rows.parquet")
    found = judged(load(tmp_path / "rows.parquet", slices=["flag"]), "flag")
    assert len(found) == len(set(values))
    assert sum(found.values()) == 120
    assert min(found.values()) > 20


def test_a_feature_can_be_the_time(source: pd.DataFrame, tmp_path: Path) -> None:
    source.to_csv(tmp_path / "rows.csv", index=False)
    loaded = load(tmp_path / "rows.csv", time_column="tenure_months")
    assert loaded.times is not None
    split = splitting.by_time(loaded.churned, time_column.read(loaded.times))
    columns = slices.columns(loaded, split, CONTRACT, [])
    found, _ = slices.measure(columns, loaded.churned[split.test], np.full(len(split.test), 0.3), RiskPolicy())
    assert {one.feature for one in found} == set(CONTRACT.names)
