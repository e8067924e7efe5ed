"""The gate: only a better challenger replaces the champion; on any doubt or error the champion stays."""

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from models.bundles import pin_changes, pin_history
from models.bundles.format.provenance import Provenance
from models.bundles.risk import RiskPolicy
from tests.stores import Shelf
from training.errors import TrackingFailed
from training.promotion import gate, mlflow_registry
from training.promotion.gate_result import GateResult
from training.settings import PromoteSettings

TOLD = [
    "ROC-AUC not worse",
    "Brier score not worse",
    "cost per customer not worse",
    "better in one",
    "graph matches trees",
]


def test_a_better_challenger_is_promoted_and_told_everywhere(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.serve(shelf.bad)
    report = shelf.folder / "report.md"
    assert shelf.promote(shelf.good, "--report", str(report)) == 0
    assert shelf.serving == shelf.good
    last = pin_history.read(shelf.models_dir).changes[-1]
    assert (last.version, last.change) == (shelf.good, "promote")
    assert f"gate against {shelf.bad}: roc_auc better by +" in last.why
    told = capsys.readouterr().out
    assert f"{shelf.good} is promoted: compared with {shelf.bad} on 2," in told
    assert all(name in told for name in TOLD)
    assert f"## {shelf.good} is promoted" in report.read_text()
    client = MlflowClient(shelf.arguments[-1])
    registered = client.get_model_version_by_alias("churn", "champion")
    assert registered.tags["bundle_version"] == shelf.good
    assert registered.run_id
    run = client.get_run(registered.run_id).data
    assert run.tags["gate"] == "promoted"
    assert run.metrics["gate/roc_auc_gain"] > 0.01
    assert (registered.tags["gate"], registered.tags["gate.champion"]) == ("promoted", shelf.bad)
    assert (registered.description or "").startswith("ROC-AUC ")
    assert f"## Promotion gate\n\n### {shelf.good} is promoted" in (registered.description or "")


def test_a_worse_challenger_is_refused_with_reasons(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.serve(shelf.good)
    assert shelf.promote(shelf.bad) == 1
    assert shelf.serving == shelf.good
    told = capsys.readouterr().out
    assert "because ROC-AUC may be worse by" in told
    assert "because ROC-AUC is significantly worse for" in told
    registered = MlflowClient(shelf.arguments[-1]).get_model_version_by_alias("churn", "challenger")
    assert (registered.tags["bundle_version"], registered.tags["gate"]) == (shelf.bad, "refused")
    assert "\n- ROC-AUC may be worse by" in (registered.description or "")


def test_the_newest_bundle_is_the_challenger(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.serve(shelf.good)
    assert shelf.promote() == 1
    assert capsys.readouterr().out.startswith(f"{shelf.bad} is refused")


def test_a_fit_that_finds_the_champion_again_promotes_no_older_model(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    again = shelf.alter(shelf.bad, lambda _files, facts: facts.update(warnings=["the first"]))
    shelf.serve(again)
    shelf.find(shelf.good).path("manifest.json").touch()
    assert shelf.alter(shelf.bad, lambda _files, facts: facts.update(warnings=["the first"])) == again
    assert shelf.promote() == 1
    told = capsys.readouterr().out
    assert told.startswith(f"{again} is refused")
    assert "because it is already the champion" in told


def test_an_equal_challenger_is_refused(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.serve(shelf.good)

    def reword(_files: Path, facts: dict[str, object]) -> None:
        facts["warnings"] = ["another description of the same trees"]

    assert shelf.promote(shelf.alter(shelf.good, reword)) == 1
    assert shelf.serving == shelf.good
    told = capsys.readouterr().out
    assert told.count("because") == 1
    assert "because it is significantly better in none" in told


def test_an_equal_challenger_that_was_told_no_costs_is_refused(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.good)
    other = shelf.alter(shelf.good, lambda _files, facts: facts.update(policy=RiskPolicy()))
    assert shelf.promote(other) == 1
    assert "because it is significantly better in none" in capsys.readouterr().out


def test_trees_that_xgboost_must_not_open_are_not_opened(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.serve(shelf.bad)

    def damage(files: Path, _facts: dict[str, object]) -> None:
        trees = (files / "model.ubj").read_bytes()
        at = trees.index(b"tree_info[#L") + len(b"tree_info[#L") + 8
        (files / "model.ubj").write_bytes(trees[: at + 1] + b"\1" + trees[at + 2 :])

    assert shelf.promote(shelf.alter(shelf.good, damage)) == 2
    assert shelf.serving == shelf.bad
    assert "model.ubj: a tree adds to a score that does not exist" in caplog.text


def test_the_champion_itself_is_no_challenger(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.serve(shelf.good)
    assert shelf.promote(shelf.good) == 1
    assert "it is already the champion" in capsys.readouterr().out


def test_a_challenger_of_another_contract_is_refused(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.serve(shelf.bad)
    other = shelf.alter(shelf.good, lambda _files, facts: facts.update(fingerprint="f" * 64))
    assert shelf.promote(other) == 1
    assert shelf.serving == shelf.bad
    assert "feature fingerprint ffffffffffff is not the code's" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "holdout.parquet"])
def test_a_challenger_that_was_tampered_with_is_refused(
    shelf: Shelf, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    path = shelf.models_dir / "store" / shelf.good / name
    content = bytearray(path.read_bytes())
    place = content.index(b"0.8") if name == "manifest.json" else len(content) // 2
    content[place] ^= 1
    path.write_bytes(content)
    assert shelf.promote(shelf.good) == 1
    assert shelf.serving == shelf.bad
    assert "SHA-256" in capsys.readouterr().out


def test_a_challenger_without_a_manifest_is_refused(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    shelf.serve(shelf.bad)
    (shelf.models_dir / "store" / shelf.good / "manifest.json").unlink()
    assert shelf.promote(shelf.good) == 1
    assert "manifest.json: No such file" in capsys.readouterr().out


def test_a_challenger_whose_graph_is_not_of_its_trees_is_refused(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    graph = shelf.find(shelf.bad).path("model.onnx")

    def mix(files: Path, _facts: dict[str, object]) -> None:
        shutil.copy(graph, files / "model.onnx")

    assert shelf.promote(shelf.alter(shelf.good, mix)) == 1
    assert "because graph and trees differ by" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ("--max-latency-ratio=0.01", "because scoring a customer takes"),
        ("--min-slice-roc-auc=0.99", "because ROC-AUC is surely too low for"),
    ],
)
def test_one_limit_that_is_broken_refuses_a_better_challenger(
    shelf: Shelf, limit: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.serve(shelf.bad)
    assert shelf.promote(shelf.good, limit) == 1
    assert shelf.serving == shelf.bad
    assert reason in capsys.readouterr().out


@pytest.mark.parametrize(
    ("module", "name"), [(gate, "check"), (mlflow_registry, "record"), (pin_changes, "alone"), (pin_history, "append")]
)
def test_whatever_crashes_the_champion_stays(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: object, name: str
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError("whatever")

    shelf.serve(shelf.bad)
    before = (shelf.models_dir / "pinned.json").read_bytes()
    monkeypatch.setattr(module, name, crash)
    assert shelf.promote(shelf.good) == 2
    assert (shelf.models_dir / "pinned.json").read_bytes() == before
    assert "the champion stays" in caplog.text


def test_a_champion_that_cannot_be_trusted_is_a_doubt_and_not_an_absence(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.serve(shelf.bad)
    (shelf.models_dir / "store" / shelf.bad / "model.onnx").write_bytes(b"graph")
    with caplog.at_level(logging.ERROR):
        assert shelf.promote(shelf.good) == 2
    assert shelf.serving == shelf.bad
    assert "model.onnx: SHA-256" in caplog.text


def test_too_few_customers_to_compare_on_are_a_doubt(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.serve(shelf.bad)
    assert shelf.promote(shelf.good, "--min-rows=5000") == 2
    assert shelf.serving == shelf.bad
    assert "at least 5,000 are needed" in caplog.text


def test_mlflow_away_is_a_doubt(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise TrackingFailed(uri="http://localhost:1", problem="no answer")

    shelf.serve(shelf.bad)
    monkeypatch.setattr(mlflow_registry, "record", refuse)
    assert shelf.promote(shelf.good) == 2
    assert shelf.serving == shelf.bad
    assert "no answer" in caplog.text


def test_a_version_that_nobody_knows_is_a_doubt(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.serve(shelf.bad)
    assert shelf.promote("20990101-00000000") == 2
    assert "20990101-00000000: no such bundle" in caplog.text


def test_without_a_champion_a_model_has_to_beat_a_logistic_regression(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    (shelf.models_dir / "pinned.json").unlink()
    assert shelf.promote(shelf.bad) == 1
    assert not (shelf.models_dir / "pinned.json").exists()
    assert shelf.promote(shelf.good) == 0
    assert shelf.serving == shelf.good
    assert "compared with a logistic regression" in capsys.readouterr().out


def test_the_report_is_written_even_for_a_challenger_that_cannot_be_opened(shelf: Shelf) -> None:
    shelf.serve(shelf.bad)
    (shelf.models_dir / "store" / shelf.good / "model.ubj").write_bytes(b"trees")
    report = shelf.folder / "deep" / "report.md"
    assert shelf.promote(shelf.good, f"--report={report}") == 1
    assert "is refused, the champion stays" in report.read_text()


def test_margins_are_settings() -> None:
    settings = PromoteSettings(roc_auc_margin=0.01)
    assert (settings.roc_auc_margin, settings.brier_margin) == (0.01, 0.002)


def test_a_champion_that_came_while_another_was_judged_stays(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    judge, third = gate.check, shelf.alter(shelf.bad, lambda _files, facts: facts.update(warnings=["a third"]))

    def meanwhile(*sides: Any, **limits: Any) -> GateResult:
        shelf.serve(third)
        return judge(*sides, **limits)

    shelf.serve(shelf.bad)
    monkeypatch.setattr(gate, "check", meanwhile)
    assert shelf.promote(shelf.good) == 2
    assert shelf.serving == third
    assert f"compared with {shelf.bad}, but meanwhile {third} was pinned" in caplog.text


def test_a_model_that_could_not_be_pinned_is_no_champion_in_mlflow(shelf: Shelf) -> None:
    shelf.serve(shelf.bad)
    client = MlflowClient(shelf.arguments[-1])
    [other] = client.search_model_versions(f"tag.bundle_version = '{shelf.bad}'")
    client.set_registered_model_alias("churn", "champion", other.version)
    (shelf.models_dir / ".history.jsonl.part").mkdir()  # so the history cannot be written
    assert shelf.promote(shelf.good) == 2
    assert client.get_model_version_by_alias("churn", "champion").tags["bundle_version"] == shelf.bad


def test_a_model_of_synthetic_customers_does_not_follow_one_of_others(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    def invent(_files: Path, facts: dict[str, object]) -> None:
        data = facts["data"]
        assert isinstance(data, Provenance)
        facts["data"] = data.model_copy(update={"source": "synthetic(rows=6000, seed=5)"})

    invented = shelf.alter(shelf.good, invent)
    shelf.serve(shelf.bad)
    assert shelf.promote(invented) == 1
    assert shelf.serving == shelf.bad
    assert "it was trained on synthetic customers only, and the champion on others" in capsys.readouterr().out
    shelf.serve(invented)
    assert shelf.promote(shelf.good) == 1
    assert "synthetic customers" not in capsys.readouterr().out
