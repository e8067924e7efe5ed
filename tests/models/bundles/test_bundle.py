"""A bundle on disk is loaded only when every digest matches, and each fault has its own error."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models import errors
from models.bundles import bundle
from models.bundles.format import bundle_files
from models.customer.contract import Contract
from models.features import CONTRACT
from tests.descriptions import describe, fill

TRAINED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "figures").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"graph")
    (folder / "figures" / "roc.png").write_bytes(b"picture")
    return fill(folder)


@pytest.fixture
def shelf(tmp_path: Path, files: Path) -> Path:
    """A models folder with one pinned bundle."""
    models_dir = tmp_path / "models"
    published = bundle.save(files, describe(CONTRACT), CONTRACT, trained_at=TRAINED_AT, models_dir=models_dir)
    bundle.pin(published, models_dir=models_dir)
    return models_dir


def load(shelf: Path) -> bundle.Bundle:
    return bundle.load(shelf, contract=CONTRACT)


def test_what_was_saved_is_loaded(shelf: Path) -> None:
    loaded = load(shelf)
    assert loaded.manifest.version.startswith("20260301-")
    assert loaded.manifest.metrics == {"roc_auc": 0.8}
    assert loaded.manifest.trained_at == TRAINED_AT
    assert loaded.path("model.onnx").read_bytes() == b"graph"


def test_equal_content_has_an_equal_version_and_is_not_written_twice(shelf: Path, files: Path) -> None:
    first = load(shelf)
    again = bundle.save(files, describe(CONTRACT), CONTRACT, trained_at=TRAINED_AT.replace(hour=18), models_dir=shelf)
    assert again == first
    other = bundle.save(
        files, describe(CONTRACT, metrics={"roc_auc": 0.9}), CONTRACT, trained_at=TRAINED_AT, models_dir=shelf
    )
    assert other.manifest.version != first.manifest.version


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "figures/roc.png"])
def test_saving_again_repairs_a_damaged_bundle(shelf: Path, files: Path, name: str) -> None:
    before = load(shelf)
    path = before.path(name)
    path.write_bytes(path.read_bytes().replace(b"0.8", b"0.9") + b"\n")
    bundle.pin(
        bundle.save(files, describe(CONTRACT), CONTRACT, trained_at=TRAINED_AT, models_dir=shelf),
        models_dir=shelf,
    )
    assert load(shelf) == before


def test_a_pin_that_cannot_be_moved_in_place_leaves_the_old_one(
    shelf: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load(shelf)
    other = bundle.save(
        files, describe(CONTRACT, metrics={"roc_auc": 0.9}), CONTRACT, trained_at=TRAINED_AT, models_dir=shelf
    )

    def crash(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(errors.StoreUnwritable, match="power cut"):
        bundle.pin(other, models_dir=shelf)
    monkeypatch.undo()
    assert load(shelf) == before
    bundle.pin(other, models_dir=shelf)
    assert load(shelf) == other
    assert {path.name for path in shelf.iterdir()} == {"history.jsonl", "pinned.json", "pinned.lock", "store"}


def test_a_manifest_of_another_version_is_refused(shelf: Path) -> None:
    manifest = json.loads(load(shelf).path(bundle_files.MANIFEST).read_bytes())
    repin(shelf, manifest | {"version": "20250101-00000000"})
    pin = json.loads((shelf / "pinned.json").read_text())
    (shelf / "pinned.json").write_text(json.dumps(pin | {"version": next((shelf / "store").iterdir()).name}))
    with pytest.raises(errors.ManifestInvalid, match="it is the manifest of 20250101-00000000"):
        load(shelf)


@pytest.mark.parametrize("folder", ["store", "pinned.json"])
def test_what_may_not_be_read_is_a_reason_and_not_a_crash(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    def refuse(path: Path, *_: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    where, name = (Path, "lstat") if folder == "store" else (os, "open")
    monkeypatch.setattr(where, name, refuse)
    with pytest.raises(errors.FileUnreadable, match=f"{folder}.*Permission denied"):
        load(shelf)


def test_a_shelf_that_cannot_be_written_is_found_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(errors.StoreUnwritable, match="may write to"):
        bundle.require_store(tmp_path / "models")


def test_a_published_bundle_is_readable_for_other_users(shelf: Path) -> None:
    published = load(shelf).directory
    assert published.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in published.rglob("*") if path.is_file()} == {0o644}
    assert (published / "figures").stat().st_mode & 0o777 == 0o755
    assert (shelf / "pinned.json").stat().st_mode & 0o777 == 0o644


def test_saving_leaves_nothing_but_the_bundle(shelf: Path) -> None:
    assert [path.name for path in (shelf / "store").iterdir()] == [load(shelf).manifest.version]


def test_an_interrupted_save_leaves_no_bundle(tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "rename", crash)
    with pytest.raises(OSError, match="disk full"):
        bundle.save(files, describe(CONTRACT), CONTRACT, trained_at=TRAINED_AT, models_dir=tmp_path / "models")
    assert list((tmp_path / "models" / "store").iterdir()) == []


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "figures/roc.png"])
def test_one_changed_byte_is_refused_by_name(shelf: Path, name: str) -> None:
    path = load(shelf).path(name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(errors.DigestMismatch, match=name) as caught:
        load(shelf)
    assert caught.value.path == path


def test_a_missing_file_is_refused_by_name(shelf: Path) -> None:
    path = load(shelf).path("model.onnx")
    path.unlink()
    with pytest.raises(errors.FileUnreadable, match=r"model\.onnx: No such file"):
        load(shelf)


def test_another_contract_is_refused(shelf: Path, second_contract: Contract) -> None:
    with pytest.raises(
        errors.FingerprintMismatch, match=r"Train again after a change of models/features\.py: `make train DATA="
    ):
        bundle.load(shelf, contract=second_contract)


def repin(shelf: Path, manifest: object) -> None:
    """Make the pin trust another manifest, so that only the manifest's content is wrong."""
    published = load(shelf)
    published.path(bundle_files.MANIFEST).write_text(json.dumps(manifest))
    bundle.pin(published, models_dir=shelf)


