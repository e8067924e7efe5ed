"""Whatever is wrong with the pin or a file of a bundle, with all digests right, the service stays up and says why."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xgboost as xgb
from onnx import TensorProto, helper
from starlette.testclient import TestClient

from models.bundles import bundle, pins
from models.bundles.format.bundle_files import BOOSTER, CARD_PAGE, GRAPH, MANIFEST, REFERENCE
from models.errors import CustomersMissing
from models.features import CONTRACT
from service.http.routes import CARD_CSP
from service.model import predictor

WIDTH = len(CONTRACT.matrix_columns)
Damage = Callable[[Path], object]
"""Damages a bundle's folder; or the models folder, for the pin."""


def graph(*, width: int = WIDTH, scale: float = 0.0, rows: int = 1, columns: int = 2, external: bool = False) -> bytes:
    """Make a graph whose results are 0.5 + `scale` in `columns` columns, with `rows` rows for each customer."""
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [width, columns], [0.0] * width * columns)
    if external:
        weights.ClearField("float_data")
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value="../../../../../../etc/hostname")
    nodes = [
        helper.make_node("IsNaN", ["input"], ["unknown"]),
        helper.make_node("Where", ["unknown", "zero", "input"], ["known"]),
        helper.make_node("MatMul", ["known", "weights"], ["zeros"]),
        helper.make_node("Add", ["zeros", "shift"], ["once"]),
        helper.make_node("Concat", ["once"] * rows, ["probabilities"], axis=0),
    ]
    constants = [
        helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
        helper.make_tensor("shift", TensorProto.FLOAT, [], [0.5 + scale]),
        weights,
    ]
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, width])
    made = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, columns])
    return serialize(nodes, given, made, constants)


def endless_graph() -> bytes:
    """Make a graph with a loop of 2^62 turns."""
    turn = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["x"], ["y"])],
        "turn",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, WIDTH]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, WIDTH]),
        ],
    )
    loop = helper.make_node("Loop", ["turns", "yes", "input"], ["probabilities"], body=turn)
    constants = [
        helper.make_tensor("turns", TensorProto.INT64, [], [2**62]),
        helper.make_tensor("yes", TensorProto.BOOL, [], [True]),
    ]
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, WIDTH])
    made = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, WIDTH])
    return serialize([loop], given, made, constants)


