"""Compares champion and challenger by their logged predictions and the outcomes.

In shadow mode, both models predict the same customers, and the differences are paired. In canary mode, each model
answers customers of its own, assigned at random. The models can be compared, but far more outcomes are needed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from models import durations
from models.bundles import bundle, pin_history, pins, quality
from models.bundles.pins import Challenger, Pin
from models.bundles.risk import RiskPolicy
from models.customer.contract import Contract
from models.features import CONTRACT
from models.log import connections, reporters, row_ids
from training.promotion import logged_predictions, paired_comparison
from training.promotion.errors import NoSuchModel, TooFewOutcomes
from training.promotion.logged_predictions import LoggedPredictions
from training.promotion.paired_comparison import Gain, ScoredModel
from training.settings import CompareLiveSettings

_NOTE = "the champion answers all customers without an id, so the two models may answer different customers"


@dataclass(frozen=True)
class LiveComparison:
    """The result of a trial so far."""

    challenger: Challenger
    since: datetime
    records: tuple[LoggedPredictions, LoggedPredictions]
    """Of the champion and of the challenger."""
    contradicted: int
    """Predictions whose outcome is unknown because trusted reporters disagree."""
    apart: Mapping[str, float]
    """In shadow mode, differences between the predictions, with or without outcome; empty in canary mode."""
    gains: Mapping[str, Gain]

    @property
    def better(self) -> bool:
        """Whether the challenger is significantly better in a metric, and significantly worse in none."""
        gains = self.gains.values()
        return any(gain.is_better for gain in gains) and not any(gain.is_worse for gain in gains)


def compare(
    settings: CompareLiveSettings, *, contract: Contract = CONTRACT, now: datetime | None = None
) -> LiveComparison:
    """Compare the logged predictions of champion and challenger.

    Raises:
        NoSuchModel: there is no challenger.
        BundleError: one of the models failed verification.
        LogUnsupported, LogMissing, LogUnreadable: the log cannot be read.
        TooFewOutcomes: there are too few outcomes for a comparison.
    """
    pin = pins.read(settings.models_dir)
    if (challenger := pin.challenger) is None:
        raise NoSuchModel(problem="there is no challenger")
    theirs, ours = (
        bundle.load(settings.models_dir, contract=contract, named=named).manifest.policy for named in (pin, challenger)
    )
    since = _since(settings, challenger, now or datetime.now(UTC))
    records, contradicted = _read(settings, pin, challenger, since)
    known = [record.known() for record in records]
    for record in known:
        if (problem := quality.shortage(record.outcomes, min_rows=settings.min_rows)) is not None:
            raise TooFewOutcomes(version=record.version, problem=problem)
    champion, other = _way(known[0], theirs), _way(known[1], ours)
    outcomes = known[0].outcomes, known[1].outcomes
    if challenger.mode == "canary":
        gains, apart = paired_comparison.compare_unpaired((other, outcomes[1]), (champion, outcomes[0])), {}
    else:
        gains = paired_comparison.compare(other, champion, outcomes[0])
        apart = _apart(_way(records[0], theirs), _way(records[1], ours))
    return LiveComparison(challenger, since, records, contradicted, apart, gains)


def describe(trial: LiveComparison) -> str:
    """Describe the result, one fact per line."""
    return "\n".join(_lines(trial))


def _since(settings: CompareLiveSettings, challenger: Challenger, now: datetime) -> datetime:
    if settings.since:
        return now - durations.parse(settings.since)
    events = pin_history.read(settings.models_dir).changes
    starts = [event.at for event in events if event.change == "challenge" and event.version == challenger.version]
    return starts[-1] if starts else datetime.fromtimestamp(0, UTC)


def _read(
    settings: CompareLiveSettings, champion: Pin, challenger: Challenger, since: datetime
) -> tuple[tuple[LoggedPredictions, LoggedPredictions], int]:
    versions, first = (champion.version, challenger.version), row_ids.first_id(since)
    trusted = reporters.parse(settings.trusted_reporters)
    with connections.connection(settings.log_url) as connection:
        contradicted = logged_predictions.count_contradicted(connection, *versions, since=first, trusted=trusted)
        if challenger.mode == "shadow":
            return logged_predictions.read_shadow(connection, *versions, since=first, trusted=trusted), contradicted
        theirs, ours = (
            logged_predictions.read_answers(connection, version, since=first, trusted=trusted) for version in versions
        )
        return (theirs, ours), contradicted


def _way(record: LoggedPredictions, policy: RiskPolicy) -> ScoredModel:
    return ScoredModel(record.probability, policy)


def _apart(champion: ScoredModel, challenger: ScoredModel) -> dict[str, float]:
    tiers = [np.array([*map(model.policy.tier, model.probability.tolist())]) for model in (champion, challenger)]
    return {
        "mean difference of probabilities": float(np.abs(champion.probability - challenger.probability).mean()),
        "share of customers in another tier": float((tiers[0] != tiers[1]).mean()),
    }


def _lines(trial: LiveComparison) -> Iterator[str]:
    (champion, challenger), mode = trial.records, trial.challenger.mode
    result = "is better" if trial.better else "is not significantly better"
    yield f"{challenger.version} {result} than {champion.version}: {mode} since {trial.since:%Y-%m-%d %H:%M} UTC"
    for role, record in (("champion", champion), ("challenger", challenger)):
        more = f"; {record.repeated:,} further ones of the same customers do not count" if record.repeated else ""
        known = len(record.known().churned)
        yield f"  {role:<11}{len(record.churned):,} predictions, {known:,} with an outcome{more}"
    if trial.contradicted:
        yield f"  {trial.contradicted:,} predictions without a known outcome, because reporters disagree"
    for metric, gain in trial.gains.items():
        both = f"{gain.champion:.4f} and {gain.challenger:.4f}"
        yield f"  {paired_comparison.TITLES[metric]:<16}{both}, better by {paired_comparison.signed(gain.better_by)}"
    yield from (f"  {name} {value:.3f}" for name, value in trial.apart.items())
    if mode == "canary":
        yield f"  {_NOTE}"
