"""The common style of all figures, and how they are saved. Equal input gives equal bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, QUIET, ACCENT, OTHER = "#1f2933", "#9aa5b1", "#0b7285", "#e8890c"
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.dpi": 120,
    "font.size": 9,
    "legend.frameon": False,
    "text.parse_math": False,  # names and levels of customers may hold dollar signs
    "xtick.color": INK,
    "ytick.color": INK,
}


@contextmanager
def style() -> Iterator[None]:
    """Apply the common style inside the context."""
    with mpl.rc_context(_STYLE):
        yield


def axes(title: str, x: str, y: str, *, size: tuple[float, float] = (4.2, 3.6)) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes; `size` is in inches."""
    figure = Figure(figsize=size)
    return figure, figure.add_subplot(title=title, xlabel=x, ylabel=y)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
