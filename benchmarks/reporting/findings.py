"""Writes the results of the cost and error-rate benchmarks: a raw file, and a page of tables."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.reporting import machine, record

_FACTS = ("date", "commit", "processor", "kernel", "python")
_LIBRARIES = ("evidently", "numpy", "onnxruntime", "pandas", "pyarrow", "scipy", "sqlalchemy")


def describe() -> dict[str, str]:
    """Return the facts about machine and libraries: name to value."""
    described = machine.describe()
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return {name: described[name] for name in _FACTS} | {"libraries": libraries}


def rate(hits: int, windows: int) -> str:
    """Format a share with its 95 % interval (Wilson)."""
    low, high = stats.binomtest(hits, windows).proportion_ci(method="wilson")
    return f"{hits / windows:.1%} ({low:.1%} to {high:.1%})"


def ratio(true: Sequence[float], estimated: Sequence[float]) -> str:
    """Format the mean of true values, divided by that of their estimates, with its 95 % interval (bootstrap)."""
    drawn = np.random.default_rng(0).integers(0, len(true), (2_000, len(true)))
    low, high = np.quantile(np.array(true)[drawn].sum(1) / np.array(estimated)[drawn].sum(1), [0.025, 0.975])
    return f"{np.sum(true) / np.sum(estimated):.2f} ({low:.2f} to {high:.2f})"


def save(name: str, described: Mapping[str, str], found: Sequence[Any], page: str) -> None:
    """Write both files, and print the page; `found` holds dataclasses."""
    raw = {"machine": described, "found": [asdict(one) for one in found]}
    record.FOLDER.mkdir(exist_ok=True)
    (record.FOLDER / f"{name}.json").write_text(json.dumps(raw, indent=1) + "\n")
    (record.FOLDER / f"{name}.md").write_text(page, encoding="utf-8")
    sys.stdout.write(page)
