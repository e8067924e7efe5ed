"""The scripts of the deploy workflow: publish an image, write its SBOM, verify it, and connect to a host."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.repo.test_locks import pins
from tests.scripts.calls import calls, inputs
from tests.scripts.conftest import Fake, Script

DIGEST = "ghcr.io/ann/shop@sha256:" + "a" * 64
JOBS = "ghcr.io/ann/shop-jobs@sha256:" + "c" * 64
LOGIN = {"REGISTRY_USER": "ann", "REGISTRY_TOKEN": "secret"}
OF_OTHER_MACHINES = {"nvidia-nccl-cu12", "tzdata", "xgboost", "xgboost-cpu", "uvloop", "colorama"}


@pytest.fixture(scope="module")
def image(root: Path) -> Iterator[str]:
    tag = f"churn-test:{secrets.token_hex(4)}"
    build = ["docker", "build", "--quiet", "--target", "service", "--tag", tag, str(root)]
    subprocess.run(build, check=True, capture_output=True)
    yield tag
    subprocess.run(["docker", "image", "rm", tag], check=True, capture_output=True)


@pytest.mark.docker
@pytest.mark.slow
def test_the_list_holds_what_is_installed_and_nothing_else(
    image: str, root: Path, script: Script, tmp_path: Path
) -> None:
    done = script("sbom.py", image, str(tmp_path / "sbom.json"))
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "sbom.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = {component["purl"]: component for component in json.loads(text)["components"]}
    found = {
        component["name"].lower().replace("_", "-"): component["version"]
        for purl, component in listed.items()
        if purl.startswith("pkg:pypi/")
    }
    locked = pins(root, "service")
    assert found.items() <= locked.items()
    assert locked.keys() - found.keys() <= OF_OTHER_MACHINES
    assert any(purl.startswith("pkg:deb/debian/bash@") for purl in listed)
    assert any(purl.startswith("pkg:generic/cpython@3.13") for purl in listed)


@pytest.mark.docker
@pytest.mark.slow
def test_on_a_laptop_the_image_is_built_and_not_pushed(image: str, script: Script) -> None:
    done = script("publish.py")
    inspect = ["docker", "image", "inspect", "--format", "{{.Id}}", image]
    assert (
        done.stdout.splitlines()[0]
        == subprocess.run(inspect, capture_output=True, text=True, check=True).stdout.strip()
    )
    assert "not pushed" in done.stdout


def test_a_workflow_pushes_both_images_and_goes_on_with_their_digests(
    script: Script, fake: Fake, tmp_path: Path
) -> None:
    variables = fake("docker", image_inspect=f"elsewhere.example/churn@sha256:{'b' * 64}\n{DIGEST}\n{JOBS}")
    output = tmp_path / "output"
    done = script("publish.py", GITHUB_REPOSITORY="Ann/Shop", GITHUB_SHA="4711", GITHUB_OUTPUT=str(output), **variables)
    assert done.returncode == 0, done.stderr
    made = calls(tmp_path, "docker")
    assert [call.split()[0] for call in made] == ["build", "build", "push", "image", "push", "image"]
    for target, name in (("service", "ghcr.io/ann/shop"), ("jobs", "ghcr.io/ann/shop-jobs")):
        [build] = [call for call in made if call.startswith(f"build --target {target} ")]
        assert f"--label org.opencontainers.image.revision=4711 --tag {name}:4711 " in build
        assert f"push --quiet {name}:4711" in made
    assert output.read_text().splitlines() == [
        f"image={DIGEST}",
        "name=ghcr.io/ann/shop",
        f"digest=sha256:{'a' * 64}",
        f"jobs_image={JOBS}",
        "jobs_name=ghcr.io/ann/shop-jobs",
        f"jobs_digest=sha256:{'c' * 64}",
    ]


def test_an_image_that_cannot_be_built_is_not_deployed_and_only_that_is_told(root: Path, tmp_path: Path) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\necho 'no space left' >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["make", "--no-print-directory", "deploy", f"PYTHON={sys.executable}", "IMAGE="]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "no space left"
    assert "usage" not in done.stderr


def test_the_registry_gets_the_token_where_no_list_of_processes_shows_it(
    script: Script, fake: Fake, tmp_path: Path
) -> None:
    done = script("registry_login.sh", **LOGIN, **fake("docker"))
    assert done.returncode == 0, done.stderr
    assert calls(tmp_path, "docker") == ["login ghcr.io --username ann --password-stdin"]
    assert inputs(tmp_path, "docker") == ["secret"]


def test_an_image_is_deployed_only_if_this_workflow_signed_origin_and_list(
    script: Script, fake: Fake, tmp_path: Path
) -> None:
    done = script("verify_image.sh", DIGEST, GITHUB_REPOSITORY="ann/shop", **fake("gh"))
    assert done.returncode == 0, done.stderr
    asked = calls(tmp_path, "gh")
    assert [call.split("--predicate-type ")[1].split()[0] for call in asked] == [
        "https://slsa.dev/provenance/v1",
        "https://cyclonedx.org/bom",
    ]
    for call in asked:
        assert call.startswith(f"attestation verify oci://{DIGEST} --repo ann/shop ")
        assert "--signer-workflow ann/shop/.github/workflows/deploy.yml" in call
    (tmp_path / "fakes" / "gh").write_text("#!/bin/sh\nexit 1\n")
    path = f"{tmp_path / 'fakes'}:{os.environ['PATH']}"
    assert script("verify_image.sh", DIGEST, GITHUB_REPOSITORY="ann/shop", PATH=path).returncode != 0


def test_without_a_host_nothing_is_deployed_and_it_says_so(script: Script, tmp_path: Path) -> None:
    output = tmp_path / "output"
    done = script("connect.py", "ssh", DEPLOY_USER="deploy", DEPLOY_SSH_KEY="key", GITHUB_OUTPUT=str(output))
    assert done.returncode == 0
    assert done.stdout.startswith("::notice::Not deployed: DEPLOY_HOST, DEPLOY_KNOWN_HOSTS not set")
    assert output.read_text() == "connected=false\n"
    assert not (tmp_path / "ssh").exists()


def test_with_a_host_the_next_steps_know_the_way_and_nobody_else_reads_the_key(script: Script, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")}
    known = {
        "DEPLOY_HOST": "churn.example:2222",
        "DEPLOY_USER": "deploy",
        "DEPLOY_KNOWN_HOSTS": "churn.example ssh-ed25519 A",
    }
    told = {name: str(path) for name, path in files.items()}
    done = script("connect.py", "ssh", DEPLOY_SSH_KEY="a secret key", **known, **told)
    assert (done.returncode, "a secret key" in done.stdout) == (0, False)
    assert files["GITHUB_OUTPUT"].read_text() == "connected=true\n"
    assert files["GITHUB_ENV"].read_text() == "DOCKER_HOST=ssh://deploy@churn.example:2222\n"
    assert (tmp_path / "ssh" / "key").stat().st_mode & 0o077 == 0
    ssh = Path(files["GITHUB_PATH"].read_text().strip()) / "ssh"
    assert script("connect.py", "ssh", DEPLOY_SSH_KEY="another key", **known).returncode == 0  # as on a laptop, again
    shown = subprocess.run([ssh, "-G", "churn.example"], capture_output=True, text=True, check=True).stdout
    assert {"stricthostkeychecking true", "identitiesonly yes"} <= set(shown.splitlines())
