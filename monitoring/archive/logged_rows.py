"""Reads a week of predictions as tables of one row for each prediction, with its outcome and its challenger's.

The features are columns, as in a file of customers. What a logged row has that fits no column of today's contract is
kept as text, so that nothing is lost.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import Connection

from models.customer.contract import Contract
from models.customer.feature import Feature
from models.customer.history import old_names
from models.log import known_outcomes
from models.log.log_tables import CHALLENGER_PREDICTIONS, OUTCOMES, PREDICTIONS, TREATMENTS
from models.log.partitions.weeks import Week

BATCH_ROWS = 20_000
_MOMENT = pa.timestamp("us", tz="UTC")
_OF_LOG: dict[str, pa.DataType] = {
    "prediction_id": pa.string(),
    "made_at": _MOMENT,
    "model_version": pa.string(),
    "customer_digest": pa.string(),
    "inputs_digest": pa.string(),
    "churn_probability": pa.float64(),
    "churn_prediction": pa.bool_(),
    "risk_tier": pa.string(),
    "held_out": pa.bool_(),
    "offer": pa.string(),
    "offered_at": _MOMENT,
    "offer_reported_by": pa.string(),
    "churned": pa.bool_(),
    "observed_at": _MOMENT,
    "recorded_at": _MOMENT,
    "reported_by": pa.string(),
    "challenger_version": pa.string(),
    "challenger_probability": pa.float64(),
    "challenger_prediction": pa.bool_(),
    "challenger_tier": pa.string(),
    "all_outcomes": pa.string(),
    "logged_features": pa.string(),
}
"""`offer` and the two columns after it are of the treatment; `churned` and the three after it of the known outcome.
`all_outcomes` is JSON: every reporter's outcome, where there are several. `logged_features` is JSON: the features as
logged, where the columns do not show them."""


def schema(contract: Contract) -> pa.Schema:
    """Return the columns of the tables; one of the log that has the name of a feature begins with `log_`."""
    of_log = [(_log_name(name, contract), kind) for name, kind in _OF_LOG.items()]
    return pa.schema([*of_log, *((feature.name, _type(feature)) for feature in contract.features)])


def tables(connection: Connection, week: Week, contract: Contract) -> Iterator[pa.Table]:
    """Read the predictions of a week in the order of their ids, in tables of `BATCH_ROWS` rows."""
    columns = schema(contract)
    query = _query(week).execution_options(yield_per=BATCH_ROWS)
    for rows in connection.execute(query).partitions():
        reports = _reports(connection, rows[0].prediction_id, rows[-1].prediction_id)
        cells = [_cells(row, reports.get(row.prediction_id, []), contract) for row in rows]
        yield pa.Table.from_pylist(cells, schema=columns)


def id_column(contract: Contract) -> str:
    """Return the name of the column with the id of each prediction."""
    return _log_name("prediction_id", contract)


def _query(week: Week) -> sa.Select[Any]:
    known, shadow, given, (first, end) = known_outcomes.select(None), CHALLENGER_PREDICTIONS, TREATMENTS, week.ids
    both = PREDICTIONS.outerjoin(known, known_outcomes.of_prediction(known))
    for other in (shadow, given):
        both = both.outerjoin(other, other.c.prediction_id == PREDICTIONS.c.prediction_id)
    of_treatment = [
        given.c.offer,
        given.c.given_at.label("offered_at"),
        given.c.reported_by.label("offer_reported_by"),
    ]
    of_outcome = [known.c[name] for name in ("churned", "observed_at", "recorded_at", "reported_by")]
    of_shadow = [
        shadow.c.model_version.label("challenger_version"),
        shadow.c.churn_probability.label("challenger_probability"),
        shadow.c.churn_prediction.label("challenger_prediction"),
        shadow.c.risk_tier.label("challenger_tier"),
    ]
    inside = (PREDICTIONS.c.prediction_id >= first) & (PREDICTIONS.c.prediction_id < end)
    query = sa.select(PREDICTIONS, *of_treatment, *of_outcome, *of_shadow).select_from(both).where(inside)
    return query.order_by(PREDICTIONS.c.prediction_id)


def _reports(connection: Connection, first: str, last: str) -> Mapping[str, list[Mapping[str, Any]]]:
    """Return all outcomes of predictions from one id to another, by prediction."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    asked = sa.select(OUTCOMES).where(OUTCOMES.c.prediction_id.between(first, last))
    for row in connection.execute(asked.order_by(*OUTCOMES.primary_key)).mappings():
        found[row["prediction_id"]].append({name: row[name] for name in row if name != "prediction_id"})
    return found


def _cells(row: sa.Row[Any], reports: Sequence[Mapping[str, Any]], contract: Contract) -> dict[str, Any]:
    logged = row.features
    values = old_names.of_today(contract, logged) or {}
    shown = {
        feature.name: values[feature.name]
        for feature in contract.features
        if feature.name in values and _fits(values[feature.name], feature)
    }
    of_log = {name: getattr(row, name, None) for name in _OF_LOG}
    if len(reports) > 1:
        of_log["all_outcomes"] = json.dumps(reports, default=lambda moment: moment.isoformat())
    if logged is not None and shown != logged:
        of_log["logged_features"] = json.dumps(logged)
    return {_log_name(name, contract): value for name, value in of_log.items()} | shown


def _log_name(name: str, contract: Contract) -> str:
    return f"log_{name}" if name in contract.names_set else name


def _type(feature: Feature) -> pa.DataType:
    if feature.holds_texts:
        return pa.string()
    return {"bool": pa.bool_(), "int64": pa.int64()}.get(feature.dtype, pa.float64())


def _fits(value: Any, feature: Feature) -> bool:
    """Return whether a column can have a value as it is."""
    wanted = _type(feature)
    if value is None:
        return True
    if wanted == pa.string():
        return isinstance(value, str)
    if wanted == pa.bool_():
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return wanted == pa.float64() or (isinstance(value, int) and abs(value) < 2**63)
