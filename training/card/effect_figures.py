"""Figures of feature importance and partial dependence."""

from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.figure import Figure

from models.bundles.manifest import Importance
from models.customer.contract import Vector
from training.card.drawing import ACCENT, OTHER, axes

MOST_FEATURES = 24
"""Most features that a figure draws."""
_LEVEL, _LONGEST = 6, 25
"""Most labels that are written level, and most characters of a label."""
_COLUMNS, _WIDTH_INCHES, _HEIGHT_INCHES = 3, 2.8, 2.2


def drawn(found: Mapping[str, Importance]) -> Collection[str]:
    """Return the features that the figures draw: the most important ones, in the order of the contract."""
    ranked = sorted(found, key=lambda name: (-found[name].permutation, -found[name].gain))[:MOST_FEATURES]
    return [name for name in found if name in ranked]


def importance(found: Mapping[str, Importance]) -> Figure:
    """Draw both importances of each drawn feature, as shares of the sums over all features."""
    names = sorted(drawn(found), key=lambda name: found[name].permutation)
    lost = np.array([max(found[name].permutation, 0) for name in names])
    whole = sum(max(one.permutation, 0) for one in found.values())
    figure, plot = axes("Feature importance", "share", "", size=(4.2, 1.6 + 0.34 * len(names)))
    places = np.arange(len(names))
    plot.barh(places + 0.2, lost / (whole or 1), 0.38, color=ACCENT, label="ROC-AUC lost when permuted")
    plot.barh(places - 0.2, [found[name].gain for name in names], 0.38, color=OTHER, label="split gain")
    plot.set_yticks(places, names)
    figure.legend(loc="outside lower center")
    return figure


def dependence(curves: Mapping[str, tuple[list[str] | Vector, Vector]]) -> Figure:
    """Draw the mean probability over each feature's values, all on one scale."""
    rows = -(-len(curves) // _COLUMNS)
    figure = Figure(figsize=(_COLUMNS * _WIDTH_INCHES, rows * _HEIGHT_INCHES + 0.3))
    figure.suptitle(
        "Partial dependence: mean churn probability if every customer had the value", fontsize=9, fontweight="bold"
    )
    plots = figure.subplots(rows, _COLUMNS, sharey=True, squeeze=False).ravel()
    for plot, (name, (values, mean)) in zip(plots, curves.items(), strict=False):
        if isinstance(values, list):
            plot.bar(range(len(values)), mean, color=ACCENT, width=0.6)
            short = [value if len(value) <= _LONGEST else f"{value[:_LONGEST]}..." for value in values]
            plot.set_xticks(range(len(values)), short, fontsize=7, rotation=90 if len(values) > _LEVEL else 0)
        else:
            plot.plot(values, mean, color=ACCENT)
        plot.set_title(name, fontsize=9, fontweight="normal")
    plots[0].set_ylim(0, 1.05 * max(mean.max(initial=0) for _, mean in curves.values()))
    for plot in plots[len(curves) :]:
        plot.set_axis_off()
    return figure
