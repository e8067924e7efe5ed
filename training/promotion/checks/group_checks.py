"""The gate's checks for groups of customers.

Groups are the categories of each feature, and the quartiles of each number among the compared customers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from models.bundles import quality, segments
from models.bundles.quality import Figure
from models.customer.contract import Contract, Mask
from training.data.holdout import Holdout
from training.promotion import paired_comparison
from training.promotion.gate_result import Check
from training.promotion.paired_comparison import Gain, ScoredModel

MIN_ROWS = 100
"""Smaller groups are not checked."""
_RESAMPLES = 300
_NONE = "no group is large enough"


def compare(challenger: ScoredModel, champion: ScoredModel, rows: Holdout, contract: Contract) -> dict[str, Gain]:
    """Compare ROC-AUC within every group that is large enough; keys are the names of the groups."""
    found = {}
    for feature in contract.features:
        values = feature.encode(rows.features[feature.name])
        for name, inside in segments.split(feature, values, values):
            own = None if rows.customers is None else rows.customers[inside]
            if quality.shortage(rows.churned[inside], min_rows=MIN_ROWS, customers=own) is None:
                found[f"{feature.name} {name}"] = _within(inside, challenger, champion, rows)
    return found


def check(compared: Mapping[str, Gain], *, floor: float, margin: float) -> Iterator[Check]:
    """Check that ROC-AUC is surely below `floor` in no group, and significantly worse by more than `margin` in none.

    It is surely below if the whole 95 % interval is: a small group may fall below by chance.
    """
    by_quality = sorted(compared.items(), key=lambda item: item[1].challenger)
    below = {name: _at_most(gain) for name, gain in by_quality if gain.challenger_high < floor}
    yield Check(
        "every group good enough",
        f"ROC-AUC not surely below {floor:g}",
        not below,
        _listed("ROC-AUC is surely too low for", below),
        challenger=", ".join(f"{gain.challenger:.3f} for {name}" for name, gain in by_quality[:1]) or _NONE,
    )
    by_gain = sorted(compared.items(), key=lambda item: item[1].better_by.value)
    fallen = {name: _worse_by(gain.better_by) for name, gain in by_gain if _has_fallen(gain, margin)}
    yield Check(
        "no group much worse",
        f"difference at least {-margin:g}",
        not fallen,
        _listed("ROC-AUC is significantly worse for", fallen),
        better_by=", ".join(f"{gain.better_by.value:+.3f} for {name}" for name, gain in by_gain[:1]) or _NONE,
    )


def _has_fallen(gain: Gain, margin: float) -> bool:
    return gain.better_by.value < -margin and gain.is_worse


def _at_most(gain: Gain) -> str:
    return f"{gain.challenger:.3f}, at most {gain.challenger_high:.3f}"


def _worse_by(better_by: Figure) -> str:
    """Say the difference with its interval: one that is only just sure is too large."""
    return f"by {-better_by.value:.3f}, {-better_by.high:.3f} to {-better_by.low:.3f}"


def _within(inside: Mask, challenger: ScoredModel, champion: ScoredModel, rows: Holdout) -> Gain:
    ours, theirs = (replace(model, probability=model.probability[inside]) for model in (challenger, champion))
    own = None if rows.customers is None else rows.customers[inside]
    compared = paired_comparison.compare(ours, theirs, rows.churned[inside], resamples=_RESAMPLES, customers=own)
    return compared["roc_auc"]


def _listed(what: str, groups: Mapping[str, str]) -> str:
    return f"{what} {', '.join(f'{name} ({told})' for name, told in groups.items())}" if groups else ""
