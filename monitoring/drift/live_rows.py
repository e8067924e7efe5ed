"""The live rows of the drift job, from a period of the prediction log or from a file."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from models.columns import column_mapping
from models.customer.files.stores import Table
from models.customer.history import old_names
from monitoring.drift import repeated_rows, row_counts
from monitoring.drift.baseline import Baseline
from monitoring.drift.row_counts import PREDICTION, RowCounts
from monitoring.errors import ConflictingSources, TooFewRows
from monitoring.log import counted_rows, customer_files, window
from monitoring.log.counted_rows import CountedRows
from monitoring.log.window import Traffic, Window
from monitoring.settings import DriftSettings


@dataclass(frozen=True)
class LiveRows:
    """A sample of the customers that clients sent."""

    source: str
    """The path of the file, or the period of the log."""
    table: pd.DataFrame
    """The contract's columns, if the log has the inputs, and the pinned model's predictions; NaN where it made none."""
    rows: int
    """All customers, of which `table` is a sample."""
    counts: RowCounts | None = None
    """Of all rows of a file; None if `table` is all that is judged."""
    inputs_kept: bool = True
    """Whether `table` has the contract's columns."""
    traffic: Traffic = field(default_factory=lambda: Traffic(0, 0, 0, {}))
    """The counted requests of the period; none for a file."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Facts that only the log has, as JSON values."""
    remarks: tuple[str, ...] = ()
    """The same facts as sentences."""


def read(settings: DriftSettings, baseline: Baseline, now: datetime) -> LiveRows:
    """Read the live rows from the file or the period that the settings name.

    Raises:
        CannotTell, LogUnsupported, LogMissing: there are no live rows to check; the message has the reason.
    """
    live = _from_file(settings.live, settings, baseline) if settings.live else _from_log(settings, baseline, now)
    if len(live.table) < settings.min_rows:
        raise TooFewRows(
            source=live.source, rows=len(live.table), min_rows=settings.min_rows, refusals=live.traffic.refusals
        )
    return live


def _from_file(path: Table, settings: DriftSettings, baseline: Baseline) -> LiveRows:
    if settings.since or settings.from_time or settings.to_time:
        raise ConflictingSources(path=path)
    mapping = column_mapping.read(settings.columns, baseline.contract)
    counter = _Counter(baseline)
    counted = counted_rows.find(path, baseline.contract, mapping.csv)
    table, rows = customer_files.read(
        path, baseline.contract, rows=settings.sample_rows, mapping=mapping, counted=counted, each=counter.add
    )
    repeated = repeated_rows.find(baseline.contract, table, baseline.table)
    told = [repeated.say("rows", "keep one row of each customer")] if repeated.are_many else []
    if counted is not None:
        told += _say_counted(counted)
    if len(table) < rows:
        told.append(f"all {rows:,} rows are counted; the plots of the report show {len(table):,}, drawn at random")
    facts = {"repeated_rows_share": repeated.share}
    predicted = table.assign(**{PREDICTION: baseline.predict(table)})
    customers = counted.all_customers if counted else rows
    return LiveRows(str(path), predicted, customers, counter.counts, facts=facts, remarks=tuple(told))


def _say_counted(counted: CountedRows) -> list[str]:
    customers, predictions = f"{counted.all_customers:,} customers", f"{counted.rows:,} predictions"
    digest, prediction = counted.columns
    told = []
    if counted.share < 1:
        drawn = f"one in {1 / counted.share:.0f} customers is drawn by its digest"
        told.append(f"{predictions} of about {customers}; {drawn}, and the newest prediction of each counts")
    elif counted.all_customers < counted.rows:
        told.append(f"{predictions} of {customers}; the newest of each counts")
    if counted.unreadable:
        told.append(
            f"{counted.unreadable:,} values of {digest} are no digests of the log, which are texts of 32 hexadecimal "
            "digits; they tell no customers apart, and each of these rows counts"
        )
    if counted.unordered:
        told.append(
            f"{counted.unordered:,} values of {prediction} are no ids of the log, which begin with the time; of these "
            "rows, the last one of each customer counts as the newest"
        )
    return told


