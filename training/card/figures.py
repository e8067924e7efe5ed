"""Figures of the test set: ROC curve, precision and recall, calibration, confusion matrix, groups of customers."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_recall_curve, roc_curve

from models.bundles.manifest import Confusion
from models.bundles.segments import Segment
from models.customer.contract import Labels, Vector
from training.card.drawing import ACCENT, INK, OTHER, QUIET, axes

MOST_GROUPS = 40
"""Most groups of customers that a figure draws."""


def roc(churned: Labels, probability: Vector) -> Figure:
    """Draw the ROC curve."""
    figure, plot = axes("ROC curve", "false positive rate (stayers selected)", "true positive rate (churners selected)")
    false_positive, true_positive, _ = roc_curve(churned, probability)
    plot.plot([0, 1], [0, 1], color=QUIET, linestyle="--", label="chance")
    plot.plot(false_positive, true_positive, color=ACCENT, label="model")
    plot.legend()
    return figure


def precision_recall(churned: Labels, probability: Vector) -> Figure:
    """Draw precision over recall."""
    figure, plot = axes("Precision and recall", "recall (churners selected)", "precision (selected who churn)")
    precision, recall, _ = precision_recall_curve(churned, probability)
    plot.axhline(float(churned.mean()), color=QUIET, linestyle="--", label="select everybody")
    plot.plot(recall, precision, color=ACCENT, label="model")
    plot.set_ylim(0, 1.02)
    plot.legend()
    return figure


def calibration(churned: Labels, raw: Vector, probability: Vector) -> Figure:
    """Draw the churn rate over the predicted probability, by tenths of the customers, before and after calibration."""
    figure, plot = axes("Calibration", "predicted probability", "churn rate")
    plot.plot([0, 1], [0, 1], color=QUIET, linestyle="--", label="perfect")
    lines = {"uncalibrated, by tenths of the customers": (raw, OTHER)}
    if not np.array_equal(raw, probability):
        lines["calibrated, by tenths of the customers"] = (probability, ACCENT)
    for label, (scores, colour) in lines.items():
        churn_rate, predicted = calibration_curve(churned, scores, n_bins=10, strategy="quantile")
        plot.plot(predicted, churn_rate, color=colour, marker="o", markersize=4, label=label)
    plot.legend()
    return figure


def confusion(counts: Confusion) -> Figure:
    """Draw customers by decision and outcome."""
    figure, plot = axes("Confusion matrix of the test set", "predicted", "outcome")
    cells = [[counts.true_negatives, counts.false_positives], [counts.false_negatives, counts.true_positives]]
    largest = max(map(max, cells))
    plot.imshow(cells, cmap="GnBu", vmin=0, vmax=largest * 2)
    for row, line in enumerate(cells):
        for column, count in enumerate(line):
            plot.text(column, row, f"{count:,}", ha="center", va="center", color=INK, fontsize=13)
    plot.set_xticks([0, 1], ["stays", "churns"])
    plot.set_yticks([0, 1], ["stayed", "churned"])
    return figure


def slices(found: Sequence[Segment], whole: float) -> Figure:
    """Draw the ROC-AUC of groups with their intervals, and that of all customers; of many groups, the lowest ones."""
    measured = [(segment.name, segment.figures["roc_auc"]) for segment in found if segment.figures]
    lowest = sorted(roc_auc.value for _, roc_auc in measured)[:MOST_GROUPS]
    measured = [one for one in measured if one[1].value <= lowest[-1]][:MOST_GROUPS]
    figure, plot = axes(
        "ROC-AUC by group of customers", "ROC-AUC with 95 % interval", "", size=(8.4, 1 + 0.22 * len(measured))
    )
    plot.axvline(whole, color=QUIET, linestyle="--", label="all customers")
    for place, (_, roc_auc) in enumerate(measured):
        plot.plot([roc_auc.low, roc_auc.high], [place, place], color=ACCENT)
        plot.plot(roc_auc.value, place, color=ACCENT, marker="o", markersize=4)
    plot.set_yticks(range(len(measured)), [name for name, _ in measured])
    plot.set_ylim(len(measured) - 0.5, -0.5)
    plot.legend()
    return figure
