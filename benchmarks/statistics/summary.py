"""The beginning of the page: one sentence for each kind of printed figure, computed from the raw data."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from benchmarks.statistics import coverages, study
from benchmarks.statistics.coverages import Cases
from benchmarks.statistics.study import Fact, Study

NOT_MEASURED = (
    "the intervals of the bounds that a search finds",
    "the figures that `performance` expects from probabilities alone, beside their range",
    "the gate's checks of latency and reporters, which are fixed limits",
    "how soon `performance` finds a quality that falls slowly ([single windows](performance_errors.md) are measured)",
)
"""What is printed and has no measured coverage, rate or power."""
TRUE_TO_ESTIMATED = "true to estimated"
Raw = Sequence[Mapping[str, Fact]]


def sentences() -> Iterator[str]:
    """Yield a sentence for each study that has been saved, with a link to its section."""
    for name, say in SAYINGS.items():
        if study.is_saved(name):
            found = study.load(name)
            yield f"- {say(found)} [Details](#{anchor(found.title)})"
    yield f"- Printed and **not measured**: {'; '.join(NOT_MEASURED)}."


def anchor(title: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _intervals(_: Study) -> str:
    shares, falls = _ends(coverages.of("metrics")), _ends(coverages.of("falls"))
    return (
        f"**`fit`, `performance`: metrics.** The 95 % intervals of ten metrics hold the truth in {shares} of samples, "
        f"and those of their fall since the test set in {falls}."
    )


def _calibration(_: Study) -> str:
    return (
        "**Card, `performance`: calibration.** The intervals of calibration error, slope, intercept and of how many of "
        f"100 churned hold the truth in {_ends(coverages.of('calibration'))}."
    )


def _decisions(found: Study) -> str:
    most = max(_share(one) for one in found.raw if one["kind"] == "alarm")
    return (
        "**Card, `promote`: groups, savings, differences.** Their intervals hold the truth in "
        f"{_ends(coverages.of('comparisons'))}, and that of mean ROC-AUC over five folds in "
        f"{_ends(coverages.of('folds'))}. That a group is surely below the floor, a sample surely unlike the "
        f"test set, or any of four algorithms surely ahead is said wrongly in at most {most:.1%} of samples."
    )


def _bounds(found: Study) -> str:
    chosen = [one for one in found.rows if one[1] == "chosen"]
    return (
        "**`fit`: bounds of the tiers.** The chosen bounds change the true cost, against those of the prices, by "
        f"{', '.join(f'{row[2]} USD ({row[0]})' for row in chosen)}."
    )


def _parameters(found: Study) -> str:
    ahead = sum(_float(one["chosen_behind_low"]) > 0 for one in found.raw)
    return (
        "**`fit`: parameters.** A simpler algorithm is ahead of the preset that a plain fit chooses, by an interval "
        f"of its own, on {ahead} of {len(found.raw)} tables. The output warns if all intervals together say so."
    )


def _power(found: Study) -> str:
    equal = [one for one in found.raw if not one["gap"]]
    wrong = sum(_float(one["promoted"]) for one in equal) / sum(_float(one["repetitions"]) for one in equal)
    better = ", ".join(
        f"{_float(one['promoted']) / _float(one['repetitions']):.0%} with {one['rows']:,} rows"
        for one in found.raw
        if one["gap"] == 0.01
    )
    return (
        f"**`promote`.** An equal model is promoted in {wrong:.1%} of samples. One that is better by 0.01 ROC-AUC is "
        f"promoted in {better}."
    )


def _compare_live(found: Study) -> str:
    return (
        "**`compare-live`, looked at daily for a year.** Equal models are called different in "
        f"{_short(found.rows[0][1])} of trials, and a better one is called better in {_short(found.rows[1][4])}."
    )


def _advance(found: Study) -> str:
    withdrawn, champion = (_short(found.rows[0][at]) for at in (1, 2))
    return f"**`advance`.** Of equal canaries, {withdrawn} are withdrawn and {champion} are made the champion."


def _requests(found: Study) -> str:
    equal = [one for one in found.raw if str(one["name"]).startswith("equal")]
    wrong, steps = (sum(_float(one[name]) for one in equal) for name in ("withdrawn", "steps"))
    worst = max(equal, key=lambda one: _float(one["withdrawn"]) / _float(one["steps"]))
    of_worst = f"{worst['withdrawn']} of {_float(worst['steps']):,.0f} in the worst case"
    all_fail = [one for one in found.raw if one["name"] == "fails all requests"]
    least = min(_float(one["withdrawn"]) / _float(one["steps"]) for one in all_fail)
    return (
        f"**`advance`: errors and latency, looked at hourly for a week.** An equal canary is withdrawn at {wrong:.0f} "
        f"of {steps:,.0f} steps, {of_worst}; one that fails all requests of 50 customers a day or "
        f"more, at {least:.1%} of steps or more."
    )


def _offers(found: Study) -> str:
    wrong = max(_float(one["found"]) / _float(one["told"]) for one in found.raw if not one["success_rate"])
    return (
        f"**`performance`: offers.** The intervals of their effect hold the truth in {_ends(coverages.of('offers'))}. "
        f"Offers without effect are found to work in at most {wrong:.1%}."
    )


def _recalibration(found: Study) -> str:
    outcomes, scores, rate, *proposed = coverages.of("new map")
    first = min(_float(one["rate"]) for one in found.raw)
    calm = [bool(one["proposed"]) for one in found.raw if one["rate"] == first]
    return (
        "**`performance`, `recalibrate`: a new map.** The interval of its saving holds the truth in "
        f"{_ends([outcomes])} with 500 outcomes and in {_ends([scores])} from scores alone; that of the churn rate in "
        f"{_ends([rate])}. Of what is proposed, it holds in {_ends(proposed[:1])} with outcomes and in "
        f"{_ends(proposed[1:])} from scores, and truly saves {_true_to_estimated(found)} times the estimate on average."
        f" Where the rate did not move, a map surely saves in {sum(calm)} of {len(calm)} samples."
    )


def _true_to_estimated(found: Study) -> str:
    """Return the range over churn rates and teachers."""
    at = list(found.columns).index(TRUE_TO_ESTIMATED)
    shown = [float(_short(row[at])) for row in found.rows if row[at]]
    return f"{min(shown):.2f} to {max(shown):.2f}"


def _levels(found: Study) -> str:
    calm = max(_float(one["drifted"]) / _float(one["windows"]) for one in found.raw if one["change"] == "none")
    return f"**`drift`: categories of many levels.** At most {calm:.1%} of calm windows are called drifted."


def _looks(found: Study) -> str:
    by_rule = {row[1]: row for row in found.rows[:2]}
    return (
        f"**`drift`, looked at hourly for a year with {found.rows[0][0]} customers a day.** "
        f"{_short(by_rule['looks'][4])} drifts begin in a calm year, and "
        f"{_short(by_rule['single check'][4])} with the limits of a single check. Slow drift is found some days later."
    )


def _together(found: Study) -> str:
    calm, moved = ([one for one in found.raw if bool(one["is_permuted"]) == permuted] for permuted in (False, True))
    return (
        f"**`drift`: columns together.** {sum(bool(one['single']) for one in calm)} of {len(calm)} calm windows are "
        f"called drifted, and {sum(bool(one['single']) for one in moved)} of {len(moved)} with permuted contract types."
    )


def _drift_costs(_: Study) -> str:
    held, windows = coverages.of("drift")[0].total
    return (
        f"**`drift`: what it costs.** The interval of the cost holds the truth in {held} of {windows} windows, and in "
        "none where outcomes depend on the features in a new way."
    )


def _quality(found: Study) -> str:
    runs = sum(_float(one["runs"]) for one in found.raw if one["rule"] == "looks")
    years = sum(one["rule"] == "looks" for one in found.raw)
    return (
        f"**`performance`, looked at daily.** {runs:.0f} of {365 * years:,} looks at calm outcomes say that quality "
        "has fallen."
    )


SAYINGS: Mapping[str, Callable[[Study], str]] = {
    "intervals": _intervals,
    "calibration": _calibration,
    "bounds": _bounds,
    "parameters": _parameters,
    "decisions": _decisions,
    "gate_power": _power,
    "compare_live": _compare_live,
    "canary_steps": _advance,
    "canary_requests": _requests,
    "treatment_effect": _offers,
    "recalibration": _recalibration,
    "drift_levels": _levels,
    "drift_looks": _looks,
    "drift_multivariate": _together,
    "drift_costs": _drift_costs,
    "performance_looks": _quality,
}
"""Every study of the catalogue, in the order of the commands that print the figures."""


def _ends(found: Sequence[Cases]) -> str:
    shares = [share for one in found for share in one.shares]
    low, high = np.min(shares), np.max(shares)
    return f"{100 * low:.0f} to {100 * high:.0f} %"


def _short(cell: str) -> str:
    """Return a share without its interval."""
    return cell.partition(" (")[0]


def _share(one: Mapping[str, Fact]) -> float:
    return _float(one["hits"]) / _float(one["samples"])


def _float(fact: Fact) -> float:
    return float(fact or 0)
