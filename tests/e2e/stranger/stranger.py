"""Somebody who pressed "Use this template": their clone, their repository, their host, and what they do there."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.client import Client
from demo.populations import Population
from demo.running_service import free_port
from tests.checkout import Clone
from tests.e2e.deploy_host import Host, run
from tests.e2e.stranger import github, machine, repository
from tests.e2e.stranger.github import GitHub
from tests.e2e.stranger.repository import Event, Repository, Workflow
from tests.e2e.stranger.runner import Run, Runner
from tests.waiting import wait_until

SEE = "make --dry-run {} PYTHON=python"
STAND_INS = {
    "make test PYTHON=python": ".ci/test",  # with a pytest that runs nothing
    "make lint PYTHON=python": SEE.format("lint"),
    "make demo PYTHON=python": SEE.format("demo"),
    "make docs PYTHON=python": f"{SEE.format('docs')}; mkdir -p var/site; touch var/site/index.html",
    "make site-demo PYTHON=python": SEE.format("site-demo"),
    "make sbom PYTHON=python": f"{SEE.format('sbom')}; mkdir -p var; echo {{}} > ${{SBOM:-var/sbom.json}}",
}
"""Commands that are too long here and have tests of their own; `make` only says how it would run them."""
SOAK = "soak_seconds: float = {}\n"
SCRIPTS = Path(".github", "scripts")


@dataclass(frozen=True)
class Stranger:
    """A person with a laptop."""

    name: str
    """Of the project."""
    clone: Clone
    origin: Path
    github: GitHub
    repository: Repository
    runner: Runner
    host: Host
    database: str
    """URL of the log, from this machine."""

    def push(self) -> dict[str, Run]:
        """Commit and push, and return the runs of the workflows that it starts."""
        self.commit("As I want it")
        before = self.clone.git("rev-parse", "origin/main").strip() if self.clone.git("branch", "--remotes") else ""
        changed = self.clone.git("diff", "--name-only", before, "HEAD") if before else self.clone.git("ls-files")
        self.clone.git("push", "--quiet", "origin", "HEAD:main")
        self.clone.git("fetch", "--quiet", "origin")
        return self.receive(Event("push", changed=changed.split("\n")[:-1]))

    def receive(self, event: Event, *only: str) -> dict[str, Run]:
        """Return the runs of the workflows that an event starts, tests first."""
        found = [one for one in repository.workflows(self.clone.folder) if one.answers(event)]
        return {one.file: self.start(one, event) for one in found if not only or one.file in only}

    def commit(self, message: str) -> None:
        if self.clone.git("status", "--porcelain", "--untracked-files=no"):
            self.clone.git("commit", "--quiet", "--all", "--message", message)

    def start(self, workflow: Workflow, event: Event) -> Run:
        """Run a workflow on the newest commit of main."""
        done = self.runner.run(workflow, event, self.clone.git("rev-parse", "origin/main").strip())
        self.github.runs.append(done)
        return done

    def dispatch(self, file: str, **inputs: str) -> Run:
        """Press Run workflow."""
        workflow = Workflow.read(self.clone.folder / ".github" / "workflows" / file)
        return self.start(workflow, Event("workflow_dispatch", inputs=inputs))

    def be_patient(self, seconds: int) -> None:
        """Change how long a deployment is watched, in the script itself."""
        path = self.clone.folder / SCRIPTS / "rollout" / "attempts.py"
        [before] = [line for line in path.read_text().splitlines(keepends=True) if "soak_seconds: float" in line]
        path.write_text(path.read_text().replace(before, f"    {SOAK.format(seconds)}"))

    def send(self, population: Population, *, rounds: int, number: int) -> None:
        """Let customers be predicted, and report after each round who left: a fit learns from what came before."""
        with closing(Client(f"http://127.0.0.1:{self.host.port}", self.host.key)) as client:
            for seed in range(rounds):
                customers = population.customers(number, seed=seed)
                ids = [client.predict(customer.features)["prediction_id"] for customer in customers]
                churned = [customer.churned for customer in customers]
                client.report(dict(zip(ids, churned, strict=True)), patience_seconds=60)

    def monitor(self, *words: str, **variables: str) -> tuple[int, str]:
        """Run a command of the monitor on the laptop; return its exit code and output."""
        done = subprocess.run(
            [sys.executable, "-m", "monitoring", *words],
            cwd=self.clone.folder,
            env=os.environ | {"MONITORING_LOG_URL": self.database} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def merge(self) -> None:
        """Merge the pull request."""
        self.clone.git("fetch", "--quiet", "origin")
        self.clone.git("merge", "--quiet", "--no-ff", "--message", "Merge", "origin/retraining")


def keeps_images_in_containerd() -> bool:
    """Whether the engine has no image by the digest of its configuration, so that a push cannot be played."""
    return "io.containerd.snapshotter" in run("docker", "info", "--format", "{{json .DriverStatus}}")


@contextmanager
def arrives(root: Path, folder: Path) -> Iterator[Stranger]:
    """Clone, rename and configure a repository, with a database beside its host; remove all in the end."""
    name = f"telco-{secrets.token_hex(3)}"
    clone = Clone.of(root, folder / "clone")
    clone.git("branch", "--move", "main")
    run("git", "init", "--quiet", "--bare", "--initial-branch", "main", str(folder / "origin.git"))
    clone.git("remote", "add", "origin", str(folder / "origin.git"))
    renamed = clone.make("rename", f"NAME={name}")
    assert renamed.returncode == 0, renamed.stderr
    port, network = free_port(), f"10.{secrets.randbelow(50) + 200}.{secrets.randbelow(256)}"
    settings = {
        "DEPLOY_NETWORK": network,
        "LOG_URL": f"postgresql://{name}:secret@{name}-postgres/{name}",
        "SERVICE_MAX_TURN_SECONDS": "5",  # a busy machine is not what is tested
        **{variable: str(free_port()) for variable in ("DEPLOY_PORT", "DEPLOY_OPS_PORT", "MONITOR_PORT")},
    }
    with ExitStack() as stack:
        server = stack.enter_context(github.serving(GitHub(f"ann/{name}")))
        there = Repository(f"ann/{name}", environments={"production": of_the_host(settings)})
        variables = machine.environment(server, folder)
        actions = machine.Actions(server, folder / "origin.git")
        names = frozenset(repository.documented(clone.folder))
        runner = Runner(there, names, folder / "jobs", variables, actions.play, server.token, STAND_INS)
        host = Host(clone.folder, variables | settings)
        url = f"postgresql://{name}:secret@127.0.0.1:{port}/{name}"
        stack.callback(remove_images, name)
        stack.callback(host.compose, "--profile", "monitor", "down", "--volumes", "--timeout", "1")
        stack.callback(remove_database, name)  # first, because a network with a container stays
        start_database(name, port)
        yield Stranger(name, clone, folder / "origin.git", server, there, runner, host, url)


def of_the_host(settings: dict[str, str]) -> dict[str, str]:
    """Return the secrets of the environment `production`, as docs/deploy.md names them."""
    return {
        "DEPLOY_HOST": machine.HOST,
        "DEPLOY_USER": machine.USER,
        "DEPLOY_SSH_KEY": machine.KEY,
        "DEPLOY_KNOWN_HOSTS": machine.KNOWN_HOSTS,
        "DEPLOY_SETTINGS": "".join(f"{name}={value}\n" for name, value in settings.items()),
    }


def start_database(name: str, port: int) -> None:
    """Start PostgreSQL, which this machine reaches on a port."""
    who = (f"POSTGRES_{what}={value}" for what, value in {"USER": name, "PASSWORD": "secret", "DB": name}.items())
    variables = [word for one in who for word in ("--env", one)]
    run(
        "docker",
        "run",
        "--detach",
        "--name",
        f"{name}-postgres",
        *variables,
        "--publish",
        f"127.0.0.1:{port}:5432",
        "postgres:17",
    )
    answers = ("docker", "exec", f"{name}-postgres", "pg_isready", "--host", "127.0.0.1")
    wait_until(lambda: not subprocess.run(answers, capture_output=True, check=False).returncode)


def join_database(stranger: Stranger) -> None:
    """Bring the database into the network of the deployment, which the first deployment makes."""
    address = f"{stranger.host.environment['DEPLOY_NETWORK']}.6"
    network = f"{stranger.name}-live_default"
    run("docker", "network", "connect", "--ip", address, network, f"{stranger.name}-postgres")


def remove_database(name: str) -> None:
    """Remove the database."""
    run("docker", "rm", "--force", "--volumes", f"{name}-postgres")


def remove_images(name: str) -> None:
    """Remove all images of the project."""
    if mine := images(name):
        run("docker", "image", "rm", "--force", *mine)


def images(name: str) -> set[str]:
    """Return the ids of all images of the project."""
    listed = run("docker", "image", "ls", "--no-trunc", "--format", "{{json .}}").split("\n")
    found = [json.loads(line) for line in listed if line]
    return {image["ID"] for image in found if image["Repository"].partition("/")[2].startswith(f"ann/{name}")}


def left_over(name: str) -> set[str]:
    """Return whatever of the project the engine still has."""
    kinds = (("container", "ls", "--all"), ("network", "ls"), ("volume", "ls"))
    listed = (run("docker", *words, "--quiet", "--filter", f"name={name}").split() for words in kinds)
    return images(name).union(*listed)
