"""Rollback to an earlier model, trials of a challenger, and how the history lists both."""

import errno
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from models.bundles import bundle, pin_changes, pin_history, pins
from models.bundles.bundle import Bundle
from models.bundles.format import plain_files
from models.bundles.pins import BundleRef, Challenger, Pin
from models.errors import StoreUnwritable
from models.features import CONTRACT
from tests.stores import Shelf
from training.promotion import model_lookup as shelves
from training.publishing.tracking import REGISTERED_MODEL


def test_a_rollback_serves_the_champion_before(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.serve(shelf.good)
    shelf.serve(shelf.bad)
    assert shelf.run("rollback", "--why", "too many complaints") == 0
    assert shelf.serving == shelf.good
    assert f"{shelf.good} is pinned again" in capsys.readouterr().out
    last = pin_history.read(shelf.models_dir).changes[-1]
    assert (last.version, last.change, last.why) == (shelf.good, "rollback", "too many complaints")
    registered = MlflowClient(shelf.arguments[-1]).get_model_version_by_alias("churn", "champion")
    assert registered.tags["bundle_version"] == shelf.good


def test_to_roll_back_twice_does_not_lead_to_what_was_rolled_back(shelf: Shelf) -> None:
    (shelf.models_dir / "history.jsonl").unlink()
    shelf.serve(shelf.good)
    shelf.serve(shelf.bad)
    assert shelf.run("rollback") == 0
    assert shelf.run("rollback") == 2
    assert shelf.serving == shelf.good


def third_of(shelf: Shelf) -> str:
    return shelf.alter(shelf.bad, lambda _files, facts: facts.update(warnings=["a third"]))


def test_a_rollback_after_an_interrupted_change_goes_to_the_champion_before(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.good)
    shelf.serve(shelf.bad)
    third, replace = third_of(shelf), plain_files.replace

    def fail(path: Path, content: bytes) -> None:
        if path.name == "pinned.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(plain_files, "replace", fail)
        with pytest.raises(StoreUnwritable, match="No space left"):
            shelf.serve(third)
    assert shelf.serving == shelf.bad
    assert shelf.run("history") == 0
    assert f"not as the last change, fit of {third}, left it" in capsys.readouterr().out
    assert shelf.run("rollback") == 0
    assert shelf.serving == shelf.good
    assert third not in {change.version for change in pin_history.read(shelf.models_dir).changes}


def test_a_rollback_begins_at_the_model_that_was_pinned_again_by_hand(shelf: Shelf) -> None:
    (shelf.models_dir / "history.jsonl").unlink()
    shelf.serve(shelf.good)
    shelf.serve(shelf.bad)
    pin = (shelf.models_dir / "pinned.json").read_bytes()
    shelf.serve(third_of(shelf))
    (shelf.models_dir / "pinned.json").write_bytes(pin)
    assert shelf.run("rollback") == 0
    assert shelf.serving == shelf.good


def test_a_model_that_git_forgot_comes_back_from_the_registry(shelf: Shelf) -> None:
    shelf.serve(shelf.good)
    shelf.serve(shelf.bad)
    before = shelf.find(shelf.good)
    shutil.rmtree(before.directory)
    assert shelf.run("rollback", shelf.good) == 0
    assert shelf.find(shelf.good) == before
    assert before.path("model.onnx").stat().st_mode & 0o777 == 0o644


def test_what_was_tampered_with_in_the_registry_does_not_come_to_the_store(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    other = shelf.alter(shelf.good, lambda _files, facts: facts.update(warnings=["tampered with"]))
    shelf.serve(shelf.bad)
    client = MlflowClient(shelf.arguments[-1])
    [experiment] = client.search_experiments(filter_string=f"name = '{REGISTERED_MODEL}'")
    run = client.create_run(experiment.experiment_id)
    found = shelf.find(other)
    graph = found.path("model.onnx")
    graph.write_bytes(graph.read_bytes().replace(b"ai.onnx", b"ai.onny"))
    client.log_artifacts(run.info.run_id, str(found.directory), "bundle")
    client.create_model_version("churn", f"runs:/{run.info.run_id}/x", run.info.run_id, tags={"bundle_version": other})
    shutil.rmtree(found.directory)
    assert shelf.run("rollback", other) == 2
    assert "SHA-256" in caplog.text
    assert shelf.serving == shelf.bad
    assert not found.directory.exists()


@pytest.mark.parametrize("version", ["../store", "/var/models", "..", "20260301-1a2b'3c4d"])
@pytest.mark.parametrize("command", ["rollback", "challenge", "promote"])
def test_a_version_is_no_path(shelf: Shelf, command: str, version: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        shelf.run(command, version)
    assert ended.value.code == 2
    assert "error: VERSION: a version is a folder of models/store" in capsys.readouterr().err


def test_a_rollback_needs_no_mlflow(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.serve(shelf.good)
    shelf.serve(shelf.bad)
    shelf.arguments[-1] += "/below-a-file.db"
    assert shelf.run("rollback") == 0
    assert shelf.serving == shelf.good
    assert "the alias champion in MLflow was not set" in caplog.text


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json"])
def test_a_damaged_model_does_not_come_back(shelf: Shelf, name: str, caplog: pytest.LogCaptureFixture) -> None:
    shelf.serve(shelf.good)
    shelf.serve(shelf.bad)
    path = shelf.find(shelf.good).path(name)
    path.write_bytes(path.read_bytes().replace(b"0.8", b"0.9").replace(b"ai.onnx", b"ai.onny"))
    with caplog.at_level(logging.ERROR):
        assert shelf.run("rollback") == 2
    assert shelf.serving == shelf.bad
    assert "SHA-256" in caplog.text


def test_a_version_that_nobody_knows_does_not_come_back(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.serve(shelf.good)
    assert shelf.run("rollback", "20990101-00000000") == 2
    assert "no such bundle" in caplog.text


def test_a_challenger_stands_beside_the_champion_until_it_is_withdrawn(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    assert shelf.run("challenge", shelf.good, "--mode", "canary", "--share", "0.2") == 0
    pin = pins.read(shelf.models_dir)
    assert pin.version == shelf.bad
    assert pin.challenger == Challenger(
        version=shelf.good, digest=json.loads(pin.model_dump_json())["challenger"]["digest"], mode="canary", share=0.2
    )
    assert "answering 20% of the customers with an id" in capsys.readouterr().out
    assert shelf.run("challenge", "--stop", "--why", "seen enough") == 0
    assert pins.read(shelf.models_dir).challenger is None
    assert shelf.serving == shelf.bad
    assert shelf.run("challenge", "--stop") == 2


def test_the_champion_does_not_challenge_itself(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.serve(shelf.good)
    assert shelf.run("challenge", shelf.good) == 2
    assert f"{shelf.good} is the champion" in caplog.text


def test_a_champion_that_came_while_the_challenger_was_fetched_stays(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, third = shelves.fetch, shelf.alter(shelf.bad, lambda _files, facts: facts.update(warnings=["a third"]))

    def meanwhile(version: str, *others: Any) -> Bundle:
        found = fetch(version, *others)
        shelf.serve(third)
        return found

    shelf.serve(shelf.bad)
    monkeypatch.setattr(shelves, "fetch", meanwhile)
    assert shelf.run("challenge", shelf.good) == 0
    assert shelf.serving == third


def test_a_damaged_challenger_is_not_tried(shelf: Shelf) -> None:
    shelf.serve(shelf.bad)
    (shelf.models_dir / "store" / shelf.good / "model.onnx").write_bytes(b"graph")
    before = (shelf.models_dir / "pinned.json").read_bytes()
    assert shelf.run("challenge", shelf.good) == 2
    assert (shelf.models_dir / "pinned.json").read_bytes() == before


def test_to_promote_the_challenger_leaves_it_beside_nobody(shelf: Shelf) -> None:
    shelf.serve(shelf.bad)
    assert shelf.run("challenge", shelf.good) == 0
    assert shelf.promote(shelf.good) == 0
    assert shelf.serving == shelf.good
    assert pins.read(shelf.models_dir).challenger is None


def test_the_history_lists_who_was_served_and_why(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    (shelf.models_dir / "history.jsonl").unlink()
    shelf.serve(shelf.bad)
    assert shelf.promote(shelf.good) == 0
    assert shelf.run("rollback", "--why", "slow") == 0
    assert shelf.run("challenge", shelf.good, "--why", "once more") == 0
    capsys.readouterr()
    assert shelf.run("history") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [(line[0], line.split("Z  ")[-1].split()[0]) for line in lines[:4]] == [
        (" ", shelf.bad),
        (" ", shelf.good),
        ("*", shelf.bad),
        (" ", shelf.good),
    ]
    assert "promoted by the gate  gate against" in lines[1]
    assert "rolled back to        slow" in lines[2]
    assert lines[4] == f"  challenger {shelf.good} as shadow"


def test_a_pin_that_was_changed_by_hand_is_told(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.serve(shelf.good)
    pin = json.loads((shelf.models_dir / "pinned.json").read_text())
    (shelf.models_dir / "pinned.json").write_text(json.dumps(pin | {"version": shelf.bad}))
    assert shelf.run("history") == 0
    assert f"* {shelf.bad} is served; pinned.json was changed by hand" in capsys.readouterr().out


def test_without_any_model_the_history_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Shelf(tmp_path, "", "").run("history") == 0
    assert capsys.readouterr().out == "no model is pinned\n"


def test_the_beginning_of_a_version_is_enough_if_only_one_begins_so(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.serve(shelf.bad)
    unique = next(size for size in range(1, 42) if not shelf.bad.startswith(shelf.good[:size]))
    assert shelf.run("challenge", shelf.good[: unique - 1]) == 2
    assert all(version in caplog.text for version in (shelf.good, shelf.bad, "Write more of its digits"))
    assert shelf.run("challenge", shelf.good[:unique]) == 0
    assert shelf.promote(shelf.good[:unique]) == 0
    assert shelf.serving == shelf.good
    shutil.rmtree(shelf.models_dir / "store" / shelf.bad)  # MLflow still has it
    (shelf.models_dir / "history.jsonl").unlink()
    assert shelf.run("rollback", shelf.bad[:unique]) == 0
    assert shelf.serving == shelf.bad


def test_a_model_of_a_short_version_is_served_by_its_digest_and_not_found_without(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    short = shorten(shelf, shelf.good)
    assert shelf.run("challenge", short.version) == 2
    assert "with fewer, another content may have the same version" in caplog.text
    pin_changes.write(Pin(**dict(short)), about=short, change="fit", why="of before", models_dir=shelf.models_dir)
    assert bundle.load(shelf.models_dir, contract=CONTRACT).manifest.version == short.version
    shelf.serve(shelf.bad)
    assert shelf.run("rollback") == 0
    assert shelf.serving == short.version


def shorten(shelf: Shelf, version: str) -> BundleRef:
    """Make a bundle as it was published before versions had 32 digits."""
    folder = shelf.models_dir / "store" / version[:17]
    shutil.copytree(shelf.models_dir / "store" / version, folder)
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace(version, version[:17]))
    return BundleRef(version=version[:17], digest=bundle.digest(manifest))
