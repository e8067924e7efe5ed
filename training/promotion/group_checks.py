"""Whether a challenger is good enough for every group of customers, not only on the whole.

Groups are each category, and each number in quarters of the customers compared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from models.bundles import quality, segments
from models.customer.contract import Contract, Labels, Mask
from training.data.holdout import Holdout
from training.promotion import paired_comparison
from training.promotion.gate_result import Check
from training.promotion.paired_comparison import Gain, ScoredModel

MIN_ROWS = 100
"""A smaller group tells nothing."""
_RESAMPLES = 300
_NONE = "no group is large enough"


def compare(challenger: ScoredModel, champion: ScoredModel, rows: Holdout, contract: Contract) -> dict[str, Gain]:
    """Compare ROC-AUC within every group that is large enough, by the group's name."""
    found = {}
    for feature in contract.features:
        values = feature.encode(rows.features[feature.name])
        for name, inside in segments.split(feature, values, values):
            if quality.shortage(rows.churned[inside], min_rows=MIN_ROWS) is None:
                found[f"{feature.name} {name}"] = _within(inside, challenger, champion, rows.churned)
    return found


def judge(compared: Mapping[str, Gain], *, floor: float, margin: float) -> Iterator[Check]:
    """Demand a least ROC-AUC of each group, and that none is surely worse by more than the margin."""
    by_quality = sorted(compared.items(), key=lambda item: item[1].challenger)
    below = {name: gain.challenger for name, gain in by_quality if gain.challenger < floor}
    yield Check(
        "every group good enough",
        f"ROC-AUC from {floor:g}",
        not below,
        _listed("ROC-AUC is too low for", below),
        challenger=", ".join(f"{gain.challenger:.3f} for {name}" for name, gain in by_quality[:1]) or _NONE,
    )
    by_gain = sorted(compared.items(), key=lambda item: item[1].better_by.value)
    fallen = {name: -gain.better_by.value for name, gain in by_gain if _has_fallen(gain, margin)}
    yield Check(
        "no group much worse",
        f"ROC-AUC from {-margin:g}",
        not fallen,
        _listed("ROC-AUC is surely worse for", fallen),
        better_by=", ".join(f"{gain.better_by.value:+.3f} for {name}" for name, gain in by_gain[:1]) or _NONE,
    )


def _has_fallen(gain: Gain, margin: float) -> bool:
    return gain.better_by.value < -margin and gain.is_worse


def _within(inside: Mask, challenger: ScoredModel, champion: ScoredModel, churned: Labels) -> Gain:
    ours, theirs = (replace(way, probability=way.probability[inside]) for way in (challenger, champion))
    return paired_comparison.compare(ours, theirs, churned[inside], resamples=_RESAMPLES)["roc_auc"]


def _listed(what: str, groups: Mapping[str, float]) -> str:
    return f"{what} {', '.join(f'{name} ({value:.3f})' for name, value in groups.items())}" if groups else ""
