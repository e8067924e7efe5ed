"""What the demo prints of its results: few enough lines that all of them fit on one screen."""

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from demo.populations import Customer
from models.bundles.manifest import Description, Manifest
from models.bundles.quality import Figure

WIDTH = 100
_LABEL = 13
FIGURES = {
    "roc_auc": "ROC-AUC",
    "recall": "recall",
    "calibration_error": "calibration error",
    "cost": "cost per customer",
}
"""Key in the records to name, for the figures of the closing table."""
Record = Mapping[str, Any]
"""The JSON record of a job's run."""


def read_record(printed: str) -> Record:
    """Read the record that a job's output names in its last line."""
    found: Record = json.loads(Path(printed.rstrip().rpartition("record: ")[2]).read_text(encoding="utf-8"))
    return found


def of_model(model: Manifest) -> str:
    """Describe the trained model: its test-set quality, and what its decisions cost."""
    test_rows, quality = sum(model.confusion.model_dump().values()), model.intervals["roc_auc"]
    auc = Figure(model.metrics["roc_auc"], quality.low, quality.high)
    told = f"ROC-AUC {auc} on {test_rows:,} test customers, 95 % interval"
    if (best := model.metrics.get("best_reachable_roc_auc")) is not None:
        told += f"; the true probabilities, the best possible model, reach {best:.3f}"
    return "".join(
        [
            _line("data", f"{model.data.rows:,} customers from {model.data.source}"),
            _line("model", model.version),
            _line("quality", told),
            _line("decisions", "; ".join(_decisions(model))),
            *(_line("warning", warning) for warning in model.warnings),
        ]
    )


def of_answers(predictions: Sequence[Record], customers: Sequence[Customer]) -> str:
    """Return a line with the shares of the risk tiers and the churn rate."""
    tiers = Counter(prediction["risk_tier"] for prediction in predictions)
    spread = ", ".join(f"{tiers[tier] / len(customers):.0%} {tier} risk" for tier in ("low", "medium", "high"))
    left = sum(customer.churned for customer in customers) / len(customers)
    return _line("predictions", f"{spread}; {left:.0%} of the customers left")


def of_job(label: str, record: Record) -> str:
    """Return a job's own sentence, without the version of the model."""
    return _line(label, record["summary"].replace(f" of model {record['model_version']}", ""))


def compare(calm: Record, shifted: Record, currency: str | None) -> str:
    """Return the table of figures: on the test set, on calm customers, and on shifted ones; each with its interval."""
    sides = {"test set": calm["reference"], "unchanged customers": calm["live"], "shifted customers": shifted["live"]}
    rows = [("", *sides)]
    for key, name in FIGURES.items():
        unit = f", {currency}" if key == "cost" and currency else ""
        rows.append((f"{name}{unit}", *(str(Figure(**figures[key])) for figures in sides.values())))
    return "".join(f"  {name:<24}{''.join(f'{cell:<26}' for cell in cells)}".rstrip() + "\n" for name, *cells in rows)


def wrap(text: str, *, label: str = "") -> str:
    """Break a text into lines of at most WIDTH characters; below a label, further lines are indented."""
    first, further = (f"  {label:<{_LABEL}}", " " * (2 + _LABEL)) if label else ("", "")
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=further, break_on_hyphens=False, break_long_words=False
    )
    return "\n".join(lines)


def _decisions(model: Description) -> Iterator[str]:
    policy, priced = model.policy, model.priced
    yield f"medium risk from a probability of {policy.medium_from:g}, high risk from {policy.high_from:g}"
    if policy.costs is not None and priced is not None:
        ours, *others = priced.cost.items()
        cheapest = sorted(others, key=lambda item: item[1].value)[:2]
        costs = ", ".join(f"{name} {cost.value:,.2f}" for name, cost in (ours, *cheapest))
        yield f"cost in {policy.costs.currency} per customer: {costs}"


def _line(label: str, text: str) -> str:
    return f"{wrap(text, label=label)}\n"
