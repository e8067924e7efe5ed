"""Rows of the prediction log for attacks on the spool."""

from typing import Any

import sqlalchemy as sa

from models.log import log_tables

DAY = 86_400_000
"""A day in milliseconds."""
MADE_AT, FEATURES = "2026-03-01 12:00:00.000001", '{"seats":5,"plan":"a\\tb\u2028c"}'


def line(number: int, *, probability: str = "0.25", digest: str = r"\N") -> str:
    """Return a row of predictions with this number as its id."""
    return f"{number:032x}\t{MADE_AT}\tv1\t{FEATURES}\t\\N\t{probability}\t0\tlow\t{digest}"


def said(number: int) -> str:
    """Return what a challenger says of the customer of that row."""
    return f"{number:032x}\tv2\t0.5\t1\tmedium"


def traffic(number: int) -> str:
    """Return a row of traffic."""
    return f'{number:032x}\t{MADE_AT}\t10\t2\t{{"seats": 2}}\t5'


def rows_of(url: str, table: sa.Table = log_tables.PREDICTIONS) -> list[Any]:
    """Return all rows of a table."""
    engine = log_tables.connect(url)
    with engine.connect() as connection:
        rows = list(connection.execute(sa.select(table)))
    engine.dispose()
    return rows
