"""The components of Kubernetes, each alone on the base and all together on the example."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml  # type: ignore[import-untyped]  # ships no types
from kubernetes_validate import utils as schemas
from pydantic_settings import CliApp

from models.bundles import bundle
from models.features import CONTRACT
from monitoring.__main__ import COMMANDS
from tests import manifests
from tests.manifests import Manifest, amount, beyond_hardened, container_of, selected
from training.promotion.live.settings import AdvanceSettings
from training.settings import FitSettings, PromoteSettings

FOLDER = Path("deploy", "kubernetes")
COMPONENTS = sorted(path.name for path in (FOLDER / "components").iterdir())
OF_OPERATORS = {"ExternalSecret", "PodMonitor", "PrometheusRule"}
"""Kinds that Kubernetes has no schema of."""
SERVICE = "churn-service"


@pytest.fixture(scope="module")
def objects(root: Path) -> list[Manifest]:
    return manifests.render(root / FOLDER / "overlays" / "complete")


@pytest.fixture
def pods(objects: list[Manifest]) -> dict[str, Manifest]:
    return manifests.templates(objects)


def render_alone(component: str, root: Path, folder: Path) -> list[Manifest]:
    """Render the base with one component."""
    shutil.copytree(root / FOLDER, folder / "kubernetes")
    overlay = folder / "kubernetes" / "overlays" / "one"
    overlay.mkdir()
    text = f"resources: [../../base]\ncomponents: [../../components/{component}]\nnamespace: churn\n"
    (overlay / "kustomization.yaml").write_text(text)
    return manifests.render(overlay)


def check_whole(objects: list[Manifest]) -> None:
    """Check that every object is valid, and every pod is restricted and reached by the network policies."""
    for checked in objects:
        if checked["kind"] not in OF_OPERATORS:
            kubernetes_validate.validate(checked, schemas.major_minor(schemas.latest_version()), strict=True)
    pods = manifests.templates(objects)
    assert {name: beyond_hardened(pod["spec"]) for name, pod in pods.items()} == {name: [] for name in pods}
    assert {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in pods.values()} == {"churn"}
    for name, pod in pods.items():
        assert pod["spec"]["automountServiceAccountToken"] is (name == "churn-first-key"), name
        mounted = {mount["name"] for part in pod["spec"]["containers"] for mount in part["volumeMounts"]}
        declared = {volume["name"] for volume in pod["spec"]["volumes"]} | claimed_by(objects, name)
        assert mounted <= declared, name


def claimed_by(objects: list[Manifest], name: str) -> set[str]:
    sets = manifests.find(objects, "StatefulSet")
    return (
        {claim["metadata"]["name"] for claim in sets[name]["spec"]["volumeClaimTemplates"]} if name in sets else set()
    )


@pytest.mark.parametrize("component", COMPONENTS)
def test_each_component_alone_adds_to_the_base_what_a_cluster_accepts(
    component: str, tmp_path: Path, root: Path
) -> None:
    check_whole(render_alone(component, root, tmp_path))


def test_all_components_together_are_what_a_cluster_accepts(objects: list[Manifest], root: Path) -> None:
    check_whole(objects)
    overlay = yaml.safe_load((root / FOLDER / "overlays" / "complete" / "kustomization.yaml").read_text())
    assert [Path(path).name for path in overlay["components"]] == [name for name in COMPONENTS if name != "retraining"]
    cluster = yaml.safe_load((root / FOLDER / "components" / "cluster" / "kustomization.yaml").read_text())
    assert cluster["components"] == ["../retraining"]


def test_the_page_tells_what_each_component_adds(root: Path) -> None:
    page = (root / "docs" / "kubernetes.md").read_text()
    assert [name for name in COMPONENTS if f"| `{name}` |" not in page] == []


def test_alerts_and_dashboard_are_those_of_the_monitoring_folder(tmp_path: Path, root: Path) -> None:
    script = root / FOLDER / "copy_monitoring.py"
    spec = importlib.util.spec_from_file_location("copy_monitoring", script)
    assert spec
    assert spec.loader
    program: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    shutil.copytree(root / "monitoring", tmp_path / "monitoring", ignore=shutil.ignore_patterns("*.py"))
    (tmp_path / program.COMPONENT).mkdir(parents=True)
    program.write(tmp_path)
    written = {path.name: path.read_bytes() for path in (tmp_path / program.COMPONENT).iterdir()}
    assert written == {name: (root / program.COMPONENT / name).read_bytes() for name in written}
    groups = yaml.safe_load((root / program.ALERTS).read_text())["groups"]
    rule = yaml.safe_load(written["alerts.yaml"])["spec"]["groups"]
    assert rule == [group for group in groups if group["name"] in {"service", "log"}]


def test_prometheus_finds_the_service_under_the_name_that_the_alerts_know(
    objects: list[Manifest], pods: dict[str, Manifest]
) -> None:
    [monitor] = manifests.find(objects, "PodMonitor").values()
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    ports = {port["name"]: port["containerPort"] for port in container_of(pods[SERVICE])["ports"]}
    assert selected(monitor["spec"]["selector"]["matchLabels"], pods) == [SERVICE]
    assert (ports[endpoint["port"]], endpoint["path"]) == (8003, "/metrics")
    assert pods[SERVICE]["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "service"
    rules = manifests.find(objects, "PrometheusRule")[SERVICE]["spec"]["groups"]
    assert 'up{job="service"} == 0' in [rule["expr"] for group in rules for rule in group["rules"]]


def test_the_ingress_leads_to_the_port_that_asks_for_keys(objects: list[Manifest]) -> None:
    [ingress] = manifests.find(objects, "Ingress").values()
    [rule] = ingress["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    service = manifests.find(objects, "Service")[backend["name"]]
    assert [port["port"] for port in service["spec"]["ports"] if port["name"] == backend["port"]["name"]] == [8000]
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]


def test_a_kept_spool_fits_on_its_volume(objects: list[Manifest], pods: dict[str, Manifest]) -> None:
    made = manifests.find(objects, "StatefulSet")[SERVICE]["spec"]
    [claim] = made["volumeClaimTemplates"]
    [largest] = [it["value"] for it in container_of(pods[SERVICE])["env"] if it["name"] == "SERVICE_MAX_SPOOL_BYTES"]
    assert 1.2 * int(largest) < amount(claim["spec"]["resources"]["requests"]["storage"])
    assert claim["metadata"]["name"] in {mount["name"] for mount in container_of(pods[SERVICE])["volumeMounts"]}
    assert claim["metadata"]["name"] not in {volume["name"] for volume in pods[SERVICE]["spec"]["volumes"]}
    scaler = manifests.find(objects, "HorizontalPodAutoscaler")[SERVICE]["spec"]["scaleTargetRef"]
    assert (scaler["kind"], scaler["name"]) == ("StatefulSet", SERVICE)


def test_the_tables_are_changed_before_the_pods_of_a_release(objects: list[Manifest]) -> None:
    job = manifests.find(objects, "Job")["churn-migrate"]
    command = container_of(job["spec"]["template"])["command"]
    notes = [
        found["metadata"]["annotations"]
        for kind, name in (("Namespace", "churn"), ("ExternalSecret", "churn-log"), ("Job", "churn-migrate"))
        for found in [manifests.find(objects, kind)[name]]
    ]
    assert [int(note["argocd.argoproj.io/sync-wave"]) for note in notes] == [-3, -2, -1]
    assert job["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "Sync"
    assert command[:3] == ["python", "-m", "monitoring"]
    assert command[3] in COMMANDS


def test_a_release_is_one_line_for_each_image(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / FOLDER, tmp_path / "kubernetes")
    overlay = tmp_path / "kubernetes" / "overlays" / "complete" / "kustomization.yaml"
    release = "digest: sha256:" + 64 * "a"
    overlay.write_text(overlay.read_text().replace("newTag: 0.1.0", release))
    pods = manifests.templates(manifests.render(overlay.parent))
    specs = [pod["spec"] for pod in pods.values()]
    images = {part["image"] for spec in specs for part in [*spec["containers"], *spec.get("initContainers", [])]}
    names = ("cluster", "jobs", "service")
    assert images == {f"registry.example/churn-{name}@{release.removeprefix('digest: ')}" for name in names}


def test_with_models_on_a_volume_the_monitor_judges_the_model_that_serves(pods: dict[str, Manifest]) -> None:
    for job in ("churn-drift", "churn-performance"):
        variables = {it["name"]: it.get("value") for it in container_of(pods[job])["env"]}
        [mount] = [it for it in container_of(pods[job])["volumeMounts"] if it["name"] == "models"]
        assert mount == {"name": "models", "mountPath": variables["MONITORING_MODELS_DIR"], "readOnly": True}


def test_the_first_pod_fills_the_volume_of_models_and_no_other_pod_changes_it(
    pods: dict[str, Manifest], tmp_path: Path, root: Path
) -> None:
    [first] = pods[SERVICE]["spec"]["initContainers"]
    assert first["image"].partition(":")[0].endswith("churn-jobs")  # the gate needs the customers of the bundle
    [shell, flags, script] = first["command"]
    volume, shipped = tmp_path / "volume", bundle.load(root / "models", contract=CONTRACT)
    volume.mkdir()
    for _ in range(2):
        command = [shell, flags, script.replace("/models/", f"{volume}/")]
        subprocess.run(command, cwd=root, check=True, env={"HOSTNAME": "churn-service-0", "PATH": "/usr/bin:/bin"})
        assert bundle.load(volume, contract=CONTRACT).manifest == shipped.manifest
        (volume / "history.jsonl").write_text("kept\n")
    assert sorted(path.name for path in volume.iterdir()) == ["history.jsonl", "pinned.json", "store"]
    assert (volume / "history.jsonl").read_text() == "kept\n"


@pytest.mark.parametrize(("component", "data"), [("retraining", "live"), ("cluster", "/rows")])
def test_the_job_that_retrains_writes_where_the_service_reads(
    component: str, data: str, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pods = manifests.templates(render_alone(component, root, tmp_path))
    job = pods["churn-retrain"]["spec"]
    [fit], [promote] = job["initContainers"], job["containers"]
    monkeypatch.setenv("TRAINING_LOG_URL", "postgresql://a:b@c/d")
    fitted = CliApp.run(FitSettings, cli_args=fit["command"][4:])
    shell = promote["command"][2]
    promotion = shell.partition(" || ")[0].split()
    promoted = CliApp.run(PromoteSettings, cli_args=promotion[4:])
    served = {it["name"]: it.get("value") for it in container_of(pods[SERVICE])["env"]}["SERVICE_MODELS_DIR"]
    assert (fit["command"][:4], promotion[:4]) == (
        ["python", "-m", "training", "fit"],
        ["python", "-m", "training", "promote"],
    )
    assert {str(fitted.models_dir), str(promoted.models_dir)} == {served}
    assert (fitted.data, fitted.pin) == (data, False)
    claims = [
        volume["persistentVolumeClaim"]["claimName"]
        for spec in (job, pods[SERVICE]["spec"])
        for volume in spec["volumes"]
        if volume["name"] == "models"
    ]
    assert claims == ["churn-models"] * 2


def test_the_job_that_advances_a_canary_changes_the_pin_that_the_service_follows_and_reaches_prometheus(
    objects: list[Manifest], pods: dict[str, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule, job = manifests.find(objects, "CronJob")["churn-advance"]["spec"], pods["churn-advance"]
    variables = {it["name"]: it.get("value") for it in container_of(job)["env"]}
    assert (schedule["schedule"], schedule["concurrencyPolicy"]) == ("27 * * * *", "Forbid")
    rules = schedule["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert rules[1]["onExitCodes"] == {"containerName": "job", "operator": "In", "values": [1, 2]}
    monkeypatch.setenv("TRAINING_LOG_URL", "postgresql://a:b@c/d")
    monkeypatch.setenv("TRAINING_PROMETHEUS_URL", variables["TRAINING_PROMETHEUS_URL"])
    selector = variables["TRAINING_PROMETHEUS_SELECTOR"].replace("$(NAMESPACE)", "sales")
    monkeypatch.setenv("TRAINING_PROMETHEUS_SELECTOR", selector)
    command = container_of(job)["command"]
    settings = CliApp.run(AdvanceSettings, cli_args=command[4:])
    served = {it["name"]: it.get("value") for it in container_of(pods[SERVICE])["env"]}["SERVICE_MODELS_DIR"]
    assert (command[:4], str(settings.models_dir)) == (["python", "-m", "training", "advance"], served)
    [mount] = [it for it in container_of(job)["volumeMounts"] if it["name"] == "models"]
    assert mount == {"name": "models", "mountPath": served}
    assert {"name": "models", "persistentVolumeClaim": {"claimName": "churn-models"}} in job["spec"]["volumes"]
    policy = manifests.find(objects, "NetworkPolicy")["churn-canary"]["spec"]
    assert selected(policy["podSelector"]["matchLabels"], pods) == ["churn-advance"]
    [port] = policy["egress"][0]["ports"]
    assert urlsplit(settings.prometheus_url).port == port["port"]
    assert settings.prometheus_selector == 'namespace="sales"'
    names = [it["name"] for it in container_of(job)["env"]]
    assert names.index("NAMESPACE") < names.index("TRAINING_PROMETHEUS_SELECTOR")  # Kubernetes expands what came before


@pytest.mark.parametrize(
    ("code", "heading", "fails"),
    [
        (0, "2 is promoted", False),
        (1, "2 is refused, the champion stays", False),
        (2, "2 may be better or worse, the gate cannot tell, and the champion stays", False),
        (2, "2 is promoted", True),
        (2, "", True),
        (137, "", True),
    ],
)
def test_the_job_that_retrains_fails_only_without_a_judgement(
    code: int, heading: str, tmp_path: Path, root: Path, *, fails: bool
) -> None:
    [promote] = manifests.templates(render_alone("retraining", root, tmp_path))["churn-retrain"]["spec"]["containers"]
    report, python = tmp_path / "gate.md", tmp_path / "python"
    told = f"echo '## {heading}' > {report}" if heading else ""
    python.write_text(f"#!/bin/sh\n{told}\nexit {code}\n")
    python.chmod(0o755)
    shell = promote["command"][2].replace("/app/var/gate.md", str(report))
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", shell], env=path, capture_output=True, check=False)
    assert (done.returncode != 0) == fails


def test_only_the_cluster_and_the_fit_reach_each_other_and_work_as_under_compose(
    objects: list[Manifest], pods: dict[str, Manifest], root: Path
) -> None:
    policy = manifests.find(objects, "NetworkPolicy")["churn-cluster"]["spec"]
    assert policy["ingress"] == [{"from": [{"podSelector": policy["podSelector"]}]}]
    assert policy["egress"] == [{"to": [{"podSelector": policy["podSelector"]}]}]
    [chosen] = policy["podSelector"]["matchExpressions"]
    parts = {name: pod["metadata"]["labels"]["app.kubernetes.io/component"] for name, pod in pods.items()}
    inside = {name for name, part in parts.items() if part in chosen["values"]}
    assert inside == {"churn-scheduler", "churn-worker", "churn-retrain"}
    service = manifests.find(objects, "Service")["churn-scheduler"]["spec"]
    assert selected(service["selector"], pods) == ["churn-scheduler"]
    compose = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    for name in ("scheduler", "worker"):
        theirs = [word.replace("tcp://churn-", "tcp://") for word in container_of(pods[f"churn-{name}"])["command"]]
        assert theirs == compose[name]["command"]
        limits = container_of(pods[f"churn-{name}"])["resources"]["limits"]
        assert limits["memory"] == f"{compose[name]['deploy']['resources']['limits']['memory']}i"
