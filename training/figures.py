"""Four pictures of a model on its test set, as PNG: ROC, precision and recall, calibration, confusion.

Knows nothing of how the model was made. Equal input gives equal bytes.
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve, roc_curve

from models.contract import Labels, Vector
from models.manifest import Confusion

_INK, _QUIET, _ACCENT = "#1f2933", "#9aa5b1", "#0b7285"
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": _QUIET,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.dpi": 120,
    "font.size": 9,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def draw(churned: Labels, probability: Vector, confusion: Confusion, *, to: Path) -> None:
    """Write roc.png, precision_recall.png, calibration.png and confusion.png into the folder `to`."""
    to.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_STYLE):
        for name, figure in {
            "roc": _roc(churned, probability),
            "precision_recall": _precision_recall(churned, probability),
            "calibration": _calibration(churned, probability),
            "confusion": _confusion(confusion),
        }.items():
            figure.savefig(to / f"{name}.png", metadata={"Software": None})


def _axes(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.2, 3.6))
    axes = figure.add_subplot(title=title, xlabel=x, ylabel=y)
    return figure, axes


def _roc(churned: Labels, probability: Vector) -> Figure:
    figure, axes = _axes("ROC", "customers who stayed, flagged (fraction)", "churners found (fraction)")
    false_positive, true_positive, _ = roc_curve(churned, probability)
    axes.plot([0, 1], [0, 1], color=_QUIET, linestyle="--", label="chance")
    axes.plot(false_positive, true_positive, color=_ACCENT, label="model")
    axes.legend(frameon=False)
    return figure


def _precision_recall(churned: Labels, probability: Vector) -> Figure:
    figure, axes = _axes("Precision and recall", "recall: churners found (fraction)", "precision: flagged who churn")
    precision, recall, _ = precision_recall_curve(churned, probability)
    axes.axhline(float(churned.mean()), color=_QUIET, linestyle="--", label="flag everybody")
    axes.plot(recall, precision, color=_ACCENT, label="model")
    axes.set_ylim(0, 1.02)
    axes.legend(frameon=False)
    return figure


def _calibration(churned: Labels, probability: Vector) -> Figure:
    figure, axes = _axes("Calibration", "predicted probability", "churned (fraction)")
    happened, predicted = calibration_curve(churned, probability, n_bins=10, strategy="quantile")
    axes.plot([0, 1], [0, 1], color=_QUIET, linestyle="--", label="perfect")
    axes.plot(predicted, happened, color=_ACCENT, marker="o", markersize=4, label="model, tenths of the customers")
    axes.legend(frameon=False)
    return figure


def _confusion(confusion: Confusion) -> Figure:
    figure, axes = _axes("Decisions on the test set", "decided", "happened")
    counts = [
        [confusion.true_negatives, confusion.false_positives],
        [confusion.false_negatives, confusion.true_positives],
    ]
    largest = max(map(max, counts))
    axes.imshow(counts, cmap="GnBu", vmin=0, vmax=largest * 2)
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=_INK, fontsize=13)
    axes.set_xticks([0, 1], ["stays", "churns"])
    axes.set_yticks([0, 1], ["stayed", "churned"])
    return figure
