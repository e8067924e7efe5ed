"""The containers as a stranger gets them: cloned, built, brought up with one command, asked, and taken down."""

import json
import math
import os
import re
import secrets
import signal
import socket
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import numpy as np
import pytest

from demo import synthetic_customers
from demo.client import Client
from demo.populations import CALM, SHIFTED, Customer
from models import features
from models.bundles import bundle, pins, scorer
from models.bundles.format import bundle_files
from service.access import kubernetes_secret
from tests import checkout, kubernetes_api, manifests
from tests.manifests import Manifest
from training.data import synthetic

SERVICES = ("service", "mlflow", "dashboard", "monitor")
PORTS = (*SERVICES, "ops", "prometheus", "grafana")
ALL = ("--profile", "*")
PATIENCE_SECONDS = 90
PRESENT = "import importlib.util; print([name for name in {names} if importlib.util.find_spec(name)])"
BASE_PYTHON = "import os, sys; base = os.path.realpath(sys.executable); os.execl(base, base, '-c', {code!r})"

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]
each_service = pytest.mark.parametrize("service", SERVICES)


@dataclass(frozen=True)
class Stack:
    """One project of containers, on ports of its own."""

    checkout: Path
    environment: dict[str, str]

    def compose(self, *words: str, check: bool = True) -> str:
        """Run `docker compose`; returns what it printed."""
        return run("docker", "compose", *words, cwd=self.checkout, environment=self.environment, check=check)

    def python(self, service: str, code: str) -> str:
        """Run a line of Python in a running container; returns what it printed, errors included."""
        return self.compose("exec", "-T", service, "python", "-c", code, check=False).strip()

    def address(self, service: str) -> str:
        """Where a service answers on this machine."""
        return f"http://127.0.0.1:{self.environment[f'{service.upper()}_PORT']}"

    @property
    def key(self) -> str:
        """The first key, read as the pages say."""
        return self.compose("exec", "service", "cat", "keys/first.key")

    def up(self, *services: str, profile: str = "") -> None:
        """Start services, by default all that have no profile, and wait until they are healthy."""
        flags = ("--profile", profile) if profile else ()
        self.compose(*flags, "up", "--detach", "--wait", "--wait-timeout", "180", *services)


def run(*command: str, cwd: Path | None = None, environment: dict[str, str] | None = None, check: bool = True) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0 or not check, done.stdout
    return done.stdout


def free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports: list[int] = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


