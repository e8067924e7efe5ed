"""What a run of the performance job found: in one line, as a table, and as a record for programs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from models.bundles.quality import Figures
from models.bundles.risk import RiskPolicy
from models.bundles.segments import Segment
from monitoring.errors import CANNOT_TELL
from monitoring.job_result import JobResult
from monitoring.period import Period
from monitoring.quality.labelled_predictions import LabelledPredictions
from monitoring.quality.performance_checks import Check


@dataclass(frozen=True)
class PerformanceResult(JobResult):
    """The result of the performance job. Without `live` there is no verdict, and `reason` says why."""

    model_version: str
    period: Period
    policy: RiskPolicy
    """How probabilities became decisions."""
    track: LabelledPredictions
    reference: Figures
    """On the test set."""
    estimated: Figures | None
    """For all predictions of the period, from their probabilities alone; None if they are too few."""
    reason: str | None = None
    live: Figures | None = None
    """Where outcomes came in."""
    expected: Figures | None = None
    """For the same rows, from their probabilities alone."""
    checks: tuple[Check, ...] = ()
    segments: tuple[Segment, ...] = ()

    @property
    def broken(self) -> list[Check]:
        """The promises that do not hold."""
        return [check for check in self.checks if check.broken]

    @property
    def verdict(self) -> Literal["as good as promised", "quality fallen", "cannot tell"]:
        """Fallen if any check fails."""
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
        """Say in one line what was found in what."""
        if self.live is None:
            return f"{self.verdict}: {self.reason}"
        track = self.track
        rows = f"{track.outcomes_rows:,} outcomes of {track.window_rows:,} predictions of model {self.model_version}"
        found = ", ".join(f"{say(c.metric)} worse by {c.worse_by:.3f}, limit {c.limit:.3f}" for c in self.broken)
        if not found:
            found = f"ROC-AUC {self.live['roc_auc']}, calibration error {self.live['calibration_error'].value:.3f}"
        return f"{self.verdict}: {found}; {rows}"

    @property
    def table(self) -> list[list[str]]:
        """Every figure from three sides, below a row of headings."""
        sides = {"live": self.live, "test set": self.reference, "from probabilities": self.expected or self.estimated}
        rows = [
            [say(name), *(str((figures or {}).get(name, "")) for figures in sides.values())]
            for name in self.live or self.estimated or self.reference
        ]
        return [["figure", *sides], *rows]

    @property
    def remarks(self) -> list[str]:
        """Say what stands behind it, a line each."""
        return [*self._figures(), *self.notes]

    @property
    def notes(self) -> list[str]:
        """Say what the figures do not show, a line each."""
        return [*self._coverage(), *self._segments()]

    @property
    def details(self) -> dict[str, Any]:
        """Period, counts, figures, checks and segments."""
        return {
            "from": self.period.start.isoformat(),
            "to": self.period.end.isoformat(),
            "window_rows": self.track.window_rows,
            "outcomes_rows": self.track.outcomes_rows,
            "other_models_rows": self.track.other_models_rows,
            "tiers": {name: asdict(tier) for name, tier in self.track.tiers.items()},
            "median_delay_seconds": self.track.median_delay_seconds,
            "live": _record(self.live),
            "reference": _record(self.reference),
            "estimated": _record(self.estimated),
            "expected": _record(self.expected),
            "estimate_error": self._estimate_error,
            "checks": [asdict(check) | {"broken": check.broken} for check in self.checks],
            "segments": [asdict(segment) | {"name": segment.name} for segment in self.segments],
        }

    @property
    def _estimate_error(self) -> dict[str, float] | None:
        """How far each estimate is from what then happened to the same customers."""
        if not (self.live and self.expected):
            return None
        return {name: figure.value - self.live[name].value for name, figure in self.expected.items()}

    def _figures(self) -> Iterator[str]:
        header, *rows = self.table
        for name, *figures in (("", *header[1:]), *rows):
            yield (f"{name:<20}" + "".join(f"{figure:<26}" for figure in figures)).rstrip()

    def _coverage(self) -> Iterator[str]:
        tiers = self.track.tiers.items()
        shares = ", ".join(f"{tier.outcomes:,} of {tier.predictions:,} {name}" for name, tier in tiers)
        yield f"outcomes by tier: {shares}"
        if (delay := self.track.median_delay_seconds) is not None:
            yield f"half of them were seen within {timedelta(seconds=round(delay))}"
        if self.track.other_models_rows:
            yield f"left out: {self.track.other_models_rows:,} predictions of other models"

    def _segments(self) -> Iterator[str]:
        if small := [segment.name for segment in self.segments if segment.figures is None]:
            yield f"too few outcomes: {', '.join(small)}"
        measured = [(segment.figures["roc_auc"], segment) for segment in self.segments if segment.figures]
        if measured:
            roc_auc, segment = min(measured, key=lambda found: found[0].value)
            yield f"lowest ROC-AUC of {len(measured)} segments: {segment.name}, {roc_auc}, {segment.rows:,} outcomes"
        elif self.live is not None and not self.segments:
            yield "no segments: the log does not keep inputs"


def say(metric: str) -> str:
    """Name a metric for people."""
    return {"roc_auc": "ROC-AUC", "pr_auc": "PR-AUC", "brier": "Brier score"}.get(metric, metric.replace("_", " "))


def _record(figures: Figures | None) -> dict[str, Any] | None:
    return {name: asdict(figure) for name, figure in figures.items()} if figures else None
