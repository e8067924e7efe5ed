"""Reads the column of the outcome."""

import logging
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.columns import feature_columns
from models.columns.errors import TargetUnclear
from models.columns.origins import Target
from models.customer import parsing
from models.customer.files.csv_format import CsvFormat

MOST_VALUES = 20
"""A column with more different values is no outcome, whatever `positive` lists."""

logger = logging.getLogger(__name__)


def outcome(column: pd.Series, target: Target, style: CsvFormat) -> pd.Series:
    """Return 1.0 where a customer left, 0.0 where not, and NaN where it is unknown.

    Raises:
        TargetUnclear: the values do not fit `positive`.
    """
    found, values = read(column, target, style)
    require_clear(sorted(values), target)
    return found


def read(column: pd.Series, target: Target, style: CsvFormat) -> tuple[pd.Series, set[str]]:
    """Return the outcomes of a part of a table, and the different values that it has for them, unchecked."""
    nulls = parsing.NULLS | {parsing.canonical(null) for null in style.nulls}
    codes, different = pd.factorize(column)  # a code of -1 means unknown
    cells = [*(feature_columns.text(cell) for cell in different.tolist()), None]
    values = {cell for cell in cells if cell is not None and cell not in nulls}
    meaning = {value: float(value in target.positives) for value in values}
    return pd.Series(np.array([meaning.get(cell or "", math.nan) for cell in cells])[codes]), values


def require_clear(values: Sequence[str], target: Target) -> None:
    """Check that the different values of the whole column, sorted, fit `positive`.

    Raises:
        TargetUnclear: they do not.
    """
    left = [value for value in values if value in target.positives]
    stayed = [value for value in values if value not in left]
    if not isinstance(target.positive, list):
        if len(values) != 2 or not left:
            raise TargetUnclear(column=target.column, values=values, positives=target.positives)
        return
    folded = {value.casefold() for value in target.positives}
    has_other_case = any(value.casefold() in folded for value in stayed)
    if not left or not stayed or has_other_case or len(values) > MOST_VALUES:
        raise TargetUnclear(column=target.column, values=values, positives=target.positives, is_list=True)
    listed = ", ".join(map(repr, stayed))
    logger.info("%s: %s mean churn, and all others do not: %s", target.column, ", ".join(map(repr, left)), listed)
    if unseen := [value for value in target.positives if value not in left]:
        logger.warning("%s: no row has %s, which `positive` lists", target.column, ", ".join(map(repr, unseen)))
