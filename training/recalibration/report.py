"""Describes the result of a recalibration for the terminal."""

from training.card.recalibrated import line_in_words
from training.card.table_rows import NAMES, of_rows
from training.learning.model import LINEAR
from training.recalibration.learning import EARLIER
from training.recalibration.recalibration import Published


def describe(published: Published) -> str:
    """Describe the result, one fact per line."""
    manifest, how = published.bundle.manifest, published.how
    return "\n".join(
        [
            f"model {manifest.version} (challenger: try `python -m training promote`)",
            f"  trees     those of {how.version}",
            f"  data      {of_rows(manifest.data)} from {manifest.data.source}",
            f"  split     {manifest.split}",
            f"  map       {line_in_words(how)}",
            "on the rows that judge it    before    after",
            *_quality(published),
            f"  bundle    {published.bundle.directory}",
            f"  MLflow    {published.link}",
        ]
    )


def _quality(published: Published) -> list[str]:
    manifest = published.bundle.manifest
    before, after = manifest.calibrated.before, manifest.metrics
    lines = [
        f"  {NAMES[name]:<25}{before[name]:>8.4f} {after[name]:>8.4f}"
        for name in ("roc_auc", "brier", "log_loss", "calibration_error")
    ]
    priced, costs = manifest.priced, manifest.policy.costs
    if priced is None or costs is None:
        return lines
    saved = priced.saved[EARLIER]
    ours = next(name for name in priced.cost if name not in (EARLIER, LINEAR))
    cost = f"cost, {costs.currency} a customer"
    lines.append(f"  {cost:<25}{priced.cost[EARLIER].value:>8.2f} {priced.cost[ours].value:>8.2f}")
    return [*lines, f"  saved     {saved.value:.2f} ({saved.low:.2f} to {saved.high:.2f}) {costs.currency} a customer"]
