"""The pin is replaced in one rename, and every change is recorded with its reason."""

from pathlib import Path

import pytest

from models import errors
from models.bundles import pin_changes, pin_history, pins
from models.bundles.pins import BundleRef, Challenger, Pin

FIRST, SECOND = (BundleRef(version=f"2026030{day}-{day * 8}", digest=day * 64) for day in "12")


def promote(model: BundleRef, shelf: Path, why: str = "better") -> Pin:
    pin = Pin(**dict(model))
    pin_changes.write(pin, about=model, change="promote", why=why, models_dir=shelf)
    return pin


def test_what_was_pinned_is_read(tmp_path: Path) -> None:
    assert promote(FIRST, tmp_path) == pins.read(tmp_path)


def test_a_pin_without_a_challenger_names_none(tmp_path: Path) -> None:
    promote(FIRST, tmp_path)
    assert "challenger" not in (tmp_path / "pinned.json").read_text()


def test_a_challenger_stands_beside_the_champion(tmp_path: Path) -> None:
    pin = Pin(**dict(FIRST), challenger=Challenger(**dict(SECOND), mode="canary", share=0.2))
    pin_changes.write(pin, about=SECOND, change="challenge", why="to be tried", models_dir=tmp_path)
    assert pins.read(tmp_path) == pin


def test_every_change_is_remembered_in_order(tmp_path: Path) -> None:
    promote(FIRST, tmp_path, why="the first")
    promote(SECOND, tmp_path, why="ROC-AUC +0.01")
    pin_changes.write(Pin(**dict(FIRST)), about=FIRST, change="rollback", why="too slow", models_dir=tmp_path)
    events = pin_history.read(tmp_path).changes
    assert [(event.version, event.change, event.why) for event in events] == [
        (FIRST.version, "promote", "the first"),
        (SECOND.version, "promote", "ROC-AUC +0.01"),
        (FIRST.version, "rollback", "too slow"),
    ]
    assert events == sorted(events, key=lambda event: event.at)


def test_without_a_pin_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(errors.NothingPinned, match="no model is pinned"):
        pins.read(tmp_path)
    assert pin_history.read(tmp_path).changes == []


def test_a_pin_may_be_a_link_as_kubernetes_mounts_it_but_no_folder(tmp_path: Path) -> None:
    before = promote(FIRST, tmp_path)
    (tmp_path / "pinned.json").rename(tmp_path / "mounted.json")
    (tmp_path / "pinned.json").symlink_to("mounted.json")
    assert pins.read(tmp_path) == before
    (tmp_path / "pinned.json").unlink()
    (tmp_path / "pinned.json").mkdir()
    with pytest.raises(errors.FileUnreadable, match=r"pinned\.json: Is a directory"):
        pins.read(tmp_path)


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_a_canary_answers_some_customers_and_never_all(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        Challenger(**dict(FIRST), mode="canary", share=share)
