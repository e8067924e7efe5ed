"""The manifests of Kubernetes: valid by its own schemas, as hardened as it can ask for, and true to the programs."""

import copy
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml  # type: ignore[import-untyped]  # ships no types
from kubernetes_validate import utils as schemas
from pydantic_settings import CliApp

from monitoring import notify
from monitoring.__main__ import COMMANDS
from monitoring.errors import CANNOT_TELL
from monitoring.retrain_requests import command as requests_command
from monitoring.settings import DashboardSettings, DriftSettings
from service.access import kubernetes_secret
from service.http.routes import router
from service.log import shipper_process
from service.settings import Settings
from tests import manifests
from tests.manifests import HARDENED, Manifest, amount, beyond_hardened, container_of, selected
from tests.webhook_receiver import SECRET

BASE = Path("deploy", "kubernetes", "base")
EXAMPLE = BASE.parent / "overlays" / "example"
SERVICE, JOBS = "churn-service", ["churn-dashboard", "churn-drift", "churn-migrate", "churn-performance", "churn-prune"]
FIRST_KEY = "churn-first-key"
SECRETS = {"SERVICE_LOG_URL": "postgresql://a:b@c/d", "MONITORING_LOG_URL": "postgresql://a:b@c/d"}
WEBHOOK = {"MONITORING_WEBHOOK_URL": "https://hooks.example/x", "MONITORING_WEBHOOK_SECRET": SECRET}
RETRAIN = {
    "MONITORING_RETRAIN_REPOSITORY": "ann/churn",
    "MONITORING_RETRAIN_TOKEN_FILE": "/run/secrets/churn-retrain/token",
}
OF_OTHERS = {"OTEL_EXPORTER_OTLP_ENDPOINT"}
"""Variables that a library of the service reads."""

each_job = pytest.mark.parametrize("job", JOBS)


@pytest.fixture(scope="module", params=[BASE, EXAMPLE], ids=["base", "example"])
def objects(request: pytest.FixtureRequest, root: Path) -> list[Manifest]:
    return manifests.render(root / request.param)


@pytest.fixture
def pods(objects: list[Manifest]) -> dict[str, Manifest]:
    return manifests.templates(objects)


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "kubernetes.md").read_text()


def test_every_object_is_valid_in_the_oldest_version_that_the_page_names_and_in_the_newest(
    objects: list[Manifest], page: str
) -> None:
    named = re.search(r"Kubernetes (1\.\d+) or newer", page)
    assert named
    for version in (named[1], schemas.major_minor(schemas.latest_version())):
        for checked in objects:
            assert kubernetes_validate.validate(checked, version, strict=True) == version


def test_the_schemas_refuse_a_field_that_is_misspelt(objects: list[Manifest]) -> None:
    wrong = copy.deepcopy(manifests.find(objects, "Deployment")[SERVICE])
    wrong["spec"]["template"]["spec"]["enableServiceLink"] = False
    with pytest.raises(kubernetes_validate.ValidationError, match="enableServiceLink"):
        kubernetes_validate.validate(wrong, schemas.latest_version(), strict=True)


def test_every_pod_is_restricted_and_cannot_write_its_root(pods: dict[str, Manifest]) -> None:
    assert sorted(pods) == sorted([SERVICE, FIRST_KEY, *JOBS])
    assert {name: beyond_hardened(pod["spec"]) for name, pod in pods.items()} == {name: [] for name in pods}


