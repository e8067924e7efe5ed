"""Rows of predictions for the log: made in the request, and completed by the thread that writes them.

The digest of a `customer_id` is computed outside of the request. Until then, the id is in memory only.
"""

from collections.abc import Iterable, Iterator
from itertools import repeat

from service.log.logged_inputs import InputKeeper
from service.log.page_format import NULL
from service.model.predictor import PredictionBatch

Row = str | tuple[str, str, str]
"""A line of a page; or its values before the digest of a `customer_id`, that id, and the values after the digest."""
_DRAWS = {True: "\t1", False: "\t0", None: f"\t{NULL}"}


def make(predicted: PredictionBatch, keep: InputKeeper) -> Iterator[Row]:
    """Write each prediction as a row of the table, in the order of its columns."""
    begin = f"\t{predicted.made_at.spaced}\t{predicted.model_version}\t"
    columns, keeps_customers = keep.columns, keep.keeps_customers
    # Without a holdout, rows end before the last column, so that a service of an earlier version can store them.
    ends = repeat("", len(predicted.ids)) if predicted.held_out is None else map(_DRAWS.get, predicted.held_out)
    rows = zip(
        predicted.ids,
        predicted.customers,
        predicted.probabilities,
        predicted.decisions,
        predicted.tiers,
        ends,
        strict=True,
    )
    for identity, customer, probability, decision, tier, end in rows:
        line = f"{identity}{begin}{columns(customer)}\t{probability!r}\t{decision:d}\t{tier}\t"
        name = getattr(customer, "customer_id", None) if keeps_customers else None
        yield f"{line}{NULL}{end}" if name is None else (line, name, end)


def complete(rows: Iterable[Row], keep: InputKeeper) -> list[str]:
    """Return the lines of a page; 1 µs for a row with a `customer_id`."""
    digest = keep.digest
    return [row if isinstance(row, str) else f"{row[0]}{digest(row[1])}{row[2]}" for row in rows]
