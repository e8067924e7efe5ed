"""Models folders with more than one model: a second one is published, and tested beside the first."""

import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import xgboost as xgb

from models.bundles import bundle, pin_changes, pins
from models.bundles.calibration import Calibration
from models.bundles.format import bundle_files
from models.bundles.manifest import Description
from models.bundles.pins import Challenger, Mode, Pin
from models.features import CONTRACT


def publish_another(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> bundle.Bundle:
    """Publish a second model, with other probabilities and other explanations; the pin stays."""

    def change(graph: onnx.GraphProto) -> None:
        [base] = [found for found in graph.node[0].attribute if found.name == "base_values"]
        base.floats[0] += 1  # in log-odds

    return publish(shelf, tmp_path_factory.mktemp("another") / "files", change)


def publish(shelf: Path, files: Path, change: Callable[[onnx.GraphProto], None]) -> bundle.Bundle:
    """Publish the pinned model with a changed graph, and with other explanations; the pin stays."""
    pinned = bundle.load(shelf, contract=CONTRACT)
    shutil.copytree(pinned.directory, files, ignore=shutil.ignore_patterns(bundle_files.MANIFEST))
    graph = onnx.load(files / bundle_files.GRAPH)
    change(graph.graph)
    onnx.save(graph, files / bundle_files.GRAPH)
    xgb.Booster(model_file=files / bundle_files.BOOSTER)[:5].save_model(files / bundle_files.BOOSTER)
    told = {name: value for name, value in pinned.manifest if name in Description.model_fields}
    told["calibration"] = Calibration()  # an isotonic map has flat parts, in which both models would answer alike
    return bundle.save(files, Description(**told), CONTRACT, trained_at=pinned.manifest.trained_at, models_dir=shelf)


def challenge(shelf: Path, version: str, mode: Mode, *, share: float = 0.5) -> Challenger:
    """Let a published model stand beside the champion."""
    digest = bundle.digest(shelf / "store" / version / bundle_files.MANIFEST)
    challenger = Challenger(version=version, digest=digest, mode=mode, share=share)
    pin = Pin(version=(champion := pins.read(shelf)).version, digest=champion.digest, challenger=challenger)
    pin_changes.write(pin, about=challenger, change="challenge", why="to be tried", models_dir=shelf)
    return challenger


def withdraw(shelf: Path) -> None:
    """Let the champion stand alone."""
    pin = pins.read(shelf)
    pin_changes.write(
        pin.model_copy(update={"challenger": None}), about=pin, change="withdraw", why="", models_dir=shelf
    )
