"""Decides whether a table is fitted in parts: because an option asks for it, or because it has too many rows."""

import contextlib
import logging

from models.customer import tables
from models.customer.errors import TableError
from training.data import sources
from training.partitioned.errors import EdgesUnsupported
from training.partitioned.snapped_part import MOST_EDGES
from training.settings import FitSettings

LARGEST_WHOLE_ROWS = 5_000_000
"""Most rows of a Parquet file or folder that are fitted as one table if `--edges` is not given."""
PIECE_ROWS = 500_000
"""Rows of a part, unless a row group has more."""

logger = logging.getLogger(__name__)


def edges(settings: FitSettings) -> int | None:
    """Return the most edges of a column for a fit in parts; None for a fit of the table as a whole.

    Raises:
        EdgesUnsupported: the settings ask for edges and for what a fit in parts cannot do.
    """
    problem = _unsupported(settings)
    if settings.edges is not None or settings.cluster or settings.partition_column:
        if problem:
            raise EdgesUnsupported(problem=problem)
        return settings.edges or MOST_EDGES
    rows = _rows(settings)
    if rows is None or rows <= LARGEST_WHOLE_ROWS:
        return None
    if problem:
        logger.warning("all %s rows are held in memory, because %s", f"{rows:,}", problem)
        return None
    logger.info("%s rows are more than %s: they are fitted in parts", f"{rows:,}", f"{LARGEST_WHOLE_ROWS:,}")
    return MOST_EDGES


def _unsupported(settings: FitSettings) -> str | None:
    """Say which setting needs the whole table."""
    if settings.with_live:
        return "live rows are split by their times, and rows in parts by their hash"
    if settings.time_column:
        return "--time-column needs the rows in the order of their times, and rows in parts are split by their hash"
    if settings.base_kind == "database" and not settings.partition_column:
        return "a database is read by ranges of a numeric column, which --partition-column names"
    if settings.base_kind == "synthetic":
        return "--data synthetic is made as a whole"
    return None


def _rows(settings: FitSettings) -> int | None:
    """Return the number of rows, if files tell it without being read."""
    if settings.base is None or settings.base_kind != "file":
        return None
    with contextlib.suppress(TableError):  # what reads the rows tells it better
        counts = [piece.rows for piece in tables.pieces(sources.locate(settings.base), rows=PIECE_ROWS)]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None
    return None
