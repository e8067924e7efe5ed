"""Metrics of the served models: their predictions, their state, and the shadow's differences."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain, groupby
from operator import itemgetter
from typing import get_args

from models import answer_counts
from models.bundles.manifest import Manifest
from models.bundles.pins import Challenger, Mode
from models.bundles.risk import RiskTier
from models.customer.contract import Vector
from models.features import CONTRACT
from service.metrics.registry import Registry, observe_all
from service.model.predictor import PredictionBatch

_TIERS: tuple[RiskTier, ...] = get_args(RiskTier)
_BUCKETS_PROBABILITY = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_BUCKETS_DIFFERENCE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

_FEW = 100
"""Smaller batches are counted with others, larger ones at once."""


class ModelMetrics:
    """Metrics of the models that one app serves."""

    def __init__(self, registry: Registry) -> None:
        self._add_predictions(registry)
        self._add_answers(registry)
        self._add_models(registry)
        self._add_shadow(registry)

    def _add_predictions(self, registry: Registry) -> None:
        tiers = registry.counter("churn_predictions", "Predictions by tier.", ["risk_tier", "model_version"])
        probabilities = registry.histogram(
            "churn_probability", "Predicted probabilities of churn.", ["model_version"], buckets=_BUCKETS_PROBABILITY
        )
        self._tiers, self._probabilities = cache(tiers.labels), cache(probabilities.labels)
        self._few = registry.defer(self._count_few)
        self._clipped = registry.counter(
            "churn_clipped_values", "Values beyond their bounds, which were clipped to them, by field.", ["field"]
        )
        unseen = registry.counter(
            "churn_unseen_levels", "Predictions for a level that was never seen in training, by field.", ["field"]
        )
        self._unseen = {feature.name: unseen.labels(feature.name) for feature in CONTRACT.open_categories}

    def _add_answers(self, registry: Registry) -> None:
        seconds = registry.histogram(
            "churn_model_answer_seconds",
            "Time of a model for a customer, once for each answer to one with an id; measured beside a canary.",
            ["model_version", "customer_group"],
            buckets=answer_counts.BOUNDS_SECONDS,
        )
        failures = registry.counter(
            "churn_model_failures",
            "Requests of customers with an id that a model failed; counted beside a canary.",
            ["model_version", "customer_group"],
        )
        self._model_seconds, self._model_failures = cache(seconds.labels), cache(failures.labels)
        self._answers = registry.defer(self._count_answers)

    def _add_models(self, registry: Registry) -> None:
        self._loaded = registry.least("churn_model_loaded", "1 if a model is served, 0 if none is.")
        self._pinned = registry.least(
            "churn_model_pinned", "1 if the served model is the pinned one, 0 if the pinned one was refused."
        )
        self._trained = registry.least("churn_model_trained_timestamp_seconds", "When the served model was trained.")
        self._model = registry.most(
            "churn_model_info", "1 for each served model in its role.", ["model_version", "role"]
        )
        self._versions: dict[str, str] = {}  # by role
        self._refused = registry.most("churn_challenger_refused", "1 if the pinned challenger was refused.")
        self._share = registry.most("churn_challenger_share", "Share of customers with an id that a canary answers.")
        self._swap_failures = registry.counter("churn_model_swap_failures", "Refused pinned models, by each worker.")

    def _add_shadow(self, registry: Registry) -> None:
        rows = registry.counter("churn_shadow_rows", "Predictions that a shadow scored or dropped.", ["result"])
        self._shadow_rows = {result: rows.labels(result) for result in ("scored", "dropped")}
        differences = registry.histogram(
            "churn_shadow_difference",
            "Absolute difference between the probabilities of shadow and champion.",
            ["model_version"],
            buckets=_BUCKETS_DIFFERENCE,
        )
        self._differences = cache(differences.labels)

    def describe_model(self, manifest: Manifest) -> None:
        """Set the champion."""
        self._expect_predictions(manifest.version)
        self._cast("champion", manifest.version)
        self._trained.set(manifest.trained_at.timestamp())
        self._loaded.set(1)
        self._pinned.set(1)

    def describe_challenger(self, challenger: Challenger | None, *, refused: bool) -> None:
        """Set the challenger, None for none; `refused` means that the pinned challenger failed verification."""
        roles = {challenger.mode: challenger.version} if challenger else {}
        for mode in get_args(Mode):
            self._cast(mode, roles.get(mode))
        if canary := roles.get("canary"):
            self._expect_predictions(canary)
            self._expect_answers(canary)
            self._expect_answers(self._versions["champion"])
        if shadow := roles.get("shadow"):
            self._differences(shadow)
        self._share.set(challenger.share if challenger and canary else 0)
        self._refused.set(refused)

    def count_swap_failure(self) -> None:
        """Count a pinned model that was refused."""
        self._swap_failures.inc()
        self._pinned.set(0)

    def count_predictions(self, predicted: PredictionBatch) -> None:
        """Count predictions by tier and model, and their probabilities."""
        for name, rows in (predicted.unseen or {}).items():
            self._unseen[name].inc(rows)
        counted = predicted.model_version, predicted.tiers, predicted.probabilities
        if len(predicted.ids) < _FEW:
            self._few.add(counted)
        else:
            self._count_predictions(*counted)

    def count_answers(self, predicted: PredictionBatch) -> None:
        """Count the requests that a model answered beside a canary, by its time for a customer."""
        if predicted.groups:
            seconds = (predicted.seconds or 0) / len(predicted.ids)
            self._answers.add((predicted.model_version, seconds, predicted.groups))

    def count_failure(self, version: str, group: int) -> None:
        """Count a request that a model failed, for a random group of customers."""
        self._model_failures(version, group).inc()

    def count_clipped(self, values: Mapping[str, int]) -> None:
        """Count values that were clipped, by field."""
        for name, found in values.items():
            self._clipped.labels(name).inc(found)

    def _count_few(self, batches: Sequence[tuple[str, list[RiskTier], list[float]]]) -> None:
        for version, parts in groupby(sorted(batches, key=itemgetter(0)), key=itemgetter(0)):
            _, tiers, probabilities = zip(*parts, strict=True)
            self._count_predictions(version, list(chain(*tiers)), list(chain(*probabilities)))

    def _count_answers(self, answers: Sequence[tuple[str, float, Sequence[int]]]) -> None:
        taken: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
        for version, seconds, groups in answers:
            for group in groups:
                taken[version, group].append(seconds)
        for labels, values in taken.items():
            observe_all(self._model_seconds(*labels), values)

    def _count_predictions(self, version: str, tiers: Sequence[RiskTier], probabilities: Sequence[float]) -> None:
        for tier in _TIERS:
            if rows := tiers.count(tier):
                self._tiers(tier, version).inc(rows)
        observe_all(self._probabilities(version), probabilities)

    def count_shadow(self, version: str, differences: Vector) -> None:
        """Count rows that a shadow scored, by their difference from the champion's probabilities."""
        self._shadow_rows["scored"].inc(len(differences))
        observe_all(self._differences(version), differences.tolist())

    def count_shadow_dropped(self, rows: int) -> None:
        """Count rows that the shadow will not score."""
        self._shadow_rows["dropped"].inc(rows)

    def _expect_predictions(self, version: str) -> None:
        for tier in _TIERS:
            self._tiers(tier, version)  # starts at 0, so that the first count is an increase
        self._probabilities(version)

    def _expect_answers(self, version: str) -> None:
        for group in range(answer_counts.CUSTOMER_GROUPS):
            self._model_seconds(version, group)
            self._model_failures(version, group)

    def _cast(self, role: str, version: str | None) -> None:
        if before := self._versions.pop(role, None):
            self._model.labels(before, role).set(0)
        if version is not None:
            self._versions[role] = version
            self._model.labels(version, role).set(1)
