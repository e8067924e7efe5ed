"""The result of the performance job: summary line, table of figures, and JSON record."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from models.bundles import recalibration
from models.bundles.quality import Figures
from models.bundles.risk import RiskPolicy
from models.bundles.segments import Segment
from monitoring.errors import CANNOT_TELL
from monitoring.job_result import JobResult
from monitoring.losses.repair import Repair
from monitoring.period import Period
from monitoring.quality import offer_report
from monitoring.quality.labelled_predictions import LabelledPredictions
from monitoring.quality.performance_checks import Check
from monitoring.quality.treatment_effect import Effect


@dataclass(frozen=True)
class PerformanceResult(JobResult):
    """The result of the performance job. Without `live` there is no verdict, and `reason` has the cause."""

    model_version: str
    period: Period
    policy: RiskPolicy
    """Threshold, tiers and costs of the model's decisions."""
    track: LabelledPredictions
    reference: Figures
    """Figures on the test set."""
    estimated: Figures | None
    """Figures of all predictions of the period, expected from their probabilities; None if there are too few."""
    promises_calibration: bool = True
    """Whether the manifest has the figures of calibration; models from before they were measured have none."""
    reason: str | None = None
    live: Figures | None = None
    """Figures on the predictions with an outcome."""
    expected: Figures | None = None
    """Figures of the same predictions, expected from their probabilities."""
    checks: tuple[Check, ...] = ()
    segments: tuple[Segment, ...] = ()
    repair: Repair | None = None
    """What a new calibration map would save."""
    effects: tuple[Effect, ...] = ()
    """Effect of offers by tier; empty if nobody was held out."""

    @property
    def broken(self) -> list[Check]:
        """The failed checks."""
        return [check for check in self.checks if check.broken]

    @property
    def verdict(self) -> Literal["as good as promised", "quality fallen", "cannot tell"]:
        """Quality has fallen if any check fails."""
        if self.live is None:
            return "cannot tell"
        return "quality fallen" if self.broken else "as good as promised"

    @property
    def exit_code(self) -> int:
        """0 as good as promised, 1 quality fallen, 2 cannot tell."""
        if self.live is None:
            return CANNOT_TELL
        return 1 if self.broken else 0

    @property
    def summary(self) -> str:
        """Summarize the result in one line."""
        if self.live is None:
            return f"{self.verdict}: {self.reason}"
        track = self.track
        rows = f"{track.outcomes_rows:,} outcomes of {track.window_rows:,} predictions of model {self.model_version}"
        found = ", ".join(
            f"{display_name(c.metric)} worse by {c.worse_by:.3f}, limit {c.limit:.3f}" for c in self.broken
        )
        if not found:
            found = f"ROC-AUC {self.live['roc_auc']}, calibration error {self.live['calibration_error'].value:.3f}"
        return f"{self.verdict}: {found}; {rows}"

    @property
    def table(self) -> list[list[str]]:
        """Live, test-set and expected figures, below a row of headings."""
        sides = {"live": self.live, "test set": self.reference, "from probabilities": self.expected or self.estimated}
        rows = [
            [self._unit(name), *(str((figures or {}).get(name, "")) for figures in sides.values())]
            for name in self.live or self.estimated or self.reference
        ]
        return [["figure", *sides], *rows]

    @property
    def checks_table(self) -> list[list[str]]:
        """How much worse each checked figure is than on the test set, and its limit, below a row of headings."""
        rows = [
            [display_name(one.metric), f"{one.worse_by:.3f}", f"{one.limit:.3f}", "fallen" if one.broken else "good"]
            for one in self.checks
        ]
        return [["figure", "worse by", "limit", "verdict"], *rows]

    @property
    def remarks(self) -> list[str]:
        """List the table of figures and the notes, a line each."""
        return [*self._figures(), *self.notes]

    @property
    def notes(self) -> list[str]:
        """List the proposal of a new map, calibration, outcomes by tier, delays, effects and segments, a line each."""
        proposal = self.repair.remarks if self.repair else ()
        effects = offer_report.sentences(self.effects, self.policy.costs)
        return [*proposal, *self._calibration(), *self._coverage(), *effects, *self._segments()]

    @property
    def details(self) -> dict[str, Any]:
        """Period, counts, figures, checks, effects of offers and segments."""
        return {
            "from": self.period.start.isoformat(),
            "to": self.period.end.isoformat(),
            "window_rows": self.track.window_rows,
            "outcomes_rows": self.track.outcomes_rows,
            "other_models_rows": self.track.other_models_rows,
            "repeated_rows": self.track.repeated_rows,
            "contradicted_rows": self.track.contradicted_rows,
            "tiers": {name: asdict(tier) for name, tier in self.track.tiers.items()},
            "median_delay_seconds": self.track.median_delay_seconds,
            "live": _record(self.live),
            "reference": _record(self.reference),
            "estimated": _record(self.estimated),
            "expected": _record(self.expected),
            "estimate_error": self._estimate_error,
            "checks": [asdict(check) | {"broken": check.broken} for check in self.checks],
            "recalibration": self.repair.record if self.repair else None,
            "offers": offer_report.records(self.effects, self.policy.costs),
            "costs_advice": offer_report.advice(self.effects, self.policy.costs),
            "segments": [asdict(segment) | {"name": segment.name} for segment in self.segments],
        }

    @property
    def _estimate_error(self) -> dict[str, float] | None:
        """Difference between each expected figure and the live figure of the same predictions."""
        if not (self.live and self.expected):
            return None
        return {name: figure.value - self.live[name].value for name, figure in self.expected.items()}

    def _unit(self, metric: str) -> str:
        costs = self.policy.costs
        return f"cost, {costs.currency}" if metric == "cost" and costs else display_name(metric)

    def _figures(self) -> Iterator[str]:
        header, *rows = self.table
        width = max((len(name) for name, *_ in rows), default=0) + 2
        for name, *figures in (("", *header[1:]), *rows):
            yield (f"{name:<{width}}" + "".join(f"{figure:<26}" for figure in figures)).rstrip()

    def _calibration(self) -> Iterator[str]:
        if self.live is not None:
            bounds = (self.policy.medium_from, self.policy.high_from)
            found = [self.live[name] for name in recalibration.AT_BOUNDS if name in self.live]
            told = (recalibration.in_words(at, one.low, one.high) for at, one in zip(bounds, found, strict=False))
            yield f"calibration: {'; '.join(told)}"
        if not self.promises_calibration:
            yield "no calibration of the test set: this model was trained before slope and intercept were measured"

    def _coverage(self) -> Iterator[str]:
        tiers = self.track.tiers.items()
        shares = ", ".join(f"{tier.outcomes:,} of {tier.predictions:,} {name}" for name, tier in tiers)
        yield f"outcomes by tier: {shares}"
        if (delay := self.track.median_delay_seconds) is not None:
            yield f"median delay from prediction to outcome: {timedelta(seconds=round(delay))}"
        if self.track.repeated_rows:
            yield f"left out: {self.track.repeated_rows:,} further predictions of customers, who count once"
        if self.track.other_models_rows:
            yield f"left out: {self.track.other_models_rows:,} predictions of other models"
        if self.track.contradicted_rows:
            yield f"left out: {self.track.contradicted_rows:,} predictions for which reporters gave both outcomes"

    def _segments(self) -> Iterator[str]:
        if small := [segment.name for segment in self.segments if segment.figures is None]:
            yield f"segments with too few outcomes: {', '.join(small)}"
        measured = [(segment.figures["roc_auc"], segment) for segment in self.segments if segment.figures]
        if measured:
            roc_auc, segment = min(measured, key=lambda found: found[0].value)
            yield f"lowest ROC-AUC of {len(measured)} segments: {segment.name}, {roc_auc}, {segment.rows:,} outcomes"
        elif self.live is not None and not self.segments:
            yield "no segments: the log has no inputs"


def display_name(metric: str) -> str:
    """Return the display name of a metric."""
    names = {"roc_auc": "ROC-AUC", "pr_auc": "PR-AUC", "f1": "F1", "brier": "Brier score"}
    return names.get(metric, metric.replace("_", " "))


def _record(figures: Figures | None) -> dict[str, Any] | None:
    return {name: asdict(figure) for name, figure in figures.items()} if figures else None
