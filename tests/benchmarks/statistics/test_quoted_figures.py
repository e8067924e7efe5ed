"""README and docs/results.md quote what the studies measured."""

from collections.abc import Iterable
from pathlib import Path

from benchmarks.reporting import findings
from benchmarks.statistics import coverages, study

ROOT = Path(__file__).parents[3]
README, RESULTS = "README.md", "docs/results.md"


def ends(shares: Iterable[float]) -> str:
    every = [100 * share for share in shares]
    return f"{min(every):.0f} to {max(every):.0f} %"


def held(group: str) -> str:
    return ends(share for one in coverages.of(group) for share in one.shares)


def spaced(rate: str) -> str:
    """Write a share with its interval as the pages do."""
    share, low, high = (one.strip("()%") for one in rate.replace(" to ", " ").split())
    return f"{share} % ({low} to {high} %)"


def calibration() -> str:
    """Of the models that a line can correct."""
    raw = [one for one in study.load("calibration").raw if one["model"] != "bent"]
    names = [f"calibration_{name}_covered" for name in ("error", "slope", "intercept")]
    return ends(float(one[name] or 0) / float(one["samples"] or 1) for one in raw for name in names)


def equal_promoted() -> str:
    equal = [one for one in study.load("gate_power").raw if not one["gap"]]
    promoted, repetitions = (sum(int(one[name] or 0) for one in equal) for name in ("promoted", "repetitions"))
    return spaced(findings.rate(promoted, repetitions))


def ahead() -> str:
    found = [one for one in study.load("decisions").raw if one["what"] == "fit: another algorithm surely ahead"]
    alarms, power = (
        [100 * int(one["hits"] or 0) / int(one["samples"] or 1) for one in found if one["kind"] == kind]
        for kind in ("alarm", "power")
    )
    wrong = f"{min(alarms):.1f} to {max(alarms):.1f} %"
    return f"{wrong}; {power[0]:.0f} % with 1,000 rows, {power[1]:.0f} % with 4,000"


def canary() -> str:
    equal = [one for one in study.load("canary_requests").raw if str(one["name"]).startswith("equal")]
    withdrawn, steps = (sum(int(one[name] or 0) for one in equal) for name in ("withdrawn", "steps"))
    return f"at {withdrawn} of {steps:,} steps ({withdrawn / steps:.2%}".replace("%", " %")


def test_the_pages_quote_what_the_studies_measured() -> None:
    [roc_auc] = [one for one in coverages.of("metrics") if one.figure == "ROC-AUC"]
    outcomes, scores, rate, *_ = (ends(one.shares) for one in coverages.of("new map"))
    proposed = coverages.of("new map")[-2]
    at_35, *later = (f"{100 * share:.0f} %" for share in proposed.shares)
    held_35, of_35 = proposed.counts[0]
    quotes = [
        (README, f"intervals of the metrics cover {held('metrics')}"),
        (README, f"an equal model in {equal_promoted().partition(' (')[0]} of cases"),
        (RESULTS, f"| cover the truth in {held('metrics')}"),
        (RESULTS, f"ROC-AUC at 1,000 rows: {spaced(findings.rate(*roc_auc.counts[0]))}"),
        (RESULTS, f"| those of calibration error, slope and intercept | {calibration()}"),
        (RESULTS, f"| effect of an offer | its interval covers in {held('offers')}"),
        (RESULTS, f"| their intervals cover in {held('comparisons')}"),
        (
            RESULTS,
            f"| its interval holds in {outcomes}; from scores alone in {scores}, and that of the churn rate in {rate}",
        ),
        (RESULTS, f"| {at_35} at a rate of 35 % ({held_35} of {of_35}), {later[0]} at 40 % and {later[1]} at 50 %"),
        (RESULTS, f"one that is truly better | {ahead()} |"),
        (RESULTS, f"| `promote`: an equal model is promoted | {equal_promoted()} |"),
        (RESULTS, f"an equal canary is withdrawn for errors or latency | {canary()}"),
    ]
    text = {page: " ".join((ROOT / page).read_text(encoding="utf-8").split()) for page in (README, RESULTS)}
    assert [quote for page, quote in quotes if quote not in text[page]] == []
