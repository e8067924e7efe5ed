"""Computes a prediction again from its logged row with its own model, and compares the two.

Probability, decision and tier must be those of the row. The log has no reasons: they are computed again, and must add
up to the logged probability. An answer that the client kept is compared with all of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from models.bundles.bundle import Bundle
from models.bundles.calibration import Calibration
from models.bundles.explainer import Contributions, Explainer
from models.bundles.scorer import Scorer
from models.customer import reasons
from models.customer.contract import Contract, Matrix
from models.customer.history import model_contract
from models.errors import FingerprintMismatch
from models.features import CONTRACT
from training.replay import kept_answer, kept_explanation, logged_prediction, model_used
from training.replay.checked import Check
from training.replay.kept_answer import Answer
from training.replay.kept_explanation import Explained
from training.replay.logged_prediction import LoggedPrediction
from training.replay.model_used import ModelUsed
from training.replay.settings import ReplaySettings

PARITY_LIMIT = 1e-5
"""Largest difference of probabilities, as between the trees and the graph of a published model: other processors and
versions of ONNX Runtime may give other last digits."""
_BATCHES = (1, 2, 100)
"""Numbers of rows that the service scores in different ways, which may differ in the last digit."""


@dataclass(frozen=True)
class Replay:
    """The result."""

    logged: LoggedPrediction
    digest: str
    named_by: str
    checks: tuple[Check, ...]
    contributions: Mapping[str, float]
    """By field, in log-odds."""
    reasons: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Whether all parts are equal."""
        return all(check.is_equal for check in self.checks)


def replay(settings: ReplaySettings, *, contract: Contract = CONTRACT) -> Replay:
    """Compute a prediction again.

    Raises:
        ReplayError: it cannot be told; the class names the reason.
        BundleError: the model failed verification.
        LogUnsupported, LogMissing, LogUnreadable: the log cannot be read.
    """
    logged = logged_prediction.find(settings.prediction, log_url=settings.log_url, archive=settings.live)
    with model_used.opened(logged.model_version, settings, contract) as used:
        values, notes = _values(logged.features, used.bundle, contract)
        own = replace(used.bundle.contract, absent=used.bundle.contract.names_set - values.keys())
        matrix = own.encode_rows([SimpleNamespace(**values)])
        contributions = Explainer.of(used.bundle).explain(matrix)
        found = _explain(own, values, contributions, contributions.served(used.bundle.manifest.calibration))
        checks = [*_checks(logged, used.bundle, matrix, contributions)]
        if settings.answer is not None:
            answer = kept_answer.read(settings.answer, logged.prediction_id)
            checks += _answered(answer, logged, checks)
            if answer.explanation is not None:
                checks += kept_explanation.compare(answer.explanation, found, own, contract)
        notes += _changes(used, contract)
        return Replay(logged, used.digest, used.named_by, tuple(checks), found.served, found.reasons, tuple(notes))


def _values(logged: Mapping[str, Any], used: Bundle, today: Contract) -> tuple[dict[str, Any], list[str]]:
    """Return the values by the model's own names, and what it did not know of this customer."""
    values, notes = {}, []
    for feature in used.contract.features:
        names = next(
            ({one.name, *one.formerly} for one in today.features if feature.name in (one.name, *one.formerly)), ()
        )
        known = [name for name in (feature.name, *sorted(names)) if name in logged]
        if not known:
            notes.append(f"the row has no {feature.name}, which the contract of the service had no more: unknown")
            continue
        value = values[feature.name] = logged[known[0]]
        if feature.kind == "category" and value is not None and value not in feature.categories:
            notes.append(f"{feature.name} has a level that was added after the training: unknown to the model")
            values[feature.name] = None
    return values, notes


def _explain(own: Contract, values: Mapping[str, Any], raw: Contributions, served: Contributions) -> Explained:
    by_feature, of_trees = (dict(zip(own.names, one.by_feature[0].tolist(), strict=True)) for one in (served, raw))
    strengths, score = list(by_feature.values()), float(served.scores[0])
    return Explained(
        served=by_feature,
        raw=of_trees,
        reasons=tuple(reasons.of(own, values, strengths, score=score)),
        strongest=tuple(reasons.strongest(own, strengths, score=score)),
    )


def _checks(logged: LoggedPrediction, used: Bundle, matrix: Matrix, found: Contributions) -> Iterator[Check]:
    scorer, policy, recorded = Scorer.of(used), used.manifest.policy, logged.churn_probability
    computed = [float(scorer.score(np.repeat(matrix, rows, axis=0))[0]) for rows in _BATCHES]
    nearest = min(computed, key=lambda one: abs(one - recorded))
    yield _probability("probability", recorded, nearest)
    # Where rounding moves a probability across a bound, the recorded one decided.
    deciding = recorded if abs(nearest - recorded) <= PARITY_LIMIT else nearest
    decision, tier = policy.churns(deciding), policy.tier(deciding)
    yield Check("decision", logged.churn_prediction, decision, logged.churn_prediction == decision)
    yield Check("risk tier", logged.risk_tier, tier, logged.risk_tier == tier)
    yield _sum(recorded, float(1 / (1 + np.exp(-found.raw_scores[0]))), used.manifest.calibration)


def _sum(recorded: float, summed: float, calibration: Calibration) -> Check:
    """Check that the contributions add up to the probability: the map may be steep where they are rounded."""
    ends = np.clip(np.array([summed - PARITY_LIMIT, summed, summed + PARITY_LIMIT]), 0, 1)
    low, computed, high = calibration.apply(ends).tolist()
    is_equal = low - PARITY_LIMIT <= recorded <= high + PARITY_LIMIT
    return Check(
        "sum of the contributions", recorded, computed, is_equal, f"they differ by {abs(computed - recorded):.1e}"
    )


def _probability(part: str, recorded: float, computed: float) -> Check:
    difference = abs(computed - recorded)
    note = "bit for bit" if difference == 0 else f"they differ by {difference:.1e}; up to {PARITY_LIMIT:.0e} is equal"
    return Check(part, recorded, computed, difference <= PARITY_LIMIT, note)


def _answered(answer: Answer, logged: LoggedPrediction, checks: Sequence[Check]) -> Iterator[Check]:
    """Compare the answer that the client kept."""
    probability, decision, tier = (check.computed for check in checks[:3])
    yield _probability("answered probability", answer.churn_probability, probability)
    for part, recorded, computed in (
        ("answered decision", answer.churn_prediction, decision),
        ("answered risk tier", answer.risk_tier, tier),
        ("answered model", answer.model_version, logged.model_version),
    ):
        yield Check(part, recorded, computed, recorded == computed)


def _changes(used: ModelUsed, today: Contract) -> list[str]:
    """Return what has changed in the contract since the training, a sentence each."""
    manifest = used.bundle.manifest
    if manifest.fingerprint == today.fingerprint:
        return []
    try:
        found = model_contract.changes_since(manifest.fingerprint, manifest.features, today)
    except FingerprintMismatch:
        found = []
    told = [f"since the training, {change.sentence}" for change in found]
    return [*told, "the customer was encoded by the contract in the bundle, not by the one of today"]
