"""Rows in an object store are trained on as rows on disk, whole or in parts."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from models.features import CONTRACT
from tests.object_store import ObjectStore
from training.data import datasets, sources, synthetic
from training.errors import SourceUnreadable
from training.partitioned import choice
from training.settings import FitSettings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    customers = synthetic.sample(600, seed=5)[0]
    for year, rows in {2025: customers[:300], 2026: customers[300:]}.items():
        part = tmp_path / "in" / f"year={year}" / "part-0.parquet"
        part.parent.mkdir(parents=True)
        rows.to_parquet(part, index=False)
    return tmp_path / "in"


def test_a_folder_has_the_rows_and_the_digest_that_it_has_on_disk(
    lake: ObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.put(folder, "in")
    stored, local = FitSettings(data="s3://lake/in"), FitSettings(data=str(folder))
    assert datasets.load(stored, CONTRACT).provenance == datasets.load(local, CONTRACT).provenance
    assert sources.name(stored) == "in"
    assert choice.edges(stored) is None
    monkeypatch.setattr(choice, "LARGEST_WHOLE_ROWS", 599)
    assert choice.edges(stored) is not None
    assert sum(pq.read_metadata(path).num_rows for path in folder.rglob("*.parquet")) == 600


def test_a_bucket_that_is_not_there_is_said(lake: ObjectStore) -> None:
    assert lake.content("") == {}
    with pytest.raises(SourceUnreadable, match=r"s3://none/in: no such bucket\. Check its name"):
        datasets.load(FitSettings(data="s3://none/in"), CONTRACT)
