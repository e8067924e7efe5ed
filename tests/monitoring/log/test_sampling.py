"""A sample has as many rows as asked for, and every row of the stream is as likely to be in it."""

import numpy as np
import pyarrow as pa
import pytest

from monitoring.log import sampling
from monitoring.log.sampling import Sample


def draw(of_rows: int, *, rows: int, chunk_rows: int) -> Sample:
    table = pa.table({"at": np.arange(of_rows)})
    empty = table.slice(0, 0)
    return sampling.draw([empty, *(table.slice(at, chunk_rows) for at in range(0, of_rows, chunk_rows))], rows=rows)


@pytest.mark.parametrize("of_rows", [0, 1, 99, 100])
def test_a_short_stream_is_kept_whole_and_in_its_order(of_rows: int) -> None:
    sample = draw(of_rows, rows=100, chunk_rows=7)
    assert (sample.of_rows, sample.table["at"].to_pylist()) == (of_rows, list(range(of_rows)))


def test_a_long_stream_gives_exactly_as_many_rows_as_asked_for_and_none_twice() -> None:
    sample = draw(100_003, rows=1_000, chunk_rows=501)
    kept = sample.table["at"].to_pylist()
    assert (sample.of_rows, len(kept), len(set(kept)), kept) == (100_003, 1_000, 1_000, sorted(kept))


def test_every_part_of_a_stream_is_as_likely_as_any_other() -> None:
    kept = draw(200_000, rows=10_000, chunk_rows=999).table["at"].to_numpy()
    by_tenth = np.bincount(kept // 20_000)
    assert np.abs(by_tenth - 1_000).max() < 4 * 1_000**0.5


@pytest.mark.parametrize("chunk_rows", [1_000, 30_000])
def test_the_same_stream_gives_the_same_sample_however_it_is_cut(chunk_rows: int) -> None:
    assert draw(30_000, rows=500, chunk_rows=chunk_rows) == draw(30_000, rows=500, chunk_rows=7_777)
