"""A table gives the same model, samples and figures, whatever its files, row groups and order of rows."""

import logging
import re
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from pydantic import Field

from models.customer import declaration
from training.errors import (
    GroupingImpossible,
    HashSplitImpossible,
    LeakFound,
    TooFewRows,
    TooManyLevels,
    TooManyRejected,
)
from training.learning import model
from training.partitioned import passes, preparation
from training.partitioned.executor import InProcess
from training.partitioned.preparation import Prepared, SnappedRows
from training.settings import FitSettings

ROWS = 3_000
COLUMNS = """\
[target]
column = "has_left"
positive = "yes"

[features]
country = { column = "land" }
plan = { column = "plan", values = { small = 1, large = 2 } }
"""


class Visitor(declaration.Features):
    country: Annotated[str | None, declaration.Category(max=3)] = Field(examples=["DE"])
    plan: Literal[1, 2] | None = Field(examples=[1])
    visits: int | None = Field(ge=0, le=1_000, examples=[3])
    spent: float = Field(ge=0, le=1e6, examples=[0.5])
    is_new: bool | None = Field(examples=[True])


CONTRACT = declaration.derive(Visitor)


def table(rows: int = ROWS) -> pd.DataFrame:
    """Customers in columns of another shape, with unknown values, repeated rows and a few rows that are refused."""
    rng = np.random.default_rng(5)
    visits = rng.poisson(4, rows).astype(float)
    spent = rng.lognormal(3, 1, rows)
    found = pd.DataFrame(
        {
            "land": np.array([f"C{at}" for at in rng.integers(0, 20, rows) ** 2 // 20], dtype=object),
            "plan": np.array(["small", "large", None], dtype=object)[rng.integers(0, 3, rows)],
            "visits": np.where(rng.random(rows) < 0.1, np.nan, visits),
            "spent": spent,
            "is_new": np.array([True, False, None], dtype=object)[rng.integers(0, 3, rows)],
            "has_left": np.where(rng.random(rows) < 1 / (1 + np.exp(visits - 3)), "yes", "no"),
            "region": np.array(["north", "south", None], dtype=object)[rng.integers(0, 3, rows)],
            "since": np.datetime64("2026-01-01", "s") + rng.integers(0, 5, rows) * np.timedelta64(86_400, "s"),
            "customer": rng.integers(0, rows // 3, rows),
        }
    )
    found.loc[found.index[:3], "spent"] = -1
    found.loc[found.index[5], "since"] += pd.Timedelta(hours=12)  # all other chunks are of midnights
    return pd.concat([found, found.iloc[100:200]], ignore_index=True)


def write(folder: Path, rows: pd.DataFrame, *, files: int, row_group: int, seed: int) -> Path:
    """Write rows in another order, as files of different types: a file without missing numbers has integers."""
    path = folder / f"files-{files}"
    path.mkdir()
    shuffled = rows.sample(frac=1, random_state=seed)
    for number, part in enumerate(np.array_split(np.arange(len(shuffled)), files)):
        own = shuffled.iloc[part]
        if number == 1:
            own = own.convert_dtypes()
        own.to_parquet(path / f"part-{number}.parquet", index=False, row_group_size=row_group)
    return path


def prepare(path: Path, folder: Path, **options: object) -> Prepared:
    (folder / "columns.toml").write_text(COLUMNS)
    asked = {"data": str(path), "columns": folder / "columns.toml", "edges": 31, "slices": ["region", "since"]}
    settings = FitSettings.model_validate(asked | options)
    return preparation.prepare(settings, CONTRACT, 31, InProcess())


def trees(prepared: Prepared, fold: int | None) -> bytes:
    parameters = dict(model.PARAMETERS) | {"n_estimators": 5}
    unfitted = model.served(parameters=parameters, constraints=None, seed=7, threads=1)
    return bytes(rows_of(prepared).fit(unfitted, fold).get_booster().save_raw())


def rows_of(prepared: Prepared) -> SnappedRows:
    assert prepared.rows is not None
    return prepared.rows


@pytest.mark.parametrize("options", [{}, {"group_column": "customer"}], ids=["by row", "by customer"])
def test_any_files_and_any_order_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str]
) -> None:
    monkeypatch.setattr(passes, "SAMPLED_ROWS", 500)
    rows = table()
    first, *others = (
        prepare(write(tmp_path, rows, files=files, row_group=group, seed=files), tmp_path, **options)
        for files, group in ((1, 10_000), (3, 250), (7, 200))
    )
    ours = first.taken
    for other in others:
        theirs = other.taken
        assert theirs.told == ours.told
        assert theirs.provenance.model_dump(exclude={"source"}) == ours.provenance.model_dump(exclude={"source"})
        assert other.contract == first.contract
        assert_frame_equal(theirs.reference, ours.reference)
        assert_frame_equal(theirs.test.rows, ours.test.rows)
        np.testing.assert_array_equal(theirs.traces, ours.traces)
        np.testing.assert_array_equal(theirs.matrix, ours.matrix)
        np.testing.assert_array_equal(theirs.test.matrix, ours.test.matrix)
        for column, expected in zip(theirs.test.columns, ours.test.columns, strict=True):
            assert column.feature == expected.feature
            np.testing.assert_array_equal(column.values, expected.values)
        for edges, own in zip(rows_of(other).edges, rows_of(first).edges, strict=True):
            np.testing.assert_array_equal(edges, own)
        assert [trees(other, fold) for fold in (0, None)] == [trees(first, fold) for fold in (0, None)]


def test_every_row_is_used_and_equal_rows_stay_together(tmp_path: Path) -> None:
    rows = table()
    prepared = prepare(write(tmp_path, rows, files=3, row_group=500, seed=1), tmp_path)
    taken = prepared.taken
    assert taken.provenance.rows == len(rows) - 3
    assert taken.provenance.rejected_rows == 3
    assert len(taken.matrix) + len(taken.test.matrix) == len(rows) - 3
    assert sum(len(part.codes) for part in rows_of(prepared).parts) == len(taken.matrix)
    assert len(taken.test.matrix) == pytest.approx(0.2 * len(rows), rel=0.1)
    learned, judged = ({row.tobytes() for row in matrix} for matrix in (taken.matrix, taken.test.matrix))
    assert not learned & judged
    held_out = np.concatenate([held for _, held in taken.folds])
    assert sorted(held_out.tolist()) == list(range(len(taken.matrix)))


def test_a_row_stays_on_its_side_when_the_table_grows(tmp_path: Path) -> None:
    rows = table()
    less = prepare(write(tmp_path, rows.head(2_000), files=2, row_group=500, seed=1), tmp_path).taken
    more = prepare(write(tmp_path, rows, files=3, row_group=500, seed=1), tmp_path).taken
    old, new = (set(map(tuple, taken.test.rows.astype(str).to_numpy().tolist())) for taken in (less, more))
    assert old < new


def test_rows_of_a_customer_stay_together(tmp_path: Path) -> None:
    path = write(tmp_path, table(), files=3, row_group=500, seed=1)
    prepared = prepare(path, tmp_path, group_column="customer")
    taken, groups = prepared.taken, prepared.dataset.groups
    assert groups is not None
    assert taken.provenance.customers == groups.customers == table()["customer"].nunique()
    tested = groups.codes[len(taken.matrix) :]
    assert taken.customers is not None
    assert not set(taken.customers.tolist()) & set(tested.tolist())


def test_rows_that_the_columns_file_leaves_out_are_not_rejected(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = table()
    rows.loc[rows.index[1_000:], "has_left"] = None
    path = write(tmp_path, rows, files=3, row_group=100, seed=1)
    (tmp_path / "some.toml").write_text(COLUMNS.replace("[features]", "leave_out_unknown = true\n\n[features]"))
    with caplog.at_level(logging.INFO):
        prepared = preparation.prepare(
            FitSettings(data=str(path), columns=tmp_path / "some.toml", edges=31), CONTRACT, 31, InProcess()
        )
    assert prepared.taken.provenance.rows == 1_000 - 3
    assert prepared.taken.provenance.rejected_rows == 3
    assert f"read {len(rows)} rows from" in caplog.text
    assert f"left out {len(rows) - 1_000} rows without an outcome" in caplog.text


def test_test_rows_that_equal_a_training_row_are_found_beyond_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = table()
    twice = pd.concat([rows, rows]).assign(customer=range(2 * len(rows)))  # each row has a twin of another customer
    path = write(tmp_path, twice, files=3, row_group=500, seed=1)
    (whole,) = (one for one in prepare(path, tmp_path, group_column="customer").warnings if "equal" in one)
    monkeypatch.setattr(passes, "SAMPLED_ROWS", 500)
    (some,) = (one for one in prepare(path, tmp_path, group_column="customer").warnings if "equal" in one)
    assert 75 < int(whole.partition("%")[0]) < 85
    assert 70 < int(some.partition("%")[0]) < 90


def test_a_single_file_of_text_gives_the_same_trees(tmp_path: Path) -> None:
    rows = table()
    whole = prepare(write(tmp_path, rows, files=3, row_group=500, seed=1), tmp_path)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    assert trees(prepare(tmp_path / "rows.csv", tmp_path), None) == trees(whole, None)


def test_a_sample_keeps_the_rows_with_the_smallest_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, table(), files=3, row_group=500, seed=1)
    whole = prepare(path, tmp_path).taken
    monkeypatch.setattr(passes, "SAMPLED_ROWS", 150)
    some = prepare(path, tmp_path).taken
    assert len(some.test.matrix) == len(some.matrix) == 150
    np.testing.assert_array_equal(some.test.matrix, whole.test.matrix[:150])
    np.testing.assert_array_equal(some.traces, whole.traces)
    assert some.told != whole.told
    assert f"are of 150 of {len(whole.test.matrix):,} test rows, drawn by hash" in some.told


@pytest.mark.parametrize(
    ("change", "options", "error"),
    [
        (lambda rows: rows.assign(spent=-1.0), {}, TooManyRejected),
        (lambda rows: rows.head(100), {}, TooFewRows),
        (lambda rows: rows.head(0), {}, TooFewRows),
        (lambda rows: rows.assign(spent=1.0 * (rows["has_left"] == "yes")), {}, LeakFound),
        (
            lambda rows: rows.assign(customer=rows["customer"].where(rows.index != 50)),
            {"group_column": "customer"},
            GroupingImpossible,
        ),
        (lambda rows: rows.assign(customer=1), {"group_column": "customer"}, HashSplitImpossible),
        (lambda rows: rows.assign(land=[f"{at:0300}"[:200] + f"{at}" for at in range(len(rows))]), {}, TooManyRejected),
        (lambda rows: rows.assign(land=[f"{at:0190}" for at in range(len(rows))]), {}, None),
    ],
    ids=["rejected", "few", "none", "leak", "unknown customer", "one customer", "long levels", "ids as levels"],
)
def test_rows_that_cannot_be_used_are_refused_as_in_any_fit(
    tmp_path: Path, change: object, options: dict[str, str], error: type[Exception] | None
) -> None:
    assert callable(change)
    path = write(tmp_path, change(table()), files=2, row_group=500, seed=1)
    if error is None:
        assert prepare(path, tmp_path, **options).warnings
        return
    with pytest.raises(error):
        prepare(path, tmp_path, **options)


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"edges": 31, "cluster": "local:2"}, "omit --edges and --cluster."),
        ({"edges": None, "cluster": "local:2"}, "omit --cluster."),
        ({"edges": None}, "name a --group-column with more different values."),
    ],
    ids=["both", "cluster", "too many rows"],
)
def test_the_remedy_names_only_options_that_were_given(tmp_path: Path, options: dict[str, str], remedy: str) -> None:
    path = write(tmp_path, table().assign(customer=1), files=1, row_group=5_000, seed=1)
    with pytest.raises(HashSplitImpossible, match=rf"Bring more rows, or {re.escape(remedy)}$"):
        prepare(path, tmp_path, group_column="customer", **options)


def test_counting_levels_ends_when_they_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.data.learned_levels.LARGEST_BYTES", 100)
    path = write(tmp_path, table(), files=2, row_group=500, seed=1)
    with pytest.raises(TooManyLevels, match="country has"):
        prepare(path, tmp_path)