def test_another_format_is_refused(shelf: Path) -> None:
    manifest = json.loads(load(shelf).path(bundle_files.MANIFEST).read_bytes())
    repin(shelf, manifest | {"format_version": 1})
    with pytest.raises(errors.FormatUnsupported, match="the bundle has format 1, but this code reads format 2"):
        load(shelf)


def test_a_manifest_without_a_field_is_refused_by_its_name(shelf: Path) -> None:
    manifest = json.loads(load(shelf).path(bundle_files.MANIFEST).read_bytes())
    del manifest["policy"]
    repin(shelf, manifest)
    with pytest.raises(errors.ManifestInvalid, match="policy: Field required"):
        load(shelf)


@pytest.mark.parametrize("content", ["{", "[]", '{"version": "../../etc", "digest": "0"}'])
def test_a_pin_that_is_none_is_refused(shelf: Path, content: str) -> None:
    (shelf / "pinned.json").write_text(content)
    with pytest.raises(errors.PinUnreadable, match=r"pinned\.json"):
        load(shelf)


def test_no_pin_at_all_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(
        errors.PinUnreadable, match=r"no model is pinned.*git checkout models/.*rollback VERSION.*fit --pin"
    ):
        load(tmp_path)


def test_a_pin_to_a_version_not_in_the_store_is_refused(shelf: Path) -> None:
    pin = json.loads((shelf / "pinned.json").read_text())
    (shelf / "pinned.json").write_text(json.dumps(pin | {"version": "20250101-00000000"}))
    with pytest.raises(errors.BundleMissing, match="20250101-00000000"):
        load(shelf)


def find(shelf: Path, version: str) -> bundle.Bundle:
    return bundle.find(shelf, version, contract=CONTRACT)


def test_a_bundle_that_is_not_pinned_is_found_by_its_version(shelf: Path, files: Path) -> None:
    other = bundle.save(
        files, describe(CONTRACT, metrics={"roc_auc": 0.9}), CONTRACT, trained_at=TRAINED_AT, models_dir=shelf
    )
    assert find(shelf, other.manifest.version) == other


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx"])
def test_a_bundle_is_not_found_whose_content_is_not_what_its_version_is_made_of(shelf: Path, name: str) -> None:
    published = load(shelf)
    path = published.path(name)
    path.write_bytes(path.read_bytes().replace(b"0.8", b"0.9").replace(b"graph", b"grasp"))
    with pytest.raises(errors.DigestMismatch, match=name):
        find(shelf, published.manifest.version)


def test_a_version_that_the_store_lacks_is_said(shelf: Path) -> None:
    with pytest.raises(errors.BundleMissing, match="no such bundle"):
        find(shelf, "20990101-00000000")
