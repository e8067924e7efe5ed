"""Deployments on a real host of containers, while clients ask without a break."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from demo.client import Client
from demo.populations import CALM
from demo.running_service import free_port
from tests.e2e.commands.programs import fetched
from tests.e2e.deploy_host import Host, run, traffic
from tests.e2e.images import Images, built
from tests.waiting import wait_until

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def images(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    with built(root, tmp_path_factory.mktemp("images")) as images:
        yield images


@pytest.fixture(scope="module")
def host(root: Path, images: Images) -> Iterator[Host]:
    """A host on which v1 was deployed."""
    host = Host.new(root)
    try:
        code, record = host.deploy(images.v1, soak_seconds=0)
        assert (code, record["result"]) == (0, "deployed"), record
        yield host
    finally:
        host.compose("down", "--volumes", "--timeout", "1")


@pytest.fixture(autouse=True)
def from_v1(host: Host, images: Images) -> None:
    """Each test begins with v1 live, and with the settings of the host."""
    if host.serving()[0] != images.v1 or host.settings().keys() - host.environment.keys():
        host.return_to(images.v1)


def version_of(host: Host) -> str | None:
    return host.serving()[1]


def test_a_new_version_takes_over_and_gives_way_again_without_a_failed_request(host: Host, images: Images) -> None:
    before = host.serving()
    with traffic(host) as seen:
        code, record = host.deploy(images.v2)
        assert (code, record["result"], record["image"]) == (0, "deployed", images.v2)
        assert host.serving() == (images.v2, record["model_version"])
        _, told = host.tell("status")
        assert sorted(told[colour]["running"] for colour in ("blue", "green")) == [False, True]
        code, back = host.tell("rollback", "--soak-seconds", "1")
    assert (code, back["action"], back["image"]) == (0, "rollback", images.v1)
    assert host.serving() == before
    assert seen.none_failed(), seen
    assert seen.versions == {before[1], record["model_version"]}
    assert host.tell("history")[1][-2:] == [record, back]


def test_clients_without_keys_go_over_to_keys_without_a_failed_request(host: Host, images: Images) -> None:
    own = {"SERVICE_KEYS_FILE": "", "SERVICE_ALLOW_ANONYMOUS": "true"}
    code, record = replace(host, environment=host.environment | own).deploy(images.v2, soak_seconds=0)
    assert (code, record["result"]) == (0, "deployed"), record
    _, told = host.tell("status")
    with traffic(host, key="") as of_before:
        add = "python -m service keys add crm --scopes predict,read --keys-file keys/keys.toml"
        key = host.compose("exec", "-T", told["live"], *add.split()).splitlines()[-1]
        wait_until(of_before.none_failed, 60)
    with traffic(host, key) as seen:
        host.return_to(images.v1)
    assert seen.none_failed(), seen
    assert [asked(host, found)[0] for found in ("", key)] == [401, 200]


def asked(host: Host, key: str = "", **headers: str) -> tuple[int, dict[str, Any]]:
    """Return status and body of the answer to a request for the model."""
    with closing(http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)) as connection:
        connection.request("GET", "/model", headers={"X-API-Key": key} | headers)
        answer = connection.getresponse()
        return answer.status, json.load(answer)


def test_limits_count_each_client_behind_the_proxy(host: Host, images: Images) -> None:
    limited = replace(host, environment=host.environment | {"SERVICE_REQUESTS_PER_SECOND": "2"})
    code, record = limited.deploy(images.v2, soak_seconds=0)
    assert (code, record["result"]) == (0, "deployed"), record
    many = {asked(host, "wrong", **{"X-Forwarded-For": "198.51.100.1"})[0] for _ in range(100)}
    assert many == {401, 429}
    assert asked(host, "wrong", **{"X-Forwarded-For": "198.51.100.2"})[0] == 401


def test_metrics_and_reasons_are_on_the_port_of_operators_only(host: Host) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)) as connection:
        connection.request("GET", "/metrics", headers={"X-API-Key": host.key})
        assert connection.getresponse().status == 404
    operators = f"http://127.0.0.1:{host.environment['DEPLOY_OPS_PORT']}"
    assert "http_requests_total" in fetched(f"{operators}/metrics")
    assert json.loads(fetched(f"{operators}/health"))["model_loaded"] is True
    assert fetched(f"{operators}/model") == ""  # nothing is answered but these


def test_without_a_key_to_test_with_nothing_is_deployed(host: Host, images: Images) -> None:
    _, told = host.tell("status")
    in_keys = ("exec", "-T", told["live"], "sh", "-c")
    host.compose(*in_keys, "mv keys/first.key keys/kept")
    try:
        code, record = host.deploy(images.v2)
        assert (code, record["result"]) == (1, "refused")
        assert "there is no key to test with. Write one of the scopes predict and read" in record["reason"]
        host.compose(*in_keys, "umask 077; python -m service keys add deploy --scopes predict,read > keys/deploy.key")
        assert host.deploy(images.v2, soak_seconds=0)[0] == 0
    finally:
        _, told = host.tell("status")
        host.compose("exec", "-T", told["live"], "sh", "-c", "rm -f keys/deploy.key; mv keys/kept keys/first.key")


def test_make_deploys_an_image_by_its_digest(host: Host, images: Images, root: Path) -> None:
    command = ["make", "--no-print-directory", "deploy", f"IMAGE={images.v2}", f"PYTHON={sys.executable}"]
    done = subprocess.run(command, cwd=root, env=host.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "  deployed     " in done.stdout
    assert host.serving()[0] == images.v2


@pytest.mark.parametrize(
    ("image", "result", "reason"),
    [
        ("bad_bundle", "refused", "not ready within 40 s.*model.onnx"),
        ("crashes_at_start", "refused", "ended by itself, (with exit code 3|and was started again)"),
        ("crashes_when_asked", "rolled back", "ended by itself, (with exit code 7|and was started again)"),
        ("fails_when_asked", "rolled back", r"failed to answer \d+ of \d+ requests"),
    ],
)
def test_an_unfit_version_costs_no_request(image: str, result: str, reason: str, host: Host, images: Images) -> None:
    before, deployments = host.serving(), len(host.tell("history")[1])
    unfit: str = getattr(images, image)
    with traffic(host) as seen:
        code, record = host.deploy(unfit, ready_seconds=40 if image == "bad_bundle" else 120, soak_seconds=30)
    assert (code, record["result"]) == (1, result)
    assert re.search(reason, record["reason"])
    assert host.serving() == before
    assert seen.none_failed(), seen
    assert host.tell("history")[1][deployments:] == [record]
    _, told = host.tell("status")
    assert [told["soaking"], told["blue"], told["green"]].count(None) == 1
    assert unfit not in {(told[colour] or {}).get("image") for colour in ("blue", "green")}


def test_a_deployment_that_is_interrupted_goes_back(host: Host, images: Images) -> None:
    with traffic(host) as seen:
        deployment = host.begin(images.v2)
        deployment.send_signal(signal.SIGTERM)
        told, _ = deployment.communicate(timeout=300)
    assert (deployment.returncode, json.loads(told)["result"]) == (1, "rolled back")
    assert host.serving()[0] == images.v1
    assert seen.none_failed(), seen


def test_a_rollback_interrupts_a_deployment_and_says_whose(host: Host, images: Images) -> None:
    before = host.serving()
    with traffic(host) as seen:
        deployment = host.begin(images.v2)
        code, back = host.tell("rollback")
        told, _ = deployment.communicate(timeout=60)
    assert (code, back["action"], back["result"], back["image"]) == (0, "rollback", "deployed", images.v1)
    assert f"is live again: the deploy of {images.v2} by " in back["reason"]
    record = json.loads(told)
    assert (deployment.returncode, record["result"]) == (1, "rolled back")
    assert record["reason"] == f"a rollback by {back['by']} interrupted it."
    assert host.tell("history")[1][-2:] == [record, back]
    assert host.serving() == before
    assert seen.none_failed(), seen


def test_only_one_deploys_at_a_time_and_one_that_was_killed_is_undone_by_the_next(host: Host, images: Images) -> None:
    with traffic(host) as seen:
        deployment = host.begin(images.v2)
        code, told = host.deploy(images.v2)
        assert code == 2
        assert f"another deployment is under way on this host: the deploy of {images.v2} by " in told
        deployment.kill()
        deployment.communicate()
        assert host.serving()[0] == images.v2  # unproven, and the version before stands in for it
        wait_until(lambda: host.deploy(images.crashes_at_start)[0] != 2)  # the lock goes with who held it
    assert [record["result"] for record in host.tell("history")[1][-2:]] == ["abandoned", "refused"]
    assert host.serving()[0] == images.v1
    assert seen.none_failed(), seen


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("churn-service:0.1.0",), "docker image inspect"),
        (("",), "Name it by digest"),
        ((f"x@sha256:{'0' * 63}",), "digest"),
    ],
)
def test_an_image_that_may_change_is_not_deployed(words: tuple[str, ...], remedy: str, host: Host) -> None:
    code, told = host.tell(*words)
    assert (code, remedy in told) == (2, True)


def test_postgresql_stays_the_log_until_it_is_dropped(host: Host, images: Images) -> None:
    with postgresql(host) as (database, url):
        given = replace(host, environment=host.environment | {"DEPLOY_SETTINGS": f"# of the host\nLOG_URL={url}\n"})
        assert given.deploy(images.v2, soak_seconds=0)[0] == 0
        code, told = host.tell(f"sha256:{'0' * 64}", "--drop", "LOG_URL")
        assert (code, told["result"]) == (1, "refused")  # so nothing is dropped either
        done = subprocess.run(
            host.command(images.v1, "--soak-seconds", "0"),
            env=host.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, url in done.stderr) == (0, False), done.stderr
        [same] = [line for line in done.stderr.splitlines() if "settings as before: " in line]
        names = {"DEPLOY_NETWORK", "DEPLOY_OPS_PORT", "DEPLOY_PORT", "LOG_URL", "MONITOR_PORT"}
        assert set(same.partition(": ")[2].split(", ")) == names | {"SERVICE_MAX_TURN_SECONDS"}
        assert host.settings()["LOG_URL"] == url.replace("churn:churn@", "***@")
        versions = ("psql", "-U", "churn", "-tAc", "SELECT DISTINCT model_version FROM predictions")
        expected = str(version_of(host))
        wait_until(lambda: expected in run("docker", "exec", database, *versions), 60)


@contextmanager
def postgresql(host: Host) -> Iterator[tuple[str, str]]:
    """Start PostgreSQL in the network of the host; yields the name of its container, and the URL of its database."""
    name = f"{host.environment['COMPOSE_PROJECT_NAME']}-postgres"
    network = ("--network", f"{host.environment['COMPOSE_PROJECT_NAME']}_default")
    address = f"{host.environment['DEPLOY_NETWORK']}.6"  # deploy/compose.yml uses the addresses before it
    who = ("--env", "POSTGRES_USER=churn", "--env", "POSTGRES_PASSWORD=churn")
    run("docker", "run", "--detach", "--name", name, *network, "--ip", address, *who, "postgres:17")
    try:
        answers = ("docker", "exec", name, "pg_isready", "--host", "127.0.0.1")
        wait_until(lambda: not subprocess.run(answers, capture_output=True, check=False).returncode, 60)
        yield name, f"postgresql://churn:churn@{name}/churn"
    finally:
        run("docker", "rm", "--force", "--volumes", name)


def test_an_image_that_cannot_be_had_leaves_all_as_it_was(host: Host, images: Images) -> None:
    code, record = host.deploy(f"sha256:{'0' * 64}")
    assert (code, record["result"]) == (1, "refused")
    assert host.serving()[0] == images.v1


def test_an_engine_that_does_not_answer_is_told_from_an_unfit_image(host: Host, images: Images) -> None:
    away = replace(host, environment=host.environment | {"DOCKER_HOST": "tcp://127.0.0.1:9"})
    code, told = away.deploy(images.v2)
    assert (code, "Look whether `docker info` answers" in told) == (2, True)


def test_the_monitor_follows_the_model_and_goes_back_with_it(host: Host, images: Images) -> None:
    gauges = f"http://127.0.0.1:{host.environment['MONITOR_PORT']}/metrics"
    with closing(Client(f"http://127.0.0.1:{host.port}", host.key)) as client:
        for customer in CALM.customers(300, seed=1):
            client.predict(customer.features)
    try:
        code, first = host.deploy(images.v1, soak_seconds=0, jobs=images.jobs_v1)
        assert (code, first["jobs_image"]) == (0, images.jobs_v1), first
        assert judged(gauges) == first["model_version"]
        wait_until(lambda: 'churn_monitor_exit_code{job="drift"} ' in fetched(gauges), 300)
        [rows] = re.findall(r'churn_monitor_window_rows{job="drift"} (\S+)', fetched(gauges))
        assert float(rows) >= 300
        code, second = host.deploy(images.v2, soak_seconds=0, jobs=images.jobs_v2)
        assert (code, judged(gauges)) == (0, second["model_version"]), second
        code, back = host.tell("rollback", "--soak-seconds", "0")
        assert (code, back["image"], back["jobs_image"]) == (0, images.v1, images.jobs_v1)
        assert judged(gauges) == first["model_version"] != second["model_version"]
        assert host.tell("status")[1]["monitor"]["image"] == images.jobs_v1
    finally:
        host.compose("--profile", "monitor", "rm", "--stop", "--force", "monitor")


def judged(gauges: str) -> str:
    """Return the version of the model that the monitor judges."""
    [version] = re.findall(r'churn_monitor_model_info{model_version="(.*)"} 1.0', fetched(gauges))
    return str(version)


def test_every_container_is_hardened(host: Host) -> None:
    services = json.loads(host.compose("--profile", "*", "config", "--format", "json"))["services"]
    assert services.keys() == {"proxy", "blue", "green", "monitor"}
    for name, service in services.items():
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {port["host_ip"] for port in service.get("ports", ())} <= {"127.0.0.1"}, name
        mounts = [mount for mount in service["volumes"] if mount["type"] != "volume"]
        assert [(mount["target"], mount["read_only"]) for mount in mounts] == (
            [("/run/secrets/retrain-token", True)] if name == "monitor" else []
        )
    assert services["proxy"]["image"] == "nginx:1.26"
    assert host.compose("exec", "-T", "proxy", "id", "-u").strip() == "10001"


def connect(folder: Path, port: int) -> dict[str, str]:
    """Do what the workflow does with its secrets."""
    own = {
        "DEPLOY_HOST": f"127.0.0.1:{port}",
        "DEPLOY_USER": run("id", "--user", "--name"),
        "DEPLOY_SSH_KEY": (folder / "user_key").read_text(),
        "DEPLOY_KNOWN_HOSTS": f"[127.0.0.1]:{port} {(folder / 'host_key.pub').read_text()}",
        "GITHUB_ENV": str(folder / "variables"),
        "GITHUB_PATH": str(folder / "path"),
    }
    script = Path(__file__).parents[2] / ".github" / "scripts" / "connect.py"
    run(sys.executable, str(script), str(folder / "ssh"), environment=os.environ | own)
    name, _, value = (folder / "variables").read_text().strip().partition("=")
    return {name: value, "PATH": f"{(folder / 'path').read_text().strip()}:{os.environ['PATH']}"}


@contextmanager
def ssh_to_here(folder: Path) -> Iterator[dict[str, str]]:
    """Let this user in by ssh; yields the variables by which docker finds here, as the workflow gets them."""
    port = free_port()
    for key in ("host_key", "user_key"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
    options = {
        "HostKey": folder / "host_key",
        "AuthorizedKeysFile": folder / "user_key.pub",
        "PidFile": "none",
        "PasswordAuthentication": "no",
        "StrictModes": "no",
        "ListenAddress": f"127.0.0.1:{port}",
    }
    (folder / "sshd").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    way = connect(folder, port)
    program = shutil.which("sshd", path=f"/usr/sbin:{os.environ['PATH']}") or ""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # as its own unit does
    server = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "sshd")], stderr=subprocess.DEVNULL)
    try:
        version = ["docker", "version"]
        environment = os.environ | way
        wait_until(lambda: not subprocess.run(version, env=environment, capture_output=True, check=False).returncode)
        yield way
    finally:
        server.terminate()
        server.wait()


@pytest.mark.skipif(
    not shutil.which("ssh") or not shutil.which("sshd", path=f"/usr/sbin:{os.environ['PATH']}"),
    reason="OpenSSH's server is not installed",
)
def test_another_host_is_deployed_to_over_ssh(host: Host, images: Images) -> None:
    # A socket's path has to be short.
    with TemporaryDirectory(dir="/tmp") as folder, ssh_to_here(Path(folder)) as way, traffic(host) as seen:
        code, record = replace(host, environment=host.environment | way).deploy(images.v2)
        assert (code, record["result"]) == (0, "deployed"), record
    assert host.serving()[0] == images.v2
    assert seen.none_failed(), seen
