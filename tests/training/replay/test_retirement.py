"""Bundles that have not served for long are removed from the store, if they can be had again."""

import json
import logging
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from models.bundles import pin_history
from models.bundles.format.bundle_files import CARD, MANIFEST
from tests.stores import Shelf
from training.promotion import mlflow_registry


def stored(shelf: Shelf) -> set[str]:
    return {path.name for path in (shelf.models_dir / "store").iterdir()}


def age(shelf: Shelf, days: int) -> None:
    """Let all changes so far be so many days older."""
    path = shelf.models_dir / pin_history.HISTORY
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["at"] = (datetime.fromisoformat(line["at"]) - timedelta(days=days)).isoformat()
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def with_third(shelf: Shelf) -> str:
    """Publish one more model, which MLflow does not have."""

    def change(files: Path, _: object) -> None:
        path = files / CARD
        path.write_text(path.read_text() + "\nanother")

    return shelf.alter(shelf.good, change)


def test_what_served_last_long_ago_is_removed_and_what_only_the_store_has_is_kept(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    third = with_third(shelf)
    for version in (third, shelf.bad, shelf.good):  # the first one of all was the good one
        shelf.serve(version)
    age(shelf, 30)
    shelf.serve(third)  # so the good one served until now
    shelf.serve(shelf.good)
    age(shelf, 10)
    capsys.readouterr()
    assert shelf.run("retire") == 0
    assert shelf.run("retire", "--keep-for", "60d") == 0
    assert capsys.readouterr().out == "removed 0 bundles from the store\n" * 2
    assert shelf.run("retire", "--keep-for", "20d") == 0
    assert capsys.readouterr().out == f"removed 1 bundles from the store\n  {shelf.bad}\n"
    assert stored(shelf) == {shelf.good, third}
    assert shelf.run("rollback", shelf.bad) == 0  # from the registry
    age(shelf, 30)
    assert shelf.run("rollback", shelf.good) == 0
    capsys.readouterr()
    assert shelf.run("retire", "--keep-for", "20d") == 0
    assert f"  {third} is kept: MLflow's registry does not have it\n" in capsys.readouterr().out
    assert stored(shelf) == {shelf.good, shelf.bad, third}


def test_a_challenger_is_kept_while_it_is_tried(shelf: Shelf) -> None:
    (shelf.models_dir / pin_history.HISTORY).unlink()
    shelf.serve(shelf.good)
    shelf.run("challenge", shelf.bad)
    age(shelf, 100)
    assert shelf.run("retire", "--keep-for", "1d") == 0
    assert stored(shelf) == {shelf.good, shelf.bad}
    shelf.run("challenge", "--stop")
    age(shelf, 2)
    assert shelf.run("retire", "--keep-for", "3d") == 0
    assert stored(shelf) == {shelf.good, shelf.bad}
    assert shelf.run("retire", "--keep-for", "1d") == 0
    assert stored(shelf) == {shelf.good}


def test_without_the_registry_nothing_is_removed(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.serve(shelf.good)
    (shelf.folder / "var" / "mlflow.db").write_bytes(b"damaged")
    with caplog.at_level(logging.ERROR):
        assert shelf.run("retire", "--keep-for", "1d") == 2
    assert stored(shelf) == {shelf.good, shelf.bad}


def test_the_model_to_which_a_rollback_goes_is_kept(shelf: Shelf) -> None:
    (shelf.models_dir / pin_history.HISTORY).unlink()
    for version in (shelf.bad, shelf.good, with_third(shelf)):
        shelf.serve(version)
    assert shelf.run("rollback", shelf.good) == 0
    age(shelf, 100)
    assert shelf.run("retire", "--keep-for", "1d") == 0
    assert shelf.bad in stored(shelf)
    assert shelf.run("rollback") == 0
    assert shelf.serving == shelf.bad


@pytest.mark.parametrize("damage", ["lost", "torn"])
def test_where_the_history_does_not_say_what_served_nothing_is_removed(
    damage: str, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.serve(shelf.bad)
    shelf.serve(shelf.good)
    age(shelf, 100)
    history = shelf.models_dir / pin_history.HISTORY
    history.write_bytes(b"" if damage == "lost" else history.read_bytes()[:-40])
    with caplog.at_level(logging.ERROR):
        assert shelf.run("retire", "--keep-for", "1d") == 2
    assert f"{history}: it does not say which models served when. Restore the file" in caplog.text
    assert stored(shelf) == {shelf.good, shelf.bad}


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "damaged": (lambda copy: (copy / "model.ubj").write_bytes(b"other"), "its copy in MLflow is damaged: model.ubj"),
    "lost file": (lambda copy: (copy / "model.ubj").unlink(), "its copy in MLflow cannot be read: "),
    "lost": (shutil.rmtree, "its copy in MLflow cannot be read: "),
    "another": (
        lambda copy: (copy / MANIFEST).write_text((copy / MANIFEST).read_text() + "\n"),
        "what MLflow's registry has is another bundle",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_bundle_whose_copy_is_lost_or_damaged_is_kept(
    damage: str, shelf: Shelf, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (shelf.models_dir / pin_history.HISTORY).unlink()
    shelf.serve(shelf.good)
    age(shelf, 100)
    change, told = DAMAGE[damage]

    def download(version: str, _settings: object, folder: Path) -> Path:
        copy = shutil.copytree(shelf.models_dir / "store" / version, folder / "bundle")
        change(copy)
        return copy

    shelf.run("challenge", shelf.bad)
    shelf.run("challenge", "--stop")
    age(shelf, 100)
    monkeypatch.setattr(mlflow_registry, "download", download)
    assert shelf.run("retire", "--keep-for", "1d") == 0
    assert f"  {shelf.bad} is kept: {told}" in capsys.readouterr().out
    assert stored(shelf) == {shelf.good, shelf.bad}
