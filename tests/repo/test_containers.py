"""The containers as a stranger gets them: cloned, built, brought up with one command, asked, and taken down."""

import json
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from demo import traffic
from models import bundle, features, scorer

SERVICES = ("service", "mlflow", "dashboard")
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


def clone(root: Path, files: list[Path], target: Path) -> None:
    """Copy what a clone of the present state would hold: all files git would take, and the pinned bundle."""
    pinned = root / "models" / "store" / bundle.read_pin(root / "models").version
    for path in {*files, *(file.relative_to(root) for file in pinned.rglob("*") if file.is_file())}:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / path, target / path)


@pytest.fixture(scope="module")
def stack(root: Path, files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if not shutil.which("docker") or "Server Version" not in run("docker", "info", check=False):
        pytest.skip("no Docker engine answers")
    checkout = tmp_path_factory.mktemp("clone")
    clone(root, files, checkout)
    (checkout / "models" / "store" / "not-pinned").mkdir()
    name = f"churn-test-{secrets.token_hex(4)}"
    ports = {f"{service.upper()}_PORT": str(port) for service, port in zip(SERVICES, free_ports(3), strict=True)}
    stack = Stack(checkout, {**os.environ, **ports, "COMPOSE_PROJECT_NAME": name, "CHURN_VERSION": name})
    try:
        stack.compose("up", "--detach", "--wait", "--wait-timeout", "180")
        yield stack
    finally:
        print(stack.compose("logs", "--tail", "20", check=False))  # noqa: T201  # pytest shows it if they did not come up
        stack.compose("down", "--volumes", "--rmi", "all", "--timeout", "5")


def test_a_fresh_clone_serves_its_pinned_model(stack: Stack) -> None:
    customer = features.CustomerFeatures(**features.CONTRACT.example)
    pinned = bundle.load(stack.checkout / "models", fingerprint=features.CONTRACT.fingerprint)
    matrix = features.CONTRACT.encode_rows([customer])
    answer = httpx2.post(f"{stack.address('service')}/predict", json=customer.model_dump())
    assert answer.status_code == 200
    assert answer.json()["model_version"] == pinned.manifest.version
    assert answer.json()["churn_probability"] == pytest.approx(scorer.Scorer.of(pinned).score(matrix)[0], abs=1e-5)


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
    unneeded = ["pip", "uv", "pandas", "sklearn", "xgboost", "mlflow", "evidently", "training", "monitoring", "tests"]
    assert stack.python("service", PRESENT.format(names=unneeded)) == "[]"
    pinned = bundle.read_pin(stack.checkout / "models").version
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
    ask = "import urllib.request; print(urllib.request.urlopen('http://mlflow:5000').status)"
    assert stack.python("dashboard", ask) == "200"


def test_mlflow_keeps_runs_and_files_when_its_container_is_replaced(stack: Stack) -> None:
    with httpx2.Client(base_url=f"{stack.address('mlflow')}/api/2.0/") as api:
        assert api.post("mlflow/experiments/create", json={"name": "kept"}).is_success
        assert api.put("mlflow-artifacts/artifacts/note.txt", content=b"kept").is_success
        stack.compose("up", "--detach", "--wait", "--wait-timeout", "120", "--force-recreate", "mlflow")
        assert api.get("mlflow/experiments/get-by-name", params={"experiment_name": "kept"}).is_success
        assert api.get("mlflow-artifacts/artifacts/note.txt").content == b"kept"


def test_the_dashboard_answers_before_there_is_any_report_and_shows_the_first(stack: Stack) -> None:
    with httpx2.Client(base_url=stack.address("dashboard")) as api:
        page = api.get("/")
        assert (page.status_code, "Evidently" in page.text) == (200, True)
        reference = f"models/store/{bundle.read_pin(stack.checkout / 'models').version}/{bundle.REFERENCE}"
        stack.compose("exec", "-T", "dashboard", "python", "-m", "monitoring", "drift", "--live", reference)
        project = api.get("/api/projects").json()[0]["id"]
        assert [run["name"] for run in api.get(f"/api/projects/{project}/snapshots").json()] == ["no drift"]


def test_a_file_of_this_machine_is_judged_in_a_container(stack: Stack, tmp_path: Path) -> None:
    live = tmp_path / "shifted.csv"
    traffic.shifted(1_000, seed=12).to_csv(live, index=False)
    mount = ("--rm", "--volume", f"{live}:/live.csv:ro")
    job = ("python", "-m", "monitoring", "drift", "--live", "/live.csv")
    assert "drift in 2 of 6 columns: monthly_charges" in stack.compose("run", *mount, "dashboard", *job, check=False)
