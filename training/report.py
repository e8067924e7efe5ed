"""Describes the result of a fit for the terminal."""

from pathlib import Path

from models.bundles.format.provenance import LiveRows
from models.bundles.manifest import Description
from models.bundles.quality import Figure
from training.card import live_rows
from training.card.comparison import overtaken_by
from training.card.costs import cheaper
from training.card.table_rows import names, of_rows
from training.learning.model import SERVED
from training.pipeline import Published

IN_GIT = Path("models")
"""The models folder that is deployed by a commit."""


def describe(published: Published) -> str:
    """Describe the result of a fit, one fact per line."""
    manifest = published.bundle.manifest
    version = manifest.version
    state = "pinned: served within a second" if published.pinned else "challenger: try `python -m training promote`"
    commit = (
        f"  commit    git add --force {published.bundle.directory} {IN_GIT / 'pinned.json'} {IN_GIT / 'history.jsonl'}"
    )
    ships = published.pinned and published.bundle.directory.parent.parent == IN_GIT
    return "\n".join(
        [
            f"model {version} ({state})",
            f"  data      {of_rows(manifest.data)} from {manifest.data.source}",
            *(f"  {line}" for line in _reporters(manifest.data.live)),
            *(f"  {line}" for line in _quality(manifest)),
            *(f"  {line}" for line in _comparison(manifest)),
            *(f"  {line}" for line in _decisions(manifest)),
            *(f"  {line}" for line in _worse(manifest)),
            *(f"  warning   {warning}" for warning in (*manifest.warnings, *live_rows.doubts(manifest.data.live))),
            f"  bundle    {published.bundle.directory}",
            f"  MLflow    {published.link}",
            *([commit] if ships else []),
        ]
    )


def _reporters(live: LiveRows | None) -> list[str]:
    if live is None or live.reported is None:
        return []
    of_test = (
        f"  {name:<18}{share:>6.1%} of {live.rows:,} rows, {test_share:>6.1%} of the test set"
        for name, _, share, _, test_share in live_rows.shares(live.reported)
    )
    contradicted = live.reported.contradicted_predictions
    left_out = [f"  {contradicted:,} predictions left out: reporters gave both outcomes"] if contradicted else []
    return ["live rows by who reported the outcome", *of_test, *left_out]


def _quality(description: Description) -> list[str]:
    test_rows = sum(description.confusion.model_dump().values())
    lines = [f"test set  {test_rows:,} customers, evaluated once; 95 % intervals"]
    for key, name in names(description).items():
        interval = description.intervals[key]
        shown = Figure(description.metrics[key], interval.low, interval.high)
        lines.append(f"  {name:<23}{shown}")
    if (best := description.metrics.get("best_reachable_roc_auc")) is not None:
        short = best - description.metrics["roc_auc"]
        lines.append(f"  the true probabilities reach a ROC-AUC of {best:.3f}; the model is {short:.3f} below")
    return lines


def _decisions(description: Description) -> list[str]:
    policy, priced = description.policy, description.priced
    tiers = f"tiers from {policy.medium_from:g} and {policy.high_from:g}"
    if policy.costs is None or priced is None:
        return [f"decision threshold {policy.threshold:g}, {tiers}: defaults that do not consider costs"]
    cheapest_first = sorted(priced.cost.items(), key=lambda item: item[1].value)
    listed = (f"  {name:<30}{cost.value:,.2f}" for name, cost in cheapest_first)
    chosen = {"prices": "the break-even of the prices", "folds": "the cheapest on the folds"}[priced.bounds_from]
    lines = [f"{tiers}, {chosen}; cost of decisions, {policy.costs.currency} per customer", *listed]
    if (name := cheaper(priced)) is not None:
        lines.append(f"  {name} costs less: this model does not pay off with these costs")
    return lines


def _comparison(description: Description) -> list[str]:
    spreads = {name: metrics["roc_auc"] for name, metrics in description.cross_validation.items()}
    lines = ["ROC-AUC on five folds"]
    for name, spread in spreads.items():
        mark = " (this model)" if name == SERVED else ""
        lines.append(f"  {name:<28}{spread.mean:.3f} ± {spread.deviation:.3f}{mark}")
    ahead = overtaken_by(description)
    if ahead is not None and ahead not in description.surely_ahead:
        lines.append(f"  {ahead} has a higher ROC-AUC on these folds, which may be chance")
    return lines


def _worse(description: Description) -> list[str]:
    return [
        f"WARNING   {name} ranks the customers of these folds surely better: its ROC-AUC is higher by {by.value:.3f} "
        f"({by.low:.3f} to {by.high:.3f}). Search for parameters with --trials 50 before you serve this model"
        for name, by in description.surely_ahead.items()
    ]
