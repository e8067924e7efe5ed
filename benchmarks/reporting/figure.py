"""The README's throughput figure, drawn from the raw files.

Left: all servers as multiples of the empty endpoint, because the peers have a run of their own, on another day. Right:
requests/s over the number of connections. The colours are legible on light and on dark pages, and equal input gives
equal bytes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.measuring.contenders import BARE, EMPTY, OPEN, OURS, PLAIN, UNLOGGED
from benchmarks.measuring.rounds import Cell
from benchmarks.reporting import record
from benchmarks.reporting.record import Record
from benchmarks.reporting.summary import connections, over_rounds, ratio

PATH = Path("docs/throughput.svg")
AT_CONNECTIONS = 50
_INK, _RULE, _PEER = "#7b8794", "#9aa5b155", "#a9b4bf"
_COLOURS = {OURS: "#1098ad", EMPTY: "#6c7a89", PLAIN: "#e8890c"}
"""In the order of the lines; all other servers are peers. The bare server and our variants are left out."""
STYLE: dict[Any, Any] = {
    "axes.edgecolor": _RULE,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": _INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.wspace": 0.08,
    "font.size": 9.5,
    "svg.hashsalt": "throughput",
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}
"""Of all figures: transparent, with colours for light and dark pages."""


def draw_again() -> None:
    """Draw the README's figure from the raw files, if they exist."""
    if ours := record.load_if_there("throughput"):
        draw(ours, record.load_if_there("peers"), to=PATH)


def draw(ours: Record, peers: Record | None, *, to: Path) -> None:
    """Write both runs as SVG with a transparent background; `peers` is None if they were not measured."""
    runs = [*([peers.cells] if peers else []), ours.cells]
    bars = {cell.server: ratio(cells, cell.server, EMPTY, AT_CONNECTIONS).median for cells in runs for cell in cells}
    for left_out in (BARE, OPEN, UNLOGGED):
        bars.pop(left_out, None)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 3.3))
        left, right = figure.subplots(1, 2)
        _draw_bars(left, bars)
        _draw_lines(right, ours.cells)
        figure.savefig(to, transparent=True, metadata={"Date": None})


def _draw_bars(axes: Axes, multiples: dict[str, float]) -> None:
    names = sorted(multiples, key=lambda name: multiples[name])
    colours = [_COLOURS.get(name, _PEER) for name in names]
    bars = axes.barh(names, [multiples[name] for name in names], color=colours, height=0.64)
    axes.bar_label(bars, labels=[f"{multiples[name]:.2f}" for name in names], padding=4)
    axes.set_title(f"Requests on one core, empty endpoint = 1, {AT_CONNECTIONS} connections", x=-0.52)
    axes.margins(x=0.15)
    axes.xaxis.set_visible(False)
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.tick_params(length=0)
    axes.get_yticklabels()[names.index(OURS)].set_fontweight("bold")


def _draw_lines(axes: Axes, cells: Sequence[Cell]) -> None:
    at = connections(cells)
    for name, colour in _COLOURS.items():
        over = [over_rounds(cells, name, many, _rate) for many in at]
        axes.plot([one.median for one in over], color=colour, linewidth=2.4 if name == OURS else 1.6, marker="o", ms=4)
        axes.fill_between(
            range(len(at)), [one.least for one in over], [one.most for one in over], color=colour, alpha=0.2, lw=0
        )
        end = (len(at) - 1, over[-1].median)
        axes.annotate(name, end, (8, 0), textcoords="offset points", va="center", color=colour)
    axes.set_title("Requests/s as connections grow")
    axes.set_xticks(range(len(at)), [f"{many:,}" for many in at])
    axes.set_xlabel("connections")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(length=0)
    axes.grid(axis="y", color=_RULE, linewidth=0.7)


def _rate(cell: Cell) -> float:
    return cell.load.answered_per_second
