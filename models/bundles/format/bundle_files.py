"""The files of a bundle: their names, their largest sizes, and which of them hold customers.

A manifest may list these names and no others, so nothing outside the bundle's folder is ever read.
"""

from collections.abc import Iterable

from models.bundles.format.plain_files import MEGABYTE

MANIFEST, GRAPH, BOOSTER = "manifest.json", "model.onnx", "model.ubj"
REFERENCE, HOLDOUT, SEEN = "reference.parquet", "holdout.parquet", "seen.npy"
CARD, CARD_PAGE = "MODEL_CARD.md", "MODEL_CARD.html"
FIGURE_FOLDER = "figures"
"""The only folder in a bundle."""
FIGURES = ("roc", "precision_recall", "calibration", "confusion", "slices", "importance", "dependence", "profit")
"""Figures of the card, in its order."""
CUSTOMERS = frozenset({REFERENCE, HOLDOUT, SEEN})
"""Files with values or traces of customers. They serve training and monitoring, and the service's image has none."""


def figure(name: str) -> str:
    """Return the file of a figure."""
    return f"{FIGURE_FOLDER}/{name}.png"


REQUIRED = frozenset({GRAPH, BOOSTER, REFERENCE, CARD, CARD_PAGE})
OPTIONAL = frozenset({HOLDOUT, SEEN, *map(figure, FIGURES)})
LARGEST_BYTES = {
    MANIFEST: 4 * MEGABYTE,
    GRAPH: 512 * MEGABYTE,
    BOOSTER: 512 * MEGABYTE,
    REFERENCE: 4096 * MEGABYTE,
    HOLDOUT: 4096 * MEGABYTE,
    SEEN: 4096 * MEGABYTE,
    CARD: MEGABYTE,
    CARD_PAGE: 16 * MEGABYTE,
} | {figure(name): 16 * MEGABYTE for name in FIGURES}


def find_problem(names: Iterable[str]) -> str | None:
    """Return why a bundle may not have these files besides its manifest; None if it may."""
    found = set(names)
    if unknown := sorted(found - REQUIRED - OPTIONAL):
        return f"{unknown[0][:80]!r} is not a file of a bundle"
    if missing := sorted(REQUIRED - found):
        return f"{missing[0]} is missing"
    return None