def serialize(nodes: list[Any], given: Any, made: Any, constants: list[Any]) -> bytes:
    drawn = helper.make_graph(nodes, "attack", [given], [made], constants)
    model = helper.make_model(drawn, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


def write(name: str, content: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(content)


def instead(name: str, make: Callable[[Path], object]) -> Damage:
    """Put something else in the place of a file or folder."""

    def damage(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        make(path)

    return damage


def change_manifest(change: Callable[[dict[str, Any]], object]) -> Damage:
    def damage(folder: Path) -> None:
        facts = json.loads((folder / MANIFEST).read_text())
        change(facts)
        (folder / MANIFEST).write_text(json.dumps(facts))

    return damage


def change_files(**files: str) -> Damage:
    return change_manifest(lambda facts: facts["files"].update(files))


def replace_in(name: str, old: bytes, new: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes().replace(old, new, 1))


def lose_a_child(folder: Path) -> None:
    """Let the first node of the first tree have a child that does not exist."""
    content = (folder / BOOSTER).read_bytes()
    at = content.index(b"left_children[$l#L") + len(b"left_children[$l#L") + 8
    (folder / BOOSTER).write_bytes(content[:at] + b"\x7f\xff\xff\x00" + content[at + 4 :])


def of_another_contract(folder: Path) -> None:
    rows = xgb.DMatrix([[1.0], [2.0]], label=[0, 1])
    xgb.train({"objective": "binary:logistic"}, rows, 1).save_model(folder / BOOSTER)


def write_as_text(folder: Path) -> None:
    booster = xgb.Booster(model_file=folder / BOOSTER)
    booster.save_model(folder / "model.json")
    (folder / "model.json").rename(folder / BOOSTER)


def move_elsewhere(shelf: Path) -> None:
    stored = shelf / "store" / pins.read(shelf).version
    stored.rename(shelf / "elsewhere")
    stored.symlink_to(shelf / "elsewhere")


OTHERS = hashlib.sha256(Path("/etc/hostname").read_bytes()).hexdigest() if Path("/etc/hostname").exists() else "0" * 64
BUNDLES: dict[str, tuple[Damage, str]] = {
    "no files": (change_manifest(lambda facts: facts.update(files={})), "is missing"),
    "a file above": (change_files(**{"../../../pinned.json": "0" * 64}), "is not a file of a bundle"),
    "an absolute path": (change_files(**{"/etc/hostname": OTHERS}), "is not a file of a bundle"),
    "a device": (change_files(**{"/dev/zero": "0" * 64}), "is not a file of a bundle"),
    "a way back": (change_files(**{"figures/../model.onnx": "0" * 64}), "is not a file of a bundle"),
    "a short digest": (change_files(**{GRAPH: "0"}), "files.model.onnx"),
    "deep": (write(MANIFEST, b"[" * 100_000 + b"]" * 100_000), "recursion limit"),
    "deep inside": (
        change_manifest(lambda facts: facts["features"].append({"x": json.loads("[" * 300 + "]" * 300)})),
        "recursion limit",
    ),
    "a key twice": (replace_in(MANIFEST, b'"files"', b'"files": {}, "files"'), "is there twice"),
    "NaN": (replace_in(MANIFEST, b'"gain": ', b'"gain": NaN, "was": '), "manifest.json"),
    "infinite": (replace_in(MANIFEST, b'"gain": ', b'"gain": 1e999, "was": '), "is too large"),
    "half a letter": (replace_in(MANIFEST, b'"source": "', b'"source": "\\ud800'), "manifest.json"),
    "huge": (write(MANIFEST, b" " * (5 << 20)), "is larger than 4 MB"),
    "another version": (replace_in(MANIFEST, b'"version": "2', b'"version": "3'), "it is the manifest of 3"),
    "no graph": (write(GRAPH, b"garbage"), "it is not an ONNX file"),
    "an empty graph": (write(GRAPH, b""), "it is not an ONNX file"),
    "another width": (write(GRAPH, graph(width=WIDTH + 1)), "fails on the contract's example"),
    "data elsewhere": (write(GRAPH, graph(external=True)), "keeps data in other files"),
    "an endless loop": (write(GRAPH, endless_graph()), "the operator 'Loop'"),
    "no numbers": (write(GRAPH, graph(scale=float("nan"))), "not the probabilities of two classes"),
    "above one": (write(GRAPH, graph(scale=0.9)), "not the probabilities of two classes"),
    "below zero": (write(GRAPH, graph(scale=-0.9)), "not the probabilities of two classes"),
    "more results": (write(GRAPH, graph(rows=2)), "its result has the shape"),
    "one column": (write(GRAPH, graph(columns=1)), "its result has the shape"),
    "no trees": (write(BOOSTER, b"garbage"), "model.ubj"),
    "empty trees": (write(BOOSTER, b""), "its end is missing"),
    "deep trees": (write(BOOSTER, b"[" * 200_000), "levels"),
    "deep objects": (write(BOOSTER, b"{U\x01a" * 200_000), "levels"),
    "long trees": (write(BOOSTER, b"[$d#L\x7f" + b"\xff" * 7), "a length of"),
    "a lost child": (lose_a_child, "a child does not exist"),
    "trees in text": (write_as_text, "model.ubj"),
    "trees of others": (of_another_contract, "its trees have 1 columns"),
    "a huge card": (write(CARD_PAGE, b" " * (17 << 20)), "is larger than 16 MB"),
    "a card that is no text": (write(CARD_PAGE, b"\xff\xfe"), "it is not UTF-8"),
    "a link": (instead(CARD_PAGE, lambda path: path.symlink_to("/etc/hostname")), "it is a link"),
    "a link inside": (instead(CARD_PAGE, lambda path: path.symlink_to("MODEL_CARD.md")), "it is a link"),
    "a pipe": (instead(GRAPH, os.mkfifo), "it is not a plain file"),
    "a device file": (instead(BOOSTER, lambda path: path.symlink_to("/dev/zero")), "it is a link"),
    "a folder": (instead(BOOSTER, Path.mkdir), "Is a directory"),
    "a folder elsewhere": (instead("figures", lambda path: path.symlink_to("/etc")), "it is not a plain folder"),
    "a manifest elsewhere": (instead(MANIFEST, lambda path: path.symlink_to("/dev/zero")), "manifest.json"),
}
PINS: dict[str, Damage] = {
    "deep": write("pinned.json", b"[" * 100_000 + b"]" * 100_000),
    "deep objects": write("pinned.json", b'{"challenger":' * 100_000),
    "empty": write("pinned.json", b""),
    "huge": write("pinned.json", b" " * (2 << 20)),
    "a key twice": replace_in("pinned.json", b'"digest"', b'"digest": "0", "digest"'),
    "NaN": replace_in("pinned.json", b'"digest"', b'"share": NaN, "digest"'),
    "a way out": replace_in("pinned.json", b'"version": "', b'"version": "../'),
    "no text": write("pinned.json", b"\xff\xfe\x00"),
    "a folder": instead("pinned.json", Path.mkdir),
    "a pipe": instead("pinned.json", os.mkfifo),
    "a device": instead("pinned.json", lambda path: path.symlink_to("/dev/zero")),
    "a bundle elsewhere": move_elsewhere,
}


def damage_bundle(shelf: Path, damage: Damage) -> None:
    """Damage the pinned bundle, and make all digests right that can be."""
    folder = shelf / "store" / pins.read(shelf).version
    before = (folder / MANIFEST).read_bytes()
    damage(folder)
    manifest = folder / MANIFEST
    if manifest.is_symlink():
        return
    if manifest.read_bytes() == before:
        facts = json.loads(before)
        for name in facts["files"]:
            if (path := folder / name).is_file() and path.stat().st_size and path.resolve() != Path("/dev/zero"):
                facts["files"][name] = hashlib.sha256(path.read_bytes()).hexdigest()
            elif path.is_file():
                facts["files"][name] = hashlib.sha256(b"").hexdigest()
        manifest.write_text(json.dumps(facts))
    pin = json.loads((shelf / "pinned.json").read_text())
    pin["digest"] = hashlib.sha256(manifest.read_bytes()).hexdigest()
    (shelf / "pinned.json").write_text(json.dumps(pin))


def assert_refused(client: TestClient, reason: str) -> None:
    health = client.get("/health").json()
    assert (health["status"], health["model_loaded"]) == ("degraded", False)
    assert reason in health["reason"]
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 503
    assert "churn_model_swap_failures_total 1.0" in client.get("/metrics").text


@pytest.mark.parametrize("kind", BUNDLES)
def test_a_bundle_with_a_fault_is_refused_with_its_reason(
    start: Callable[..., TestClient], shelf: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    damage, reason = BUNDLES[kind]
    damage_bundle(shelf, damage)
    assert_refused(start(models_dir=shelf), reason)
    assert "the pinned model is refused, no model is served" in caplog.text


@pytest.mark.parametrize("kind", PINS)
def test_a_pin_with_a_fault_is_refused_and_the_model_before_goes_on(
    start: Callable[..., TestClient], shelf: Path, kind: str
) -> None:
    running = start(models_dir=shelf)
    PINS[kind](shelf)
    running.app_state["inference"].model.refresh()
    assert running.get("/health").json()["status"] == "degraded"
    assert running.post("/predict", json=CONTRACT.example).status_code == 200
    client = start(models_dir=shelf)
    assert client.get("/health").json()["model_loaded"] is False
    assert client.get("/health/live").status_code == 200


@pytest.mark.parametrize("error", [RecursionError("deep"), MemoryError(), KeyError("x"), ZeroDivisionError("whatever")])
@pytest.mark.parametrize(("module", "name"), [(pins, "read"), (predictor, "load")])
def test_any_exception_in_loading_is_a_refusal(
    start: Callable[..., TestClient],
    shelf: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    error: Exception,
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module, name, crash)
    client = start(models_dir=shelf)
    assert_refused(client, f"An unexpected {type(error).__name__} stopped its loading. See the log of the service.")
    monkeypatch.undo()
    client.app_state["inference"].model.refresh()
    assert client.get("/health").json()["status"] == "healthy"


def test_a_script_in_the_card_does_not_run(start: Callable[..., TestClient], shelf: Path) -> None:
    damage_bundle(shelf, write(CARD_PAGE, b"<script>alert(1)</script><meta http-equiv=refresh content='0;url=//x'>"))
    page = start(models_dir=shelf).get("/model/card")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith(CARD_CSP)
    assert {"default-src 'none'", "sandbox", "base-uri 'none'", "form-action 'none'"} <= set(policy.split("; "))
    assert len(set(policy.split("; "))) == len(policy.split("; "))  # of a directive that comes twice, the first counts
    assert "script-src" not in policy


def test_the_service_serves_and_swaps_without_a_file_of_customers_but_refuses_a_changed_one(
    start: Callable[..., TestClient], shelf: Path
) -> None:
    folder = shelf / "store" / pins.read(shelf).version
    for name in ("holdout.parquet", "seen.npy"):
        (folder / name).unlink()
    content = (folder / REFERENCE).read_bytes()
    (folder / REFERENCE).unlink()
    client = start(models_dir=shelf)
    assert client.post("/predict?explain=true", json=CONTRACT.example).status_code == 200
    with pytest.raises(CustomersMissing, match=r"holdout\.parquet: no such file; it holds customers"):
        bundle.load(shelf, contract=CONTRACT)
    (folder / REFERENCE).write_bytes(content + b"x")
    assert_refused(start(models_dir=shelf), REFERENCE)
