"""Finds the rows that a challenger and the champion are compared on, and checks that they are like all test rows."""

import logging

from scipy import stats

from models.bundles import quality
from models.bundles.bundle import Bundle
from models.customer.contract import Contract
from training.data import holdout
from training.data.hashing import hash_split
from training.data.holdout import Holdout
from training.promotion.errors import RowsUnlikeTestSet, TooFewUnseenRows

SURELY = 0.001
"""Probability below which a share of churners is not that of rows drawn from the test set: few comparisons are refused
by chance."""

logger = logging.getLogger(__name__)


def find(challenger: Bundle, champion: Bundle | None, contract: Contract, *, min_rows: int) -> Holdout:
    """Return the test rows of the challenger that neither model was trained on.

    Raises:
        TooFewUnseenRows: they are fewer than `min_rows`, or too few of them churned or stayed.
        RowsUnlikeTestSet: their share of churners surely differs from that of all test rows.
    """
    every = holdout.read(challenger, contract)
    rows = holdout.unseen_by_both(challenger, champion, contract) if champion else every
    of_rows = hash_split.unit(challenger.manifest.split) == "row"
    remedy = _remedy(challenger, champion, are_equal_rows=of_rows and every.customers is not None)
    problem = quality.shortage(rows.churned, min_rows=min_rows, customers=rows.customers)
    if problem is not None:
        raise TooFewUnseenRows(problem=problem, remedy=remedy)
    if is_surely_unlike(rows, every):
        shares = float(rows.churned.mean()), float(every.churned.mean())
        raise RowsUnlikeTestSet(
            version=challenger.manifest.version, rows=len(rows.churned), shares=shares, remedy=remedy
        )
    logger.info("comparing on %s customers that neither model was trained on", f"{len(rows.churned):,}")
    return rows


def is_surely_unlike(rows: Holdout, every: Holdout) -> bool:
    """Whether a sample of the test rows has a share of churners that chance does not explain (hypergeometric test)."""
    left, total, drawn = int(rows.churned.sum()), len(every.churned), len(rows.churned)
    by_chance = stats.hypergeom(total, int(every.churned.sum()), drawn)
    return bool(2 * min(by_chance.cdf(left), by_chance.sf(left - 1)) < SURELY)


def _remedy(challenger: Bundle, champion: Bundle | None, *, are_equal_rows: bool) -> str:
    """Say how two models get more test rows in common."""
    models = [challenger] if champion is None else [challenger, champion]
    older = [one.manifest.version for one in models if hash_split.is_of_seed(one.manifest.split)]
    if older:
        return (
            f"The test rows of {' and '.join(older)} were drawn with a seed. Fit again on the same rows: test rows are "
            "now drawn by a hash, and two models share them"
        )
    told_by = [one.manifest.split for one in models]
    splits = {(hash_split.unit(told), hash_split.customers_column(told)) for told in told_by}
    if len(splits) > 1:
        return "The two were split in different ways. Fit both with the same --group-column and --time-column"
    if are_equal_rows:
        return "Many test rows are equal and count once. Fit both with the same --group-column, the id of the customer"
    return "Fit the challenger on more or newer rows, or lower --min-rows"