class _Counter:
    """Predicts and counts the rows of a file, a chunk at a time."""

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline
        self._points = row_counts.points(baseline.compared, baseline.table)
        self.counts: RowCounts | None = None

    def add(self, chunk: pd.DataFrame) -> None:
        predicted = chunk.assign(**{PREDICTION: self._baseline.predict(chunk)})
        contract = self._baseline.contract
        found = row_counts.count(self._baseline.compared, predicted, self._points, rules_of=contract)
        self.counts = found if self.counts is None else self.counts + found


def _from_log(settings: DriftSettings, baseline: Baseline, now: datetime) -> LiveRows:
    period = settings.period(now)
    found = window.read(settings.log_url, period, rows=settings.sample_rows)
    pinned = baseline.scorer.version
    inputs = [old_names.of_today(baseline.contract, row.features) for row in found.sample]
    usable = [values for values in inputs if values is not None]
    rows = [row for row, values in zip(found.sample, inputs, strict=True) if values is not None] or found.sample
    made = [row.churn_probability if row.model_version == pinned else None for row in rows]
    table = pd.DataFrame({PREDICTION: pd.Series(made, dtype="float64")})
    if usable:
        cells = pd.DataFrame(usable, columns=list(baseline.contract.names))
        table = customer_files.values(cells, baseline.contract).join(table)
        removed = baseline.model_contract.absent
        is_outdated = [row.model_version == pinned and _knew(row.features, removed) for row in rows]
        table.loc[is_outdated, PREDICTION] = baseline.predict(table[is_outdated])
    facts = {"from": period.start.isoformat(), "to": period.end.isoformat()} | _facts(found, usable_rows=len(usable))
    remarks = _remarks(facts, found, pinned)
    if usable:
        is_unnamed = [row.customer_digest is None for row in rows]
        repeated = repeated_rows.find(baseline.contract, table[is_unnamed], baseline.table)
        facts["repeated_rows_share"] = repeated.share
        if repeated.are_many:
            remarks.append(repeated.say("rows without a customer_id", "let clients send a customer_id"))
    source = f"the log from {period}"
    return LiveRows(
        source, table, found.customers, None, bool(usable), found.traffic, facts=facts, remarks=tuple(remarks)
    )


def _knew(features: Any, removed: Collection[str]) -> bool:
    """Return whether a prediction used a field that was removed since: the model predicts otherwise today."""
    return isinstance(features, dict) and any(features.get(name) is not None for name in removed)


def _facts(found: Window, *, usable_rows: int) -> dict[str, Any]:
    return {
        "window_predictions": found.rows,
        "model_versions": dict(Counter(row.model_version for row in found.sample).most_common()),
        "rows_without_inputs": len(found.sample) - usable_rows,
        "dropped_rows": found.traffic.dropped_rows,
        "refused_share": found.traffic.refused_share,
        "refused_fields": found.traffic.refused_field_shares,
    }


def _remarks(facts: Mapping[str, Any], found: Window, pinned: str) -> list[str]:
    remarks = []
    if found.customers < found.rows:
        remarks.append(f"{found.rows:,} predictions of {found.customers:,} customers; the newest of each counts")
    if set(facts["model_versions"]) != {pinned}:
        versions = ", ".join(f"{rows:,} by {version}" for version, rows in facts["model_versions"].items())
        remarks.append(f"only predictions of {pinned} are compared; the rows were predicted {versions}")
    if 0 < facts["rows_without_inputs"] < len(found.sample):
        remarks.append(f"left out, without the inputs of this contract: {facts['rows_without_inputs']:,} rows")
    if facts["dropped_rows"]:
        remarks.append(
            f"missing from the log: {facts['dropped_rows']:,} predictions, dropped while its database was unavailable"
        )
    if found.traffic.refused_requests:
        remarks.append(found.traffic.refusals)
    return remarks
