"""Judges whether a canary fails or is slow, by its own requests beside those of the champion; asks Prometheus.

The service counts both only while there is a canary, so that they are of the same time, and only for customers with an
id, whom chance assigns. The requests of one customer are alike. So they are counted by random groups of customers, and
the groups are compared. The requests of one turn of the service's event loop wait for each other. So the time is that
of the model, not of the request.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from models import durations
from models.addresses import redact_passwords
from models.answer_counts import CUSTOMER_GROUPS
from training.promotion.errors import GuardrailsUnreadable
from training.promotion.live import prometheus
from training.promotion.live.settings import AdvanceSettings

LEVEL = 0.0001
"""Chance by which models that fail equally often may differ as much; it is small because a timer looks often."""
SLOW_SHARE = 0.01
"""Share of the answers of a canary that may take longer than the limit."""
FRESH_SECONDS = 300
"""Age of a model's newest sample above which it cannot be told how it fares."""
_FEW_BAD = 0.05
"""Share of the champion's bad requests above which groups with mostly bad ones may be due to chance."""
_SERIES = '{metric}{{{selector}model_version=~"{champion}|{canary}"}}'
_INCREASE = f"sum by (model_version, customer_group{{label}}) (increase({_SERIES}[{{seconds}}s]))"
_AGE = f"min by (model_version) (time() - timestamp({_SERIES}))"
_ANSWERS, _FAILURES = "churn_model_answer_seconds_bucket", "churn_model_failures_total"

Counts = NDArray[np.float64]
"""Requests by group, of shape (CUSTOMER_GROUPS,)."""


@dataclass(frozen=True)
class Requests:
    """The requests of one model."""

    answered: Counts
    failed: Counts
    slow: Counts
    """Answers that took longer than the limit."""


@dataclass(frozen=True)
class Finding:
    """What the guardrails say about a canary that does not keep to them."""

    action: Literal["withdraw", "hold"]
    why: str


def judge(settings: AdvanceSettings, *, champion: str, canary: str, step_age: timedelta) -> Finding | None:
    """Return what is wrong with the canary's requests since its step began; None if nothing is.

    Raises:
        GuardrailsUnreadable: Prometheus does not answer, or has no new metric of one of the models.
    """
    longest = durations.parse(settings.guardrails_since)
    last = f"in the last {settings.guardrails_since}" if step_age >= longest else "since this step began"
    ours, theirs, limit_seconds = _read(settings, champion, canary, min(step_age, longest))
    return judge_requests(
        ours, theirs, max_error_share=settings.max_error_share, slow=f"{limit_seconds:g} s", last=last
    )


def judge_requests(ours: Requests, theirs: Requests, *, max_error_share: float, slow: str, last: str) -> Finding | None:
    """Return what is wrong with the canary's requests beside the champion's; `slow` and `last` are the words for it."""
    total, expected = (one.answered + one.failed for one in (ours, theirs))
    if not round(total.sum()):
        return Finding("hold", f"it got no request with a customer_id {last}")
    failing = compare((ours.failed, total), (theirs.failed, expected), max_error_share, f"failed {last}")
    slowness = f"took longer than {slow} {last}"
    slowed = compare((ours.slow, ours.answered), (theirs.slow, theirs.answered), SLOW_SHARE, slowness)
    found = [finding for finding in (failing, slowed) if finding]
    return next((finding for finding in found if finding.action == "withdraw"), found[0] if found else None)


def compare(ours: tuple[Counts, Counts], theirs: tuple[Counts, Counts], most: float, what: str) -> Finding | None:
    """Compare bad requests among all of the canary with those of the champion, each by group."""
    bad, total, expected, others = (float(counts.sum()) for counts in (*ours, *theirs))
    if bad <= most * total:
        return None
    told = f"{bad:,.0f} of its {total:,.0f} requests {what}, and {expected:,.0f} of the champion's {others:,.0f}"
    if bad / total - (expected / others if others else 0) > most and _chance(ours, theirs) < LEVEL:
        return Finding("withdraw", f"{told}; the limit is {most:.1%} more than of the champion's")
    return Finding("hold", f"{told}; that is above the limit of {most:.1%}, but not surely the model's fault")