@pytest.mark.parametrize(
    ("path", "value", "seen"),
    [
        ("hostNetwork", True, "hostNetwork"),
        ("securityContext.runAsNonRoot", False, "runAsNonRoot"),
        ("securityContext.runAsUser", 0, "runAsUser"),
        ("securityContext.seccompProfile", {"type": "Unconfined"}, "seccompProfile"),
        ("securityContext.sysctls", [], "sysctls"),
        ("volumes.0", {"name": "host", "hostPath": {"path": "/"}}, "host"),
        ("containers.0.securityContext", {}, "allowPrivilegeEscalation"),
        ("containers.0.securityContext.runAsUser", 0, "runAsUser"),
        ("containers.0.securityContext.privileged", True, "privileged"),
        ("containers.0.securityContext.capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}, "capabilities"),
        ("containers.0.ports.0.hostPort", 8000, "hostPort"),
        ("containers.0.livenessProbe.httpGet.host", "elsewhere", "livenessProbe"),
        ("initContainers", [{"name": "first"}], "readOnlyRootFilesystem"),
    ],
)
def test_what_a_pod_may_do_beyond_is_seen(path: str, value: object, seen: str, pods: dict[str, Manifest]) -> None:
    pod = copy.deepcopy(pods[SERVICE]["spec"])
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = pod
    for step in parents:
        place = place[step]
    place[last] = value
    assert seen in beyond_hardened(pod)


def test_one_pod_gets_a_token_and_none_gets_variables_of_other_services(
    objects: list[Manifest], pods: dict[str, Manifest]
) -> None:
    accounts = manifests.find(objects, "ServiceAccount")
    assert [account["automountServiceAccountToken"] for account in accounts.values()] == [False] * 2
    assert accounts.keys() == {"churn", FIRST_KEY}
    for name, pod in pods.items():
        assert pod["spec"]["serviceAccountName"] == (FIRST_KEY if name == FIRST_KEY else "churn"), name
        assert pod["spec"]["automountServiceAccountToken"] is (name == FIRST_KEY), name
        # A Service named `service` would set SERVICE_PORT to tcp://..., and the service would not start.
        assert pod["spec"]["enableServiceLinks"] is False, name


def environment(template: Manifest) -> dict[str, str]:
    variables = container_of(template).get("env", [])
    sources = [variable["valueFrom"]["secretKeyRef"] for variable in variables if "valueFrom" in variable]
    assert {(source["name"], source.get("optional", False)) for source in sources} <= {
        ("churn-log", False),
        ("churn-webhook", True),
        ("churn-retrain", True),
    }
    return {
        variable["name"]: variable.get("value") or (SECRETS | WEBHOOK | RETRAIN)[variable["name"]]
        for variable in variables
    }


def test_every_variable_of_the_service_is_a_setting_that_can_be(
    pods: dict[str, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = environment(pods[SERVICE])
    assert {"SERVICE_LOG_URL", "SERVICE_DRAIN_SECONDS"} <= variables.keys()
    assert variables.keys() - OF_OTHERS <= {f"SERVICE_{name.upper()}" for name in Settings.model_fields}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Settings().log_url == SECRETS["SERVICE_LOG_URL"]


@each_job
def test_every_job_is_a_command_whose_arguments_and_variables_can_be(
    job: str, pods: dict[str, Manifest], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    command = container_of(pods[job])["command"]
    assert command[:3] == ["python", "-m", "monitoring"]
    assert command[3] == job.removeprefix("churn-")
    _, kind = COMMANDS[command[3]]
    variables = environment(pods[job])
    notices, requests = variables.keys() & WEBHOOK.keys(), variables.keys() & RETRAIN.keys()
    assert (
        variables.keys() - notices - requests
        == {f"MONITORING_{name.upper()}" for name in kind.model_fields} & SECRETS.keys()
    )
    sends = "example" in request.node.name and job in {"churn-drift", "churn-performance"}
    assert (notices, requests) == ((WEBHOOK.keys(), RETRAIN.keys()) if sends else (set(), set()))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = CliApp.run(kind, cli_args=command[4:])
    assert isinstance(settings, DashboardSettings) or settings.model_dump()["log_url"] == SECRETS["MONITORING_LOG_URL"]
    assert (bool(notify.find_sender(Path())), bool(requests_command.find_requester(Path()))) == (sends, sends)


def test_what_programs_write_has_a_place_and_the_spool_is_full_before_its_volume(
    pods: dict[str, Manifest], root: Path
) -> None:
    [workdir] = set(re.findall(r"^WORKDIR (.+)", (root / "Dockerfile").read_text(), re.MULTILINE))
    for name, pod in pods.items():
        output_dir = Settings().output_dir if name == SERVICE else DriftSettings().output_dir
        expected = {"/tmp"} | ({str(Path(workdir) / output_dir)} if name != FIRST_KEY else set())  # noqa: S108  # there
        mounts = container_of(pod)["volumeMounts"]
        assert {mount["mountPath"] for mount in mounts if not mount.get("readOnly")} == expected, name
    volumes = {volume["name"]: volume for volume in pods[SERVICE]["spec"]["volumes"]}
    largest = int(environment(pods[SERVICE])["SERVICE_MAX_SPOOL_BYTES"])
    limit = amount(container_of(pods[SERVICE])["resources"]["limits"]["ephemeral-storage"])
    assert 1.2 * largest < amount(volumes["var"]["emptyDir"]["sizeLimit"]) < limit


def test_reports_are_kept_and_removed(objects: list[Manifest], pods: dict[str, Manifest]) -> None:
    claims = manifests.find(objects, "PersistentVolumeClaim")
    for job in JOBS:
        [claimed] = [volume for volume in pods[job]["spec"]["volumes"] if "persistentVolumeClaim" in volume]
        assert claimed["persistentVolumeClaim"]["claimName"] in claims
    assert "--keep-runs=14d" in container_of(pods["churn-prune"])["command"]


def test_probes_and_scrapes_ask_routes_on_the_port_that_the_image_listens_on(
    pods: dict[str, Manifest], root: Path
) -> None:
    container, paths = container_of(pods[SERVICE]), {getattr(route, "path", None) for route in router.routes}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    listening = re.search(r"SERVICE_PORT=(\d+)", (root / "Dockerfile").read_text())
    assert listening
    operators = re.search(r"SERVICE_OPS_HOST=0.0.0.0 SERVICE_OPS_PORT=(\d+)", (root / "Dockerfile").read_text())
    assert operators
    assert ports == {"http": int(listening[1]), "ops": int(operators[1])}
    asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {probe["port"] for probe in asked.values()} == {"http"}
    # A pod whose model is refused would come back the same: it is not started anew, it gets no requests.
    assert {kind: probe["path"] for kind, probe in asked.items()} == {
        "startup": "/health/live",
        "liveness": "/health/live",
        "readiness": "/health/ready",
    }
    scrape = {name.partition("/")[2]: value for name, value in pods[SERVICE]["metadata"]["annotations"].items()}
    assert scrape == {"scrape": "true", "port": operators[1], "path": "/metrics"}
    assert {probe["path"] for probe in asked.values()} | {scrape["path"]} <= paths


def test_a_pod_has_time_to_end_by_itself(pods: dict[str, Manifest], root: Path) -> None:
    finishing = re.search(r"^MAX_GRACE_SECONDS = (\d+)", (root / "service" / "__main__.py").read_text(), re.MULTILINE)
    assert finishing
    draining = float(environment(pods[SERVICE])["SERVICE_DRAIN_SECONDS"])
    longest = draining + int(finishing[1]) + shipper_process.LAST_SECONDS
    assert longest * 1.5 < pods[SERVICE]["spec"]["terminationGracePeriodSeconds"]


def test_a_release_never_takes_a_pod_away_before_another_is_ready(objects: list[Manifest]) -> None:
    deployment = manifests.find(objects, "Deployment")[SERVICE]["spec"]
    assert deployment["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    spread = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert {rule["topologyKey"] for rule in spread} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    labels = deployment["template"]["metadata"]["labels"]
    assert [rule["labelSelector"]["matchLabels"].items() <= labels.items() for rule in spread] == [True, True]


def test_what_selects_pods_selects_those_that_it_should(objects: list[Manifest], pods: dict[str, Manifest]) -> None:
    deployment = manifests.find(objects, "Deployment")[SERVICE]["spec"]
    service = manifests.find(objects, "Service")[SERVICE]["spec"]
    budget = manifests.find(objects, "PodDisruptionBudget")[SERVICE]["spec"]
    affinity = pods[JOBS[0]]["spec"]["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0]
    assert selected(deployment["selector"]["matchLabels"], pods) == [SERVICE]
    assert selected(service["selector"], pods) == [SERVICE]
    assert selected(budget["selector"]["matchLabels"], pods) == [SERVICE]
    assert sorted(selected(affinity["podAffinityTerm"]["labelSelector"]["matchLabels"], pods)) == JOBS
    assert [port["targetPort"] for port in service["ports"]] == ["http"]


def test_the_number_of_pods_is_the_autoscalers_and_one_may_go(
    objects: list[Manifest], pods: dict[str, Manifest]
) -> None:
    scaler = manifests.find(objects, "HorizontalPodAutoscaler")[SERVICE]["spec"]
    target = manifests.find(objects, scaler["scaleTargetRef"]["kind"])[scaler["scaleTargetRef"]["name"]]
    assert (target["apiVersion"], "replicas" in target["spec"]) == (scaler["scaleTargetRef"]["apiVersion"], False)
    budget = manifests.find(objects, "PodDisruptionBudget")[SERVICE]["spec"]
    assert 0 < budget["maxUnavailable"] < scaler["minReplicas"] < scaler["maxReplicas"]
    [metric] = scaler["metrics"]
    limit = container_of(pods[SERVICE])["resources"]["limits"]["cpu"]
    assert amount(metric["resource"]["target"]["averageValue"]) < amount(limit)


def allowed(objects: list[Manifest], pod: Manifest, way: str) -> set[tuple[str, int]] | None:
    """Return protocols and ports that policies leave a pod to be reached at, or to reach; None for all."""
    found = [policy["spec"] for policy in manifests.find(objects, "NetworkPolicy").values()]
    own = [policy for policy in found if selected(policy["podSelector"]["matchLabels"], {"it": pod})]
    if not any(way.capitalize() in policy["policyTypes"] for policy in own):
        return None
    rules = [rule for policy in own for rule in policy.get(way, [])]
    return {(port["protocol"], port["port"]) for rule in rules for port in rule["ports"]}


def test_pods_reach_and_are_reached_at_what_they_need_and_nothing_else(
    objects: list[Manifest], pods: dict[str, Manifest], request: pytest.FixtureRequest
) -> None:
    needed = {("UDP", 53), ("TCP", 53), ("TCP", 5432)}
    is_example = "example" in request.node.name
    traces, webhook = ({("TCP", 4318)}, {("TCP", 443)}) if is_example else (set(), set())
    assert allowed(objects, pods[SERVICE], "ingress") == {("TCP", 8000), ("TCP", 8003)}
    assert allowed(objects, pods[SERVICE], "egress") == needed | traces
    assert allowed(objects, pods[FIRST_KEY], "ingress") == set()
    assert allowed(objects, pods[FIRST_KEY], "egress") == needed | {("TCP", 443), ("TCP", 6443)}
    assert [allowed(objects, pods[job], "ingress") for job in JOBS] == [set()] * len(JOBS)
    assert [allowed(objects, pods[job], "egress") for job in JOBS] == [needed | webhook] * len(JOBS)
    names, _ = manifests.find(objects, "NetworkPolicy")["churn-log"]["spec"]["egress"]
    assert names["to"][0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}  # no label of ours added


def test_only_the_monitoring_reaches_the_port_without_keys(objects: list[Manifest], page: str) -> None:
    policies = manifests.find(objects, "NetworkPolicy").values()
    rules = [rule for policy in policies for rule in policy["spec"].get("ingress", [])]
    [operators] = [rule for rule in rules if {"protocol": "TCP", "port": 8003} in rule["ports"]]
    assert operators["ports"] == [{"protocol": "TCP", "port": 8003}]
    assert operators["from"] == [{"namespaceSelector": {"matchLabels": {"churn-monitoring": "true"}}}]
    assert "kubectl label namespace monitoring churn-monitoring=true" in page
    [service] = manifests.find(objects, "Service").values()
    assert [port["port"] for port in service["spec"]["ports"]] == [8000]


def test_pods_of_the_service_wait_for_the_keys_and_never_hold_the_text_of_one(
    pods: dict[str, Manifest], root: Path
) -> None:
    [file] = re.findall(r"SERVICE_KEYS_FILE=(\S+)", (root / "Dockerfile").read_text())
    [keys] = [volume["secret"] for volume in pods[SERVICE]["spec"]["volumes"] if "secret" in volume]
    [mount] = [mount for mount in container_of(pods[SERVICE])["volumeMounts"] if mount["name"] == "keys"]
    assert mount == {"name": "keys", "mountPath": str(Path(file).parent), "readOnly": True}
    assert keys == {
        "secretName": "churn-keys",  # not optional: without it the pod does not start
        "defaultMode": 0o440,
        "items": [{"key": Path(file).name, "path": Path(file).name}],
    }
    assert environment(pods[SERVICE])["SERVICE_MAKE_FIRST_KEY"] == "false"
    assert container_of(pods[FIRST_KEY])["command"] == [
        *("python", "-m", kubernetes_secret.__name__),
        keys["secretName"],
    ]


def test_the_job_of_the_first_key_may_create_secrets_and_nothing_else(objects: list[Manifest]) -> None:
    [role] = manifests.find(objects, "Role").values()
    assert role["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}]
    [binding] = manifests.find(objects, "RoleBinding").values()
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == ("Role", role["metadata"]["name"])
    [subject] = binding["subjects"]
    assert (subject["kind"], subject["name"]) == ("ServiceAccount", FIRST_KEY)
    assert subject.get("namespace") == binding["metadata"].get("namespace")
    assert [found["kind"] for found in objects if found["kind"].startswith("Cluster")] == []


def test_the_job_of_the_first_key_is_gone_before_the_next_release(objects: list[Manifest]) -> None:
    [job] = manifests.find(objects, "Job").values()
    assert job["spec"]["ttlSecondsAfterFinished"] <= 60
    assert job["spec"]["activeDeadlineSeconds"] <= 600


@each_job
def test_a_job_that_found_something_has_failed_and_is_not_asked_again(job: str, objects: list[Manifest]) -> None:
    every = manifests.find(objects, "CronJob")[job]["spec"]
    spec = every["jobTemplate"]["spec"]
    assert (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"]) == (0, "Never")
    ignored, failed = spec["podFailurePolicy"]["rules"]
    assert (ignored["action"], ignored["onPodConditions"]) == (
        "Ignore",
        [{"type": "DisruptionTarget", "status": "True"}],
    )
    name = container_of(spec["template"])["name"]
    assert (failed["action"], failed["onExitCodes"]) == (
        "FailJob",
        {"containerName": name, "operator": "In", "values": [1, CANNOT_TELL]},
    )
    assert (every["concurrencyPolicy"], every["timeZone"]) == ("Forbid", "Etc/UTC")
    assert min(every["successfulJobsHistoryLimit"], every["failedJobsHistoryLimit"]) > 0
    # A daily failure is still there when the next day's run ends, and no alarm stays for ever.
    assert 24 * 3600 < spec["ttlSecondsAfterFinished"] <= 7 * 24 * 3600
    assert every.get("suspend", False) is (job in {"churn-migrate", "churn-dashboard"})


def test_pods_may_take_what_the_containers_of_compose_may(pods: dict[str, Manifest], root: Path) -> None:
    services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    del pods[FIRST_KEY]  # Compose has no such container
    for name, pod in pods.items():
        compose = services["service" if name == SERVICE else "monitor"]["deploy"]["resources"]["limits"]
        resources = container_of(pod)["resources"]
        assert resources["limits"]["cpu"] == compose["cpus"], name
        assert resources["limits"]["memory"] == f"{compose['memory']}i", name  # Docker's M is 1024 times 1024
        assert resources["requests"].keys() == resources["limits"].keys(), name
        assert all(amount(resources["requests"][what]) <= amount(most) for what, most in resources["limits"].items())


def test_images_are_stages_of_the_dockerfile_in_the_version_of_the_project(
    pods: dict[str, Manifest], root: Path
) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    dockerfile = (root / "Dockerfile").read_text()
    for name, pod in pods.items():
        stage = "service" if name in {SERVICE, FIRST_KEY} else "jobs"
        assert re.fullmatch(rf"(registry\.example/)?churn-{stage}:{re.escape(version)}", container_of(pod)["image"]), (
            name
        )
        assert re.search(rf"^FROM base AS {stage}$", dockerfile, re.MULTILINE)
    assert set(re.findall(r"^USER (.+)", dockerfile, re.MULTILINE)) == {
        f"{HARDENED['runAsUser']}:{HARDENED['runAsGroup']}"
    }


def test_a_release_is_chosen_by_digest(root: Path, tmp_path: Path) -> None:
    names, digest = ("churn-service", "churn-jobs"), f"sha256:{'0' * 64}"
    images = [{"name": name, "newName": f"registry.example/{name}", "digest": digest} for name in names]
    overlay = {"resources": [os.path.relpath(root / BASE, tmp_path.resolve())], "images": images}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    chosen = {container_of(pod)["image"] for pod in manifests.templates(manifests.render(tmp_path)).values()}
    assert chosen == {f"registry.example/{name}@{digest}" for name in names}


def test_no_secret_is_here_and_the_page_says_how_to_make_it(objects: list[Manifest], page: str) -> None:
    assert manifests.find(objects, "Secret") == {}
    assert "kubectl create secret generic churn-log" in page
    assert "kubectl create secret generic churn-keys --from-file=keys.toml --dry-run=client" in page
    assert all(f"{key}=postgresql://" in page for key in SECRETS)


def test_the_page_names_objects_and_folders_that_exist(root: Path, page: str) -> None:
    objects = [*manifests.render(root / EXAMPLE), *manifests.render(root / EXAMPLE.parent / "complete")]
    kinds = {"deployment": "Deployment", "cronjob": "CronJob", "service": "Service"}
    named = re.findall(rf"\b({'|'.join(kinds)})/([a-z][a-z-]+)", page)
    assert len(named) > 4
    assert [name for kind, name in named if name not in manifests.find(objects, kinds[kind])] == []
    folders = set(re.findall(r"deploy/kubernetes[\w/.]*\w", page))
    assert folders
    assert [folder for folder in folders if not (root / folder).exists()] == []
