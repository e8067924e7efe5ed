"""Compares champion and challenger by their logged predictions and the outcomes.

In shadow mode, both models predict the same customers, and the differences are paired. In canary mode, each model
answers customers of its own, assigned at random. The models can be compared, but far more outcomes are needed. The
intervals hold at every look, so a trial may be looked at daily.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from models import durations
from models.bundles import bundle, pin_history, pins, quality
from models.bundles.pins import Challenger, Pin
from models.bundles.risk import RiskPolicy
from models.customer.contract import Contract
from models.features import CONTRACT
from models.log import connections, reporters, row_ids
from training.promotion.errors import HistoryUnclear, NoSuchModel, TooFewOutcomes
from training.promotion.live import live_gains, logged_predictions, metric_differences
from training.promotion.live.live_gains import LiveGain
from training.promotion.live.logged_predictions import LoggedPredictions
from training.promotion.paired_comparison import ScoredModel
from training.settings import CompareLiveSettings

_REMEDY = (
    ", and delete lines that cannot be read; or begin the trial again with `challenge`. `compare-live` also takes a "
    "period with --since"
)


@dataclass(frozen=True)
class Read:
    """What the log has of a trial."""

    records: tuple[LoggedPredictions, LoggedPredictions]
    """Of the champion and of the challenger."""
    contradicted: int
    """Predictions whose outcome is unknown because trusted reporters disagree."""
    is_random: bool
    """Whether chance alone decides which customers are whose."""


@dataclass(frozen=True)
class LiveComparison:
    """The result of a trial so far."""

    challenger: Challenger
    since: datetime
    read: Read
    apart: Mapping[str, float]
    """In shadow mode, differences between the predictions, with or without outcome; empty in canary mode."""
    gains: Mapping[str, LiveGain]
    horizon_rows: int
    is_nested: bool
    """Whether each look has the rows of the looks before; a window that moves has not."""

    @property
    def better(self) -> bool:
        """Whether the challenger is significantly better in a metric, and significantly worse in none."""
        return live_gains.is_better(self.gains)


def compare(
    settings: CompareLiveSettings, *, contract: Contract = CONTRACT, now: datetime | None = None
) -> LiveComparison:
    """Compare the logged predictions of champion and challenger.

    Raises:
        NoSuchModel: there is no challenger.
        BundleError: one of the models failed verification.
        LogUnsupported, LogMissing, LogUnreadable: the log cannot be read.
        HistoryUnclear: without `since`, it is not known when the trial or its present step began.
        TooFewOutcomes: there are too few outcomes for a comparison.
    """
    pin = pins.read(settings.models_dir)
    if (challenger := pin.challenger) is None:
        raise NoSuchModel(problem="there is no challenger")
    theirs, ours = (
        bundle.load(settings.models_dir, contract=contract, named=named).manifest.policy for named in (pin, challenger)
    )
    now = now or datetime.now(UTC)
    since = now - durations.parse(settings.since) if settings.since else began(settings.models_dir, pin, challenger)
    found = _read(settings, pin, challenger, since, now)
    records = found.records
    known = [record.known() for record in records]
    for record in known:
        if (problem := quality.shortage(record.outcomes, min_rows=settings.min_rows)) is not None:
            raise TooFewOutcomes(version=record.version, problem=problem)
    champion, other = _way(known[0], theirs), _way(known[1], ours)
    outcomes = known[0].outcomes, known[1].outcomes
    if challenger.mode == "canary":
        differences, apart = metric_differences.unpaired((other, outcomes[1]), (champion, outcomes[0])), {}
    else:
        differences = metric_differences.paired(other, champion, outcomes[0])
        apart = _apart(_way(records[0], theirs), _way(records[1], ours))
    gains = live_gains.judge(differences, horizon_rows=settings.horizon_rows)
    return LiveComparison(
        challenger, since, found, apart, gains, horizon_rows=settings.horizon_rows, is_nested=settings.since is None
    )


def began(models_dir: Path, pin: Pin, challenger: Challenger) -> datetime:
    """Return when the trial, or its present step, began.

    Raises:
        HistoryUnclear: the history does not say it.
    """
    history, path = pin_history.read(models_dir), models_dir / pin_history.HISTORY
    last = history.changes[-1] if history.changes else None
    if history.problems or last is None or last.change != "challenge" or not last.agrees(pin):
        problem = f"it does not say since when {challenger.version} has been the challenger"
        raise HistoryUnclear(path=path, problem=problem, remedy=_REMEDY)
    return last.at


def _read(settings: CompareLiveSettings, champion: Pin, challenger: Challenger, since: datetime, now: datetime) -> Read:
    versions = (champion.version, challenger.version)
    mature = durations.parse(settings.mature_after) if settings.mature_after else timedelta()
    made = row_ids.first_id(since), row_ids.first_id(now - mature + timedelta(milliseconds=1))
    trusted = reporters.parse(settings.trusted_reporters)
    with connections.connection(settings.log_url) as connection:
        contradicted = logged_predictions.count_contradicted(connection, *versions, made=made, trusted=trusted)
        if challenger.mode == "shadow":
            both = logged_predictions.read_shadow(connection, *versions, made=made, trusted=trusted)
            return Read(both, contradicted, is_random=True)
        # Only customers with an id are assigned at random; the champion answers all others as well.
        is_named = logged_predictions.are_named(connection, challenger.version, made=made)
        theirs, ours = (
            logged_predictions.read_answers(connection, version, made=made, trusted=trusted, is_named=is_named)
            for version in versions
        )
        return Read((theirs, ours), contradicted, is_random=is_named)


def _way(record: LoggedPredictions, policy: RiskPolicy) -> ScoredModel:
    return ScoredModel(record.probability, policy)


def _apart(champion: ScoredModel, challenger: ScoredModel) -> dict[str, float]:
    tiers = [np.array([*map(model.policy.tier, model.probability.tolist())]) for model in (champion, challenger)]
    return {
        "mean difference of probabilities": float(np.abs(champion.probability - challenger.probability).mean()),
        "share of customers in another tier": float((tiers[0] != tiers[1]).mean()),
    }
