"""Equal rows of a test set by hash: intervals draw them together, and the card tells of them."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import stats

from models.customer.contract import Columns, Contract
from training.data.hashing import hash_split, row_hash
from training.data.splitting import TEST_FRACTION, Rows

CONSIDERABLE = 0.1
"""Share of test rows that equal another test row, from which on equal rows are drawn together in intervals."""
_SURELY, _NOTABLY = 0.001, 0.05
Counts = npt.NDArray[np.int64]
"""(2, 2) rows of training and of test, that stayed and that churned."""


def customers(test_rows: Columns, contract: Contract, told: str) -> Rows | None:
    """Return a number for each test row, (n,), the same for equal rows, if many rows of a split by row are equal."""
    if hash_split.unit(told) != "row":
        return None
    hashes = row_hash.of(test_rows, contract)
    return hashes.view(np.int64) if _share_repeated(hashes) >= CONSIDERABLE else None


def doubts(test_customers: Rows | None, counts: Counts, told: str) -> Iterator[str]:
    """Yield a sentence for each reason why the figures of a test set by hash may not hold for the table."""
    unit = hash_split.unit(told)
    if unit is None:
        return
    remedy = "" if unit == "customer" else ". Split by customers, with --group-column and the id of the customer"
    if unit == "row" and test_customers is not None:
        distinct = len(np.unique(test_customers))
        yield (
            f"{_share_repeated(test_customers):.0%} of the test rows equal another test row: the "
            f"{len(test_customers):,} rows are {distinct:,} different ones, and the intervals draw these{remedy}"
        )
    (tested, rows), (left, all_left) = ((int(one[1].sum()), int(one.sum())) for one in (counts, counts[:, 1:]))
    is_unlike = _differs(tested, rows, TEST_FRACTION) or _differs(left, tested, all_left / rows)
    if is_unlike:
        yield (
            f"the test set is unlike the table: it has {tested / rows:.1%} of the rows instead of {TEST_FRACTION:.0%}, "
            f"and {left / tested:.1%} of them churned, of all rows {all_left / rows:.1%}. Its figures may not hold for "
            f"other customers{remedy}"
        )


def _share_repeated(numbers: npt.NDArray[np.integer]) -> float:
    _, rows = np.unique(numbers, return_counts=True)
    return float(rows[rows > 1].sum() / rows.sum())


def _differs(found: int, among: int, share: float) -> bool:
    """Whether a count is surely not that of a share, and by more than a twentieth of it."""
    is_notable = abs(found / among - share) > _NOTABLY * share
    return is_notable and bool(stats.binomtest(found, among, share).pvalue < _SURELY)