@pytest.fixture(scope="module")
def stack(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("clone")
    checkout.copy(root, folder)
    (folder / "models" / "store" / "not-pinned").mkdir()
    name = f"churn-test-{secrets.token_hex(4)}"
    ports = {f"{service.upper()}_PORT": str(port) for service, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    stack = Stack(folder, {**os.environ, **ports, "COMPOSE_PROJECT_NAME": name, "CHURN_VERSION": name})
    try:
        stack.up()
        yield stack
    finally:
        print(stack.compose(*ALL, "logs", "--tail", "20", check=False))  # noqa: T201  # pytest shows it if they did not come up
        stack.compose(*ALL, "down", "--volumes", "--timeout", "5")
        run("docker", "image", "rm", *run("docker", "image", "ls", "--quiet", f"churn-*:{name}").split(), check=False)


def ask(url: str, **parameters: str) -> Any:
    """Return what is answered as JSON."""
    return httpx2.get(url, params=parameters).raise_for_status().json()


def wait_until(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < limit, "it did not come to be"
        time.sleep(0.5)


def gauge(stack: Stack, service: str, name: str) -> float:
    """Read a gauge or counter off a program's metrics; NaN if it is not there."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", httpx2.get(f"{stack.address(service)}/metrics").text, re.MULTILINE)
    return float(found[1]) if found else math.nan


def test_a_fresh_clone_serves_its_pinned_model(stack: Stack) -> None:
    customer = features.CustomerFeatures(**features.CONTRACT.example)
    pinned = bundle.load(stack.checkout / "models", contract=features.CONTRACT)
    matrix = features.CONTRACT.encode_rows([customer])
    headers = {"X-API-Key": stack.key}
    answer = httpx2.post(f"{stack.address('service')}/predict", json=customer.model_dump(), headers=headers)
    assert answer.status_code == 200
    assert answer.json()["model_version"] == pinned.manifest.version
    assert answer.json()["churn_probability"] == pytest.approx(scorer.Scorer.of(pinned).score(matrix)[0], abs=1e-5)


def test_the_service_tells_why_with_the_little_that_its_image_holds(stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {stack.key}"}
    url = f"{stack.address('service')}/predict?explain=true"
    answer = httpx2.post(url, json=features.CONTRACT.example, headers=headers)
    explanation = answer.raise_for_status().json()["explanation"]
    total = explanation["base_value"] + sum(explanation["contributions"].values())
    assert explanation["raw_score"] == pytest.approx(total)
    assert len(explanation["reasons"]) == 3


def test_without_a_key_nobody_predicts_and_the_key_is_in_no_log(stack: Stack) -> None:
    with httpx2.Client(base_url=stack.address("service")) as api:
        refused = api.post("/predict", json=features.CONTRACT.example)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        answer = api.get("/model", headers={"X-API-Key": stack.key})
        assert answer.status_code == 200
    logged = stack.compose("logs", "service")
    assert "made the first key; read it with `cat /app/keys/first.key`" in logged
    assert len(stack.key) > 40
    assert stack.key not in logged


def test_a_new_container_keeps_the_key(stack: Stack) -> None:
    key = stack.key
    stack.compose("up", "--detach", "--wait", "--wait-timeout", "120", "--force-recreate", "service")
    assert stack.key == key
    assert "made the first key" not in stack.compose("logs", "service")
    headers = {"X-API-Key": key}
    assert httpx2.get(f"{stack.address('service')}/model", headers=headers).status_code == 200


def test_metrics_and_reasons_are_for_the_port_of_operators_only(stack: Stack) -> None:
    clients, operators = stack.address("service"), stack.address("ops")
    metrics = [httpx2.get(f"{clients}/metrics", headers=headers) for headers in ({}, {"X-API-Key": stack.key})]
    assert [answer.status_code for answer in metrics] == [404, 404]
    assert "http_requests_total" in httpx2.get(f"{operators}/metrics").text
    assert ask(f"{clients}/health") == {"status": "healthy"}
    assert ask(f"{operators}/health")["model_loaded"] is True
    assert httpx2.post(f"{operators}/predict", json=features.CONTRACT.example).status_code == 404


def test_the_service_image_alone_serves_with_a_key_that_it_makes(stack: Stack) -> None:
    image = f"churn-service:{stack.environment['CHURN_VERSION']}"
    container = run("docker", "run", "--detach", "--publish=127.0.0.1::8000", image).strip()
    try:
        url = f"http://{run('docker', 'port', container, '8000').strip()}"
        wait_until(lambda: answers(f"{url}/health/ready"))
        key = run("docker", "exec", container, "cat", "keys/first.key")
        statuses = [httpx2.get(f"{url}/model", headers={"X-API-Key": found}).status_code for found in (key, "other")]
        assert statuses == [200, 401]
        assert run("docker", "exec", container, "stat", "--format=%a %u", "keys", "keys/first.key").split("\n")[:2] == [
            "700 10001",
            "600 10001",
        ]
    finally:
        run("docker", "rm", "--force", "--volumes", container)


def test_the_service_image_adds_at_most_330_mb_to_its_base(stack: Stack) -> None:
    base, image = (f"{name}:{stack.environment['CHURN_VERSION']}" for name in ("churn-base", "churn-service"))
    run("docker", "build", "--target", "base", "--tag", base, str(stack.checkout))
    base_bytes, image_bytes = (
        int(run("docker", "image", "inspect", "--format", "{{.Size}}", name)) for name in (base, image)
    )
    run("docker", "image", "rm", base)
    assert 0 < image_bytes - base_bytes <= 330_000_000


def test_the_service_image_holds_no_installer_no_training_and_one_bundle(stack: Stack) -> None:
    tools = PRESENT.format(names=["pip", "uv"])
    assert stack.python("service", BASE_PYTHON.format(code=tools)) == "[]"
    unneeded = ["pip", "uv", "pandas", "sklearn", "mlflow", "evidently", "training", "monitoring", "tests"]
    assert stack.python("service", PRESENT.format(names=unneeded)) == "[]"
    pinned = pins.read(stack.checkout / "models").version
    assert stack.python("service", "import os; print(os.listdir('models/store'))") == f"['{pinned}']"


@each_service
def test_a_container_runs_as_nobody_on_a_root_it_cannot_write(stack: Stack, service: str) -> None:
    assert stack.python(service, "import os; print(os.getuid(), os.getgid())") == "10001 10001"
    assert "Read-only file system" in stack.python(service, "open('/app/models/pinned.json', 'w')")


@each_service
def test_a_container_has_limits_and_no_privileges(stack: Stack, service: str) -> None:
    container = stack.compose("ps", "--quiet", service).strip()
    host = json.loads(run("docker", "inspect", container))[0]["HostConfig"]
    assert min(host["Memory"], host["NanoCpus"], host["PidsLimit"]) > 0
    assert (host["CapDrop"], host["SecurityOpt"]) == (["ALL"], ["no-new-privileges:true"])
    assert {port["HostIp"] for ports in host["PortBindings"].values() for port in ports} == {"127.0.0.1"}


def test_mlflow_answers_to_its_own_names_only(stack: Stack) -> None:
    page = httpx2.get(stack.address("mlflow"))
    assert (page.status_code, "MLflow" in page.text) == (200, True)
    assert httpx2.get(stack.address("mlflow"), headers={"Host": "elsewhere.example"}).status_code == 403
    ask = "import urllib.request; print(urllib.request.urlopen('http://mlflow:5001').status)"
    assert stack.python("dashboard", ask) == "200"


def test_mlflow_keeps_runs_and_files_when_its_container_is_replaced(stack: Stack) -> None:
    with httpx2.Client(base_url=f"{stack.address('mlflow')}/api/2.0/") as api:
        assert api.post("mlflow/experiments/create", json={"name": "kept"}).is_success
        assert api.put("mlflow-artifacts/artifacts/note.txt", content=b"kept").is_success
        stack.compose("up", "--detach", "--wait", "--wait-timeout", "120", "--force-recreate", "mlflow")
        assert api.get("mlflow/experiments/get-by-name", params={"experiment_name": "kept"}).is_success
        assert api.get("mlflow-artifacts/artifacts/note.txt").content == b"kept"


def test_the_dashboard_shows_what_was_found(stack: Stack) -> None:
    address = stack.address("dashboard")
    with httpx2.Client(base_url=address, follow_redirects=True) as api:
        assert "<h1>Sign in</h1>" in api.get("/").text
        page = api.post("/sign-in", data={"key": stack.key}, headers={"Origin": address})
        assert (page.status_code, "Charts in Evidently" in page.text) == (200, True)
        reference = f"models/store/{pins.read(stack.checkout / 'models').version}/{bundle_files.REFERENCE}"
        stack.compose("exec", "-T", "monitor", "python", "-m", "monitoring", "drift", "--live", reference)
        project = api.get("/api/projects").json()[0]["id"]
        assert "no drift" in [run["name"] for run in api.get(f"/api/projects/{project}/snapshots").json()]


@pytest.mark.shipped_model
def test_a_file_of_this_machine_is_judged_in_a_container(stack: Stack, tmp_path: Path) -> None:
    live = tmp_path / "shifted.csv"
    synthetic_customers.shifted(1_000, seed=12).to_csv(live, index=False)
    mount = ("--rm", "--volume", f"{live}:/live.csv:ro")
    job = ("python", "-m", "monitoring", "drift", "--live", "/live.csv")
    assert "drift in 3 of 7 columns: " in stack.compose("run", *mount, "monitor", *job, check=False)


@pytest.mark.shipped_model
def test_the_monitor_judges_what_the_service_was_asked(stack: Stack) -> None:
    with closing(Client(stack.address("service"), stack.key)) as client:
        customers = CALM.customers(300, seed=3)
        churned = {client.predict(customer.features)["prediction_id"]: customer.churned for customer in customers}
        client.report(churned, patience_seconds=PATIENCE_SECONDS)
    job = ("exec", "-T", "monitor", "python", "-m", "monitoring")
    assert re.search(r"no drift in 7 columns; 30\d live rows", stack.compose(*job, "drift"))
    assert re.search(r"as good as promised: .* 300 outcomes of 30\d predictions", stack.compose(*job, "performance"))
    assert gauge(stack, "monitor", 'churn_monitor_exit_code{job="drift"}') == 0
    assert gauge(stack, "monitor", 'churn_monitor_exit_code{job="performance"}') == 0
    assert gauge(stack, "monitor", 'churn_monitor_period_seconds{job="drift"}') == 3600


def test_every_container_of_any_profile_is_hardened(stack: Stack) -> None:
    services = json.loads(stack.compose(*ALL, "config", "--format", "json"))["services"]
    assert services.keys() > {*SERVICES, "prometheus", "grafana", "postgres", "traffic"}
    for name, service in services.items():
        limits = service["deploy"]["resources"]["limits"]
        assert limits.keys() == {"cpus", "memory", "pids"}, name
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {port["host_ip"] for port in service.get("ports", ())} <= {"127.0.0.1"}, name
        assert re.search(r":[\w-]*\d", service["image"]), name


def test_prometheus_reaches_both_programs_and_knows_the_alerts(stack: Stack) -> None:
    stack.up("prometheus", profile="observability")
    api = f"{stack.address('prometheus')}/api/v1"

    def healthy() -> list[str]:
        targets = ask(f"{api}/targets")["data"]["activeTargets"]
        return sorted(target["labels"]["job"] for target in targets if target["health"] == "up")

    wait_until(lambda: healthy() == ["monitor", "service"])
    rules = [rule["name"] for group in ask(f"{api}/rules")["data"]["groups"] for rule in group["rules"]]
    assert {"ServiceDown", "Drift", "QualityFallen"} < set(rules)


def test_grafana_gets_the_dashboard_and_the_source_of_its_figures(stack: Stack) -> None:
    grafana = json.loads(stack.compose(*ALL, "config", "--format", "json"))["services"]["grafana"]
    mounts = {mount["target"]: Path(mount["source"]) for mount in grafana["volumes"]}
    assert all(mount["read_only"] for mount in grafana["volumes"])
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (mounts[str(home.parent)] / home.name).is_file()
    provisioning = mounts["/etc/grafana/provisioning"]
    assert str(home.parent) in (provisioning / "dashboards" / "churn.yml").read_text()
    assert "http://prometheus:9090" in (provisioning / "datasources" / "prometheus.yml").read_text()


@pytest.fixture
def demo(stack: Stack) -> Iterator[Stack]:
    """The stack with customers who come by themselves, for the length of a test."""
    stack.up("traffic", profile="demo")
    yield stack
    stack.compose("--profile", "demo", "rm", "--stop", "--force", "traffic", "impatient-monitor")


@pytest.mark.shipped_model
def test_the_demo_sends_customers_and_its_monitor_looks_at_them(demo: Stack) -> None:
    sent = 'http_requests_total{method="POST",route="/predict",status="200"}'
    before = gauge(demo, "ops", sent)
    wait_until(lambda: gauge(demo, "ops", sent) >= before + 250)
    looks = demo.compose("logs", "monitor").count("the drift job")
    demo.up("impatient-monitor", profile="demo")
    wait_until(lambda: "the drift job" in demo.compose("--profile", "demo", "logs", "impatient-monitor"))
    assert gauge(demo, "monitor", 'churn_monitor_exit_code{job="drift"}') == 0
    assert gauge(demo, "monitor", 'churn_monitor_window_rows{job="drift"}') >= 250
    assert demo.compose("logs", "monitor").count("the drift job") == looks  # it was not the other


def test_with_postgres_the_log_is_there(stack: Stack) -> None:
    moved = replace(stack, environment=stack.environment | {"LOG_URL": "postgresql://churn:churn@postgres/churn"})
    moved.up("postgres", "service", "monitor", profile="postgres")
    with closing(Client(moved.address("service"), moved.key)) as client:
        predicted = client.predict(features.CONTRACT.example)["prediction_id"]
        client.report({predicted: True}, patience_seconds=PATIENCE_SECONDS)
    query = "SELECT churned FROM predictions JOIN outcomes USING (prediction_id)"
    psql = ("exec", "-T", "postgres", "psql", "--username=churn", "--tuples-only", "--no-align", "--command", query)
    assert moved.compose("--profile", "postgres", *psql).split() == ["t"]
    drift = ("exec", "-T", "monitor", "python", "-m", "monitoring", "drift")
    assert "1 rows, at least 200 are needed" in moved.compose(*drift, check=False)


@dataclass(frozen=True)
class Pods:
    """The pods of the manifests for Kubernetes as far as Docker can run them, beside a PostgreSQL of the stack's."""

    stack: Stack
    templates: dict[str, Manifest]
    urls: dict[str, str]
    """What the Secret of the log holds."""
    account: Path
    """What a pod with a token has of its ServiceAccount."""

    @property
    def project(self) -> str:
        """The name that all of it carries."""
        return self.stack.environment["COMPOSE_PROJECT_NAME"]

    @property
    def reports(self) -> str:
        """The volume that stands for the claim of the jobs."""
        return f"{self.project}_reports"

    @property
    def keys(self) -> str:
        """The volume that stands for the Secret of the keys, as far as pods mount it."""
        return f"{self.project}_cluster_keys"

    @property
    def api(self) -> str:
        """The container of the API server."""
        return f"{self.project}-pod-api"

    @property
    def key(self) -> str:
        """The first key of the cluster."""
        return str(self.secret()["first.key"])

    def secret(self) -> dict[str, str]:
        """Return the content of the Secret that the API server was told to create."""
        [created] = run("docker", "logs", self.api).splitlines()
        found: dict[str, str] = json.loads(created)["stringData"]
        return found

    def start_api(self, root: Path) -> None:
        """Start an API server, at the name that pods know."""
        mounts = (f"--volume={self.account}:/account:ro", f"--volume={root}/tests/kubernetes_api.py:/api.py:ro")
        network = (f"--network={self.project}_default", f"--network-alias={urlsplit(kubernetes_secret.API).hostname}")
        names = ("--detach", f"--name={self.api}", "--user=0")
        run("docker", "run", *names, *network, *mounts, self.image("service"), "python", "/api.py", "/account")

    def mount_keys(self) -> None:
        """Do what Kubernetes does with the Secret: give pods the file that they ask for."""
        [volume] = [each["secret"] for each in self.templates["churn-service"]["spec"]["volumes"] if "secret" in each]
        script = "import os, pathlib; pathlib.Path('keys', os.environ['NAME']).write_text(os.environ['CONTENT'])"
        for item in volume["items"]:
            variables = (f"--env=NAME={item['path']}", f"--env=CONTENT={self.secret()[item['key']]}")
            mount = f"--volume={self.keys}:/app/keys"
            run("docker", "run", "--rm", mount, *variables, self.image("service"), "python", "-c", script)

    def image(self, stage: str) -> str:
        """Return the name of an image of the stack."""
        return f"churn-{stage}:{self.stack.environment['CHURN_VERSION']}"

    def start(self) -> str:
        """Start one of the service, and wait until it is ready; returns the name of its container."""
        name = f"{self.project}-pod-{secrets.token_hex(4)}"
        ports = [f"--publish=127.0.0.1::{port}" for port in (8000, 8003)]
        code, said = self._run("churn-service", "--detach", f"--name={name}", *ports)
        assert code == 0, said
        probe = self.templates["churn-service"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"]
        wait_until(lambda: answers(f"{self.address(name)}{probe}"))
        return name

    def address(self, name: str, port: int = 8000) -> str:
        """Where a pod of the service answers on this machine."""
        return f"http://{run('docker', 'port', name, str(port)).strip()}"

    def job(self, name: str) -> tuple[int, str]:
        """Run a job to its end; returns its exit code and what it said."""
        return self._run(name, "--rm")

    def query(self, statement: str, *, database: str = "kubernetes") -> str:
        """Let the owner of a database say something to it; returns the answer."""
        psql = ("psql", "--username=churn", "--quiet", "--tuples-only", f"--dbname={database}", "--command", statement)
        return self.stack.compose("--profile", "postgres", "exec", "-T", "postgres", *psql).strip()

    def _run(self, name: str, *flags: str) -> tuple[int, str]:
        template = self.templates[name]
        [container] = template["spec"]["containers"]
        image = self.image("service" if container["image"].startswith("churn-service:") else "monitor")
        volumes = {"churn-reports": self.reports, "churn-keys": self.keys, "churn-first-key": str(self.account)}
        limits = manifests.docker_flags(template, self.urls, volumes)
        command = [f"--network={self.project}_default", *flags, *limits, image, *container.get("command", [])]
        done = subprocess.run(["docker", "run", *command], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture(scope="module")
def pods(stack: Stack, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    templates = manifests.templates(manifests.render(root / "deploy" / "kubernetes" / "base"))
    owners = {"SERVICE_LOG_URL": "visitor:visitor", "MONITORING_LOG_URL": "churn:churn"}
    urls = {key: f"postgresql://{owner}@postgres/kubernetes" for key, owner in owners.items()}
    account = tmp_path_factory.mktemp("cluster") / "account"
    kubernetes_api.certify(account, urlsplit(kubernetes_secret.API).hostname or "")
    moved = replace(stack, environment=stack.environment | {"LOG_URL": "as in the manifests"})
    pods = Pods(moved, templates, urls, account)
    pods.stack.up("postgres", profile="postgres")
    pods.query("CREATE ROLE visitor LOGIN PASSWORD 'visitor'", database="churn")
    pods.query("CREATE DATABASE kubernetes", database="churn")
    try:
        pods.start_api(root)
        wait_until(lambda: pods.job("churn-first-key")[0] == 0)
        pods.mount_keys()
        yield pods
    finally:
        started = run("docker", "ps", "--all", "--quiet", f"--filter=name={pods.project}-pod-").split()
        run("docker", "rm", "--force", "--volumes", *started, check=False)
        run("docker", "volume", "rm", pods.reports, pods.keys, check=False)


def test_the_first_key_of_a_cluster_is_made_once_and_told_nowhere(pods: Pods) -> None:
    code, said = pods.job("churn-first-key")
    assert (code, "the Secret churn-keys exists, and was left as it is" in said) == (0, True)
    url = f"{pods.address(name := pods.start())}/model"
    assert [httpx2.get(url, headers=headers).status_code for headers in ({}, {"X-API-Key": pods.key})] == [401, 200]
    assert run("docker", "exec", name, "ls", "keys").split() == ["keys.toml"]
    assert pods.key not in run("docker", "logs", name)


def test_a_model_is_fitted_on_the_cluster(stack: Stack, tmp_path: Path) -> None:
    rows, _ = synthetic.sample(2_000, seed=3)
    for number, part in enumerate(np.array_split(np.arange(len(rows)), 2)):
        rows.iloc[part].to_parquet(tmp_path / f"part-{number}.parquet")
    for path in (tmp_path, *tmp_path.iterdir()):
        path.chmod(0o755)
    fitting = replace(stack, environment=stack.environment | {"FIT_DATA": str(tmp_path)})
    fitting.up("scheduler", "worker", profile="cluster")
    told = fitting.compose("--profile", "cluster", "run", "--rm", "fit")
    assert re.search(r"(?m)^model \d{8}-\w+ \(", told), told
    assert "2,000 customers" in told
    scheduler = run("docker", "inspect", *fitting.compose("--profile", "cluster", "ps", "--quiet", "scheduler").split())
    assert json.loads(scheduler)[0]["HostConfig"]["PortBindings"] == {}


def test_a_pod_of_kubernetes_serves_with_what_its_manifest_allows_and_ends_in_time(pods: Pods) -> None:
    name = pods.start()
    reasons = f"{pods.address(name, 8003)}/health"
    with httpx2.Client(base_url=pods.address(name), timeout=30, headers={"X-API-Key": pods.key}) as api:
        assert api.post("/predict?explain=true", json=features.CONTRACT.example).status_code == 200
        for path, rows in (("/predict/batch", 10_000), ("/predict/batch?explain=true", 2_000)):
            assert api.post(path, json={"customers": [features.CONTRACT.example] * rows}).status_code == 200
        # The log has no tables yet, and this role may not make them.
        wait_until(lambda: "They wait on disk, and none is lost." in (ask(reasons)["reason"] or ""))
    writing = run("docker", "exec", name, "python", "-c", "open('/app/models/pinned.json', 'w')", check=False)
    assert "Read-only file system" in writing
    began, grace = time.monotonic(), pods.templates["churn-service"]["spec"]["terminationGracePeriodSeconds"]
    run("docker", "stop", f"--time={grace}", name)
    assert time.monotonic() - began < grace / 2
    state = json.loads(run("docker", "inspect", name))[0]["State"]
    assert (state["ExitCode"], state["OOMKilled"]) == (128 + signal.SIGTERM, False)


@pytest.mark.shipped_model
def test_pods_and_jobs_of_kubernetes_share_a_log_whose_tables_only_the_jobs_may_change(pods: Pods) -> None:
    code, said = pods.job("churn-drift")
    assert (code, "cannot tell" in said) == (2, True)
    code, said = pods.job("churn-migrate")
    assert (code, "the prediction log was upgraded to this version" in said) == (0, True)
    pods.query("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO visitor")
    first, second = (pods.address(pods.start()) for _ in range(2))

    def send(customers: list[Customer], *, to: str, in_the_end: int) -> dict[str, bool]:
        with closing(Client(to, pods.key)) as client:
            churned = {client.predict(customer.features)["prediction_id"]: customer.churned for customer in customers}
        wait_until(lambda: pods.query("SELECT count(*) FROM predictions") == str(in_the_end))
        return churned

    customers = CALM.customers(400, seed=5)
    churned = send(customers[:200], to=first, in_the_end=200) | send(customers[200:], to=second, in_the_end=400)
    with closing(Client(first, pods.key)) as client:
        client.report(churned)
    code, said = pods.job("churn-drift")
    assert (code, "no drift in 7 columns; 400 live rows" in said) == (0, True)
    code, said = pods.job("churn-performance")
    assert (code, "400 outcomes of 400 predictions" in said) == (0, True)
    send(SHIFTED.customers(400, seed=6), to=second, in_the_end=800)
    code, said = pods.job("churn-drift")
    assert (code, "drift in " in said) == (1, True)
    assert pods.job("churn-prune")[0] == 0


def test_no_layer_of_the_service_image_holds_customers_and_the_jobs_image_does(stack: Stack) -> None:
    version = stack.environment["CHURN_VERSION"]
    held = {name: names_in_layers(f"{name}:{version}") for name in ("churn-service", "churn-monitor")}
    bundles = {name: {path for path in paths if "models/store/" in path} for name, paths in held.items()}
    assert {Path(path).name for path in bundles["churn-service"]} >= {bundle_files.GRAPH, bundle_files.BOOSTER}
    assert [path for path in held["churn-service"] if path.endswith((".parquet", ".npy"))] == []
    assert {Path(path).name for path in bundles["churn-monitor"]} >= bundle_files.CUSTOMERS


def names_in_layers(image: str) -> set[str]:
    """Return the paths in all layers of an image, also of files that a later layer removes."""
    names: set[str] = set()
    with (
        subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving,
        tarfile.open(fileobj=saving.stdout, mode="r|") as layers,
    ):
        for layer in layers:
            if (content := layers.extractfile(layer)) is not None:
                with suppress(tarfile.ReadError), tarfile.open(fileobj=content, mode="r|*") as files:
                    names |= {file.name for file in files}
    assert names
    return names
