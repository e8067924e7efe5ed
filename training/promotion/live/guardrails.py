"""Judges whether a canary fails or is slow, by its own requests beside those of the champion; asks Prometheus.

The service counts both only while there is a canary, so that they are of the same time. The requests of one turn of its
event loop wait for each other. So the time is that of the model, not of the request.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Literal
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from scipy import stats

from models.addresses import redact_passwords
from training.promotion.errors import GuardrailsUnreadable
from training.promotion.live.settings import AdvanceSettings

LEVEL = 0.0001
"""Chance by which models that fail equally often may differ as much; it is small because a timer looks often."""
SLOW_SHARE = 0.01
"""Share of the answers of a canary that may take longer than the limit."""
_ANSWER_SECONDS = 10
_INCREASE = 'sum by (model_version{label}) (increase({metric}{{model_version=~"{champion}|{canary}"}}[{since}]))'

Sample = tuple[Mapping[str, str], float]
"""Labels and value of a series."""


@dataclass(frozen=True)
class Requests:
    """The requests of one model."""

    answered: int
    failed: int
    slow: int
    """Answers that took longer than the limit."""


@dataclass(frozen=True)
class Finding:
    """What the guardrails say about a canary that does not keep to them."""

    action: Literal["withdraw", "hold"]
    why: str


def judge(settings: AdvanceSettings, *, champion: str, canary: str) -> Finding | None:
    """Return what is wrong with the canary's requests; None if nothing is.

    Raises:
        GuardrailsUnreadable: Prometheus does not answer, or has no metric of one of the models.
    """
    ours, theirs, limit_seconds = _read(settings, champion, canary)
    total, expected = (one.answered + one.failed for one in (ours, theirs))
    last = f"the last {settings.guardrails_since}"
    if not total:
        return Finding("hold", f"it got no request in {last}")
    failing = _compare((ours.failed, total), (theirs.failed, expected), settings.max_error_share, f"{last} failed")
    slowness = f"{last} took longer than {limit_seconds:g} s"
    slow = _compare((ours.slow, ours.answered), (theirs.slow, theirs.answered), SLOW_SHARE, slowness)
    found = [finding for finding in (failing, slow) if finding]
    return next((finding for finding in found if finding.action == "withdraw"), found[0] if found else None)


def _compare(ours: tuple[int, int], theirs: tuple[int, int], most: float, what: str) -> Finding | None:
    """Compare bad requests among all of the canary with those of the champion, by Fisher's exact test."""
    (bad, total), (expected, others) = ours, theirs
    if bad <= most * total:
        return None
    told = f"{bad:,} of its {total:,} requests of {what}, and {expected:,} of the champion's {others:,}"
    is_more = bad / total - (expected / others if others else 0) > most
    if is_more and stats.hypergeom.sf(bad - 1, total + others, bad + expected, total) < LEVEL:
        return Finding("withdraw", f"{told}; the limit is {most:.1%} more than of the champion's")
    return Finding("hold", f"{told}; that is above the limit of {most:.1%}, but not surely the model's fault")


def _read(settings: AdvanceSettings, champion: str, canary: str) -> tuple[Requests, Requests, float]:
    """Return the requests of the canary, those of the champion, and the bound from which an answer counts as slow."""
    url, words = settings.prometheus_url, {"champion": champion, "canary": canary, "since": settings.guardrails_since}
    answers, failures = (
        _query(url, _INCREASE.format(metric=metric, label=label, **words))
        for metric, label in (("churn_model_answer_seconds_bucket", ", le"), ("churn_model_failures_total", ""))
    )
    within = {(labels["model_version"], float(labels["le"])): value for labels, value in answers}
    failed = {labels["model_version"]: value for labels, value in failures}
    bounds = {bound for _, bound in within if bound >= settings.max_predict_seconds}
    for version in (canary, champion):
        if version not in failed or (version, math.inf) not in within:
            raise GuardrailsUnreadable(url=redact_passwords(url), problem=f"there is no metric of model {version}")
    limit = min(bounds)
    ours, theirs = (
        Requests(
            answered=round(within[version, math.inf]),
            failed=round(failed[version]),
            slow=round(within[version, math.inf] - within[version, limit]),
        )
        for version in (canary, champion)
    )
    return ours, theirs, limit


def _query(url: str, query: str) -> list[Sample]:
    address = f"{url.rstrip('/')}/api/v1/query?{urlencode({'query': query})}"
    try:
        with urlopen(Request(address), timeout=_ANSWER_SECONDS) as answer:  # noqa: S310  # the settings allow http only
            found = json.load(answer)["data"]["result"]
        samples = [(dict(one["metric"]), float(one["value"][1])) for one in found]
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        raise GuardrailsUnreadable(url=redact_passwords(url), problem="the metrics cannot be read") from error
    return [(labels, value) for labels, value in samples if math.isfinite(value)]