def _chance(ours: tuple[Counts, Counts], theirs: tuple[Counts, Counts]) -> float:
    """Return the chance of such a difference of shares between equal models: the smaller one of two tests, doubled.

    Welch's t-test compares the groups' bad requests beyond those expected, so that one customer is one group, however
    many requests it sends. A sign test counts the groups with mostly bad requests; it also finds a canary with few
    customers. 1 if the champion has no request, or is bad itself in most of them: chance is skewed then.
    """
    share = (ours[0].sum() + theirs[0].sum()) / (ours[1].sum() + theirs[1].sum())
    if not round(theirs[1].sum()) or theirs[0].sum() > theirs[1].sum() / 2:
        return 1
    ours_beyond, theirs_beyond = ((bad - share * total) / total.sum() for bad, total in (ours, theirs))
    if not ours_beyond.std():  # each group is as bad as the others
        return 0
    known = [
        (float(beyond.mean()), float(beyond.std(ddof=1)), CUSTOMER_GROUPS) for beyond in (ours_beyond, theirs_beyond)
    ]
    welch = stats.ttest_ind_from_stats(*known[0], *known[1], equal_var=False, alternative="greater").pvalue
    if theirs[0].sum() > _FEW_BAD * theirs[1].sum():
        return float(2 * welch)
    asked = np.round(ours[1]) > 0
    mostly = int((ours[0] >= ours[1] / 2)[asked].sum())
    return float(2 * min(welch, stats.binom.sf(mostly - 1, asked.sum(), 0.5)))


def _read(settings: AdvanceSettings, champion: str, canary: str, window: timedelta) -> tuple[Requests, Requests, float]:
    """Return the requests of the canary, those of the champion, and the bound from which an answer counts as slow."""
    url, seconds = settings.prometheus_url, max(1, math.ceil(window.total_seconds()))
    selector = f"{settings.prometheus_selector.rstrip(', ')}, " if settings.prometheus_selector else ""
    words = {"champion": champion, "canary": canary, "selector": selector}
    ages = {labels.get("model_version"): age for labels, age in _ask(url, _AGE, metric=_FAILURES, **words)}
    for version in (canary, champion):
        if ages.get(version, math.inf) > FRESH_SECONDS:
            problem = f"there is no metric of model {version} in the last {FRESH_SECONDS // 60} minutes"
            raise GuardrailsUnreadable(url=redact_passwords(url), problem=problem)
    answers, failures = (
        _ask(url, _INCREASE, metric=metric, label=label, seconds=seconds, **words)
        for metric, label in ((_ANSWERS, ", le"), (_FAILURES, ""))
    )
    bounds = {float(labels["le"]) for labels, _ in answers}
    limit = min((bound for bound in bounds if bound >= settings.max_predict_seconds), default=math.inf)
    ours, theirs = (
        Requests(
            answered=(answered := _count(answers, version, math.inf)),
            failed=_count(failures, version),
            slow=answered - _count(answers, version, limit),
        )
        for version in (canary, champion)
    )
    return ours, theirs, limit


def _ask(url: str, expression: str, **words: object) -> list[prometheus.Sample]:
    return prometheus.query(url, expression.format(**words))


def _count(samples: list[prometheus.Sample], version: str, bound: float | None = None) -> Counts:
    """Add up the requests of a model by group, with a bound those that took no longer."""
    counts = np.zeros(CUSTOMER_GROUPS)
    for labels, value in samples:
        if labels["model_version"] == version and (bound is None or float(labels["le"]) == bound):
            counts[_group(labels)] += value
    return counts


def _group(labels: Mapping[str, str]) -> int:
    return int(labels.get("customer_group", 0)) % CUSTOMER_GROUPS
