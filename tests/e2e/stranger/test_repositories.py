"""Which jobs and steps run in a private repository, on a rollback, and which a runner refuses; commands are played."""

import base64
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.stranger import github, machine, repository
from tests.e2e.stranger.github import GitHub
from tests.e2e.stranger.repository import Event, Repository, Workflow
from tests.e2e.stranger.runner import Job, Refused, Run, Runner

OUTPUT = "echo {} >> $GITHUB_OUTPUT"
PLAYED = {
    ".github/scripts/await_ci.py": "true",
    "make audit PYTHON=python": "true",
    ".github/scripts/registry_login.sh": "true",
    ".github/scripts/publish.py": f"{OUTPUT.format('image=i')}; {OUTPUT.format('jobs_image=j')}",
    "make sbom PYTHON=python": "true",
    '.github/scripts/verify_image.sh "$IMAGE"': "true",
    '.github/scripts/verify_image.sh "$JOBS"': "true",
    "make deploy": 'echo "deployed $IMAGE, $JOBS to $DOCKER_HOST"',
}
OF_THE_HOST = {"DEPLOY_HOST": "h", "DEPLOY_USER": "u", "DEPLOY_SSH_KEY": "k", "DEPLOY_KNOWN_HOSTS": "h k"}


@pytest.fixture
def runner(root: Path, tmp_path: Path) -> Iterator[Runner]:
    """The machines of a private repository whose secrets are its own."""

    def play(name: str, _given: Mapping[str, str], job: Job) -> str:
        if name == "actions/checkout":
            (job.workspace / ".github").mkdir(exist_ok=True)
            shutil.copytree(root / ".github" / "scripts", job.workspace / ".github" / "scripts")
        return name

    with github.serving(GitHub("ann/shop", has_environment=False)) as server:
        there = Repository("ann/shop", private=True, secrets=dict(OF_THE_HOST))
        names = frozenset(repository.documented(root))
        variables = machine.environment(server, tmp_path)
        yield Runner(there, names, tmp_path / "jobs", variables, play, server.token, PLAYED)


@pytest.fixture
def deploy(root: Path) -> Workflow:
    return Workflow.read(root / ".github" / "workflows" / "deploy.yml")


def run(runner: Runner, deploy: Workflow, **inputs: str) -> Run:
    done = runner.run(deploy, Event("workflow_dispatch", inputs=inputs), "0" * 40)
    assert done.conclusion == "success", done.told()
    return done


def attests(run: Run) -> list[str]:
    return [did for did in run.commands if "actions/attest" in did or "verify_image" in did]


def test_a_private_repository_without_a_plan_deploys_with_its_own_secrets(runner: Runner, deploy: Workflow) -> None:
    done = run(runner, deploy)
    assert "deployed i, j to ssh://u@h" in done.told()
    assert (attests(done), len(done.skipped)) == ([], 6)
    assert "This private repository has no environment `production`" in done.told()


def test_where_it_has_an_environment_only_that_knows_the_host(runner: Runner, deploy: Workflow, tmp_path: Path) -> None:
    with github.serving(GitHub("ann/shop")) as server:
        private = Repository("ann/shop", private=True, environments={"production": OF_THE_HOST})
        has_plan = replace(runner, repository=private, token=server.token, folder=tmp_path / "others")
        has_plan = replace(has_plan, machine=dict(runner.machine) | {"GITHUB_API_URL": server.url})
        done = run(has_plan, deploy)
    assert "deployed i, j to ssh://u@h" in done.told()
    assert attests(done) == []


def test_a_repository_without_a_host_publishes_and_is_green(runner: Runner, deploy: Workflow) -> None:
    nowhere = replace(runner, repository=Repository("ann/shop"))
    done = run(nowhere, deploy)
    assert "Not deployed: DEPLOY_HOST" in done.told()
    assert "make deploy" in done.skipped
    assert len(attests(done)) == 4


def test_a_rollback_builds_nothing_and_waits_for_no_test(runner: Runner, deploy: Workflow) -> None:
    done = run(runner, deploy, action="rollback")
    assert done.results == {"features": "success", "tested": "skipped", "image": "skipped", "host": "success"}
    assert "deployed rollback,  to ssh://u@h" in done.told()


def test_a_failed_test_deploys_nothing(runner: Runner, deploy: Workflow) -> None:
    failing = replace(runner, stand_ins=PLAYED | {".github/scripts/await_ci.py": "false"})
    done = failing.run(deploy, Event("push"), "0" * 40)
    assert done.results == {"features": "success", "tested": "failure", "image": "success", "host": "skipped"}


def test_a_secret_that_no_page_names_is_refused(runner: Runner, deploy: Workflow) -> None:
    less = replace(runner, documented=runner.documented - {("secrets", "DEPLOY_SETTINGS")})
    with pytest.raises(Refused, match="DEPLOY_SETTINGS"):
        less.run(deploy, Event("push"), "0" * 40)


@pytest.mark.parametrize("packages", [{}, {"packages": "read"}])
def test_an_image_is_pushed_only_with_the_permission_to_write_packages(packages: dict[str, str]) -> None:
    server, image = GitHub("ann/shop"), {"name": "127.0.0.1:1/ann/shop:1", "image": f"sha256:{'0' * 64}"}
    assert server.answer("POST", "/push", {}, server.token(packages), image)[0] == 403
    assert (server.manifests, server.refused) == ({}, ["packages: write"])
    assert server.answer("POST", "/push", {}, server.token({"packages": "write"}), image)[0] == 200
    assert len(server.manifests) == 1


def test_the_registry_gives_an_image_only_with_the_permission_to_read_packages() -> None:
    def asked(token: str) -> int:
        login = base64.b64encode(f"ann:{token}".encode()).decode()
        request = urllib.request.Request(f"{server.url}/v2/", headers={"Authorization": f"Basic {login}"})  # noqa: S310  # our own
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310  # as above
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    with github.serving(GitHub("ann/shop")) as server:
        tokens = "guessed", server.token({"contents": "read"}), server.token({"packages": "read"})
        assert [asked(token) for token in tokens] == [401, 403, 200]
        assert server.refused == ["packages: read"]


@pytest.mark.parametrize("missing", ["id-token", "attestations", "packages"])
def test_an_image_is_signed_only_with_all_permissions_for_it(missing: str, tmp_path: Path) -> None:
    server, given = GitHub("ann/shop"), {"subject-name": "i", "subject-digest": "d", "push-to-registry": "true"}
    rights = dict.fromkeys(("id-token", "attestations", "packages"), "write")
    actions, job = machine.Actions(server, tmp_path), Job(tmp_path, tmp_path, "0" * 40, server.token(rights), {})
    less = replace(job, token=server.token(rights | {missing: "read"}))
    with pytest.raises(PermissionError, match=f"not accessible by integration: {missing}: write"):
        actions.play("actions/attest", given, less)
    assert server.signed == set()
    actions.play("actions/attest", given, job)
    assert server.signed == {("i@d", "https://slsa.dev/provenance/v1")}
